#include "actors/controllers/replica_set_plan.hpp"

#include "actors/gateway/fields.hpp"
#include "actors/gateway/object.hpp"
#include "messages/api/pod.pb.h"

#include <boost/test/unit_test.hpp>

#include <deque>

BOOST_AUTO_TEST_SUITE(replica_set_plan_test)

using namespace troupe;
using namespace troupe::controllers;

namespace {

constexpr timestamp now{10'000, 0};

/// Pods of one set, made as the store would show them.
struct troop {
  k8s::apps::v1::ReplicaSet set;
  std::deque<pod_view> pods;

  explicit troop(int wanted) {
    set.mutable_spec()->set_replicas(wanted);
    (*set.mutable_spec()->mutable_template_()->mutable_metadata()->mutable_labels())["app"] = "web";
  }

  pod_view& add(const std::string& name, const char* phase, const std::string& node,
                int64_t ready_since = -1) {
    k8s::core::v1::Pod pod;
    pod.mutable_metadata()->set_name(name);
    pod.mutable_metadata()->set_namespace_("ns");
    pod.mutable_metadata()->set_uid("uid-" + name);
    (*pod.mutable_metadata()->mutable_labels())["app"] = "web";
    pod.mutable_spec()->set_node_name(node);
    pod.mutable_status()->set_phase(phase);
    if (ready_since >= 0) {
      auto& c = *pod.mutable_status()->add_conditions();
      c.set_type("Ready");
      c.set_status("True");
      c.mutable_last_transition_time()->set_seconds(ready_since);
    }
    auto& kind = *schema::registry::built_in()->by_resource("", "v1", "pods");
    pods.push_back(pod_view::of(storage::entry::make(gateway::key_of(kind, "ns", name),
                                                     gateway::index_of(kind, pod),
                                                     gateway::stored_form(kind, pod))));
    return pods.back();
  }

  replica_set_view view() const {
    replica_set_view v{set, {}, {}, now};
    for (auto& p : pods) v.pods.push_back(&p);
    for (auto& p : pods)
      if (!p.node.empty()) ++v.crowd[p.node];
    return v;
  }

  std::vector<std::string> victims() const {
    std::vector<std::string> out;
    for (auto& action : plan(view()))
      if (auto a = std::get_if<delete_pod>(&action)) out.emplace_back(a->pod->name);
    return out;
  }
};

} // namespace

BOOST_AUTO_TEST_CASE(missing_pods_are_made_at_once_up_to_the_limit_of_a_round) {
  troop t{3};
  t.add("a", "Running", "n1", 0);
  auto actions = plan(t.view());
  BOOST_REQUIRE(actions.size() == 1u);
  BOOST_TEST((std::get<create_pods>(actions[0]) == create_pods{2}));
  troop many{10'000};
  BOOST_TEST((std::get<create_pods>(plan(many.view())[0]) == create_pods{replicas_per_round_max}));
}

BOOST_AUTO_TEST_CASE(pods_that_ended_or_are_going_do_not_count) {
  troop t{1};
  t.add("failed", "Failed", "n1");
  t.add("going", "Running", "n1", 0).going = true;
  BOOST_TEST((std::get<create_pods>(plan(t.view())[0]) == create_pods{1}));
  t.add("alive", "Running", "n1", 0);
  BOOST_TEST(plan(t.view()).empty());
}

BOOST_AUTO_TEST_CASE(a_set_that_is_going_makes_and_deletes_nothing) {
  troop t{5};
  t.set.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
  BOOST_TEST(plan(t.view()).empty());
}

BOOST_AUTO_TEST_CASE(those_missed_least_go_first) {
  // Each row: what one pod has that another has not; the first of both goes.
  troop unplaced{1}; // unassigned before assigned
  unplaced.add("placed", "Pending", "n1");
  unplaced.add("unplaced", "Pending", "");
  BOOST_TEST(unplaced.victims() == std::vector<std::string>{"unplaced"});

  troop phase{1}; // pending before running
  phase.add("running", "Running", "n1");
  phase.add("pending", "Pending", "n2");
  BOOST_TEST(phase.victims() == std::vector<std::string>{"pending"});

  troop ready{1};
  ready.add("ready", "Running", "n1", 0);
  ready.add("unready", "Running", "n2");
  BOOST_TEST(ready.victims() == std::vector<std::string>{"unready"});

  troop cost{1};
  cost.add("cheap", "Running", "n1", 0).deletion_cost = -5;
  cost.add("dear", "Running", "n2", 0);
  BOOST_TEST(cost.victims() == std::vector<std::string>{"cheap"});

  troop crowd{2};
  crowd.add("alone", "Running", "n1", 0);
  crowd.add("crowded", "Running", "n2", 0);
  crowd.add("crowded-too", "Running", "n2", 0);
  BOOST_TEST(crowd.victims()[0].starts_with("crowded"));

  troop age{1}; // ready for a short time before ready for long
  age.add("long", "Running", "n1", 100);
  age.add("short", "Running", "n2", now.seconds - 5);
  BOOST_TEST(age.victims() == std::vector<std::string>{"short"});

  troop similar{1}; // about as long as the other, but the powers of two nanoseconds tell
  similar.add("a-longer", "Running", "n1", now.seconds - 7);
  similar.add("b-shorter", "Running", "n2", now.seconds - 4);
  BOOST_TEST(similar.victims() == std::vector<std::string>{"b-shorter"});

  troop restarts{1};
  restarts.add("steady", "Running", "n1");
  restarts.add("shaky", "Running", "n2").restarts = 3;
  BOOST_TEST(restarts.victims() == std::vector<std::string>{"shaky"});
  restarts.add("helpless", "Running", "n3").restarts = 3;
  restarts.pods.back().sidecar_restarts = 1;
  BOOST_TEST(restarts.victims()[0] == "helpless");
}

BOOST_AUTO_TEST_CASE(a_pod_is_available_when_it_has_been_ready_for_long_enough) {
  troop t{2};
  t.set.mutable_spec()->set_min_ready_seconds(30);
  t.add("old", "Running", "n1", now.seconds - 31);
  t.add("new", "Running", "n2", now.seconds - 10);
  auto actions = plan(t.view());
  BOOST_REQUIRE(actions.size() == 1u);
  BOOST_TEST(std::get<look_again>(actions[0]).at.seconds == now.seconds + 20);
  auto status = status_after(t.view(), {});
  BOOST_TEST(status.ready_replicas() == 2);
  BOOST_TEST(status.available_replicas() == 1);
}

BOOST_AUTO_TEST_CASE(the_status_counts_what_the_round_itself_has_done) {
  troop t{3};
  t.set.mutable_metadata()->set_generation(7);
  t.add("a", "Running", "n1", 0);
  auto& surplus = t.add("b", "Running", "n1", 0);
  auto status = status_after(t.view(), {.created = 2, .deleted = {&surplus}});
  BOOST_TEST(status.replicas() == 3);
  BOOST_TEST(status.fully_labeled_replicas() == 3);
  BOOST_TEST(status.ready_replicas() == 1);
  BOOST_TEST(status.terminating_replicas() == 1);
  BOOST_TEST(status.observed_generation() == 7);
}

BOOST_AUTO_TEST_CASE(a_refused_pod_is_told_once_and_taken_back_when_all_is_well) {
  troop t{1};
  *t.set.mutable_status() =
      status_after(t.view(), {.failure_reason = "FailedCreate", .failure_message = "no room"});
  BOOST_REQUIRE(t.set.status().conditions_size() == 1);
  BOOST_TEST(t.set.status().conditions(0).type() == "ReplicaFailure");
  auto again =
      status_after(t.view(), {.failure_reason = "FailedCreate", .failure_message = "still none"});
  BOOST_TEST(again.conditions(0).message() == "no room"); // retries do not change the status
  BOOST_TEST(status_after(t.view(), {.created = 1}).conditions_size() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
