// Wishes about claims and volumes: such as are there, and such as are made where a pod comes to be.
#include "test/sim/company/workload.hpp"

#include "messages/api/claim.pb.h"
#include "messages/api/persistent_volume.pb.h"

namespace troupe::sim {

namespace {

using k8s::apps::v1::Deployment;
using k8s::apps::v1::StatefulSet;

const schema::kind& kind(const char* group, const char* plural) {
  return *schema::registry::built_in()->by_resource(group, "v1", plural);
}
const schema::kind& volumes() { return kind("", "persistentvolumes"); }
const schema::kind& claims() { return kind("", "persistentvolumeclaims"); }
const schema::kind& stateful_sets() { return kind("apps", "statefulsets"); }
const schema::kind& deployments() { return kind("apps", "deployments"); }

constexpr int volumes_max = 5, claims_max = 5;
/// The first comes with every cluster.
constexpr const char* made_classes[] = {"local-path", "kept"};

std::string claim_spec(const std::string& storage_class) {
  return "{accessModes: [ReadWriteOnce], storageClassName: " + storage_class +
         ", resources: {requests: {storage: 1Gi}}}";
}

template<class Set> void put_image(google::protobuf::Message& set, const std::string& image) {
  static_cast<Set&>(set)
      .mutable_spec()
      ->mutable_template_()
      ->mutable_spec()
      ->mutable_containers(0)
      ->set_image(image);
}

} // namespace

void workload::create_volume(int number) {
  create(volumes(), {}, "v" + std::to_string(number),
         "{metadata: {name: v" + std::to_string(number) +
             "}, spec: {capacity: {storage: " + std::to_string(1 + pick(4)) +
             "Gi}, accessModes: [ReadWriteOnce], persistentVolumeReclaimPolicy: " +
             (chance(0.5) ? "Retain" : "Delete") + ", hostPath: {path: /v}}}");
}

void workload::create_claim(int number) {
  auto name = "w" + std::to_string(number);
  create(claims(), "a", name,
         "{metadata: {name: " + name + ", namespace: a}, spec: {storageClassName: \"\", " +
             "accessModes: [ReadWriteOnce], resources: {requests: {storage: " +
             std::to_string(1 + pick(4)) + "Gi}}}}");
}

/// A claim goes and may come again under its name; a volume that nobody has goes and comes.
void workload::change_storage() {
  if (chance(0.5)) {
    auto number = static_cast<int>(pick(claims_max));
    add("delete claim w" + std::to_string(number),
        [=](company& c, rules&) { c.remove(claims(), "a", "w" + std::to_string(number)); });
    now_ += std::chrono::milliseconds{pick(3'000)};
    return create_claim(number);
  }
  auto number = static_cast<int>(pick(volumes_max));
  auto name = "v" + std::to_string(number);
  add("delete volume " + name + " unless it is bound", [=](company& c, rules&) {
    k8s::core::v1::PersistentVolume v;
    auto entry = c.now().get(gateway::key_of(volumes(), {}, name));
    if (entry && gateway::read_entry(*entry, v) && v.status().phase() != "Bound")
      c.remove(volumes(), {}, name);
  });
  now_ += std::chrono::milliseconds{pick(3'000)};
  create_volume(number);
}

void workload::create_storage() {
  for (int i = 0; i < volumes_max; ++i)
    if (chance(0.7)) create_volume(i);
  for (int i = 0; i < claims_max; ++i)
    if (chance(0.7)) create_claim(i);
  create(kind("storage.k8s.io", "storageclasses"), {}, "kept",
         "{metadata: {name: kept}, provisioner: troupe.dev/local-path, reclaimPolicy: Retain, "
         "volumeBindingMode: WaitForFirstConsumer}");
}

/// For a pod of its own: it comes and goes with it.
std::string workload::scratch_space() {
  return ", volumes: [{name: scratch, ephemeral: {volumeClaimTemplate: {spec: " +
         claim_spec(made_classes[pick(2)]) + "}}}]";
}

/// Each pod has a volume on one machine, to which it comes back.
void workload::create_stored_set() {
  auto way = [&] { return chance(0.5) ? "Retain" : "Delete"; };
  create(stateful_sets(), "a", "s2",
         "{metadata: {name: s2, namespace: a}, spec: {replicas: " +
             std::to_string(1 + pick(stored_max)) + ", serviceName: s2, podManagementPolicy: " +
             (chance(0.6) ? "OrderedReady" : "Parallel") +
             ", persistentVolumeClaimRetentionPolicy: {whenDeleted: " + way() +
             ", whenScaled: " + way() + "}, selector: {matchLabels: {app: s2}}, template: " +
             pod_template("s2", {}, ", priorityClassName: rooted") +
             ", volumeClaimTemplates: [{metadata: {name: data}, spec: " +
             claim_spec(made_classes[pick(2)]) + "}]}}");
}

void workload::change_stored_set() {
  switch (pick(6)) {
  case 0:
  case 1:
  case 2: {
    auto replicas = static_cast<int>(pick(stored_max + 1));
    return change(stateful_sets(), "a", "s2", "scale to " + std::to_string(replicas), [=](auto& m) {
      static_cast<StatefulSet&>(m).mutable_spec()->set_replicas(replicas);
    });
  }
  case 3: {
    auto image = "s2:" + std::to_string(versions_++);
    return change(stateful_sets(), "a", "s2", "roll to " + image,
                  [=](auto& m) { put_image<StatefulSet>(m, image); });
  }
  case 4: { // the pod begins anew, without its data
    auto pod = "s2-" + std::to_string(pick(stored_max)), claim = "data-" + pod;
    return add("give up claim " + claim, [=](company& c, rules& r) {
      auto hit = r.there().pods.find("pods/a/" + pod);
      r.volumes().give_up("persistentvolumeclaims/a/" + claim);
      c.remove(claims(), "a", claim);
      if (hit == r.there().pods.end()) return;
      r.excuse(hit->second.uid);
      c.remove(kind("", "pods"), "a", pod);
    });
  }
  case 5:
    add("delete stateful set s2",
        [](company& c, rules&) { c.remove(stateful_sets(), "a", "s2", "Background"); });
    now_ += std::chrono::milliseconds{pick(20'000)};
    return create_stored_set();
  }
}

/// Pods that share one claim, and therefore a machine.
void workload::create_sharers() {
  create(claims(), "a", "shared",
         "{metadata: {name: shared, namespace: a}, spec: " + claim_spec("local-path") + "}");
  create(deployments(), "a", "k0",
         "{metadata: {name: k0, namespace: a}, spec: {replicas: " +
             std::to_string(1 + pick(sharers_max)) +
             ", strategy: {rollingUpdate: {maxSurge: 1}}, selector: {matchLabels: {app: k0}}, "
             "template: " +
             pod_template("k0", {},
                          ", priorityClassName: rooted, volumes: [{name: v, "
                          "persistentVolumeClaim: {claimName: shared}}]") +
             "}}");
}

void workload::change_sharers() {
  if (chance(0.5)) {
    auto replicas = static_cast<int>(pick(sharers_max + 1));
    return change(deployments(), "a", "k0", "scale to " + std::to_string(replicas), [=](auto& m) {
      static_cast<Deployment&>(m).mutable_spec()->set_replicas(replicas);
    });
  }
  auto image = "k0:" + std::to_string(versions_++);
  change(deployments(), "a", "k0", "roll to " + image,
         [=](auto& m) { put_image<Deployment>(m, image); });
}

} // namespace troupe::sim
