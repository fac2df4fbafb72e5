// How many volumes of each driver a node can have attached, as its CSINode says, and how many are
// in use there: a claim counts once a node, however many pods use it. Pure.
#pragma once

#include "actors/scheduler/node_table.hpp"
#include "actors/scheduler/volume_book.hpp"

namespace troupe::scheduler {

class volume_limits : public table_listener {
public:
  volume_limits(const node_table& table, const volume_book& volumes)
      : table_{table}, volumes_{volumes} {}

  /// An entry of a CSINode.
  void hear_node(const storage::entry_ptr& entry, bool gone);
  void clear() { limits_.clear(); }
  /// Changes with everything that is heard.
  uint64_t version() const { return version_; }

  /// Whether the volumes would be more than the node can have.
  bool exceeded_by(const std::vector<driven_claim>& wanted, node_index n) const;

  void pod_put(const pod_facts& pod, node_index where) override;
  void pod_taken(const pod_facts& pod, node_index where) override;
  void node_put(node_index) override {}
  void node_gone(node_index where) override { attached_.erase(where); }

private:
  struct attachment {
    std::string driver; ///< as it was when the first of them came
    size_t users = 0;
  };
  using attachments = std::map<std::string, attachment>; ///< by the claim's key

  const node_table& table_;
  const volume_book& volumes_;
  uint64_t version_ = 0;
  std::map<std::string, std::map<std::string, int>, std::less<>> limits_; ///< by node and driver
  std::unordered_map<node_index, attachments> attached_;
};

} // namespace troupe::scheduler
