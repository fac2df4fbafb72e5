#include "actors/gateway/quota_usage.hpp"
#include "messages/schema/qos.hpp"
#include "test/support/scheduling.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(quota_usage_test)

using namespace troupe;
using namespace troupe::testing;

namespace {

k8s::core::v1::Pod pod_of(const std::string& spec) {
  auto object = read_yaml(core_kind("pods"), "{metadata: {name: p}, spec: " + spec + "}");
  return static_cast<k8s::core::v1::Pod&>(*object);
}

std::string used(const std::string& spec, const std::string& what) {
  auto all = gateway::usage_of(core_kind("pods"), pod_of(spec), {});
  auto hit = all.find(what);
  return hit == all.end() ? "none" : hit->second.text();
}

std::string wants(const char* cpu) {
  return std::string("resources: {requests: {cpu: ") + cpu + "}, limits: {cpu: " + cpu + "}}";
}

} // namespace

BOOST_AUTO_TEST_CASE(a_pod_counts_what_it_takes_at_most) {
  auto one = "{containers: [{name: a, " + wants("1") + "}, {name: b, " + wants("500m") + "}]}";
  BOOST_TEST(used(one, "requests.cpu") == "1500m");
  BOOST_TEST(used(one, "cpu") == "1500m");
  BOOST_TEST(used(one, "limits.cpu") == "1500m");
  BOOST_TEST(used(one, "pods") == "1");
  auto prepared = "{containers: [{name: a, " + wants("1") + "}], initContainers: [{name: i, " +
                  wants("3") + "}, {name: j, " + wants("2") + "}]}";
  BOOST_TEST(used(prepared, "cpu") == "3");
  // A sidecar stays: beside the containers, and beside the init containers after it.
  auto helped = "{containers: [{name: a, " + wants("1") + "}], initContainers: [{name: i, " +
                wants("1") + "}, {name: s, restartPolicy: Always, " + wants("2") + "}, {name: j, " +
                wants("2") + "}]}";
  BOOST_TEST(used(helped, "cpu") == "4");
  BOOST_TEST(
      used("{overhead: {cpu: 250m, memory: 1Mi}, containers: [{name: a, " + wants("1") + "}]}",
           "requests.cpu") == "1250m");
  BOOST_TEST(
      used("{overhead: {cpu: 250m, memory: 1Mi}, containers: [{name: a, " + wants("1") + "}]}",
           "limits.memory") == "none");
}

BOOST_AUTO_TEST_CASE(a_pod_that_should_be_gone_counts_no_more) {
  auto pod = pod_of("{containers: [{name: a}]}");
  auto counts = [&](int64_t now) {
    return gateway::usage_of(core_kind("pods"), pod, {now, 1}).contains("pods");
  };
  BOOST_TEST(counts(1'000));
  BOOST_TEST(!gateway::counts_until(pod).has_value());
  pod.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(100);
  BOOST_TEST(counts(1'000)); // nobody has said how long it may take
  pod.mutable_metadata()->set_deletion_grace_period_seconds(30);
  BOOST_TEST(gateway::counts_until(pod).value() == 130);
  BOOST_TEST(counts(129));
  BOOST_TEST(!counts(130));
  pod.mutable_metadata()->set_deletion_grace_period_seconds(std::numeric_limits<int64_t>::max());
  BOOST_TEST(counts(1'000));
  pod.mutable_status()->set_phase("Failed");
  BOOST_TEST(!counts(1));
}

BOOST_AUTO_TEST_CASE(what_is_said_for_the_whole_pod_counts) {
  auto whole = "{" + wants("3") + ", containers: [{name: a, " + wants("1") + "}]}";
  BOOST_TEST(used(whole, "requests.cpu") == "3");
  BOOST_TEST(used(whole, "limits.cpu") == "3");
  auto spec =
      pod_of("{resources: {requests: {cpu: 1, memory: 1Mi}, limits: {cpu: 1, memory: 1Mi}}, "
             "containers: [{name: a}]}")
          .spec();
  BOOST_TEST(schema::qos_class(spec) == "Guaranteed");
  BOOST_TEST(schema::qos_class(pod_of(whole).spec()) == "Burstable");
  BOOST_TEST(schema::qos_class(pod_of("{containers: [{name: a}]}").spec()) == "BestEffort");
}

BOOST_AUTO_TEST_CASE(large_pages_and_node_ports_are_counted) {
  auto paged =
      std::string("{containers: [{name: a, resources: {requests: {hugepages-2Mi: 4Mi}}}]}");
  BOOST_TEST(used(paged, "hugepages-2Mi") == "4194304");
  BOOST_TEST(used(paged, "requests.hugepages-2Mi") == "4194304");
  auto ports = [](const std::string& spec) {
    auto object =
        read_yaml(core_kind("services"),
                  "{spec: {ports: [{port: 1}, {port: 2, nodePort: 30000}], " + spec + "}}");
    return gateway::usage_of(core_kind("services"), *object, {}).at("services.nodeports").text();
  };
  BOOST_TEST(ports("type: ClusterIP") == "0");
  BOOST_TEST(ports("type: NodePort") == "2");
  BOOST_TEST(ports("type: LoadBalancer") == "2");
  BOOST_TEST(ports("type: LoadBalancer, allocateLoadBalancerNodePorts: false") == "1");
}

BOOST_AUTO_TEST_CASE(scopes_cover_the_pods_they_speak_of) {
  auto covered = [](const std::string& scope, const std::string& spec) {
    auto object = read_yaml(core_kind("resourcequotas"),
                            "{metadata: {name: q}, spec: {scopes: [" + scope + "]}}");
    auto pod = pod_of(spec);
    return gateway::covers(static_cast<k8s::core::v1::ResourceQuota&>(*object), pod);
  };
  std::string plain = "{containers: [{name: a}]}";
  BOOST_TEST(covered("BestEffort", plain));
  BOOST_TEST(!covered("BestEffort", "{" + wants("1") + ", containers: [{name: a}]}"));
  BOOST_TEST(!covered("CrossNamespacePodAffinity", plain));
  std::string term = "{topologyKey: zone, namespaceSelector: {}}";
  BOOST_TEST(
      covered("CrossNamespacePodAffinity", "{containers: [{name: a}], affinity: {podAffinity: "
                                           "{requiredDuringSchedulingIgnoredDuringExecution: [" +
                                               term + "]}}}"));
  BOOST_TEST(
      covered("CrossNamespacePodAffinity",
              "{containers: [{name: a}], affinity: {podAntiAffinity: "
              "{preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, podAffinityTerm: " +
                  term + "}]}}}"));
}

BOOST_AUTO_TEST_CASE(scopes_cover_claims_by_the_attributes_of_their_volumes) {
  auto covered = [](const std::string& scope, const std::string& claim) {
    auto quota = read_yaml(core_kind("resourcequotas"),
                           "{spec: {scopeSelector: {matchExpressions: [{scopeName: "
                           "VolumeAttributesClass, operator: " +
                               scope + "}]}}}");
    auto object = read_yaml(core_kind("persistentvolumeclaims"), claim);
    return gateway::covers(static_cast<k8s::core::v1::ResourceQuota&>(*quota), *object);
  };
  std::string plain = "{}", wanted = "{spec: {volumeAttributesClassName: gold}}",
              had = "{status: {currentVolumeAttributesClassName: gold}}",
              coming = "{status: {modifyVolumeStatus: {targetVolumeAttributesClassName: gold, "
                       "status: Pending}}}";
  for (auto& claim : {wanted, had, coming}) {
    BOOST_TEST(covered("In, values: [gold, silver]", claim));
    BOOST_TEST(!covered("In, values: [silver]", claim));
    BOOST_TEST(!covered("NotIn, values: [gold]", claim));
    BOOST_TEST(covered("Exists", claim));
    BOOST_TEST(!covered("DoesNotExist", claim));
  }
  BOOST_TEST(!covered("In, values: [gold]", plain));
  BOOST_TEST(covered("NotIn, values: [gold]", plain));
  BOOST_TEST(covered("DoesNotExist", plain));
  auto quota = read_yaml(core_kind("resourcequotas"), "{spec: {scopes: [NotTerminating]}}");
  auto claim = read_yaml(core_kind("persistentvolumeclaims"), plain);
  BOOST_TEST(!gateway::covers(static_cast<k8s::core::v1::ResourceQuota&>(*quota), *claim));
}

BOOST_AUTO_TEST_SUITE_END()
