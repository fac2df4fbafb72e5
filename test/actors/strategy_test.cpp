#include "actors/gateway/strategy.hpp"

#include "messages/api/claim.pb.h"
#include "messages/api/persistent_volume.pb.h"
#include "messages/codec/json_encode.hpp"
#include "test/support/scheduling.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(strategy_test)

using namespace troupe;
using namespace troupe::testing;
using gateway::part;

namespace {

const schema::kind& kind_of(const char* group, const char* plural) {
  return *schema::registry::built_in()->by_resource(group, "v1", plural);
}

gateway::object created(const schema::kind& kind, const std::string& yaml) {
  auto object = read_yaml(kind, yaml);
  gateway::prepare_create(kind, *object);
  return object;
}

/// Whether an update from one form to the other is of the next generation.
bool counts(const schema::kind& kind, const std::string& before, const std::string& after) {
  auto old = read_yaml(kind, before), now = read_yaml(kind, after);
  bool same = gateway::same_desire(kind, codec::to_wire(*old), codec::to_wire(*now));
  return gateway::counts(kind, *now, *old, same, part::whole);
}

} // namespace

BOOST_AUTO_TEST_CASE(a_pod_behind_gates_says_that_it_waits) {
  auto object = created(core_kind("pods"), "{spec: {schedulingGates: [{name: a.b/c}]}}");
  auto& pod = static_cast<k8s::core::v1::Pod&>(*object);
  BOOST_REQUIRE(pod.status().conditions_size() == 1);
  BOOST_TEST(pod.status().conditions(0).reason() == "SchedulingGated");
  auto free = created(core_kind("pods"), "{spec: {containers: [{name: a}]}}");
  BOOST_TEST(static_cast<k8s::core::v1::Pod&>(*free).status().conditions().empty());
}

BOOST_AUTO_TEST_CASE(label_keys_of_affinities_become_selectors) {
  auto object = created(
      core_kind("pods"),
      "{metadata: {labels: {a: x, b: z}}, spec: {affinity: {podAntiAffinity: "
      "{requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: zone, labelSelector: {}, "
      "matchLabelKeys: [a, none], mismatchLabelKeys: [b]}, {topologyKey: zone, matchLabelKeys: "
      "[a]}]}}}}");
  auto& terms = static_cast<k8s::core::v1::Pod&>(*object)
                    .spec()
                    .affinity()
                    .pod_anti_affinity()
                    .required_during_scheduling_ignored_during_execution();
  auto& rules = terms[0].label_selector().match_expressions();
  BOOST_REQUIRE(rules.size() == 2);
  BOOST_TEST(rules[0].key() == "a");
  BOOST_TEST(rules[0].operator_() == "In");
  BOOST_TEST(rules[0].values(0) == "x");
  BOOST_TEST(rules[1].key() == "b");
  BOOST_TEST(rules[1].operator_() == "NotIn");
  BOOST_TEST(!terms[1].has_label_selector());
}

BOOST_AUTO_TEST_CASE(label_keys_of_spreading_become_selectors) {
  auto object =
      created(core_kind("pods"),
              "{metadata: {labels: {a: x}}, spec: {topologySpreadConstraints: "
              "[{labelSelector: {}, matchLabelKeys: [a, none]}, {matchLabelKeys: [a]}]}}");
  auto& spread = static_cast<k8s::core::v1::Pod&>(*object).spec().topology_spread_constraints();
  BOOST_REQUIRE(spread[0].label_selector().match_expressions_size() == 1);
  BOOST_TEST(spread[0].label_selector().match_expressions(0).values(0) == "x");
  BOOST_TEST(!spread[1].has_label_selector());
}

BOOST_AUTO_TEST_CASE(old_annotations_become_profiles) {
  auto profile = [](const std::string& note) {
    auto object = created(core_kind("pods"), "{metadata: {annotations: "
                                             "{container.apparmor.security.beta.kubernetes.io/a: " +
                                                 note + "}}, spec: {containers: [{name: a}]}}");
    auto& c = static_cast<k8s::core::v1::Pod&>(*object).spec().containers(0);
    return c.security_context().app_armor_profile().type() + " " +
           c.security_context().app_armor_profile().localhost_profile();
  };
  BOOST_TEST(profile("unconfined") == "Unconfined ");
  BOOST_TEST(profile("runtime/default") == "RuntimeDefault ");
  BOOST_TEST(profile("localhost/x") == "Localhost x");
  BOOST_TEST(profile("else") == " ");
}

BOOST_AUTO_TEST_CASE(both_fields_of_a_claim_say_where_its_contents_come_from) {
  auto sources = [](const std::string& said) {
    auto object = created(core_kind("persistentvolumeclaims"), "{spec: {" + said + "}}");
    auto& spec = static_cast<k8s::core::v1::PersistentVolumeClaim&>(*object).spec();
    return spec.data_source().name() + " " + spec.data_source_ref().name();
  };
  BOOST_TEST(sources("dataSource: {kind: PersistentVolumeClaim, name: a}") == "a a");
  BOOST_TEST(sources("dataSourceRef: {apiGroup: b, kind: C, name: a}") == "a a");
  BOOST_TEST(sources("dataSourceRef: {kind: C, name: a, namespace: other}") == " a");
  BOOST_TEST(sources("dataSource: {apiGroup: b, kind: C, name: a}") == " ");
}

BOOST_AUTO_TEST_CASE(only_nodes_bring_their_status) {
  auto node = created(core_kind("nodes"), "{status: {capacity: {cpu: 4}}}");
  BOOST_TEST(static_cast<k8s::core::v1::Node&>(*node).status().capacity().size() == 1u);
  auto pod = created(core_kind("pods"), "{status: {podIP: 1.2.3.4}}");
  BOOST_TEST(static_cast<k8s::core::v1::Pod&>(*pod).status().pod_ip().empty());
}

BOOST_AUTO_TEST_CASE(volumes_say_since_when_their_phase_is_what_it_is) {
  auto& volumes = core_kind("persistentvolumes");
  auto at = [](const gateway::object& o) {
    auto& s = static_cast<k8s::core::v1::PersistentVolume&>(*o).status();
    return s.phase() + " " + std::to_string(s.last_phase_transition_time().seconds());
  };
  auto updated = [&](const std::string& status) {
    auto old = read_yaml(volumes, "{status: {phase: Pending, lastPhaseTransitionTime: "
                                  "'1970-01-01T00:00:05Z'}}");
    auto now = read_yaml(volumes, "{status: {" + status + "}}");
    gateway::prepare_update(volumes, *now, *old, part::status, timestamp{9, 0});
    return at(now);
  };
  BOOST_TEST(at(created(volumes, "{metadata: {creationTimestamp: '1970-01-01T00:00:05Z'}}")) ==
             "Pending 5");
  BOOST_TEST(updated("phase: Pending") == "Pending 5");
  BOOST_TEST(updated("phase: Bound") == "Bound 9");
  BOOST_TEST(updated("phase: Bound, lastPhaseTransitionTime: '1970-01-01T00:00:05Z'") == "Bound 9");
  BOOST_TEST(updated("phase: Bound, lastPhaseTransitionTime: '1970-01-01T00:00:07Z'") == "Bound 7");
}

BOOST_AUTO_TEST_CASE(generations_count_what_the_kind_counts) {
  auto& deployments = kind_of("apps", "deployments");
  BOOST_TEST(counts(deployments, "{spec: {replicas: 1}}", "{spec: {replicas: 2}}"));
  BOOST_TEST(counts(deployments, "{}", "{metadata: {annotations: {a: b}}}"));
  BOOST_TEST(!counts(deployments, "{}", "{metadata: {labels: {a: b}}}"));
  auto& sets = kind_of("apps", "statefulsets");
  BOOST_TEST(!counts(sets, "{}", "{metadata: {annotations: {a: b}}}"));
  auto& slices = kind_of("discovery.k8s.io", "endpointslices");
  BOOST_TEST(counts(slices, "{}", "{metadata: {labels: {a: b}}}"));
  BOOST_TEST(!counts(slices, "{}", "{metadata: {annotations: {a: b}}}"));
  auto& classes = kind_of("scheduling.k8s.io", "priorityclasses");
  BOOST_TEST(!counts(classes, "{description: a}", "{description: b}"));
}

BOOST_AUTO_TEST_CASE(puts_create_and_need_versions_as_the_kind_says) {
  struct row {
    const schema::kind& kind;
    bool creates, needs;
  };
  for (auto& [kind, creates, needs] : {
           row{core_kind("services"), true, false},
           row{core_kind("podtemplates"), false, false},
           row{core_kind("configmaps"), false, false},
           row{kind_of("coordination.k8s.io", "leases"), true, true},
           row{kind_of("node.k8s.io", "runtimeclasses"), true, true},
           row{kind_of("policy", "poddisruptionbudgets"), false, true},
           row{kind_of("storage.k8s.io", "csinodes"), false, true},
           row{kind_of("flowcontrol.apiserver.k8s.io", "flowschemas"), false, false},
       }) {
    BOOST_TEST(gateway::create_on_update(kind) == creates, kind.name);
    BOOST_TEST(gateway::update_needs_version(kind) == needs, kind.name);
  }
}

BOOST_AUTO_TEST_SUITE_END()
