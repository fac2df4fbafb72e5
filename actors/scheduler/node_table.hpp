// The nodes and what is on them, a column a fact: everything that a decision reads, kept up to date
// as pods and nodes come and go, never recomputed. Pure.
#pragma once

#include "actors/scheduler/shape.hpp"

#include <limits>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

namespace k8s::core::v1 {
class Node;
}

namespace troupe::scheduler {

using node_index = uint32_t;
constexpr node_index no_node = std::numeric_limits<node_index>::max();

/// Hears of every pod that is put on a node or taken away, and of nodes that change.
class table_listener {
public:
  virtual ~table_listener() = default;
  virtual void pod_put(const pod_facts& pod, node_index where) = 0;
  virtual void pod_taken(const pod_facts& pod, node_index where) = 0;
  /// The node is there with these labels; called between taking away its pods and putting them
  /// back.
  virtual void node_put(node_index where) = 0;
  virtual void node_gone(node_index where) = 0;
};

class node_table {
public:
  explicit node_table(resource_names& names) : names_{names} {}

  // -- nodes --------------------------------------------------------------------------------------

  node_index put_node(storage::entry_ptr entry, const k8s::core::v1::Node& node);
  /// Its pods are forgotten with it.
  void erase_node(std::string_view name);
  node_index find(std::string_view name) const;
  /// Rows in use are below it; some below it may be free.
  node_index rows() const { return static_cast<node_index>(entries_.size()); }
  size_t nodes() const { return by_name_.size(); }

  bool there(node_index n) const { return entries_[n] != nullptr; }
  const storage::entry& entry(node_index n) const { return *entries_[n]; }
  std::string_view name(node_index n) const { return name_of(*entries_[n]); }
  bool unschedulable(node_index n) const { return unschedulable_[n]; }
  const std::vector<taint>& taints(node_index n) const { return taints_[n]; }
  int64_t image_bytes(node_index n, const std::string& image) const;
  /// How many nodes have the image.
  size_t spread_of(const std::string& image) const;

  int64_t allocatable(resource_id what, node_index n) const { return at(allocatable_, what, n); }
  int64_t used(resource_id what, node_index n) const { return at(used_, what, n); }
  int64_t scored_cpu_milli(node_index n) const { return scored_cpu_[n]; }
  int64_t scored_memory_bytes(node_index n) const { return scored_memory_[n]; }
  const std::vector<host_port>& ports(node_index n) const { return ports_[n]; }

  // -- pods ---------------------------------------------------------------------------------------

  /// The pod takes its place on a node; one that was known under the same key is replaced. False if
  /// there is no such node: the pod is remembered until there is.
  bool put_pod(pod_ptr pod, std::string_view node);
  /// Returns what was known, or null.
  pod_ptr erase_pod(std::string_view key);
  pod_ptr find_pod(std::string_view key) const;
  const std::vector<pod_ptr>& pods(node_index n) const { return pods_[n]; }
  size_t pods() const { return placed_.size(); }
  /// Of all pods on nodes.
  int32_t lowest_priority() const {
    return priorities_.empty() ? std::numeric_limits<int32_t>::max() : priorities_.begin()->first;
  }
  template<class Visit> void each_pod(Visit visit) const {
    for (auto& [key, at] : placed_)
      if (at.where != no_node) visit(*at.pod, at.where);
  }

  /// A pod for which room is being made on a node: less important ones leave it that room.
  void reserve(pod_ptr pod, node_index where);
  void release(std::string_view key);
  const std::vector<pod_ptr>& reserved(node_index n) const { return reserved_[n]; }

  /// Each hears of everything, in the order in which they began to listen.
  void listen(table_listener* listener) { listeners_.push_back(listener); }

  // -- changes ------------------------------------------------------------------------------------

  /// Rows that changed, oldest first, numbered from changes_begin(): what others derived from them
  /// is to be derived again. `fixed`: more than what pods take has changed.
  struct change {
    node_index row;
    bool fixed;
  };
  uint64_t changes_begin() const { return changes_begin_; }
  uint64_t changes_end() const { return changes_begin_ + changes_.size(); }
  change change_at(uint64_t number) const { return changes_[number - changes_begin_]; }

private:
  using column = std::vector<int64_t>;
  struct place {
    pod_ptr pod;
    std::string node; ///< by name, for the node may come later
    node_index where = no_node;
  };

  int64_t at(const std::vector<column>& columns, resource_id what, node_index n) const {
    return what < columns.size() && n < columns[what].size() ? columns[what][n] : 0;
  }
  int64_t& cell(std::vector<column>& columns, resource_id what, node_index n);
  void occupy(const pod_facts& pod, node_index n, int sign);
  bool refresh(const pod_ptr& pod, std::string_view node);
  void seat(place& p, node_index n);
  void unseat(place& p);
  void set_images(node_index n, const k8s::core::v1::Node& node);
  void note(node_index row, bool fixed);

  resource_names& names_;
  std::vector<table_listener*> listeners_;

  std::unordered_map<std::string, node_index> by_name_;
  std::vector<node_index> free_rows_;
  std::vector<storage::entry_ptr> entries_;
  std::vector<uint8_t> unschedulable_;
  std::vector<std::vector<taint>> taints_;
  std::vector<std::map<std::string, int64_t, std::less<>>> images_;
  std::unordered_map<std::string, size_t> image_nodes_;
  std::vector<column> allocatable_, used_; ///< by resource, then by row
  column scored_cpu_, scored_memory_;
  std::vector<std::vector<host_port>> ports_;
  std::vector<std::vector<pod_ptr>> pods_;
  std::vector<std::vector<pod_ptr>> reserved_;

  std::unordered_map<std::string_view, place> placed_; ///< keys are those of the pods' entries
  std::unordered_map<std::string, std::unordered_set<std::string_view>> waiting_; ///< for a node
  std::unordered_map<std::string, node_index> reservations_;

  std::map<int32_t, size_t> priorities_; ///< how many pods on nodes have each

  std::vector<change> changes_;
  uint64_t changes_begin_ = 0;
};

} // namespace troupe::scheduler
