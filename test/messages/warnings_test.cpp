// What clients are warned of, in the words that kubectl shows.
#include "messages/schema/warnings.hpp"

#include "messages/api/deployment.pb.h"
#include "messages/api/pod.pb.h"
#include "messages/codec/json_decode.hpp"
#include "messages/codec/yaml.hpp"
#include "messages/schema/kind.hpp"

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

BOOST_AUTO_TEST_CASE(what_is_said_of_objects_that_make_no_pods) {
  struct row {
    std::string yaml, said;
  };
  auto service = [](const std::string& spec) {
    return "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: " + spec;
  };
  for (
      auto& r : {
          row{service("{type: ClusterIP, clusterIP: 10.0.0.1, sessionAffinity: None}"), ""},
          row{service("{type: ClusterIP, clusterIP: None, sessionAffinity: ClientIP}"),
              "spec.SessionAffinity is ignored for headless services"},
          row{service("{type: ClusterIP, externalIPs: [1.2.3.4], sessionAffinity: None}"),
              "spec.externalIPs is deprecated"},
          row{service("{type: NodePort, externalName: x, sessionAffinity: None}"),
              "spec.externalName is ignored when spec.type is not \"ExternalName\""},
          row{service("{type: ClusterIP, sessionAffinity: None, trafficDistribution: PreferClose}"),
              "spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\""},
          row{service("{type: LoadBalancer, sessionAffinity: None, loadBalancerIP: 'FD00:0::1'}"),
              "spec.loadBalancerIP: IPv6 address \"FD00:0::1\" should be in RFC 5952 canonical "
              "format (\"fd00::1\")"},
          row{"apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: a, annotations: "
              "{volume.beta.kubernetes.io/storage-class: s}}\nspec: {capacity: {storage: 1500m}, "
              "persistentVolumeReclaimPolicy: Recycle, rbd: {image: i}}",
              "metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since "
              "v1.8; use \"storageClassName\" attribute instead | "
              "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. "
              "Instead, the recommended approach is to use dynamic provisioning. | "
              "spec.capacity[storage]: fractional byte value \"1500m\" is invalid, must be an "
              "integer | spec.rbd: deprecated in v1.28, non-functional in v1.31+"},
          row{"apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: a}\nspec: {resources: "
              "{requests: {storage: 1500m}}}",
              "spec.resources.requests[storage]: fractional byte value \"1500m\" is invalid, must "
              "be an integer"},
          row{"apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: "
              "a}\nallowedTopologies: [{matchLabelExpressions: [{key: "
              "node-role.kubernetes.io/master, values: [x]}]}]",
              "allowedTopologies[0].matchLabelExpressions[0]: use "
              "\"node-role.kubernetes.io/control-plane\" instead"},
          row{"apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ntype: kubernetes.io/tls\ndata: "
              "{tls.crt: YQ==, tls.key: YQ==}",
              "tls: failed to find any PEM data in certificate input"},
          row{"apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a, annotations: "
              "{kubernetes.io/ingress.class: x}}",
              "annotation \"kubernetes.io/ingress.class\" is deprecated, please use "
              "'spec.ingressClassName' instead"},
          row{"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: "
              "a}\naddressType: FQDN",
              "spec.addressType: FQDN endpoints are deprecated"},
      }) {
    auto text = yaml::to_json(r.yaml)->at(0).json;
    auto named = *codec::peek_type(text);
    auto& kind = *schema::registry::built_in()->by_kind(named.api_version, named.kind);
    std::unique_ptr<google::protobuf::Message> object(kind.prototype->New());
    BOOST_REQUIRE(codec::from_json(text, *object));
    std::string all;
    for (auto& w : schema::warnings_about(*object, nullptr)) all += (all.empty() ? "" : " | ") + w;
    BOOST_TEST(all == r.said);
  }
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
  says("{containers: [{name: c, image: x}], volumes: [{name: v, projected: {sources: "
       "[{serviceAccountToken: {path: t}}, {secret: {items: [{key: k, path: t}]}}]}}]}",
       {"spec.volumes[0].projected.sources.secrets[0]: has duplicated path with "
        "ServiceAccountToken \"t\""});
  says("{containers: [{name: c, image: x, ports: [{containerPort: 80, protocol: TCP, hostIP: "
       "1.2.3.4}]}]}",
       {"spec.containers[0].ports[0]: hostIP set without hostPort: {Name: HostPort:0 "
        "ContainerPort:80 Protocol:TCP HostIP:1.2.3.4}"});
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
