// Deployments against a model of replica sets and pods: bounds hold at every step, whatever happens
// in between, and in the end everything has settled.
#include "actors/controllers/deployment_plan.hpp"

#include "actors/controllers/conditions.hpp"
#include "actors/controllers/deployment_sizes.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <random>

BOOST_AUTO_TEST_SUITE(deployment_plan_test)

using namespace troupe;
using namespace troupe::controllers;
using k8s::apps::v1::Deployment;
using k8s::apps::v1::ReplicaSet;

namespace {

k8s::base::IntOrString count(int n) {
  k8s::base::IntOrString v;
  v.set_int_val(n);
  return v;
}

k8s::base::IntOrString percent(const char* text) {
  k8s::base::IntOrString v;
  v.set_type(1);
  v.set_str_val(text);
  return v;
}

/// A cluster in which there is one deployment.
struct model {
  Deployment d;
  std::vector<ReplicaSet> sets;
  timestamp now{1000, 0};
  int born = 0;
  std::vector<std::string> told;

  explicit model(int replicas, k8s::base::IntOrString surge = percent("25%"),
                 k8s::base::IntOrString unavailable = percent("25%")) {
    d.mutable_metadata()->set_name("web");
    d.mutable_metadata()->set_namespace_("ns");
    d.mutable_metadata()->set_generation(1);
    auto& s = *d.mutable_spec();
    s.set_replicas(replicas);
    s.set_progress_deadline_seconds(600);
    s.set_revision_history_limit(10);
    s.mutable_strategy()->set_type("RollingUpdate");
    *s.mutable_strategy()->mutable_rolling_update()->mutable_max_surge() = surge;
    *s.mutable_strategy()->mutable_rolling_update()->mutable_max_unavailable() = unavailable;
    image("1");
  }

  void image(const std::string& name) {
    auto& spec = *d.mutable_spec()->mutable_template_()->mutable_spec();
    spec.clear_containers();
    spec.add_containers()->set_image(name);
    change();
  }
  void change() { d.mutable_metadata()->set_generation(d.metadata().generation() + 1); }

  deployment_view view() const {
    deployment_view v{d, {}, {}, false, {}, now};
    for (auto& s : sets) {
      v.sets.push_back(&s);
      v.running[s.metadata().uid()] = s.status().replicas() + s.status().terminating_replicas();
    }
    return v;
  }

  /// Carries out what the plan says; returns how many things that was.
  int step() {
    int done = 0;
    for (auto& action : plan(view())) {
      if (auto a = std::get_if<create_set>(&action)) {
        auto& s = sets.emplace_back(a->set);
        s.mutable_metadata()->set_uid("uid-" + std::to_string(++born));
        s.mutable_metadata()->mutable_creation_timestamp()->set_seconds(now.seconds + born);
        s.mutable_metadata()->set_generation(1);
      } else if (auto a = std::get_if<update_set>(&action)) {
        for (auto& s : sets)
          if (s.metadata().name() == a->set.metadata().name()) s = a->set;
      } else if (auto a = std::get_if<delete_set>(&action)) {
        std::erase_if(sets, [&](auto& s) { return s.metadata().name() == a->name; });
      } else if (auto a = std::get_if<update_deployment>(&action)) {
        d = a->deployment;
      } else if (auto a = std::get_if<tell_scaling>(&action)) {
        told.push_back(a->message);
      } else {
        continue;
      }
      ++done;
    }
    return done;
  }

  /// The replica set controller and nodes at work: every set gets what it wants.
  void run_sets(bool ready = true) {
    for (auto& s : sets) {
      auto& status = *s.mutable_status();
      status.set_replicas(s.spec().replicas());
      auto available =
          ready ? s.spec().replicas() : std::min(status.available_replicas(), s.spec().replicas());
      status.set_ready_replicas(available);
      status.set_available_replicas(available);
      status.set_observed_generation(s.metadata().generation());
    }
  }

  void settle() {
    for (int i = 0; i < 1000; ++i) {
      auto done = step();
      run_sets();
      if (done == 0 && step() == 0) return;
    }
    BOOST_FAIL("it does not settle");
  }

  ReplicaSet* set(const std::string& image) {
    for (auto& s : sets)
      if (s.spec().template_().spec().containers(0).image() == image) return &s;
    return nullptr;
  }
  int wanted() const {
    int sum = 0;
    for (auto& s : sets) sum += s.spec().replicas();
    return sum;
  }
  /// Pods that are available and will stay.
  int available() const {
    int sum = 0;
    for (auto& s : sets) sum += std::min(s.spec().replicas(), s.status().available_replicas());
    return sum;
  }
  std::string reason(const char* type) const {
    auto c = find_condition(d.status().conditions(), type);
    return c ? c->reason() : "";
  }
};

} // namespace

BOOST_AUTO_TEST_CASE(percentages_round_surge_up_and_unavailability_down) {
  struct {
    int replicas;
    k8s::base::IntOrString surge, unavailable;
    int surge_wanted, unavailable_wanted;
  } rows[] = {{10, percent("25%"), percent("25%"), 3, 2},
              {1, percent("25%"), percent("25%"), 1, 0},
              {3, count(0), percent("25%"), 0, 1},
              {4, count(2), count(9), 2, 4},
              {10, count(0), count(0), 0, 1},
              {0, percent("25%"), count(1), 0, 0}};
  for (auto& row : rows) {
    model m{row.replicas, row.surge, row.unavailable};
    auto b = bounds_of(m.d);
    BOOST_TEST(b.surge == row.surge_wanted);
    BOOST_TEST(b.unavailable == row.unavailable_wanted);
  }
}

BOOST_AUTO_TEST_CASE(a_new_deployment_gets_its_replica_set_and_says_so) {
  model m{3};
  m.settle();
  BOOST_REQUIRE(m.sets.size() == 1u);
  auto& s = m.sets[0];
  BOOST_TEST(s.spec().replicas() == 3);
  auto hash = s.metadata().labels().at("pod-template-hash");
  BOOST_TEST(s.metadata().name() == "web-" + hash);
  BOOST_TEST(s.spec().selector().match_labels().at("pod-template-hash") == hash);
  BOOST_TEST(s.spec().template_().metadata().labels().at("pod-template-hash") == hash);
  BOOST_TEST(s.metadata().annotations().at(revision_annotation) == "1");
  BOOST_TEST(s.metadata().annotations().at(desired_replicas_annotation) == "3");
  BOOST_TEST(s.metadata().annotations().at(max_replicas_annotation) == "4");
  BOOST_TEST(m.d.metadata().annotations().at(revision_annotation) == "1");
  BOOST_TEST(m.reason("Available") == "MinimumReplicasAvailable");
  BOOST_TEST(m.reason("Progressing") == "NewReplicaSetAvailable");
  BOOST_TEST(m.told[0] == "Scaled up replica set " + s.metadata().name() + " from 0 to 3");
}

BOOST_AUTO_TEST_CASE(without_a_deadline_there_is_no_word_of_progress_even_of_failure) {
  for (bool deadline : {true, false}) {
    model m{1};
    if (!deadline) m.d.mutable_spec()->clear_progress_deadline_seconds();
    auto v = m.view();
    v.refusal = "exceeded quota";
    bool told = false;
    for (auto& action : plan(v))
      if (auto a = std::get_if<update_deployment>(&action))
        for (auto& c : a->deployment.status().conditions())
          told = told || c.reason() == "ReplicaSetCreateError";
    BOOST_TEST(told == deadline);
  }
}

BOOST_AUTO_TEST_CASE(a_rollout_moves_in_steps_within_its_bounds) {
  model m{10};
  m.settle();
  m.image("2");
  m.step();
  BOOST_TEST(m.set("2")->spec().replicas() == 3); // 10 + 25% - 10
  BOOST_TEST(m.set("1")->spec().replicas() == 8); // 10 - 25%
  m.run_sets(false);
  m.step();
  BOOST_TEST(m.set("2")->spec().replicas() == 5); // room made by those that left
  BOOST_TEST(m.set("1")->spec().replicas() == 8); // but nothing new is available
  m.settle();
  BOOST_TEST(m.set("2")->spec().replicas() == 10);
  BOOST_TEST(m.set("1")->spec().replicas() == 0);
  BOOST_TEST(m.set("2")->metadata().annotations().at(revision_annotation) == "2");
}

BOOST_AUTO_TEST_CASE(going_back_reuses_the_old_set_under_a_new_revision) {
  model m{2};
  m.settle();
  m.image("2");
  m.settle();
  m.image("1");
  m.settle();
  BOOST_TEST(m.sets.size() == 2u);
  auto& notes = m.set("1")->metadata().annotations();
  BOOST_TEST(notes.at(revision_annotation) == "3");
  BOOST_TEST(notes.at(revision_history_annotation) == "1");
  BOOST_TEST(m.set("1")->spec().replicas() == 2);
}

BOOST_AUTO_TEST_CASE(a_recreated_deployment_starts_nothing_before_all_old_pods_have_ended) {
  model m{3};
  m.d.mutable_spec()->mutable_strategy()->set_type("Recreate");
  m.settle();
  m.image("2");
  m.step();
  BOOST_TEST(m.set("1")->spec().replicas() == 0);
  BOOST_TEST(!m.set("2"));
  m.run_sets();
  m.set("1")->mutable_status()->set_terminating_replicas(2);
  m.step();
  BOOST_TEST(!m.set("2"));
  m.set("1")->mutable_status()->set_terminating_replicas(0);
  m.settle();
  BOOST_TEST(m.set("2")->spec().replicas() == 3);
}

BOOST_AUTO_TEST_CASE(a_paused_deployment_changes_size_but_not_version) {
  model m{4};
  m.settle();
  m.d.mutable_spec()->set_paused(true);
  m.image("2");
  m.settle();
  BOOST_TEST(!m.set("2"));
  BOOST_TEST(m.reason("Progressing") == "DeploymentPaused");
  m.d.mutable_spec()->set_replicas(6);
  m.change();
  m.settle();
  BOOST_TEST(m.set("1")->spec().replicas() == 6);
  m.d.mutable_spec()->set_paused(false);
  m.change();
  m.settle();
  BOOST_TEST(m.set("2")->spec().replicas() == 6);
}

BOOST_AUTO_TEST_CASE(a_new_size_in_the_middle_of_a_rollout_is_shared_in_proportion) {
  model m{10};
  m.settle();
  m.image("2");
  m.step();
  m.run_sets(false);
  m.step(); // 8 old, 5 new that do not become available
  m.run_sets(false);
  m.d.mutable_spec()->set_replicas(20);
  m.change();
  m.step();
  // 13 grow to 25: 8 * 25 / 13 = 15, 5 * 25 / 13 = 10.
  BOOST_TEST(m.set("1")->spec().replicas() == 15);
  BOOST_TEST(m.set("2")->spec().replicas() == 10);
  m.settle();
  BOOST_TEST(m.set("2")->spec().replicas() == 20);
}

BOOST_AUTO_TEST_CASE(pods_that_never_get_ready_miss_the_deadline_and_keep_the_old_ones) {
  model m{4};
  m.settle();
  m.image("bad");
  for (int i = 0; i < 5; ++i) {
    m.step();
    m.run_sets(false);
  }
  BOOST_TEST(m.reason("Progressing") == "ReplicaSetUpdated");
  auto actions = plan(m.view());
  BOOST_REQUIRE(!actions.empty());
  auto until = std::get<await_progress>(actions.back()).until;
  BOOST_TEST(until.seconds == m.now.seconds + 600);
  m.now.seconds += 600;
  m.step();
  BOOST_TEST(m.reason("Progressing") == "ProgressDeadlineExceeded");
  BOOST_TEST(m.set("1")->spec().replicas() == 3);
  BOOST_TEST(m.step() == 0);
}

// Before, a rollout that was resumed and got stuck was never told to be late.
BOOST_AUTO_TEST_CASE(a_rollout_that_was_resumed_or_could_not_begin_has_a_deadline_too) {
  for (auto reason : {"DeploymentResumed", "ReplicaSetCreateError"}) {
    model m{2};
    m.settle();
    m.image("bad");
    m.step();
    m.run_sets(false);
    m.step();
    auto& c = *find_condition(*m.d.mutable_status()->mutable_conditions(), "Progressing");
    c.set_reason(reason);
    c.set_status(reason == std::string("DeploymentResumed") ? "Unknown" : "False");
    m.now.seconds += 599;
    auto actions = plan(m.view());
    BOOST_REQUIRE(!actions.empty());
    BOOST_TEST(std::get<await_progress>(actions.back()).until.seconds == m.now.seconds + 1);
    m.now.seconds += 1;
    m.step();
    BOOST_TEST(m.reason("Progressing") == "ProgressDeadlineExceeded");
    BOOST_TEST(m.step() == 0);
  }
}

// Before, it had failed when the deployment was looked at, and not when the pods were refused.
BOOST_AUTO_TEST_CASE(a_failure_of_a_set_is_the_deployments_since_the_set_had_it) {
  model m{2};
  m.settle();
  auto& c = *m.sets[0].mutable_status()->add_conditions();
  c.set_type("ReplicaFailure");
  c.set_status("True");
  c.set_reason("FailedCreate");
  c.set_message("exceeded quota");
  c.mutable_last_transition_time()->set_seconds(1234);
  m.now.seconds += 600;
  m.step();
  auto told = find_condition(m.d.status().conditions(), "ReplicaFailure");
  BOOST_REQUIRE(told);
  BOOST_TEST(told->message() == "exceeded quota");
  BOOST_TEST(told->last_update_time().seconds() == 1234);
  BOOST_TEST(told->last_transition_time().seconds() == 1234);
  BOOST_TEST(m.step() == 0);
}

BOOST_AUTO_TEST_CASE(who_goes_while_it_is_late_is_not_looked_at_for_that) {
  model m{2};
  m.settle();
  m.image("2");
  m.step();
  m.d.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(m.now.seconds);
  m.step();
  m.now.seconds += 601; // its dependents take their time to end
  for (auto& action : plan(m.view())) BOOST_TEST(!std::holds_alternative<await_progress>(action));
}

BOOST_AUTO_TEST_CASE(a_name_that_somebody_else_has_is_counted_as_a_collision) {
  model m{1};
  auto v = m.view();
  v.name_taken = true;
  auto actions = plan(v);
  BOOST_REQUIRE(actions.size() == 1u);
  m.d = std::get<update_deployment>(actions[0]).deployment;
  BOOST_TEST(m.d.status().collision_count() == 1);
  BOOST_TEST(m.step() > 0);
  BOOST_TEST(m.sets.size() == 1u);
}

BOOST_AUTO_TEST_CASE(old_sets_beyond_the_limit_are_deleted_the_oldest_revision_first) {
  model m{1};
  m.d.mutable_spec()->set_revision_history_limit(1);
  for (auto image : {"1", "2", "3"}) {
    m.image(image);
    m.settle();
  }
  BOOST_TEST(m.sets.size() == 2u);
  BOOST_TEST(!m.set("1"));
}

BOOST_AUTO_TEST_CASE(whatever_happens_bounds_hold_at_every_step_and_everything_settles) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      std::mt19937 chance{seed};
      auto pick = [&](int n) { return static_cast<int>(chance() % static_cast<unsigned>(n)); };
      model m{1 + pick(20), count(pick(4)), count(pick(4))};
      m.settle();
      auto b = bounds_of(m.d);
      auto replicas = m.d.spec().replicas();
      int least = m.available();
      for (int i = 0; i < 60; ++i) {
        ++m.now.seconds;
        if (pick(8) == 0) m.image(std::to_string(1 + pick(4))); // rollover
        auto before = m.available();
        m.step();
        BOOST_TEST(m.wanted() <= replicas + b.surge);
        // A step never takes availability below the bound.
        BOOST_TEST(m.available() >= std::min(before, replicas - b.unavailable));
        for (auto& s : m.sets) { // some pods start, none fail
          auto& status = *s.mutable_status();
          status.set_replicas(s.spec().replicas());
          auto now = std::min(status.available_replicas(), s.spec().replicas());
          now += pick(s.spec().replicas() - now + 1);
          status.set_available_replicas(now);
          status.set_ready_replicas(now);
        }
        least = std::min(least, m.available());
      }
      BOOST_TEST(least >= replicas - b.unavailable);
      m.settle();
      BOOST_TEST(m.wanted() == replicas);
      BOOST_TEST(m.reason("Progressing") == "NewReplicaSetAvailable");
      BOOST_TEST(m.step() == 0);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
