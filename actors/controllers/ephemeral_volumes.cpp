#include "actors/controllers/ephemeral_volumes.hpp"

#include "actors/controllers/children.hpp"
#include "actors/gateway/decoded.hpp"
#include "messages/api/claim.pb.h"

namespace troupe::controllers {

namespace {

using k8s::core::v1::PersistentVolumeClaim;
using k8s::core::v1::Pod;

bool asks_for_claims(const Pod& pod) {
  auto& volumes = pod.spec().volumes();
  return std::any_of(volumes.begin(), volumes.end(),
                     [](auto& v) { return v.volume_source().has_ephemeral(); });
}

class ephemeral_volume_controller : public reconciler {
public:
  ephemeral_volume_controller(controller_actor::pointer self, environment given)
      : reconciler{self, std::move(given), "ephemeral-volume-controller", "ephemeral_volume"} {
    listen(pods, [this](const change& c) {
      if (c.gone || c.before) return; // a pod's volumes never change
      if (asks_for_claims(*gateway::decoded<Pod>(*c.entry))) mark(c.entry->key());
    });
    listen(claims, [this](const change& c) {
      auto owner = c.gone ? controller_of(c.entry->value()) : std::nullopt;
      if (owner && owner->kind == pods.name)
        mark(gateway::key_of(pods, namespace_in(c.entry->key()), owner->name));
    });
  }

private:
  void forget() override {}

  void reconcile(round& r) override {
    auto entry = r.now.find(r.key);
    Pod pod;
    if (!entry || !gateway::read_entry(*entry, pod) || pod.metadata().has_deletion_timestamp())
      return;
    for (auto& v : pod.spec().volumes())
      if (v.volume_source().has_ephemeral()) claim(r, pod, v);
    if (!r.write.empty()) r.write.rely_on(*entry);
  }

  void claim(round& r, const Pod& pod, const k8s::core::v1::Volume& v) {
    auto name = pod.metadata().name() + "-" + v.name();
    auto there = r.now.find(gateway::key_of(claims, pod.metadata().namespace_(), name));
    if (there) {
      auto owner = controller_of(there->value());
      if (owner && owner->uid == pod.metadata().uid()) return;
      return refused(r, pod,
                     "PVC " + pod.metadata().namespace_() + "/" + name +
                         " was not created for pod " + pod.metadata().namespace_() + "/" +
                         pod.metadata().name() + " (pod is not owner)");
    }
    auto& wanted = v.volume_source().ephemeral().volume_claim_template();
    auto fresh = std::make_unique<PersistentVolumeClaim>();
    auto& m = *fresh->mutable_metadata();
    m.set_name(name);
    m.set_namespace_(pod.metadata().namespace_());
    *m.mutable_labels() = wanted.metadata().labels();
    *m.mutable_annotations() = wanted.metadata().annotations();
    *m.add_owner_references() = controlled_by(pods, pod.metadata());
    *fresh->mutable_spec() = wanted.spec();
    if (auto made = r.write.create(claims, std::move(fresh)); !made)
      refused(r, pod,
              "ephemeral volume " + v.name() + ": create PVC " + name + ": " +
                  made.error().message);
  }

  void refused(round& r, const Pod& pod, const std::string& why) {
    r.events.note(pods, pod.metadata(), "Warning", "EphemeralVolumeCreateFailed", why);
    r.fail({errc::conflict, why});
  }

  const schema::kind& pods = built_in("", "v1", "pods");
  const schema::kind& claims = built_in("", "v1", "persistentvolumeclaims");
};

} // namespace

controller_actor::behavior_type ephemeral_volumes(controller_actor::pointer self,
                                                  environment given) {
  return run<ephemeral_volume_controller>(self, std::move(given));
}

} // namespace troupe::controllers
