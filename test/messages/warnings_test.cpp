// What clients are warned of, in the words that kubectl shows.
#include "messages/schema/warnings.hpp"

#include "messages/api/deployment.pb.h"
#include "messages/api/pod.pb.h"
#include "messages/codec/json_decode.hpp"
#include "messages/codec/yaml.hpp"

#include <boost/test/unit_test.hpp>

using namespace troupe;

namespace {

template<class Kind> Kind read(const std::string& yaml) {
  Kind out;
  BOOST_REQUIRE(codec::from_json(yaml::to_json(yaml)->at(0).json, out));
  return out;
}

/// What is said of a pod with this spec.
std::vector<std::string> about(const std::string& spec, const std::string& name = "a") {
  return schema::warnings_about(
      read<k8s::core::v1::Pod>("{metadata: {name: " + name + "}, spec: " + spec + "}"), nullptr);
}

void says(const std::string& spec, const std::vector<std::string>& wanted) {
  auto said = about(spec);
  BOOST_TEST(said == wanted, boost::test_tools::per_element());
}

} // namespace

BOOST_AUTO_TEST_SUITE(warnings_test)

BOOST_AUTO_TEST_CASE(a_common_pod_is_nothing_to_warn_of) {
  says("{containers: [{name: c, image: x, ports: [{containerPort: 80, protocol: TCP}],"
       " env: [{name: A, value: a}, {name: A, value: $(A)b}]}]}",
       {});
}

BOOST_AUTO_TEST_CASE(labels_of_nodes_that_are_no_more) {
  says("{nodeSelector: {beta.kubernetes.io/os: linux}, containers: [{name: c, image: x}]}",
       {"spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "
        "\"kubernetes.io/os\" instead"});
  says("{topologySpreadConstraints: [{topologyKey: failure-domain.beta.kubernetes.io/zone,"
       " maxSkew: 1, whenUnsatisfiable: DoNotSchedule}], containers: [{name: c, image: x}]}",
       {"spec.topologySpreadConstraints[0].topologyKey: failure-domain.beta.kubernetes.io/zone is "
        "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead",
        "spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching "
        "no pod"});
}

BOOST_AUTO_TEST_CASE(what_hides_something_else) {
  says("{containers: [{name: c, image: x, env: [{name: A, value: a}, {name: A, value: b}]}]}",
       {"spec.containers[0].env[1]: hides previous definition of \"A\", which may be dropped when "
        "using apply"});
  says("{containers: [{name: c, image: x, ports: [{containerPort: 80, protocol: TCP}]},"
       " {name: d, image: x, ports: [{containerPort: 80, protocol: TCP}]}]}",
       {"spec.containers[1].ports[0]: duplicate port definition with spec.containers[0].ports[0]"});
  says("{containers: [{name: c, image: x, ports: [{containerPort: 80, protocol: TCP, hostPort: 1},"
       " {containerPort: 80, protocol: TCP}]}]}",
       {"spec.containers[0].ports[1]: overlapping port definition with "
        "spec.containers[0].ports[0]"});
  says("{hostAliases: [{ip: 10.0.0.1}, {ip: 10.0.0.1}], imagePullSecrets: [{name: a}, {name: a},"
       " {name: ''}], containers: [{name: c, image: x}]}",
       {"spec.hostAliases[1].ip: duplicate ip \"10.0.0.1\"",
        "spec.imagePullSecrets[1].name: duplicate name \"a\"",
        "spec.imagePullSecrets[2].name: invalid empty name \"\""});
}

BOOST_AUTO_TEST_CASE(what_has_no_effect) {
  says("{volumes: [{name: v, gitRepo: {repository: x}}, {name: w, cephfs: {monitors: [a]}}],"
       " containers: [{name: c, image: x, resources: {limits: {memory: 100m}}}]}",
       {"spec.volumes[0].gitRepo: deprecated in v1.11",
        "spec.volumes[1].cephfs: deprecated in v1.28, non-functional in v1.31+",
        "spec.containers[0].resources.limits[memory]: fractional byte value \"100m\" is invalid, "
        "must be an integer"});
}

BOOST_AUTO_TEST_CASE(names_with_dots_become_host_names) {
  auto said = about("{containers: [{name: c, image: x}]}", "a.b");
  BOOST_REQUIRE(said.size() == 1);
  BOOST_TEST(said[0].starts_with("metadata.name: this is used in the Pod's hostname, which can "
                                 "result in surprising behavior; a DNS label is recommended: ["));
}

BOOST_AUTO_TEST_CASE(templates_are_told_of_when_they_change) {
  auto one = read<k8s::apps::v1::Deployment>(
      "{metadata: {name: web, generation: 2}, spec: {template: {metadata: {annotations: "
      "{container.apparmor.security.beta.kubernetes.io/c: unconfined}}, spec: "
      "{containers: [{name: c, image: x}]}}}}");
  std::vector<std::string> wanted{
      "spec.template.metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: "
      "deprecated since v1.30; use the \"appArmorProfile\" field instead"};
  auto said = schema::warnings_about(one, nullptr);
  BOOST_TEST(said == wanted, boost::test_tools::per_element());
  auto old = one;
  BOOST_TEST(schema::warnings_about(one, &old).empty());
  old.mutable_metadata()->set_generation(1);
  said = schema::warnings_about(one, &old);
  BOOST_TEST(said == wanted, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
