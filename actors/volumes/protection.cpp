#include "actors/volumes/protection.hpp"

#include "actors/controllers/family.hpp"
#include "actors/controllers/reconciler.hpp"
#include "actors/gateway/object.hpp"
#include "actors/volumes/binding.hpp"
#include "messages/base/finalizers.hpp"

#include <algorithm>
#include <set>

namespace troupe::volumes {

namespace {

using controllers::built_in;
using controllers::round;

bool holds(const k8s::meta::v1::ObjectMeta& m, const char* finalizer) {
  return std::find(m.finalizers().begin(), m.finalizers().end(), finalizer) != m.finalizers().end();
}

/// Sets or takes away the finalizer.
void bring(round& r, const schema::kind& kind, const storage::entry& entry, const char* finalizer,
           bool wanted) {
  auto object = gateway::load(kind, entry);
  auto& m = gateway::meta(*object);
  if (holds(m, finalizer) == wanted) return;
  if (wanted)
    m.add_finalizers(finalizer);
  else
    m.mutable_finalizers()->erase(
        std::find(m.mutable_finalizers()->begin(), m.mutable_finalizers()->end(), finalizer));
  if (auto ok = r.write.update(kind, entry, std::move(object)); !ok) r.fail(ok.error());
}

/// Its node is done with the pod, which others still hold: they may wait for its own claims to go.
bool is_shut_down(const storage::entry& pod) {
  return controllers::is_going(pod.value()) &&
         controllers::metadata_of(pod).deletion_grace_period_seconds() == 0;
}

class claim_protection_controller : public controllers::reconciler {
public:
  claim_protection_controller(controller_actor::pointer self, controllers::environment given)
      : reconciler{self, std::move(given), "pvc-protection-controller"} {
    listen(claims, [this](auto& entry, bool) { mark(entry->key()); });
    listen(pods, [this](auto& entry, bool gone) { hear_pod(*entry, gone); });
  }

private:
  void forget() override {
    users.clear();
    used.clear();
  }

  void hear_pod(const storage::entry& entry, bool gone) {
    std::string key(entry.key());
    std::set<std::string> now;
    // Who has no place yet uses nothing: a claim that is deleted before then goes. Who is over
    // still does, as long as somebody keeps it.
    bool placed = !entry.field("spec.nodeName").value_or("").empty();
    if (!gone && placed) {
      auto ns = gateway::split_key(entry.key()).ns;
      for (auto& name : claims_used(entry.value(), !is_shut_down(entry)))
        now.insert(gateway::key_of(claims, ns, name));
    }
    auto before = used.find(key);
    if (before != used.end()) {
      for (auto& claim : before->second)
        if (!now.contains(claim)) {
          users[claim].erase(key);
          if (users[claim].empty()) users.erase(claim);
          mark(claim);
        }
      used.erase(before);
    }
    if (now.empty()) return;
    for (auto& claim : now) users[claim].insert(key);
    used.emplace(std::move(key), std::move(now));
  }

  void reconcile(round& r) override {
    auto entry = r.now.find(r.key);
    PersistentVolumeClaim claim;
    if (!entry || !gateway::read_entry(*entry, claim)) return;
    bool going = claim.metadata().has_deletion_timestamp();
    if (going && users.contains(r.key)) return;
    bring(r, claims, *entry, finalizers::claim, !going);
  }

  const schema::kind& claims = built_in("", "v1", "persistentvolumeclaims");
  const schema::kind& pods = built_in("", "v1", "pods");
  std::unordered_map<std::string, std::set<std::string>> users; ///< pods by claim
  std::unordered_map<std::string, std::set<std::string>> used;  ///< claims by pod
};

class volume_protection_controller : public controllers::reconciler {
public:
  volume_protection_controller(controller_actor::pointer self, controllers::environment given)
      : reconciler{self, std::move(given), "pv-protection-controller"} {
    listen(volumes, [this](auto& entry, bool) { mark(entry->key()); });
  }

private:
  void forget() override {}

  void reconcile(round& r) override {
    auto entry = r.now.find(r.key);
    PersistentVolume v;
    if (!entry || !gateway::read_entry(*entry, v)) return;
    bool going = v.metadata().has_deletion_timestamp();
    if (going && v.status().phase() == "Bound") return;
    bring(r, volumes, *entry, finalizers::volume, !going);
  }

  const schema::kind& volumes = built_in("", "v1", "persistentvolumes");
};

} // namespace

controller_actor::behavior_type claim_protection(controller_actor::pointer self,
                                                 controllers::environment given) {
  return controllers::run<claim_protection_controller>(self, std::move(given));
}

controller_actor::behavior_type volume_protection(controller_actor::pointer self,
                                                  controllers::environment given) {
  return controllers::run<volume_protection_controller>(self, std::move(given));
}

} // namespace troupe::volumes
