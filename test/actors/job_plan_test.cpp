// Jobs against a model of pods that succeed and fail.
#include "actors/controllers/job_plan.hpp"

#include "actors/controllers/conditions.hpp"
#include "actors/controllers/job_indexes.hpp"
#include "actors/gateway/fields.hpp"
#include "actors/gateway/object.hpp"

#include <boost/test/unit_test.hpp>

#include <list>
#include <random>
#include <set>

BOOST_AUTO_TEST_SUITE(job_plan_test)

using namespace troupe;
using namespace troupe::controllers;
using k8s::batch::v1::Job;

namespace {

struct model {
  Job job;
  std::list<k8s::core::v1::Pod> pods;
  timestamp now{10'000, 0};
  int born = 0;
  std::list<job_pod> views;
  job_past past;
  std::vector<std::string> told;

  explicit model(int completions, int parallelism, bool indexed = false) {
    job.mutable_metadata()->set_name("work");
    auto& s = *job.mutable_spec();
    if (completions >= 0) s.set_completions(completions);
    s.set_parallelism(parallelism);
    s.set_backoff_limit(6);
    s.set_completion_mode(indexed ? "Indexed" : "NonIndexed");
    s.set_pod_replacement_policy("TerminatingOrFailed");
    s.mutable_template_()->mutable_spec()->set_restart_policy("Never");
  }

  job_view view() {
    views.clear();
    auto& kind = *schema::registry::built_in()->by_resource("", "v1", "pods");
    job_view v{job, {}, now, past};
    for (auto& p : pods) {
      views.push_back(job_pod::of(
          storage::entry::make(gateway::key_of(kind, "ns", p.metadata().name()),
                               gateway::index_of(kind, p), gateway::stored_form(kind, p))));
      v.pods.push_back(&views.back());
    }
    return v;
  }

  k8s::core::v1::Pod* find(std::string_view name) {
    for (auto& p : pods)
      if (p.metadata().name() == name) return &p;
    return nullptr;
  }

  /// Carries out the plan; returns how many pods it made and took.
  std::pair<int, int> step() {
    int made = 0, taken = 0;
    for (auto& action : plan(view())) {
      if (auto a = std::get_if<create_worker>(&action)) {
        auto& p = pods.emplace_back();
        auto& m = *p.mutable_metadata();
        m.set_name("work-" + std::to_string(++born));
        m.set_uid("uid of " + m.name());
        m.set_namespace_("ns");
        m.add_finalizers(tracking_finalizer);
        m.mutable_creation_timestamp()->set_seconds(now.seconds);
        if (a->index >= 0)
          give_index(p, "work", a->index,
                     job.spec().has_backoff_limit_per_index() ? &a->index_failures : nullptr);
        p.mutable_status()->set_phase("Running");
        ++made;
      } else if (auto a = std::get_if<tell_job>(&action)) {
        told.push_back(a->reason);
      } else if (auto a = std::get_if<untrack_worker>(&action)) {
        if (a->pod->finished() || a->pod->going) past.note(*a->pod);
        find(a->pod->name)->mutable_metadata()->clear_finalizers();
      } else if (auto a = std::get_if<delete_worker>(&action)) {
        find(a->pod->name)->mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
        ++taken;
      } else if (auto a = std::get_if<set_job_status>(&action)) {
        *job.mutable_status() = a->status;
      }
    }
    return {made, taken};
  }

  void end(k8s::core::v1::Pod& p, int code) {
    p.mutable_status()->set_phase(code == 0 ? "Succeeded" : "Failed");
    auto& c = *p.mutable_status()->add_container_statuses();
    c.set_name("c");
    auto& t = *c.mutable_state()->mutable_terminated();
    t.set_exit_code(code);
    t.mutable_finished_at()->set_seconds(now.seconds);
  }
  /// Somebody deletes it; it ends at once.
  void remove(k8s::core::v1::Pod& p) {
    p.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(now.seconds + 30);
    p.mutable_metadata()->set_deletion_grace_period_seconds(30);
  }
  std::vector<k8s::core::v1::Pod*> running() {
    std::vector<k8s::core::v1::Pod*> out;
    for (auto& p : pods)
      if (p.status().phase() == "Running" && !p.metadata().has_deletion_timestamp())
        out.push_back(&p);
    return out;
  }
  /// Pods that were told to go have gone, unless their job still has to count them.
  void bury() {
    pods.remove_if([](auto& p) {
      return p.metadata().has_deletion_timestamp() && p.metadata().finalizers().empty();
    });
  }
  void quiet() {
    for (int i = 0; i < 20; ++i) {
      auto before = job.status().SerializeAsString();
      auto did = step();
      bury();
      if (did == std::pair(0, 0) && before == job.status().SerializeAsString()) return;
    }
    BOOST_FAIL("it does not settle");
  }
  std::string over() const { return std::string(finished_as(job)); }
  std::string reason() const {
    auto c = find_condition(job.status().conditions(), over());
    return c ? c->reason() : "";
  }
};

} // namespace

BOOST_AUTO_TEST_CASE(indexes_are_written_as_ranges) {
  index_set s;
  for (int i : {5, 0, 2, 1, 7, 6, 9}) s.add(i);
  BOOST_TEST(s.text() == "0-2,5-7,9");
  BOOST_TEST(s.size() == 7);
  BOOST_TEST(s.contains(6));
  BOOST_TEST(!s.contains(8));
  BOOST_TEST(index_set::parse("0-2,5-7,9", 7).text() == "0-2,5,6");
  BOOST_TEST(index_set::parse("x,-3,4-2,,8", 100).text() == "8");
}

BOOST_AUTO_TEST_CASE(a_job_runs_as_many_at_once_as_it_may_and_ends_when_all_have_succeeded) {
  model m{5, 2};
  BOOST_TEST(m.step().first == 2);
  BOOST_TEST(m.job.status().active() == 2);
  BOOST_TEST(m.step().first == 0);
  for (int i = 0; i < 5; ++i) {
    auto all = m.running();
    BOOST_REQUIRE(!all.empty());
    BOOST_TEST(all.size() <= 2u);
    m.end(*all[0], 0);
    m.step();
  }
  BOOST_TEST(m.over() == "Complete");
  BOOST_TEST(m.job.status().succeeded() == 5);
  BOOST_TEST(m.pods.size() == 5u);
  BOOST_TEST(m.job.status().conditions(0).type() == "SuccessCriteriaMet");
  m.quiet();
}

BOOST_AUTO_TEST_CASE(a_work_queue_ends_with_its_last_pod_after_the_first_success) {
  model m{-1, 3};
  m.step();
  auto all = m.running();
  m.end(*all[0], 0);
  BOOST_TEST(m.step().first == 0);
  BOOST_TEST(m.over() == "");
  m.end(*all[1], 0);
  m.end(*all[2], 0);
  m.quiet();
  BOOST_TEST(m.over() == "Complete");
}

BOOST_AUTO_TEST_CASE(a_failed_pod_is_replaced_later_and_later_until_the_limit) {
  model m{1, 1};
  m.job.mutable_spec()->set_backoff_limit(2);
  for (auto delay : {10, 20}) {
    m.quiet();
    m.end(*m.running().at(0), 1);
    BOOST_TEST(m.step().first == 0);
    m.now.seconds += delay - 1;
    BOOST_TEST(m.step().first == 0);
    m.now.seconds += 1;
    BOOST_TEST(m.step().first == 1);
  }
  m.end(*m.running().at(0), 1);
  m.quiet();
  BOOST_TEST(m.over() == "Failed");
  BOOST_TEST(m.reason() == "BackoffLimitExceeded");
  BOOST_TEST(m.job.status().failed() == 3);
}

BOOST_AUTO_TEST_CASE(a_pod_that_somebody_deletes_is_a_failure_after_which_the_next_try_waits) {
  model m{1, 1};
  for (auto delay : {10, 20}) {
    m.quiet();
    m.remove(*m.running().at(0));
    BOOST_TEST(m.step().first == 0);
    m.bury();
    BOOST_TEST(m.pods.empty());
    m.now.seconds += delay - 1;
    BOOST_TEST(m.step().first == 0);
    m.now.seconds += 1;
    BOOST_TEST(m.step().first == 1);
  }
  BOOST_TEST(m.job.status().failed() == 2);
}

BOOST_AUTO_TEST_CASE(pods_that_the_job_takes_back_are_no_failures) {
  model m{4, 4};
  m.step();
  m.job.mutable_spec()->set_parallelism(1);
  for (int i = 0; i < 3; ++i) m.step();
  m.bury();
  BOOST_TEST(m.pods.size() == 1u);
  m.job.mutable_spec()->set_parallelism(4);
  BOOST_TEST(m.step().first == 3);
}

BOOST_AUTO_TEST_CASE(a_success_forgets_the_failures_before_it) {
  job_past past;
  job_pod p;
  auto ends = [&](const char* uid, pod_phase phase, int64_t at) {
    p.uid = uid;
    p.phase = phase;
    p.finished_at = {at, 0};
    past.note(p);
  };
  ends("a", pod_phase::failed, 10);
  ends("a", pod_phase::failed, 10);
  ends("b", pod_phase::failed, 30);
  BOOST_TEST(past.failures.size() == 2u);
  ends("c", pod_phase::succeeded, 20);
  BOOST_TEST(past.failures.size() == 1u);
  ends("d", pod_phase::failed, 15); // heard of late
  BOOST_TEST(past.failures.size() == 1u);
}

BOOST_AUTO_TEST_CASE(more_successes_than_asked_for_are_told) {
  model m{2, 2};
  m.step();
  m.job.mutable_spec()->set_completions(1);
  for (auto p : m.running()) m.end(*p, 0);
  m.quiet();
  BOOST_TEST(m.told == (std::vector<std::string>{"TooManySucceededPods", "Completed"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_job_is_not_over_before_all_its_pods_are_counted) {
  auto many = workers_per_round_max + 10;
  model m{many, many};
  m.quiet();
  BOOST_TEST(m.running().size() == static_cast<size_t>(many));
  for (auto p : m.running()) m.end(*p, 1);
  m.quiet();
  BOOST_TEST(m.over() == "Failed");
  BOOST_TEST(m.job.status().failed() == many);
}

BOOST_AUTO_TEST_CASE(no_pod_is_counted_twice_however_often_it_is_seen) {
  model m{10, 2};
  m.step();
  m.end(*m.running()[0], 0);
  for (int i = 0; i < 5; ++i) m.step();
  BOOST_TEST(m.job.status().succeeded() == 1);
}

BOOST_AUTO_TEST_CASE(a_job_that_fails_waits_for_its_last_pods_before_it_says_so) {
  model m{3, 3};
  m.job.mutable_spec()->set_backoff_limit(0);
  m.step();
  m.end(*m.running()[0], 1);
  BOOST_TEST(m.step().second == 2);
  BOOST_TEST(m.over() == "");
  BOOST_TEST(m.job.status().conditions(0).type() == "FailureTarget");
  m.quiet();
  BOOST_TEST(m.over() == "Failed");
}

BOOST_AUTO_TEST_CASE(every_index_gets_one_pod_that_knows_it) {
  model m{3, 2, true};
  m.step();
  std::set<std::string> seen;
  for (auto p : m.running()) seen.insert(p->metadata().annotations().at(index_annotation));
  BOOST_TEST((seen == std::set<std::string>{"0", "1"}));
  BOOST_TEST(m.pods.front().spec().hostname() == "work-0");
  m.end(*m.running()[1], 0);
  m.step();
  BOOST_TEST(m.job.status().completed_indexes() == "1");
  BOOST_TEST(m.running().back()->metadata().annotations().at(index_annotation) == "2");
  while (!m.running().empty()) {
    m.end(*m.running()[0], 0);
    m.step();
  }
  BOOST_TEST(m.job.status().completed_indexes() == "0-2");
  BOOST_TEST(m.over() == "Complete");
}

BOOST_AUTO_TEST_CASE(an_index_that_failed_too_often_is_given_up_and_the_others_go_on) {
  model m{2, 2, true};
  m.job.mutable_spec()->set_backoff_limit(1'000'000);
  m.job.mutable_spec()->set_backoff_limit_per_index(1);
  m.step();
  m.end(*m.running()[0], 1);
  m.step();
  BOOST_TEST(m.running().size() == 1u);
  m.now.seconds += 10;
  m.step();
  auto second = m.running().back();
  BOOST_TEST(second->metadata().annotations().at(index_failures_annotation) == "1");
  m.end(*second, 1);
  m.quiet();
  BOOST_TEST(m.job.status().failed_indexes() == "0");
  BOOST_TEST(m.over() == "");
  m.end(*m.running()[0], 0);
  m.quiet();
  BOOST_TEST(m.over() == "Failed");
  BOOST_TEST(m.reason() == "FailedIndexes");
}

BOOST_AUTO_TEST_CASE(a_failed_pod_of_an_index_stays_until_its_successor_knows_of_it) {
  for (bool deleted : {false, true}) {
    model m{1, 1, true};
    m.job.mutable_spec()->set_backoff_limit(1'000'000);
    m.job.mutable_spec()->set_backoff_limit_per_index(5);
    m.step();
    auto first = m.running()[0];
    deleted ? m.remove(*first) : m.end(*first, 1);
    m.quiet();
    BOOST_TEST(m.pods.size() == 1u);
    BOOST_TEST(first->metadata().finalizers_size() == 1);
    BOOST_TEST(m.job.status().failed() == 0);
    m.now.seconds += 10;
    BOOST_TEST(m.step().first == 1);
    BOOST_TEST(m.pods.back().metadata().annotations().at(index_failures_annotation) == "1");
    m.quiet();
    BOOST_TEST(m.job.status().failed() == 1);
    BOOST_TEST(m.pods.front().metadata().finalizers_size() == (deleted ? 1 : 0));
  }
}

BOOST_AUTO_TEST_CASE(a_failure_that_the_policy_ignores_counts_for_no_index) {
  model m{1, 1, true};
  m.job.mutable_spec()->set_backoff_limit(1'000'000);
  m.job.mutable_spec()->set_backoff_limit_per_index(1);
  auto& rule = *m.job.mutable_spec()->mutable_pod_failure_policy()->add_rules();
  rule.set_action("Ignore");
  rule.mutable_on_exit_codes()->set_operator_("In");
  rule.mutable_on_exit_codes()->add_values(42);
  m.step();
  m.end(*m.running()[0], 42);
  m.step();
  m.now.seconds += 10;
  m.step();
  auto& notes = m.running().back()->metadata().annotations();
  BOOST_TEST(notes.at(index_failures_annotation) == "0");
  BOOST_TEST(notes.at(index_ignored_annotation) == "1");
  m.end(*m.running().back(), 1);
  m.step();
  m.now.seconds += 600;
  m.step();
  auto& then = m.running().back()->metadata().annotations();
  BOOST_TEST(then.at(index_failures_annotation) == "1");
  BOOST_TEST(then.at(index_ignored_annotation) == "1");
}

BOOST_AUTO_TEST_CASE(a_failure_policy_decides_by_exit_code) {
  struct {
    const char* action;
    int failed;
    const char* over;
  } rows[] = {{"FailJob", 1, "Failed"}, {"Ignore", 0, ""}, {"Count", 1, ""}};
  for (auto& row : rows) {
    model m{1, 1};
    m.job.mutable_spec()->set_pod_replacement_policy("Failed");
    auto& rule = *m.job.mutable_spec()->mutable_pod_failure_policy()->add_rules();
    rule.set_action(row.action);
    rule.mutable_on_exit_codes()->set_operator_("In");
    rule.mutable_on_exit_codes()->add_values(42);
    m.step();
    m.end(*m.running()[0], 42);
    m.quiet();
    BOOST_TEST(m.job.status().failed() == row.failed);
    BOOST_TEST(m.over() == row.over);
  }
}

BOOST_AUTO_TEST_CASE(a_success_policy_ends_a_job_early_and_takes_the_rest_back) {
  model m{3, 3, true};
  auto& rule = *m.job.mutable_spec()->mutable_success_policy()->add_rules();
  rule.set_succeeded_indexes("0");
  m.step();
  m.end(*m.running()[0], 0);
  BOOST_TEST(m.step().second == 2);
  m.quiet();
  BOOST_TEST(m.over() == "Complete");
  BOOST_TEST(m.reason() == "SuccessPolicy");
  BOOST_TEST(m.job.status().failed() == 0);
}

// Before, the number of a job with a long name was cut off.
BOOST_AUTO_TEST_CASE(the_name_of_a_pod_tells_its_index_however_long_the_jobs_name_is) {
  auto prefix = [](const std::string& job) {
    k8s::core::v1::Pod pod;
    give_index(pod, job, 12, nullptr);
    return pod.metadata().generate_name();
  };
  BOOST_TEST(prefix("work") == "work-12-");
  BOOST_TEST(prefix(std::string(60, 'w')) == std::string(54, 'w') + "-12-");
}

BOOST_AUTO_TEST_CASE(a_suspended_job_takes_its_pods_back_without_counting_them) {
  model m{2, 2};
  m.step();
  m.job.mutable_spec()->set_suspend(true);
  m.quiet();
  BOOST_TEST(m.running().empty());
  BOOST_TEST(m.job.status().failed() == 0);
  BOOST_TEST(!m.job.status().has_start_time()); // as before its first start
  m.now.seconds += 100;
  m.job.mutable_spec()->set_active_deadline_seconds(30);
  m.quiet();
  BOOST_TEST(m.over() == ""); // that time does not count
  m.job.mutable_spec()->set_suspend(false);
  BOOST_TEST(m.step().first == 2);
  BOOST_TEST(m.job.status().start_time().seconds() == m.now.seconds);
}

BOOST_AUTO_TEST_CASE(a_job_that_takes_too_long_fails) {
  model m{1, 1};
  m.job.mutable_spec()->set_active_deadline_seconds(30);
  m.step();
  m.now.seconds += 30;
  m.quiet();
  BOOST_TEST(m.reason() == "DeadlineExceeded");
}

// Its end wrapped around, so that the job failed at once.
BOOST_AUTO_TEST_CASE(a_job_may_take_longer_than_all_calendars_last) {
  model m{1, 1};
  m.job.mutable_spec()->set_active_deadline_seconds(std::numeric_limits<int64_t>::max());
  m.step();
  m.now.seconds += 30;
  m.quiet();
  BOOST_TEST(m.reason() == "");
}

BOOST_AUTO_TEST_CASE(somebody_elses_job_is_left_alone) {
  model m{1, 1};
  m.job.mutable_spec()->set_managed_by("example.com/queue");
  BOOST_TEST(plan(m.view()).empty());
}

BOOST_AUTO_TEST_CASE(whatever_happens_counts_are_right_and_everything_ends) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      std::mt19937 chance{seed};
      auto pick = [&](int n) { return static_cast<int>(chance() % static_cast<unsigned>(n)); };
      bool indexed = pick(2);
      model m{1 + pick(8), 1 + pick(4), indexed};
      m.job.mutable_spec()->set_backoff_limit(3 + pick(6));
      int good = 0, bad = 0;
      for (int i = 0; i < 300 && m.over().empty(); ++i) {
        m.now.seconds += pick(200);
        m.step();
        BOOST_TEST(m.running().size() <= static_cast<size_t>(m.job.spec().parallelism()));
        if (auto all = m.running(); !all.empty() && pick(2)) {
          auto code = pick(4) == 0;
          m.end(*all[static_cast<size_t>(pick(static_cast<int>(all.size())))], code);
          (code ? bad : good) += 1;
        }
        m.bury();
      }
      m.quiet();
      BOOST_TEST(!m.over().empty());
      if (m.over() == "Complete") BOOST_TEST(m.job.status().succeeded() == good);
      if (m.over() == "Complete") BOOST_TEST(m.job.status().failed() == bad);
      for (auto& p : m.pods) BOOST_TEST(p.metadata().finalizers().empty());
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
