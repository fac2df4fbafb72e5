// What a node may read and write through the API: one row for each rule.
#include "actors/gateway/fields.hpp"
#include "actors/gateway/node_authorizer.hpp"
#include "actors/gateway/node_restriction.hpp"
#include "actors/gateway/object.hpp"
#include "messages/api/authentication.pb.h"
#include "messages/api/lease.pb.h"
#include "messages/api/node.pb.h"
#include "messages/api/persistent_volume.pb.h"
#include "messages/api/claim.pb.h"
#include "messages/api/pod.pb.h"
#include "messages/codec/json_decode.hpp"
#include "test/support/store_fixture.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(node_rights_test)

using namespace troupe;
using gateway::attributes;

namespace {

template<class Object> Object read(const std::string& json) {
  Object out;
  auto done = codec::from_json(json, out);
  if (!done) BOOST_FAIL(done.error().message);
  return out;
}

/// A cluster of two nodes: what runs on "a" refers to one object of each kind, and so on "b".
struct cluster : test::store_fixture {
  cluster() {
    for (std::string n : {"a", "b"}) {
      put("pods", read<k8s::core::v1::Pod>(pod(n)));
      put("persistentvolumeclaims",
          read<k8s::core::v1::PersistentVolumeClaim>(
              R"({"metadata":{"name":"claim-)" + n +
              R"(","namespace":"ns"},"spec":{"volumeName":"volume-)" + n + R"("}})"));
      put("persistentvolumes",
          read<k8s::core::v1::PersistentVolume>(
              R"({"metadata":{"name":"volume-)" + n +
              R"("},"spec":{"claimRef":{"namespace":"ns","name":"claim-)" + n + R"("}}})"));
    }
    put("pods", read<k8s::core::v1::Pod>(
                    R"({"metadata":{"name":"mirror","namespace":"ns","annotations":{
                    "kubernetes.io/config.mirror":"x"}},"spec":{"nodeName":"a","volumes":[{
                    "name":"v","secret":{"secretName":"secret-m"}}]}})"));
  }

  static std::string pod(const std::string& n) {
    return R"({"metadata":{"name":"pod-)" + n + R"(","namespace":"ns","uid":"uid-)" + n +
           R"("},"spec":{"nodeName":")" + n + R"(","serviceAccountName":"account-)" + n +
           R"(","imagePullSecrets":[{"name":"pull-)" + n +
           R"("}],"containers":[{"name":"c","envFrom":[{"configMapRef":{"name":"map-)" + n +
           R"("}}]}],"volumes":[{"name":"v","secret":{"secretName":"secret-)" + n +
           R"("}},{"name":"w","persistentVolumeClaim":{"claimName":"claim-)" + n + R"("}}]}})";
  }

  bool may(const attributes& wanted) const {
    return gateway::why_node_may_not("a", wanted, {&events}, store->current()).empty();
  }

  static gateway::policy_rule make_events() {
    gateway::policy_rule r;
    r.add_verbs("create");
    r.add_api_groups("");
    r.add_resources("events");
    return r;
  }

  gateway::policy_rule events = make_events();
};

/// "get secrets/secret-a", "create pods/status/p@group.io/ns", "list pods?node=a".
attributes wanted(std::string verb, std::string plural, std::string name = {}, std::string sub = {},
                  std::string ns = "ns", std::string group = {}) {
  return {.verb = std::move(verb),
          .group = std::move(group),
          .version = "v1",
          .plural = std::move(plural),
          .subresource = std::move(sub),
          .name = std::move(name),
          .ns = std::move(ns)};
}

attributes with_node(attributes a, std::string node) {
  a.of_node = std::move(node);
  return a;
}

} // namespace

BOOST_AUTO_TEST_CASE(only_members_of_the_group_are_nodes) {
  using gateway::node_of;
  BOOST_TEST(node_of({"system:node:a", {}, {"system:nodes"}, {}}).value() == "a");
  BOOST_TEST(!node_of({"system:node:a", {}, {"system:authenticated"}, {}}));
  BOOST_TEST(!node_of({"alice", {}, {"system:nodes"}, {}}));
}

BOOST_FIXTURE_TEST_CASE(a_node_reads_what_its_pods_refer_to_and_nothing_else, cluster) {
  struct row {
    attributes wanted;
    bool allowed;
  };
  const std::string storage = "storage.k8s.io", leases = "coordination.k8s.io";
  for (auto& r : {
           row{wanted("get", "secrets", "secret-a"), true},
           row{wanted("get", "secrets", "pull-a"), true},
           row{wanted("list", "secrets", "secret-a"), true},
           row{wanted("watch", "configmaps", "map-a"), true},
           row{wanted("get", "secrets", "secret-b"), false},
           row{wanted("get", "secrets", "secret-m"), false}, // of a mirror pod
           row{wanted("get", "secrets", "secret-a", "", "other"), false},
           row{wanted("list", "secrets"), false},
           row{wanted("list", "configmaps", "", "", ""), false},
           row{wanted("update", "secrets", "secret-a"), false},
           row{wanted("delete", "configmaps", "map-a"), false},
           row{wanted("get", "persistentvolumeclaims", "claim-a"), true},
           row{wanted("get", "persistentvolumeclaims", "claim-b"), false},
           row{wanted("list", "persistentvolumeclaims", "claim-a"), false},
           row{wanted("patch", "persistentvolumeclaims", "claim-a", "status"), true},
           row{wanted("patch", "persistentvolumeclaims", "claim-b", "status"), false},
           row{wanted("get", "persistentvolumes", "volume-a", "", ""), true},
           row{wanted("get", "persistentvolumes", "volume-b", "", ""), false},
           row{wanted("list", "persistentvolumes", "", "", ""), false},
           row{wanted("create", "serviceaccounts", "account-a", "token"), true},
           row{wanted("create", "serviceaccounts", "account-b", "token"), false},
           row{wanted("get", "serviceaccounts", "account-a"), false},
           row{wanted("get", "pods", "pod-a"), true},
           row{wanted("get", "pods", "pod-b"), false},
           row{wanted("list", "pods", "", "", ""), false},
           row{with_node(wanted("list", "pods", "", "", ""), "a"), true},
           row{with_node(wanted("watch", "pods", "", "", ""), "b"), false},
           row{wanted("patch", "pods", "pod-a", "status"), true},
           row{wanted("patch", "pods", "pod-b", "status"), false},
           row{wanted("update", "pods", "pod-a"), false},
           row{wanted("delete", "pods", "pod-a"), true},
           row{wanted("delete", "pods", "pod-b"), false},
           row{wanted("create", "pods", "pod-a", "eviction"), true},
           row{wanted("create", "pods", "pod-b", "eviction"), false},
           row{wanted("create", "pods", "pod-a", "binding"), false},
           row{wanted("create", "pods", "pod-a", "exec"), false},
           row{wanted("get", "nodes", "a", "", ""), true},
           row{wanted("get", "nodes", "b", "", ""), false},
           row{wanted("list", "nodes", "", "", ""), false},
           row{wanted("watch", "nodes", "a", "", ""), true},
           row{wanted("create", "nodes", "", "", ""), true},
           row{wanted("patch", "nodes", "a", "status", ""), true},
           row{wanted("patch", "nodes", "b", "status", ""), false},
           row{wanted("delete", "nodes", "a", "", ""), false},
           row{wanted("update", "leases", "a", "", "kube-node-lease", leases), true},
           row{wanted("update", "leases", "b", "", "kube-node-lease", leases), false},
           row{wanted("update", "leases", "a", "", "kube-system", leases), false},
           row{wanted("create", "leases", "", "", "kube-node-lease", leases), true},
           row{wanted("list", "leases", "", "", "kube-node-lease", leases), false},
           row{wanted("update", "csinodes", "a", "", "", storage), true},
           row{wanted("get", "csinodes", "b", "", "", storage), false},
           row{wanted("create", "events"), true}, // by the role
           row{wanted("get", "events", "e"), false},
           row{wanted("create", "deployments", "", "", "ns", "apps"), false},
       })
    BOOST_TEST(may(r.wanted) == r.allowed,
               r.wanted.verb << " " << r.wanted.plural << "/" << r.wanted.name << " "
                             << r.wanted.subresource << " in " << r.wanted.ns);
}

BOOST_AUTO_TEST_CASE(a_node_changes_its_own_node_but_for_what_administrators_trust_in) {
  using k8s::core::v1::Node;
  auto& kind = *schema::registry::built_in()->by_resource("", "v1", "nodes");
  struct row {
    const char *old, *fresh, *words;
  };
  for (auto& r : {
           row{nullptr, R"({"metadata":{"name":"a","labels":{"kubernetes.io/hostname":"a"}}})", ""},
           row{nullptr, R"({"metadata":{"name":"b"}})", "not allowed to modify node \"b\""},
           row{nullptr,
               R"({"metadata":{"name":"a","labels":{"node-restriction.kubernetes.io/x":"1"}}})",
               "following labels: node-restriction.kubernetes.io/x"},
           row{nullptr,
               R"({"metadata":{"name":"a","labels":{"a.node-restriction.kubernetes.io/x":"1"}}})",
               "following labels"},
           row{nullptr,
               R"({"metadata":{"name":"a","labels":{"node-role.kubernetes.io/control-plane":""}}})",
               "following labels: node-role"},
           row{R"({"metadata":{"name":"a"}})",
               R"({"metadata":{"name":"a","labels":{"mine":"1","node.kubernetes.io/disk":"ssd"}}})",
               ""},
           row{R"({"metadata":{"name":"a","labels":{"node-restriction.kubernetes.io/x":"1"}}})",
               R"({"metadata":{"name":"a"}})", "modify labels: node-restriction"},
           row{R"({"metadata":{"name":"a","labels":{"x.k8s.io/t":"1"}}})",
               R"({"metadata":{"name":"a","labels":{"x.k8s.io/t":"2"}}})", "modify labels"},
           row{R"({"metadata":{"name":"a"}})",
               R"({"metadata":{"name":"a"},"spec":{"taints":[{"key":"k","effect":"NoExecute"}]}})",
               "modify taints"},
           row{R"({"metadata":{"name":"a"}})",
               R"({"metadata":{"name":"a","ownerReferences":[{"name":"x"}]}})",
               "modify ownerReferences"},
           row{R"({"metadata":{"name":"b"}})", R"({"metadata":{"name":"b"}})",
               "not allowed to modify node"},
       }) {
    auto fresh = read<Node>(r.fresh);
    auto old = read<Node>(r.old ? r.old : "{}");
    auto why = gateway::why_node_may_not_write({"a", kind, "", fresh, r.old ? &old : nullptr});
    BOOST_TEST((*r.words ? why.find(r.words) != std::string::npos : why.empty()),
               r.fresh << ": " << why);
  }
}

BOOST_AUTO_TEST_CASE(a_node_makes_mirror_pods_that_refer_to_nothing) {
  using k8s::core::v1::Pod;
  auto& kind = *schema::registry::built_in()->by_resource("", "v1", "pods");
  const std::string head =
      R"({"metadata":{"name":"p","annotations":{"kubernetes.io/config.mirror":"x"},"ownerReferences":[
      {"apiVersion":"v1","kind":"Node","name":"a","uid":"u"}]},"spec":{)";
  const std::string good = head + R"("nodeName":"a")";
  struct row {
    std::string pod;
    const char* words;
  };
  for (auto& r : {
           row{good + "}}", ""},
           row{R"({"metadata":{"name":"p"},"spec":{"nodeName":"a"}})", "only create mirror pods"},
           row{head + R"("nodeName":"b"}})", "spec.nodeName set to itself"},
           row{R"({"metadata":{"name":"p","annotations":{"kubernetes.io/config.mirror":"x"}},
               "spec":{"nodeName":"a"}})",
               "owner reference"},
           row{good + R"(,"serviceAccountName":"s"}})", "service account"},
           row{good + R"(,"volumes":[{"name":"v","secret":{"secretName":"s"}}]}})", "secrets"},
           row{good + R"(,"containers":[{"name":"c","envFrom":[{"secretRef":{"name":"s"}}]}]}})",
               "secrets"},
           row{good + R"(,"containers":[{"name":"c","env":[{"name":"e","valueFrom":{
               "configMapKeyRef":{"name":"s","key":"k"}}}]}]}})",
               "configmaps"},
           row{good + R"(,"volumes":[{"name":"v","persistentVolumeClaim":{"claimName":"s"}}]}})",
               "persistentvolumeclaims"},
       }) {
    auto pod = read<Pod>(r.pod);
    auto why = gateway::why_node_may_not_write({"a", kind, "", pod, nullptr});
    BOOST_TEST((*r.words ? why.find(r.words) != std::string::npos : why.empty()),
               r.pod << ": " << why);
  }
}

BOOST_AUTO_TEST_CASE(a_node_tells_the_status_of_its_pods_only) {
  using k8s::core::v1::Pod;
  auto& kind = *schema::registry::built_in()->by_resource("", "v1", "pods");
  auto own = read<Pod>(cluster::pod("a")), other = read<Pod>(cluster::pod("b"));
  auto labelled = own;
  (*labelled.mutable_metadata()->mutable_labels())["app"] = "web";
  using gateway::why_node_may_not_write;
  BOOST_TEST(why_node_may_not_write({"a", kind, "status", own, &own}) == "");
  BOOST_TEST(why_node_may_not_write({"a", kind, "status", other, &other}) != "");
  BOOST_TEST(why_node_may_not_write({"a", kind, "status", labelled, &own}) != "");
  BOOST_TEST(why_node_may_not_write({"a", kind, "", own, &own}) != "");
  BOOST_TEST(gateway::why_node_may_not_remove("a", own, false) == "");
  BOOST_TEST(gateway::why_node_may_not_remove("a", other, false) != "");
  BOOST_TEST(gateway::why_node_may_not_remove("a", other, true) != "");
}

BOOST_AUTO_TEST_CASE(a_node_gets_tokens_bound_to_its_own_pods_only) {
  using k8s::core::v1::Pod;
  using reference = k8s::authentication::v1::BoundObjectReference;
  auto own = read<Pod>(cluster::pod("a")), other = read<Pod>(cluster::pod("b"));
  auto to = [](const char* kind, const char* name, const char* uid) {
    reference r;
    r.set_kind(kind);
    r.set_name(name);
    r.set_uid(uid);
    return r;
  };
  auto why = gateway::why_node_may_not_have_token;
  auto right = to("Pod", "pod-a", "uid-a");
  BOOST_TEST(why("a", "account-a", &right, &own) == "");
  BOOST_TEST(why("a", "account-a", nullptr, nullptr) != "");
  BOOST_TEST(why("a", "account-b", &right, &own) != "");
  auto secret = to("Secret", "s", "u"), without = to("Pod", "pod-a", ""),
       former = to("Pod", "pod-a", "uid-0"), theirs = to("Pod", "pod-b", "uid-b");
  BOOST_TEST(why("a", "account-a", &secret, nullptr) != "");
  BOOST_TEST(why("a", "account-a", &without, &own) != "");
  BOOST_TEST(why("a", "account-a", &former, &own) != "");
  BOOST_TEST(why("a", "account-b", &theirs, &other) != "");
}

BOOST_AUTO_TEST_CASE(a_node_renews_its_own_lease_only) {
  using k8s::coordination::v1::Lease;
  auto& kind = *schema::registry::built_in()->by_resource("coordination.k8s.io", "v1", "leases");
  auto lease = [](const char* ns, const char* name) {
    Lease l;
    l.mutable_metadata()->set_namespace_(ns);
    l.mutable_metadata()->set_name(name);
    return l;
  };
  auto why = [&](const Lease& l) {
    return gateway::why_node_may_not_write({"a", kind, "", l, nullptr});
  };
  BOOST_TEST(why(lease("kube-node-lease", "a")) == "");
  BOOST_TEST(why(lease("kube-node-lease", "b")) != "");
  BOOST_TEST(why(lease("default", "a")) != "");
}

BOOST_AUTO_TEST_SUITE_END()
