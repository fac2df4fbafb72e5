// What users see of the company, on a stage: conversations of controllers and the API, in no time.
#include "actors/client/test_cluster.hpp"
#include "messages/api/autoscaling_v2.pb.h"
#include "messages/api/certificate.pb.h"
#include "messages/api/claim.pb.h"
#include "messages/api/config.pb.h"
#include "messages/api/cron_job.pb.h"
#include "messages/api/deployment.pb.h"
#include "messages/api/event.pb.h"
#include "messages/api/namespace.pb.h"
#include "messages/api/node.pb.h"
#include "messages/api/persistent_volume.pb.h"
#include "messages/api/pod.pb.h"
#include "messages/api/quota.pb.h"
#include "messages/api/replica_set.pb.h"
#include "messages/api/storage_class.pb.h"
#include "net/tls/authority.hpp"
#include "test/support/read_typed.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>

BOOST_AUTO_TEST_SUITE(company_test)

using namespace troupe;
using namespace troupe::client;
using namespace k8s::core::v1;
using namespace std::chrono_literals;
using k8s::apps::v1::Deployment;
using k8s::apps::v1::ReplicaSet;
using k8s::batch::v1::CronJob;

namespace {

struct scene {
  test_stage stage{1};
  test_cluster company;
  client::cluster here{company.admin()};

  explicit scene(unsigned nodes = 0) : company{stage, {.nodes = nodes}} {
    stage.run(1s); // namespaces get their accounts
  }

  template<class Object> Object create(const std::string& text) {
    auto made = here.create(test::read_typed<Object>(text));
    BOOST_REQUIRE_MESSAGE(made, (made ? "" : made.error().message));
    return std::move(*made);
  }
  template<class Object> Object get(const std::string& name, const char* ns = "default") {
    auto got = here.get<Object>(ns, name);
    BOOST_REQUIRE_MESSAGE(got, (got ? "" : got.error().message));
    return std::move(*got);
  }
  /// The events about an object of that name: "Reason: message".
  std::vector<std::string> told(const std::string& name) {
    std::vector<std::string> out;
    auto all = here.list<Event>();
    BOOST_REQUIRE(all);
    for (auto& e : *all)
      if (e.involved_object().name() == name) out.push_back(e.reason() + ": " + e.message());
    return out;
  }
};

std::string used(const ResourceQuota& q) {
  auto hit = q.status().used().find("pods");
  return hit == q.status().used().end() ? "nothing" : hit->second.string();
}

std::string volume_text(const std::string& name, const std::string& size, const std::string& modes,
                        const std::string& more = "") {
  return R"({"apiVersion":"v1","kind":"PersistentVolume","metadata":{"name":")" + name +
         R"("},"spec":{"capacity":{"storage":")" + size + R"("},"accessModes":)" + modes +
         R"(,"hostPath":{"path":"/mnt/v"})" + more + "}}";
}

/// Of no class, as the volumes are, unless one is given.
std::string claim_text(const std::string& name, const std::string& of_class = "") {
  return R"({"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":")" + name +
         R"(","namespace":"default"},"spec":{"storageClassName":")" + of_class +
         R"(","accessModes":["ReadWriteOnce"],
         "resources":{"requests":{"storage":"1Gi"}}}})";
}

std::string replica_set_text(const std::string& name, int replicas,
                             const std::string& ns = "default") {
  return R"({"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"name":")" + name +
         R"(","namespace":")" + ns + R"("},"spec":{"replicas":)" + std::to_string(replicas) +
         R"(,"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":
         "web"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}})";
}

/// The one pod of the namespace cannot go.
void hold_a_pod(scene& s, const std::string& ns) {
  auto pods = s.here.list<Pod>({.ns = ns});
  BOOST_REQUIRE(pods);
  BOOST_REQUIRE(pods->size() == 1);
  auto& pod = pods->front();
  pod.mutable_metadata()->add_finalizers("example.com/held");
  BOOST_REQUIRE(s.here.update(pod));
}

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

} // namespace

// Before, the scope that the pod had left counted it until somebody else gave something back.
BOOST_AUTO_TEST_CASE(a_pod_that_gets_a_deadline_moves_from_one_scope_to_the_other_at_once) {
  scene s;
  for (std::string scope : {"Terminating", "NotTerminating"})
    s.create<ResourceQuota>(R"({"apiVersion":"v1","kind":"ResourceQuota","metadata":{"name":")" +
                            std::string(scope == "Terminating" ? "short" : "long") +
                            R"(","namespace":"default"},"spec":{"hard":{"pods":"5"},"scopes":[")" +
                            scope + R"("]}})");
  s.stage.run(1s);
  auto pod = s.create<Pod>(R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":
      "default"},"spec":{"containers":[{"name":"c","image":"i"}]}})");
  BOOST_TEST(used(s.get<ResourceQuota>("long")) == "1");
  BOOST_TEST(used(s.get<ResourceQuota>("short")) == "0");
  pod = s.get<Pod>("p");
  pod.mutable_spec()->set_active_deadline_seconds(600);
  auto ok = s.here.update(pod);
  BOOST_REQUIRE_MESSAGE(ok, (ok ? "" : ok.error().message));
  BOOST_TEST(used(s.get<ResourceQuota>("long")) == "0");
  BOOST_TEST(used(s.get<ResourceQuota>("short")) == "1");
}

BOOST_AUTO_TEST_CASE(what_a_cron_job_has_started_is_named_with_its_version) {
  scene s;
  s.create<CronJob>(R"({"apiVersion":"batch/v1","kind":"CronJob","metadata":{"name":"c",
      "namespace":"default"},"spec":{"schedule":"* * * * *","jobTemplate":{"spec":{"template":{
      "spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"i"}]}}}}}})");
  BOOST_REQUIRE(
      s.stage.run_until([&] { return s.get<CronJob>("c").status().active_size() > 0; }, 2min));
  s.stage.run(5s);
  auto ref = s.get<CronJob>("c").status().active(0);
  auto job = s.get<k8s::batch::v1::Job>(ref.name());
  BOOST_TEST(ref.api_version() == "batch/v1");
  BOOST_TEST(ref.kind() == "Job");
  BOOST_TEST(ref.namespace_() == "default");
  BOOST_TEST(ref.uid() == job.metadata().uid());
  BOOST_REQUIRE(!ref.resource_version().empty());
  BOOST_TEST(std::stoull(ref.resource_version()) <= std::stoull(job.metadata().resource_version()));
}

BOOST_AUTO_TEST_CASE(a_secret_that_asks_for_an_accounts_token_gets_it_and_goes_with_the_account) {
  scene s;
  auto secret = [](const std::string& name, const std::string& account) {
    return R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":")" + name +
           R"(","namespace":"default","annotations":{"kubernetes.io/service-account.name":")" +
           account + R"("}},"type":"kubernetes.io/service-account-token"})";
  };
  s.create<ServiceAccount>(R"({"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":
      "robot","namespace":"default"},"secrets":[{"name":"key"},{"name":"other"}]})");
  s.create<Secret>(secret("key", "robot"));
  s.create<Secret>(secret("stray", "nobody"));
  s.stage.run(1s);
  auto key = s.get<Secret>("key");
  BOOST_TEST(key.data().at("namespace") == "default");
  BOOST_TEST(key.data().contains("ca.crt"));
  BOOST_TEST(std::count(key.data().at("token").begin(), key.data().at("token").end(), '.') == 2);
  BOOST_TEST(key.metadata().annotations().at("kubernetes.io/service-account.uid") ==
             s.get<ServiceAccount>("robot").metadata().uid());
  BOOST_TEST(!s.here.get<Secret>("default", "stray"));

  BOOST_REQUIRE(s.here.remove<Secret>("default", "key"));
  s.stage.run(1s);
  auto robot = s.get<ServiceAccount>("robot");
  BOOST_REQUIRE(robot.secrets_size() == 1);
  BOOST_TEST(robot.secrets(0).name() == "other");

  s.create<Secret>(secret("again", "robot"));
  s.stage.run(1s);
  BOOST_REQUIRE(s.here.remove<ServiceAccount>("default", "robot"));
  s.stage.run(1s);
  BOOST_TEST(!s.here.get<Secret>("default", "again"));
}

BOOST_AUTO_TEST_CASE(what_is_approved_is_signed) {
  scene s;
  auto key = tls::make_key();
  BOOST_REQUIRE(key);
  auto pem = tls::make_request(*key, {.common_name = "jane", .organizations = {"team"}});
  BOOST_REQUIRE(pem);
  k8s::certificates::v1::CertificateSigningRequest r;
  r.mutable_metadata()->set_name("jane");
  r.mutable_spec()->set_request(*pem);
  r.mutable_spec()->set_signer_name("kubernetes.io/kube-apiserver-client");
  r.mutable_spec()->add_usages("client auth");
  BOOST_REQUIRE(s.here.create(r));
  s.stage.run(1s);
  auto approved =
      R"({"status":{"conditions":[{"type":"Approved","status":"True","reason":"me"}]}})";
  kind_name kind = kind_of<k8s::certificates::v1::CertificateSigningRequest>();
  auto ok = s.here.patch(kind, {}, "jane", *json::parse(approved), "approval");
  BOOST_REQUIRE_MESSAGE(ok, (ok ? "" : ok.error().message));
  s.stage.run(1s);
  auto got = s.here.get<k8s::certificates::v1::CertificateSigningRequest>({}, "jane");
  BOOST_REQUIRE(got);
  auto made = tls::read_certificate(got->status().certificate());
  BOOST_REQUIRE_MESSAGE(made, "no certificate");
  BOOST_TEST(made->common_name == "jane");
  BOOST_TEST(made->client_auth);
  s.stage.run(2h);
  BOOST_TEST(!s.here.get<k8s::certificates::v1::CertificateSigningRequest>({}, "jane"));
}

BOOST_AUTO_TEST_CASE(while_others_make_its_volume_a_pod_says_where_it_will_be) {
  scene s{2};
  s.create<k8s::storage::v1::StorageClass>(R"({"apiVersion":"storage.k8s.io/v1","kind":
      "StorageClass","metadata":{"name":"disk"},"provisioner":"example.com/disk",
      "volumeBindingMode":"WaitForFirstConsumer"})");
  s.create<PersistentVolumeClaim>(R"({"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":
      {"name":"data","namespace":"default"},"spec":{"storageClassName":"disk","accessModes":
      ["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}})");
  s.create<Pod>(R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"default"},
      "spec":{"containers":[{"name":"c","image":"i"}],"volumes":[{"name":"v",
      "persistentVolumeClaim":{"claimName":"data"}}]}})");
  s.stage.run(10s);
  auto pod = s.get<Pod>("p");
  BOOST_TEST(pod.spec().node_name() == "");
  BOOST_TEST(pod.status().nominated_node_name() ==
             s.get<PersistentVolumeClaim>("data").metadata().annotations().at(
                 "volume.kubernetes.io/selected-node"));
  BOOST_TEST(!pod.status().nominated_node_name().empty());
}

// Before, the claim said for ever that it waited for a first consumer.
BOOST_AUTO_TEST_CASE(a_claim_says_which_pods_it_waits_for_if_they_find_no_place) {
  scene s{1};
  s.create<PersistentVolumeClaim>(R"({"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":
      {"name":"data","namespace":"default"},"spec":{"accessModes":["ReadWriteOnce"],"resources":
      {"requests":{"storage":"1Gi"}}}})");
  auto pod = [](const std::string& name) {
    return R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":")" + name +
           R"(","namespace":"default"},"spec":{"nodeSelector":{"no":"where"},"containers":[{"name":
           "c","image":"i"}],"volumes":[{"name":"v","persistentVolumeClaim":{"claimName":"data"}}]}})";
  };
  s.stage.run(1s);
  BOOST_TEST(contains(s.told("data"), "WaitForFirstConsumer: waiting for first consumer to be "
                                      "created before binding"));
  s.create<Pod>(pod("one"));
  s.stage.run(20s);
  BOOST_TEST(contains(s.told("data"), "WaitForPodScheduled: waiting for pod one to be scheduled"));
  s.create<Pod>(pod("two"));
  s.stage.run(20s);
  BOOST_TEST(
      contains(s.told("data"), "WaitForPodScheduled: waiting for pods one,two to be scheduled"));
}

// Before, the smallest was taken, although another claim may need all that it can do.
BOOST_AUTO_TEST_CASE(a_claim_takes_the_volume_that_can_do_least_beyond_its_wish) {
  scene s;
  s.create<PersistentVolume>(volume_text("small", "1Gi", R"(["ReadWriteOnce","ReadWriteMany"])"));
  s.create<PersistentVolume>(volume_text("large", "5Gi", R"(["ReadWriteOnce"])"));
  s.create<PersistentVolume>(volume_text("largest", "9Gi", R"(["ReadWriteOnce"])"));
  s.stage.run(1s);
  s.create<PersistentVolumeClaim>(claim_text("data"));
  s.stage.run(1s);
  BOOST_TEST(s.get<PersistentVolumeClaim>("data").spec().volume_name() == "large");
}

// Before, a claim for a file system was bound to a block device that somebody had kept for it.
BOOST_AUTO_TEST_CASE(a_volume_that_is_kept_for_a_claim_but_of_another_mode_is_not_taken) {
  scene s;
  s.create<PersistentVolume>(
      volume_text("raw", "1Gi", R"(["ReadWriteOnce"])",
                  R"(,"volumeMode":"Block","claimRef":{"namespace":"default","name":"data"})"));
  s.create<PersistentVolumeClaim>(claim_text("data"));
  s.stage.run(1s);
  BOOST_TEST(s.get<PersistentVolumeClaim>("data").status().phase() == "Pending");
}

// Before, the volume stayed out of everybody's reach.
BOOST_AUTO_TEST_CASE(a_volume_whose_claim_is_bound_elsewhere_can_be_had_again) {
  scene s;
  s.create<PersistentVolume>(volume_text("one", "1Gi", R"(["ReadWriteOnce"])"));
  s.create<PersistentVolumeClaim>(claim_text("data"));
  s.stage.run(1s);
  auto claim = s.get<PersistentVolumeClaim>("data");
  BOOST_TEST(claim.spec().volume_name() == "one");
  s.create<PersistentVolume>(
      volume_text("two", "1Gi", R"(["ReadWriteOnce"])",
                  R"(,"claimRef":{"namespace":"default","name":"data","uid":")" +
                      claim.metadata().uid() + R"("})"));
  s.stage.run(1s);
  auto two = s.get<PersistentVolume>("two", "");
  BOOST_TEST(two.status().phase() == "Available");
  BOOST_TEST(two.spec().claim_ref().uid() == "");
  BOOST_TEST(s.get<PersistentVolume>("one", "").status().phase() == "Bound");
}

BOOST_AUTO_TEST_CASE(a_claim_whose_volume_is_gone_says_that_the_data_is_lost) {
  scene s;
  auto made = s.create<PersistentVolume>(volume_text("one", "1Gi", R"(["ReadWriteOnce"])"));
  s.create<PersistentVolumeClaim>(claim_text("data"));
  s.stage.run(1s);
  BOOST_REQUIRE(s.here.remove<PersistentVolume>("", "one"));
  auto bare = s.get<PersistentVolume>("one", "");
  bare.mutable_metadata()->clear_finalizers();
  BOOST_REQUIRE(s.here.update(bare));
  s.stage.run(1s);
  BOOST_TEST(s.get<PersistentVolumeClaim>("data").status().phase() == "Lost");
  BOOST_TEST(contains(s.told("data"), "ClaimLost: Bound claim has lost its PersistentVolume. Data "
                                      "on the volume is lost!"));
}

// Before, it said so once, and an hour later nobody could know any more.
BOOST_AUTO_TEST_CASE(a_claim_that_waits_says_why_as_long_as_it_waits) {
  scene s;
  s.create<PersistentVolumeClaim>(claim_text("data"));
  s.stage.run(3h);
  BOOST_TEST(contains(s.told("data"), "FailedBinding: no persistent volumes available for this "
                                      "claim and no storage class is set"));
}

BOOST_AUTO_TEST_CASE(a_pod_that_waits_says_why_as_long_as_it_waits) {
  scene s;
  s.create<Pod>(R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"default"},
      "spec":{"containers":[{"name":"c","image":"i"}]}})");
  s.stage.run(3h);
  BOOST_TEST(contains(s.told("p"), "FailedScheduling: no nodes available to schedule pods"));
}

// Before, it waited for somebody outside, without a word of a mistake.
BOOST_AUTO_TEST_CASE(a_claim_of_a_driver_that_is_no_more_says_so) {
  scene s;
  s.create<k8s::storage::v1::StorageClass>(R"({"apiVersion":"storage.k8s.io/v1","kind":
      "StorageClass","metadata":{"name":"old"},"provisioner":"kubernetes.io/glusterfs"})");
  s.create<PersistentVolumeClaim>(claim_text("data", "old"));
  s.stage.run(1s);
  BOOST_TEST(contains(s.told("data"), "ProvisioningFailed: no volume plugin matched name: "
                                      "kubernetes.io/glusterfs"));
}

// Before, a claim went as soon as the pod was over: whoever kept the pod had nothing to look into.
BOOST_AUTO_TEST_CASE(a_claim_stays_as_long_as_a_pod_that_used_it_is_there) {
  scene s;
  s.create<PersistentVolumeClaim>(claim_text("data"));
  auto pod = s.create<Pod>(R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":
      "default"},"spec":{"nodeName":"far","containers":[{"name":"c","image":"i"}],"volumes":[{
      "name":"v","persistentVolumeClaim":{"claimName":"data"}}]}})");
  pod.mutable_status()->set_phase("Succeeded");
  BOOST_REQUIRE(s.here.update_status(pod));
  s.stage.run(1s);
  BOOST_REQUIRE(s.here.remove<PersistentVolumeClaim>("default", "data"));
  s.stage.run(1s);
  BOOST_TEST(s.get<PersistentVolumeClaim>("data").metadata().has_deletion_timestamp());
  BOOST_REQUIRE(s.here.remove<Pod>("default", "p"));
  s.stage.run(1s);
  BOOST_TEST(!s.here.get<PersistentVolumeClaim>("default", "data"));
}

// Before, the set took them for its own, and they went with it.
BOOST_AUTO_TEST_CASE(a_set_adopts_no_pods_that_are_over) {
  scene s;
  auto pod = [](const std::string& name) {
    return R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":")" + name +
           R"(","namespace":"default","labels":{"app":"web"}},"spec":{"containers":[{"name":"c",
           "image":"i"}]}})";
  };
  s.create<Pod>(pod("runs"));
  auto over = s.create<Pod>(pod("over"));
  over.mutable_status()->set_phase("Succeeded");
  BOOST_REQUIRE(s.here.update_status(over));
  s.create<ReplicaSet>(replica_set_text("web", 1));
  s.stage.run(1s);
  BOOST_TEST(s.get<Pod>("runs").metadata().owner_references_size() == 1);
  BOOST_TEST(s.get<Pod>("over").metadata().owner_references_size() == 0);
}

// Before, the sets of a namespace that went told of failures, and tried again and again.
BOOST_AUTO_TEST_CASE(in_a_namespace_that_goes_no_set_fails_for_want_of_pods) {
  scene s;
  s.create<Namespace>(R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"old"}})");
  s.stage.run(1s);
  s.create<ReplicaSet>(replica_set_text("web", 1, "old"));
  s.stage.run(1s);
  hold_a_pod(s, "old");
  BOOST_REQUIRE(s.here.remove<Namespace>("", "old"));
  s.stage.run(5s);
  auto set = s.get<ReplicaSet>("web", "old");
  BOOST_TEST(set.status().conditions_size() == 0);
  BOOST_TEST(set.status().replicas() == 0);
}

BOOST_AUTO_TEST_CASE(in_a_namespace_that_goes_no_rollout_fails_for_want_of_a_set) {
  scene s;
  s.create<Namespace>(R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"old"}})");
  s.stage.run(1s);
  s.create<Deployment>(R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web",
      "namespace":"old"},"spec":{"replicas":1,"selector":{"matchLabels":{"app":"web"}},"template":{
      "metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}})");
  s.stage.run(1s);
  hold_a_pod(s, "old");
  BOOST_REQUIRE(s.here.remove<Namespace>("", "old"));
  s.stage.run(1s);
  auto web = s.get<Deployment>("web", "old");
  web.mutable_spec()->mutable_template_()->mutable_spec()->mutable_containers(0)->set_image("j");
  BOOST_REQUIRE(s.here.update(web));
  s.stage.run(5s);
  web = s.get<Deployment>("web", "old");
  for (auto& c : web.status().conditions()) BOOST_TEST(c.reason() != "ReplicaSetCreateError");
}

BOOST_AUTO_TEST_CASE(an_autoscaler_keeps_its_bounds_and_says_what_it_cannot_measure) {
  using k8s::autoscaling::v2::HorizontalPodAutoscaler;
  scene s(2);
  s.create<Deployment>(R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web",
      "namespace":"default"},"spec":{"replicas":5,"selector":{"matchLabels":{"app":"web"}},
      "template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"c",
      "image":"i"}]}}}})");
  s.create<HorizontalPodAutoscaler>(R"({"apiVersion":"autoscaling/v2","kind":
      "HorizontalPodAutoscaler","metadata":{"name":"web","namespace":"default"},"spec":{
      "maxReplicas":3,"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"web"},
      "metrics":[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization",
      "averageUtilization":50}}}]}})");
  auto reason = [&](const char* type) {
    auto scaler = s.get<HorizontalPodAutoscaler>("web");
    for (auto& c : scaler.status().conditions())
      if (c.type() == type) return c.status() + " " + c.reason();
    return std::string();
  };
  s.stage.run(1s);
  BOOST_TEST(s.get<Deployment>("web").spec().replicas() == 3);
  BOOST_TEST(contains(s.told("web"), "SuccessfulRescale: New size: 3; reason: Current number of "
                                     "replicas above Spec.MaxReplicas"));
  s.stage.run(30s); // pretended pods use nothing that could be measured
  BOOST_TEST(reason("ScalingActive") == "False FailedGetResourceMetric");
  BOOST_TEST(reason("AbleToScale") == "True SucceededGetScale");
  BOOST_REQUIRE(s.here.remove<Deployment>("default", "web"));
  s.stage.run(30s);
  BOOST_TEST(reason("AbleToScale") == "False FailedGetScale");
}

BOOST_AUTO_TEST_SUITE_END()
