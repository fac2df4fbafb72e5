#include "actors/volumes/binding.hpp"
#include "messages/codec/json_encode.hpp"
#include "test/support/scheduling.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(volumes_test)

using namespace troupe;
using namespace troupe::testing;
using namespace troupe::volumes;
using scheduler::core;

namespace {

template<class Object> Object object_of(const schema::kind& kind, const std::string& yaml) {
  auto object = read_yaml(kind, yaml);
  return static_cast<Object&>(*object);
}

PersistentVolume volume_of(const std::string& name, const std::string& size,
                           const std::string& more = "") {
  return object_of<PersistentVolume>(core_kind("persistentvolumes"),
                                     "{metadata: {name: " + name +
                                         "}, spec: {capacity: {storage: " + size +
                                         "}, accessModes: [ReadWriteOnce], "
                                         "storageClassName: slow" +
                                         more + "}}");
}

PersistentVolumeClaim claim_of(const std::string& name, const std::string& size,
                               const std::string& more = "") {
  return object_of<PersistentVolumeClaim>(
      core_kind("persistentvolumeclaims"),
      "{metadata: {name: " + name + ", namespace: default, uid: uid-" + name +
          "}, spec: {storageClassName: slow, accessModes: [ReadWriteOnce], resources: {requests: "
          "{storage: " +
          size + "}}" + more + "}}");
}

StorageClass class_named(const std::string& more) {
  return object_of<StorageClass>(
      *schema::registry::built_in()->by_resource("storage.k8s.io", "v1", "storageclasses"),
      "{metadata: {name: slow}, " + more + "}");
}

const std::string waits = "volumeBindingMode: WaitForFirstConsumer, ";

void hear(core& c, const PersistentVolume& v) {
  c.hear_volume(entry_of(core_kind("persistentvolumes"), v), false);
}
void hear(core& c, const PersistentVolumeClaim& v) {
  c.hear_claim(entry_of(core_kind("persistentvolumeclaims"), v), false);
}
void hear(core& c, const StorageClass& v) {
  c.hear_class(
      entry_of(*schema::registry::built_in()->by_resource("storage.k8s.io", "v1", "storageclasses"),
               v),
      false);
}

std::string using_claim(const std::string& name, int priority = 0) {
  return "spec: {priority: " + std::to_string(priority) +
         ", containers: [{name: c}], volumes: [{name: v, persistentVolumeClaim: {claimName: " +
         name + "}}]}";
}

const std::string on_a =
    ", nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: "
    "kubernetes.io/hostname, operator: In, values: [a]}]}]}}";

std::string reason(const std::string& message) {
  auto from = message.find(": ") + 2;
  return message.substr(from, message.find(". preemption:") - from);
}

} // namespace

BOOST_AUTO_TEST_CASE(a_volume_suits_a_claim_that_asks_for_no_more) {
  struct row {
    PersistentVolume volume;
    PersistentVolumeClaim claim;
    bool expected;
  };
  const row rows[] = {
      {volume_of("v", "1Gi"), claim_of("c", "1Gi"), true},
      {volume_of("v", "1Gi"), claim_of("c", "2Gi"), false},
      {volume_of("v", "1Gi", ", volumeMode: Block"), claim_of("c", "1Gi"), false},
      {volume_of("v", "1Gi"), claim_of("c", "1Gi", ", selector: {matchLabels: {a: b}}"), false},
      {volume_of("v", "1Gi"), claim_of("c", "1Gi", ", volumeAttributesClassName: gold"), false},
      {volume_of("v", "1Gi", ", volumeAttributesClassName: gold"),
       claim_of("c", "1Gi", ", volumeAttributesClassName: gold"), true},
  };
  for (auto& r : rows) BOOST_TEST(suits(r.volume, r.claim) == r.expected);
}

BOOST_AUTO_TEST_CASE(the_newest_default_class_is_for_claims_that_name_none) {
  auto made = [](const char* name, int64_t at, const char* mark) {
    StorageClass c;
    c.mutable_metadata()->set_name(name);
    c.mutable_metadata()->mutable_creation_timestamp()->set_seconds(at);
    if (*mark) (*c.mutable_metadata()->mutable_annotations())[mark] = "true";
    return c;
  };
  auto usual = "storageclass.kubernetes.io/is-default-class";
  auto older = "storageclass.beta.kubernetes.io/is-default-class";
  std::vector<StorageClass> all{made("plain", 9, "")};
  BOOST_TEST(!default_of(all));
  all.push_back(made("a", 1, usual));
  all.push_back(made("c", 2, older));
  all.push_back(made("b", 2, usual));
  BOOST_REQUIRE(default_of(all));
  BOOST_TEST(default_of(all)->metadata().name() == "b");
  PersistentVolumeClaim claim;
  BOOST_TEST(takes_default(claim));
  claim.mutable_spec()->set_storage_class_name(""); // none, and meant so
  BOOST_TEST(!takes_default(claim));
}

BOOST_AUTO_TEST_CASE(volumes_that_nobody_can_delete_say_so) {
  struct {
    const char* source;
    const char* fault;
  } rows[] = {
      {"hostPath: {path: /mnt/data}",
       "host_path deleter only supports /tmp/.+ but received provided /mnt/data"},
      {"hostPath: {path: /tmp/data}", ""},
      {"nfs: {server: s, path: /}", "error getting deleter volume plugin for volume \"v\": no "
                                    "deletable volume plugin matched"},
      {"csi: {driver: d, volumeHandle: h}",
       "error getting deleter volume plugin for volume \"v\": no volume plugin matched"},
  };
  auto fault_of = [](PersistentVolume& v, const char* policy) {
    v.mutable_spec()->set_persistent_volume_reclaim_policy(policy);
    return reclaim_fault_of(v).value_or(reclaim_fault{"", ""});
  };
  for (auto& row : rows) {
    auto v = volume_of("v", "1Gi", std::string(", ") + row.source);
    BOOST_TEST(fault_of(v, "Delete").message == row.fault);
    BOOST_TEST((std::string(fault_of(v, "Delete").reason) == "VolumeFailedDelete") ==
               (*row.fault != 0));
    BOOST_TEST(fault_of(v, "Retain").message == "");
    BOOST_TEST(std::string(fault_of(v, "Recycle").reason) == "VolumeFailedRecycle");
    BOOST_TEST(fault_of(v, "Recycle").message == "No recycler plugin found for the volume!");
    (*v.mutable_metadata()->mutable_annotations())["pv.kubernetes.io/provisioned-by"] = "d";
    BOOST_TEST(fault_of(v, "Delete").message == "");
  }
}

BOOST_AUTO_TEST_CASE(binding_says_so_on_both_sides_and_once) {
  auto v = volume_of("v", "2Gi");
  auto c = claim_of("c", "1Gi");
  BOOST_TEST(phase_of(v, nullptr) == "Available");
  BOOST_TEST(bind(c, v, {10, 0}));
  BOOST_TEST(bound(c));
  BOOST_TEST(kept_for(v, c));
  BOOST_TEST(c.status().capacity().at("storage").string() == "2Gi");
  BOOST_TEST(!bind(c, v, {20, 0}));
  BOOST_TEST(phase_of(v, &c) == "Bound");
  BOOST_TEST(phase_of(v, nullptr) == "Released");
  auto other = claim_of("c", "1Gi");
  other.mutable_metadata()->set_uid("another");
  BOOST_TEST(phase_of(v, &other) == "Released");
}

BOOST_AUTO_TEST_CASE(both_sides_of_a_bond_name_what_was_bound) {
  auto v = volume_of("v", "2Gi", ", volumeAttributesClassName: gold");
  auto c = claim_of("c", "1Gi", ", volumeAttributesClassName: gold");
  c.mutable_metadata()->set_resource_version("7");
  bind(c, v, {10, 0});
  BOOST_TEST(v.spec().claim_ref().resource_version() == "7");
  BOOST_TEST(c.status().current_volume_attributes_class_name() == "gold");
  c.mutable_metadata()->set_resource_version("8"); // whatever happens to it later
  BOOST_TEST(!bind(c, v, {20, 0}));
}

// Before, such a volume was kept for its claim for ever, and nobody else could have it.
BOOST_AUTO_TEST_CASE(a_volume_whose_claim_has_got_another_one_is_free_or_goes) {
  auto claim = claim_of("c", "1Gi", ", volumeName: other");
  auto kept = [&](const char* notes, const char* policy) {
    auto v = volume_of("v", "1Gi",
                       std::string(", claimRef: {namespace: default, name: c, uid: uid-c}, "
                                   "persistentVolumeReclaimPolicy: ") +
                           policy);
    if (*notes) (*v.mutable_metadata()->mutable_annotations())[notes] = "yes";
    return v;
  };
  auto by_us = kept("pv.kubernetes.io/bound-by-controller", "Delete");
  BOOST_TEST(phase_of(by_us, &claim) == "Available");
  BOOST_TEST(unbind(by_us));
  BOOST_TEST(!by_us.spec().has_claim_ref());
  BOOST_TEST(by_us.metadata().annotations().empty());
  BOOST_TEST(!unbind(by_us));
  auto by_user = kept("", "Delete");
  BOOST_TEST(phase_of(by_user, &claim) == "Available");
  BOOST_TEST(unbind(by_user));
  BOOST_TEST(by_user.spec().claim_ref().name() == "c");
  BOOST_TEST(by_user.spec().claim_ref().uid() == "");
  BOOST_TEST(!unbind(by_user));
  // Whoever has taken the uid away wants the claim of that name to have it.
  auto again = kept("pv.kubernetes.io/bound-by-controller", "Retain");
  again.mutable_spec()->mutable_claim_ref()->clear_uid();
  BOOST_TEST(!unbind(again));
  BOOST_TEST(phase_of(kept("pv.kubernetes.io/provisioned-by", "Delete"), &claim) == "Released");
  BOOST_TEST(phase_of(kept("pv.kubernetes.io/provisioned-by", "Retain"), &claim) == "Available");
}

BOOST_AUTO_TEST_CASE(a_volume_that_is_kept_for_a_claim_has_to_serve_it) {
  auto claim = claim_of("c", "1Gi", ", selector: {matchLabels: {a: b}}");
  BOOST_TEST(serves(volume_of("v", "1Gi", ", storageClassName: fast"), claim));
  BOOST_TEST(!serves(volume_of("v", "512Mi"), claim));
  BOOST_TEST(!serves(volume_of("v", "1Gi", ", volumeMode: Block"), claim));
  BOOST_TEST(
      !serves(volume_of("v", "1Gi"), claim_of("c", "1Gi", ", accessModes: [ReadWriteMany]")));
  auto going = volume_of("v", "1Gi");
  going.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
  BOOST_TEST(!serves(going, claim));
}

BOOST_AUTO_TEST_CASE(who_shuts_down_holds_no_volumes_of_its_own_any_more) {
  auto pod = read_yaml(core_kind("pods"), R"(
metadata: {name: p}
spec:
  volumes:
  - {name: given, persistentVolumeClaim: {claimName: data}}
  - {name: own, ephemeral: {volumeClaimTemplate: {spec: {}}}})");
  auto stored = codec::to_wire(*pod);
  BOOST_TEST(claims_used(stored) == (std::vector<std::string>{"data", "p-own"}),
             boost::test_tools::per_element());
  BOOST_TEST(claims_used(stored, false) == std::vector<std::string>{"data"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(why_a_named_volume_cannot_be_had_is_told) {
  struct {
    const char *size, *more, *why;
  } rows[] = {
      {"1Gi", "", ""},
      {"512Mi", "", "requested PV is too small"},
      {"1Gi", ", volumeMode: Block", "incompatible volumeMode"},
      {"1Gi", ", storageClassName: fast", "storageClassName does not match"},
      {"1Gi", ", accessModes: [ReadOnlyMany]", "incompatible accessMode"},
      {"1Gi", ", volumeAttributesClassName: gold", "volumeAttributesClassName does not match"},
      {"1Gi", ", going", "the volume is marked for deletion \"v\""}};
  for (auto& row : rows) {
    auto volume = volume_of("v", row.size);
    std::string more = row.more;
    if (more.find("Block") != more.npos) volume.mutable_spec()->set_volume_mode("Block");
    if (more.find("fast") != more.npos) volume.mutable_spec()->set_storage_class_name("fast");
    if (more.find("Many") != more.npos) volume.mutable_spec()->set_access_modes(0, "ReadOnlyMany");
    if (more.find("gold") != more.npos)
      volume.mutable_spec()->set_volume_attributes_class_name("gold");
    if (more.find("going") != more.npos)
      volume.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
    BOOST_TEST(mismatch(volume, claim_of("c", "1Gi")) == row.why);
  }
}

BOOST_AUTO_TEST_CASE(a_claim_names_its_provisioner_in_the_new_and_the_old_word) {
  auto claim = claim_of("c", "1Gi");
  note_provisioner(claim, class_named("provisioner: example.com/disks"));
  for (auto name : {"volume.kubernetes.io/storage-provisioner",
                    "volume.beta.kubernetes.io/storage-provisioner"})
    BOOST_TEST(claim.metadata().annotations().at(name) == "example.com/disks");
}

// Before, who had such a class waited for a provisioner that nobody writes any more.
BOOST_AUTO_TEST_CASE(drivers_that_were_built_in_have_moved_out_or_are_no_more) {
  auto of = [](const std::string& name) {
    return provisioner_of(class_named("provisioner: " + name));
  };
  BOOST_TEST(of("example.com/disks") == "example.com/disks");
  BOOST_TEST(of("kubernetes.io/cinder") == "cinder.csi.openstack.org");
  BOOST_TEST(of("kubernetes.io/glusterfs") == "");
  BOOST_TEST(of("kubernetes.io/no-provisioner") == "");
  auto claim = claim_of("c", "1Gi");
  note_provisioner(claim, class_named("provisioner: kubernetes.io/gce-pd"));
  BOOST_TEST(claim.metadata().annotations().at("volume.kubernetes.io/storage-provisioner") ==
             "pd.csi.storage.gke.io");
}

BOOST_AUTO_TEST_CASE(a_directory_is_made_for_its_claim_on_its_node) {
  auto c = claim_of("c", "1Gi");
  auto made = provision(c, class_named("provisioner: troupe.dev/local-path"), "a");
  BOOST_TEST(made.metadata().name() == "pvc-uid-c");
  BOOST_TEST(kept_for(made, c));
  BOOST_TEST(suits(made, c));
  BOOST_TEST(made.spec().persistent_volume_reclaim_policy() == "Delete");
  BOOST_TEST(node_of_own(made) == "a");
  auto path = [](const PersistentVolume& v) {
    return v.spec().persistent_volume_source().host_path().path();
  };
  BOOST_TEST(path(made) == "/var/lib/troupe/volumes/pvc-uid-c_default_c");
  k8s::core::v1::Node machine;
  (*machine.mutable_metadata()->mutable_annotations())[volumes_annotation] = "/srv/volumes";
  auto there = provision(c, class_named("provisioner: troupe.dev/local-path"), "a", &machine);
  BOOST_TEST(path(there) == "/srv/volumes/pvc-uid-c_default_c");
  there.mutable_metadata()->clear_annotations();
  BOOST_TEST(node_of_own(there) == "");
  bind(c, made, {1, 0});
  BOOST_TEST(!grows(c, made));
  (*c.mutable_spec()->mutable_resources()->mutable_requests())["storage"].set_string("3Gi");
  BOOST_TEST(grows(c, made));
  grow(c, made);
  BOOST_TEST(!grows(c, made));
  BOOST_TEST(bytes_of(made) == int64_t{3} << 30);
}

BOOST_AUTO_TEST_CASE(a_pod_waits_for_claims_that_are_not_ready) {
  core c(5);
  c.hear_node(node_entry("a"), false);
  c.hear_pod(pod_entry("p", using_claim("c")), false);
  BOOST_TEST(reason(outcome(c)["p"]) == "persistentvolumeclaim \"c\" not found");
  auto claim = claim_of("c", "1Gi");
  hear(c, claim);
  BOOST_TEST(reason(outcome(c)["p"]) == "pod has unbound immediate PersistentVolumeClaims");
  auto volume = volume_of("v", "1Gi");
  bind(claim, volume, {1, 0});
  hear(c, volume);
  hear(c, claim);
  BOOST_TEST(outcome(c, std::chrono::seconds{60})["p"] == "a");
}

BOOST_AUTO_TEST_CASE(a_pod_follows_its_volume) {
  core c(5);
  c.hear_node(node_entry("b"), false);
  auto claim = claim_of("c", "1Gi");
  auto volume = volume_of("v", "1Gi", on_a);
  bind(claim, volume, {1, 0});
  hear(c, volume);
  hear(c, claim);
  c.hear_pod(pod_entry("p", using_claim("c")), false);
  BOOST_TEST(reason(outcome(c)["p"]) == "1 node(s) didn't match PersistentVolume's node affinity");
  c.hear_node(node_entry("a"), false);
  BOOST_TEST(outcome(c)["p"] == "a");
}

BOOST_AUTO_TEST_CASE(a_claim_that_waits_gets_the_smallest_volume_that_its_node_reaches) {
  core c(5);
  for (auto name : {"a", "b"}) c.hear_node(node_entry(name), false);
  hear(c, class_named(waits + "provisioner: kubernetes.io/no-provisioner"));
  hear(c, volume_of("large", "9Gi", on_a));
  hear(c, volume_of("small", "2Gi", on_a));
  for (auto name : {"c1", "c2", "c3"}) hear(c, claim_of(name, "1Gi"));
  std::map<std::string, std::string> got;
  for (std::string name : {"c1", "c2", "c3"}) {
    c.hear_pod(pod_entry("p-" + name, using_claim(name)), false);
    for (auto& d : c.decide(10, {}))
      if (auto b = std::get_if<scheduler::bind_pod>(&d))
        got[name] = b->node + " " + b->volumes.at(0).volume;
      else if (auto t = std::get_if<scheduler::tell_pending>(&d))
        got[name] = reason(t->message);
  }
  BOOST_TEST(got["c1"] == "a persistentvolumes//small");
  BOOST_TEST(got["c2"] == "a persistentvolumes//large");
  BOOST_TEST(got["c3"] == "2 node(s) didn't find available persistent volumes to bind");
}

BOOST_AUTO_TEST_CASE(a_volume_is_made_where_the_pod_is_placed_by_us_or_by_others) {
  for (bool ours : {true, false}) {
    core c(5);
    c.hear_node(node_entry("a"), false);
    hear(c, class_named(waits +
                        "provisioner: " + (ours ? "troupe.dev/local-path" : "example.com/disk")));
    hear(c, claim_of("c", "1Gi"));
    c.hear_pod(pod_entry("p", using_claim("c")), false);
    auto decisions = c.decide(10, {});
    BOOST_REQUIRE(decisions.size() == 1u);
    BOOST_TEST(std::holds_alternative<scheduler::bind_pod>(decisions[0]) == ours);
    BOOST_TEST(std::holds_alternative<scheduler::await_volumes>(decisions[0]) == !ours);
  }
}

BOOST_AUTO_TEST_CASE(a_claim_for_one_pod_only_is_used_by_one_pod_only) {
  core c(5);
  c.hear_node(node_entry("a"), false);
  auto claim = claim_of("c", "1Gi");
  claim.mutable_spec()->set_access_modes(0, "ReadWriteOncePod");
  auto volume = volume_of("v", "1Gi");
  bind(claim, volume, {1, 0});
  hear(c, volume);
  hear(c, claim);
  c.hear_pod(pod_entry("first", using_claim("c")), false);
  BOOST_TEST(outcome(c)["first"] == "a");
  c.hear_pod(pod_entry("second", using_claim("c")), false);
  BOOST_TEST(outcome(c)["second"].find("ReadWriteOncePod") != std::string::npos);
  auto important = pod_entry("third", using_claim("c", 10));
  c.hear_pod(important, false);
  auto said = outcome(c);
  BOOST_TEST(said["first"] == "preempted");
  BOOST_TEST(said["third"] == "a");
  c.hear_pod(important, true);
  BOOST_TEST(outcome(c, std::chrono::minutes{1})["second"] == "a");
}

BOOST_AUTO_TEST_CASE(a_node_takes_no_more_volumes_than_its_driver_can_attach) {
  core c(5);
  c.hear_node(node_entry("a"), false);
  auto& csi_nodes = *schema::registry::built_in()->by_resource("storage.k8s.io", "v1", "csinodes");
  auto limit = [&](int count) {
    auto node = read_yaml(csi_nodes, "{metadata: {name: a}, spec: {drivers: [{name: disk.example, "
                                     "nodeID: a, allocatable: {count: " +
                                         std::to_string(count) + "}}]}}");
    c.hear_limits(entry_of(csi_nodes, *node), false);
  };
  limit(1);
  for (std::string name : {"1", "2", "3"}) {
    auto claim = claim_of("c" + name, "1Gi");
    auto volume = volume_of("v" + name, "1Gi",
                            name == "3" ? "" : ", csi: {driver: disk.example, volumeHandle: h}");
    bind(claim, volume, {1, 0});
    hear(c, volume);
    hear(c, claim);
  }
  c.hear_pod(pod_entry("first", using_claim("c1")), false);
  BOOST_TEST(outcome(c)["first"] == "a");
  c.hear_pod(pod_entry("same-volume", using_claim("c1")), false);
  c.hear_pod(pod_entry("other-driver", using_claim("c3")), false);
  c.hear_pod(pod_entry("one-too-many", using_claim("c2")), false);
  auto said = outcome(c);
  BOOST_TEST(said["same-volume"] == "a");
  BOOST_TEST(said["other-driver"] == "a");
  BOOST_TEST(reason(said["one-too-many"]) == "1 node(s) exceed max volume count");
  c.hear_pod(pod_entry("first", using_claim("c1")), true); // another still uses its volume
  BOOST_TEST(outcome(c, std::chrono::seconds{60}).empty());
  c.hear_pod(pod_entry("same-volume", using_claim("c1")), true);
  BOOST_TEST(outcome(c, std::chrono::seconds{120})["one-too-many"] == "a");
  c.hear_pod(pod_entry("again", using_claim("c1")), false);
  BOOST_TEST(reason(outcome(c, std::chrono::seconds{180})["again"]) ==
             "1 node(s) exceed max volume count");
  limit(2);
  BOOST_TEST(outcome(c, std::chrono::seconds{240})["again"] == "a");
}

BOOST_AUTO_TEST_SUITE_END()
