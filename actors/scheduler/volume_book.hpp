// What the volumes of a pod mean for its place: on which nodes those that are bound can be used,
// and which others could be bound there, or made. Pure.
#pragma once

#include "actors/scheduler/shape.hpp"
#include "actors/volumes/binding.hpp"

#include <map>
#include <optional>
#include <set>

namespace troupe::scheduler {

/// What is to become of a claim that waited for its pod's node.
struct claim_choice {
  std::string claim;  ///< its key
  std::string volume; ///< the key of the volume it gets; empty: one is to be made
  bool ours = false;  ///< and we make it ourselves
};

/// A claim whose volume a driver attaches.
struct driven_claim {
  std::string claim; ///< its key
  std::string driver;
};

/// The key of a claim that a pod names.
inline std::string claim_key(const pod_facts& pod, std::string_view name) {
  return "persistentvolumeclaims/" + std::string(pod.ns()) + "/" + std::string(name);
}

/// The claims of one pod, looked up.
struct volume_wish {
  std::string impossible; ///< why no node will do, if so
  struct bound_volume {
    node_selector where;
    bool anywhere = true;
    std::vector<std::pair<std::string, std::vector<std::string>>> labels; ///< zones it is in
  };
  std::vector<bound_volume> bound;
  struct open_claim {
    std::string key;
    std::vector<std::string> volumes; ///< keys of those that suit, the smallest first
    bool can_make = false;
    bool ours = false;
    std::vector<node_term> topologies; ///< where one can be made; empty: anywhere
  };
  std::vector<open_claim> open;
  std::vector<driven_claim> driven;
  std::vector<std::string> rivals; ///< keys of pods that have what only one pod may have

  bool empty() const {
    return impossible.empty() && bound.empty() && open.empty() && rivals.empty();
  }
};

class volume_book {
public:
  void hear_claim(const storage::entry_ptr& entry, bool gone);
  void hear_volume(const storage::entry_ptr& entry, bool gone);
  void hear_class(const storage::entry_ptr& entry, bool gone);
  void clear() { *this = {}; }
  /// Changes with everything that is heard or taken.
  uint64_t version() const { return version_; }

  volume_wish wish_of(const pod_facts& pod) const;
  /// The claims of the pod that are known, with the drivers of their volumes.
  std::vector<driven_claim> driven_claims_of(const pod_facts& pod) const;
  /// Why the node will not do; empty if it will.
  const char* fault_at(const volume_wish& wish, const storage::entry& node) const;
  /// What is to be done with the open claims if the pod comes to this node, which will do.
  std::vector<claim_choice> choose(const volume_wish& wish, const storage::entry& node) const;

  /// The volumes are spoken for, until they are heard of or given back.
  void take(const std::vector<claim_choice>& chosen);
  void give_back(const std::vector<claim_choice>& chosen);

  /// Who uses a claim that only one pod may use.
  void pod_put(const pod_facts& pod);
  void pod_gone(const pod_facts& pod);

private:
  struct known_volume {
    volumes::PersistentVolume object;
    node_selector where;
    bool anywhere = true;
  };
  std::string driver_of(const volumes::PersistentVolumeClaim& claim) const;
  bool reaches(const known_volume& v, const storage::entry& node) const;
  std::optional<std::vector<claim_choice>> match(const volume_wish& wish,
                                                 const storage::entry& node) const;

  uint64_t version_ = 0;
  std::map<std::string, volumes::PersistentVolumeClaim, std::less<>> claims_;
  std::map<std::string, known_volume, std::less<>> volumes_;
  std::map<std::string, std::set<std::string>> open_; ///< keys of volumes by class
  std::map<std::string, volumes::StorageClass, std::less<>> classes_;
  std::set<std::string> taken_;        ///< keys of volumes
  std::set<std::string> taken_claims_; ///< being bound
  std::map<std::string, std::set<std::string>> users_;
};

} // namespace troupe::scheduler
