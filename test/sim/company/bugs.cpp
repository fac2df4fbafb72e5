#include "test/sim/company/bugs.hpp"

#include "actors/gateway/fields.hpp"
#include "actors/gateway/object.hpp"
#include "messages/api/claim.pb.h"
#include "messages/api/persistent_volume.pb.h"

#include <algorithm>

namespace troupe::sim {

namespace {

using storage::mutation;
using storage::transaction;

/// Lets `how` change each object of a kind that is put; what it returns false for stays.
template<class Object, class How> void rewrite(transaction& tx, const schema::kind& kind, How how) {
  auto prefix = gateway::prefix_of(kind);
  for (auto& m : tx.mutations) {
    Object object;
    if (m.what != mutation::kind::put || !m.key().starts_with(prefix)) continue;
    if (!gateway::read_entry(*m.object, object) || !how(object)) continue;
    m.object = storage::entry::make(m.key(), gateway::index_of(kind, object),
                                    gateway::stored_form(kind, object));
  }
}

const schema::kind& kind(const char* group, const char* plural) {
  return *schema::registry::built_in()->by_resource(group, "v1", plural);
}

using Claim = k8s::core::v1::PersistentVolumeClaim;

/// Who takes the claim along when it goes.
std::string owner_kind(const Claim& c) {
  auto& owners = c.metadata().owner_references();
  return owners.empty() ? std::string{} : owners.Get(0).kind();
}

/// The size that a set has now; nothing if it is new.
std::optional<int> size_of(const scene& there, const k8s::apps::v1::ReplicaSet& s) {
  auto hit =
      there.sets.find("replicasets.apps/" + s.metadata().namespace_() + "/" + s.metadata().name());
  return hit == there.sets.end() ? std::optional<int>{} : hit->second.replicas.latest();
}

/// A node that has no room, but would have if those who are going were gone already.
const std::string* only_just_full(const scene& there) {
  for (auto& [_, n] : there.nodes) {
    int here = 0, staying = 0;
    for (auto& [_, p] : there.pods)
      if (p.node == n.name && !p.over) ++here, staying += p.counts();
    if (here >= n.pods_max && staying < n.pods_max) return &n.name;
  }
  return nullptr;
}

} // namespace

std::function<void(const std::string& who, transaction&)> tampering(company_bug bug,
                                                                    const scene& there) {
  switch (bug) {
  case company_bug::none:
  case company_bug::deaf_to_budgets: return {};
  case company_bug::unbounded_rollout:
    return [&there](const std::string& who, transaction& tx) {
      if (who != "deployment") return;
      rewrite<k8s::apps::v1::ReplicaSet>(tx, kind("apps", "replicasets"), [&](auto& s) {
        auto before = size_of(there, s);
        if (!before || s.spec().replicas() >= *before) return false;
        s.mutable_spec()->set_replicas(0);
        return true;
      });
    };
  case company_bug::surplus_replicas:
    return [&there](const std::string& who, transaction& tx) {
      if (who != "deployment") return;
      rewrite<k8s::apps::v1::ReplicaSet>(tx, kind("apps", "replicasets"), [&](auto& s) {
        auto before = size_of(there, s).value_or(0);
        if (s.spec().replicas() <= before) return false;
        s.mutable_spec()->set_replicas(s.spec().replicas() * 2);
        return true;
      });
    };
  case company_bug::bind_anywhere:
    return [](const std::string& who, transaction& tx) {
      if (who != "scheduler") return;
      rewrite<k8s::core::v1::Pod>(tx, kind("", "pods"), [](auto& p) {
        if (p.spec().node_name().empty()) return false;
        p.mutable_spec()->set_node_name("hollow-0");
        return true;
      });
    };
  case company_bug::forget_terminating:
    return [&there](const std::string& who, transaction& tx) {
      if (who != "scheduler") return;
      rewrite<k8s::core::v1::Pod>(tx, kind("", "pods"), [&](auto& p) {
        auto node = p.spec().node_name().empty() ? nullptr : only_just_full(there);
        if (node) p.mutable_spec()->set_node_name(*node);
        return node != nullptr;
      });
    };
  case company_bug::free_evictions:
    return [](const std::string& who, transaction& tx) {
      if (who != "client" || tx.mutations.size() < 2) return; // a deletion, and its charge
      std::erase_if(tx.mutations,
                    [](auto& m) { return m.key().starts_with("poddisruptionbudgets."); });
    };
  case company_bug::free_quota:
    return [](const std::string& who, transaction& tx) {
      if (who == "client" || who == "resourcequota") return;
      std::erase_if(tx.mutations, [](auto& m) { return m.key().starts_with("resourcequotas/"); });
    };
  case company_bug::keep_orphans:
    return [](const std::string& who, transaction& tx) {
      if (who == "garbagecollector") tx.mutations.clear();
    };
  case company_bug::blind_slices:
    return [](const std::string& who, transaction& tx) {
      if (who != "endpointslice") return;
      auto changes = std::any_of(tx.preconditions.begin(), tx.preconditions.end(), [](auto& p) {
        return p.what == storage::precondition::kind::revision_is &&
               p.key.starts_with("endpointslices.");
      });
      if (changes) tx.mutations.clear();
    };
  case company_bug::preempt_anybody:
    return [](const std::string& who, transaction& tx) {
      if (who != "scheduler") return;
      rewrite<k8s::core::v1::Pod>(tx, kind("", "pods"), [](auto& p) {
        if (p.spec().node_name().empty()) return false;
        auto& c = *p.mutable_status()->add_conditions();
        c.set_type("DisruptionTarget");
        c.set_status("True");
        c.set_reason("PreemptionByScheduler");
        return true;
      });
    };
  case company_bug::shared_volume:
    return [](const std::string& who, transaction& tx) {
      if (who != "persistentvolume-binder") return;
      rewrite<k8s::core::v1::PersistentVolumeClaim>(tx, kind("", "persistentvolumeclaims"),
                                                    [](auto& c) {
                                                      if (!c.spec().has_volume_name()) return false;
                                                      c.mutable_spec()->set_volume_name("v0");
                                                      return true;
                                                    });
    };
  case company_bug::overlapping_runs:
    return [](const std::string& who, transaction& tx) {
      if (who != "cronjob") return;
      std::erase_if(tx.mutations, [](auto& m) {
        k8s::batch::v1::Job job;
        return m.key().starts_with("jobs.batch/") &&
               (m.what == mutation::kind::erase ||
                (gateway::read_entry(*m.object, job) && job.metadata().has_deletion_timestamp()));
      });
    };
  case company_bug::bold_partition:
    return [](const std::string& who, transaction& tx) {
      if (who != "statefulset") return;
      rewrite<k8s::apps::v1::StatefulSet>(tx, kind("apps", "statefulsets"), [](auto& s) {
        s.mutable_status()->set_current_revision(s.status().update_revision());
        return true;
      });
    };
  case company_bug::stray_pods:
    return [](const std::string& who, transaction& tx) {
      if (who != "scheduler") return;
      rewrite<k8s::core::v1::Pod>(tx, kind("", "pods"), [](auto& p) {
        auto& volumes = p.spec().volumes();
        if (p.spec().node_name().empty() ||
            std::none_of(volumes.begin(), volumes.end(),
                         [](auto& v) { return v.volume_source().has_persistent_volume_claim(); }))
          return false;
        p.mutable_spec()->set_node_name("hollow-0");
        return true;
      });
    };
  case company_bug::leaked_volumes:
    return [](const std::string& who, transaction& tx) {
      if (who != "persistentvolume-binder") return;
      std::erase_if(tx.mutations, [](auto& m) {
        k8s::core::v1::PersistentVolume v;
        return m.key().starts_with("persistentvolumes/") && m.what == mutation::kind::put &&
               gateway::read_entry(*m.object, v) && v.metadata().has_deletion_timestamp();
      });
    };
  case company_bug::hoarded_claims:
    return [](const std::string& who, transaction& tx) {
      if (who != "statefulset") return;
      rewrite<Claim>(tx, kind("", "persistentvolumeclaims"), [](auto& c) {
        if (owner_kind(c) != "Pod") return false;
        c.mutable_metadata()->clear_owner_references();
        return true;
      });
    };
  case company_bug::lost_claims:
    return [](const std::string& who, transaction& tx) {
      if (who != "statefulset") return;
      k8s::core::v1::Pod pod;
      for (auto& m : tx.mutations)
        if (m.key().starts_with("pods/") && m.what == mutation::kind::put)
          gateway::read_entry(*m.object, pod);
      rewrite<Claim>(tx, kind("", "persistentvolumeclaims"), [&](auto& c) {
        if (pod.metadata().uid().empty() || !owner_kind(c).empty()) return false;
        auto& owner = *c.mutable_metadata()->add_owner_references();
        owner.set_api_version("v1");
        owner.set_kind("Pod");
        owner.set_name(pod.metadata().name());
        owner.set_uid(pod.metadata().uid());
        return true;
      });
    };
  }
  return {};
}

std::function<bool(const std::string& who, const std::string& resource)> deafness(company_bug bug) {
  if (bug != company_bug::deaf_to_budgets) return {};
  return [](const std::string& who, const std::string& resource) {
    return who == "scheduler" && resource == "poddisruptionbudgets.policy";
  };
}

} // namespace troupe::sim
