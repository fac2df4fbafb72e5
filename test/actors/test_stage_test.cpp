// The library's cluster on a stage: everything in one thread, and a day of waiting in no time.
#include "actors/client/controller.hpp"
#include "actors/client/test_cluster.hpp"
#include "messages/api/deployment.pb.h"
#include "messages/api/job.pb.h"
#include "messages/api/pod.pb.h"
#include "test/support/read_typed.hpp"

#include <boost/test/unit_test.hpp>

using namespace troupe;
using namespace troupe::client;
using namespace std::chrono_literals;

namespace {

const kind_name maps{"", "v1", "configmaps", "ConfigMap", true};

/// Counts how often each config map was planned for, and wants it again after an hour.
struct clockwork {
  controller_settings settings(const std::string& name) {
    return {.name = name, .primary = maps, .decide = [this](const view& now, const object_key& k) {
              plan out;
              if (k.name != "watched" || !now.find(maps, k)) return out;
              ++looks;
              out.again_after = 1h;
              return out;
            }};
  }
  int looks = 0;
};

json::value map(const char* name) {
  return json::object{{"apiVersion", "v1"},
                      {"kind", "ConfigMap"},
                      {"metadata", json::object{{"name", name}, {"namespace", "default"}}}};
}

void end(caf::actor& who) { caf::anon_send_exit(who, caf::exit_reason::user_shutdown); }

} // namespace

BOOST_AUTO_TEST_SUITE(test_stage_test)

BOOST_AUTO_TEST_CASE(a_controller_is_due_as_often_as_virtual_hours_pass) {
  test_stage stage{1};
  test_cluster cluster{stage, {.controllers = "none"}};
  auto here = cluster.admin();
  clockwork work;
  auto mine = run_controller(stage.system(), here, work.settings("clockwork"));
  BOOST_REQUIRE(here.create(maps, map("watched")));
  stage.run(30min);
  BOOST_TEST(work.looks == 1);
  stage.run(10h);
  BOOST_TEST(work.looks == 11);
  end(mine);
}

BOOST_AUTO_TEST_CASE(a_deployment_comes_up_and_a_job_meets_its_deadline) {
  test_stage stage{2};
  test_cluster cluster{stage, {.nodes = 3}};
  auto here = cluster.admin();
  BOOST_REQUIRE(here.create(test::read_typed<k8s::apps::v1::Deployment>(R"({"apiVersion":"apps/v1",
      "kind":"Deployment","metadata":{"name":"web","namespace":"default"},"spec":{"replicas":3,
      "selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},
      "spec":{"containers":[{"name":"c","image":"i"}]}}}})")));
  auto available = [&] {
    auto now = here.get<k8s::apps::v1::Deployment>("default", "web");
    return now && now->status().available_replicas() == 3;
  };
  BOOST_TEST(stage.run_until(available, 5min));
  BOOST_REQUIRE(
      here.create(test::read_typed<k8s::batch::v1::Job>(R"({"apiVersion":"batch/v1","kind":"Job",
      "metadata":{"name":"slow","namespace":"default"},"spec":{"activeDeadlineSeconds":7200,
      "template":{"metadata":{},"spec":{"restartPolicy":"Never","nodeSelector":{"no":"where"},
      "containers":[{"name":"c","image":"i"}]}}}})")));
  auto failed = [&] {
    auto now = here.get<k8s::batch::v1::Job>("default", "slow");
    for (auto& c : now->status().conditions())
      if (c.type() == "Failed" && c.status() == "True") return c.reason();
    return std::string{};
  };
  stage.run(119min);
  BOOST_TEST(failed() == "");
  stage.run(5min);
  BOOST_TEST(failed() == "DeadlineExceeded");
}

BOOST_AUTO_TEST_CASE(of_two_controllers_the_other_one_leads_when_its_time_has_come) {
  test_stage stage{3};
  test_cluster cluster{stage, {.controllers = "none"}};
  auto here = cluster.admin();
  clockwork first, second;
  auto leading = [&](clockwork& of) {
    auto out = of.settings("pair");
    out.lease_namespace = "default";
    out.lease_time = 15s;
    return out;
  };
  BOOST_REQUIRE(here.create(maps, map("watched")));
  auto one = run_controller(stage.system(), here, leading(first));
  BOOST_TEST(stage.run_until([&] { return first.looks > 0; }, 1min));
  auto other = run_controller(stage.system(), here, leading(second));
  stage.run(10min);
  BOOST_TEST(second.looks == 0);
  end(one);
  BOOST_TEST(stage.run_until([&] { return second.looks > 0; }, 1min));
  end(other);
}

BOOST_AUTO_TEST_CASE(the_same_seed_is_the_same_history) {
  auto play = [](uint64_t seed) {
    test_stage stage{seed};
    test_cluster cluster{stage, {.nodes = 2, .seed = seed}};
    auto here = cluster.admin();
    stage.run(1s); // pods need the default account
    BOOST_REQUIRE(
        here.create(test::read_typed<k8s::core::v1::Pod>(R"({"apiVersion":"v1","kind":"Pod",
        "metadata":{"name":"p","namespace":"default"},"spec":{"containers":[
        {"name":"c","image":"i"}]}})")));
    stage.run(1min);
    auto pod = here.get<k8s::core::v1::Pod>("default", "p");
    BOOST_REQUIRE(pod);
    return std::pair(stage.turns(), pod->spec().node_name() + pod->metadata().resource_version());
  };
  auto once = play(4), again = play(4);
  BOOST_TEST(once.first == again.first);
  BOOST_TEST(once.second == again.second);
}

BOOST_AUTO_TEST_CASE(somebody_else_has_only_his_rights) {
  test_stage stage{5};
  test_cluster cluster{stage};
  auto got = cluster.as("stranger", {}).list(maps);
  BOOST_REQUIRE(!got);
  BOOST_TEST((got.error().code == errc::forbidden));
}

BOOST_AUTO_TEST_SUITE_END()
