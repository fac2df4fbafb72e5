#include "actors/controllers/cron_job_plan.hpp"

#include "actors/controllers/conditions.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(cron_job_plan_test)

using namespace troupe;
using namespace troupe::controllers;
using k8s::batch::v1::CronJob;
using k8s::batch::v1::Job;
using std::chrono::seconds;
using std::chrono::sys_seconds;

namespace {

int64_t at(const char* text) { return parse_time(text)->seconds; }
std::string text(std::optional<sys_seconds> t) {
  return t ? format_time(t->time_since_epoch().count()) : "never";
}
sys_seconds moment(const char* text) { return sys_seconds{seconds{at(text)}}; }

/// A zone one hour ahead of universal time, two from spring to autumn of 2026.
/// `rule` says what comes behind these changes, if anything.
time_zone small_zone(const std::string& rule = {}) {
  std::string f = "TZif2";
  f.append(15, '\0');
  auto put = [&](int64_t v, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) f += static_cast<char>(v >> (8 * i) & 255);
  };
  for (int n : {0, 0, 0, 0, 1, 4}) put(n, 4); // the old part: one type, nothing else
  put(3600, 4), put(0, 1), put(0, 1), f.append("CET", 4);
  f.append("TZif2").append(15, '\0');
  for (int n : {0, 0, 0, 2, 2, 4}) put(n, 4);
  put(at("2026-03-29T01:00:00Z"), 8), put(at("2026-10-25T01:00:00Z"), 8);
  put(1, 1), put(0, 1);
  put(3600, 4), put(0, 2), put(7200, 4), put(256, 2), f.append("CET", 4);
  if (!rule.empty()) f.append("\n" + rule + "\n");
  return *time_zone::parse(f);
}

struct model {
  CronJob cj;
  std::vector<Job> jobs;
  schedule due;
  timestamp now;

  model(const char* times, const char* created)
      : due{*cron::parse(times), time_zone{}}, now{at(created), 0} {
    cj.mutable_metadata()->set_name("c");
    cj.mutable_metadata()->mutable_creation_timestamp()->set_seconds(now.seconds);
    cj.mutable_spec()->set_concurrency_policy("Allow");
    cj.mutable_spec()->set_successful_jobs_history_limit(3);
    cj.mutable_spec()->set_failed_jobs_history_limit(1);
  }

  /// Carries out the plan; returns the names of new jobs.
  std::vector<std::string> step() {
    cron_job_view v{cj, {}, &due, now};
    for (auto& j : jobs) v.jobs.push_back(&j);
    std::vector<std::string> made, gone;
    std::vector<Job> fresh;
    for (auto& action : plan(v)) {
      if (auto a = std::get_if<create_job>(&action)) {
        auto j = a->job;
        j.mutable_metadata()->set_uid("uid-" + j.metadata().name());
        j.mutable_status()->mutable_start_time()->set_seconds(now.seconds);
        fresh.push_back(j);
        made.push_back(j.metadata().name());
      } else if (auto a = std::get_if<delete_job>(&action)) {
        gone.push_back(a->name);
      } else if (auto a = std::get_if<set_cron_status>(&action)) {
        *cj.mutable_status() = a->status;
        for (auto& j : fresh) {
          auto& ref = *cj.mutable_status()->add_active();
          ref.set_name(j.metadata().name());
          ref.set_uid(j.metadata().uid());
        }
      }
    }
    for (auto& name : gone)
      std::erase_if(jobs, [&](auto& j) { return j.metadata().name() == name; });
    for (auto& j : fresh) jobs.push_back(j);
    return made;
  }
  void go_to(const char* when) { now.seconds = at(when); }
  void finish(Job& j, const char* how) {
    set_condition(*j.mutable_status()->mutable_conditions(), how, true, "", "", now);
    j.mutable_status()->mutable_completion_time()->set_seconds(now.seconds);
  }
};

} // namespace

BOOST_AUTO_TEST_CASE(clocks_that_skip_an_hour_skip_what_was_due_in_it) {
  schedule daily{*cron::parse("30 2 * * *"), small_zone()};
  BOOST_TEST(text(daily.next(moment("2026-03-27T12:00:00Z"))) == "2026-03-28T01:30:00Z");
  BOOST_TEST(text(daily.next(moment("2026-03-28T12:00:00Z"))) == "2026-03-30T00:30:00Z");
}

BOOST_AUTO_TEST_CASE(what_is_due_in_an_hour_that_comes_twice_is_due_twice) {
  schedule daily{*cron::parse("30 2 * * *"), small_zone()};
  BOOST_TEST(text(daily.next(moment("2026-10-24T12:00:00Z"))) == "2026-10-25T00:30:00Z");
  BOOST_TEST(text(daily.next(moment("2026-10-25T00:30:00Z"))) == "2026-10-25T01:30:00Z");
  BOOST_TEST(text(daily.next(moment("2026-10-25T01:30:00Z"))) == "2026-10-26T01:30:00Z");
  // Nothing pauses for an hour.
  schedule often{*cron::parse("*/20 * * * *"), small_zone()};
  BOOST_TEST(text(often.next(moment("2026-10-25T00:40:00Z"))) == "2026-10-25T01:00:00Z");
  BOOST_TEST(text(often.next(moment("2026-10-25T01:00:00Z"))) == "2026-10-25T01:20:00Z");
  BOOST_TEST(text(often.next(moment("2026-03-29T00:40:00Z"))) == "2026-03-29T01:00:00Z");
}

BOOST_AUTO_TEST_CASE(a_moment_is_shown_as_clocks_of_the_zone_show_it) {
  schedule there{*cron::parse("30 2 * * *"), small_zone()}, here{*cron::parse("@daily"), {}};
  BOOST_TEST(there.shown(moment("2026-01-01T23:30:00Z")) == "2026-01-02T00:30:00+01:00");
  BOOST_TEST(there.shown(moment("2026-07-01T12:00:00Z")) == "2026-07-01T14:00:00+02:00");
  BOOST_TEST(here.shown(moment("2026-07-01T12:00:00Z")) == "2026-07-01T12:00:00Z");
}

BOOST_AUTO_TEST_CASE(a_running_job_that_nobody_here_has_started_is_told_of) {
  model m{"0 * * * *", "2026-11-21T00:00:30Z"};
  auto& stray = m.jobs.emplace_back();
  stray.mutable_metadata()->set_name("by-hand");
  stray.mutable_metadata()->set_uid("u");
  auto told = [&] {
    std::string out;
    cron_job_view v{m.cj, {&stray}, &m.due, m.now};
    for (auto& action : plan(v))
      if (auto a = std::get_if<tell_cron>(&action))
        out += std::string(a->reason) + ": " + a->message;
    return out;
  };
  BOOST_TEST(told() == "UnexpectedJob: Saw a job that the controller did not create or forgot: "
                       "by-hand");
  m.finish(stray, "Complete");
  BOOST_TEST(told().empty());
}

BOOST_AUTO_TEST_CASE(behind_the_changes_that_a_file_lists_its_rule_goes_on) {
  auto july = moment("2050-07-01T12:00:00Z"), january = moment("2050-01-01T12:00:00Z");
  auto ahead = [](const time_zone& zone, std::chrono::sys_seconds when) {
    return (zone.to_local(when).time_since_epoch() - when.time_since_epoch()) /
           std::chrono::hours{1};
  };
  auto zone = small_zone("CET-1CEST,M3.5.0,M10.5.0/3");
  BOOST_TEST(ahead(zone, july) == 2);
  BOOST_TEST(ahead(zone, january) == 1);
  BOOST_TEST((zone.next_change(january) == moment("2050-03-27T01:00:00Z")));
  BOOST_TEST(ahead(small_zone(), july) == 1);
}

BOOST_AUTO_TEST_CASE(broken_zone_files_are_refused) {
  for (auto bytes : {"", "TZif", "TZif2", "nonsense that is longer than forty-four bytes, really"})
    BOOST_TEST(!time_zone::parse(bytes));
}

BOOST_AUTO_TEST_CASE(the_last_time_is_found_however_long_ago_it_was) {
  schedule yearly{*cron::parse("0 0 1 1 *"), time_zone{}};
  auto now = moment("2026-11-21T00:00:00Z");
  BOOST_TEST(text(yearly.last(moment("2020-01-01T00:00:00Z"), now)) == "2026-01-01T00:00:00Z");
  schedule minutely{*cron::parse("* * * * *"), time_zone{}};
  BOOST_TEST(text(minutely.last(moment("2000-01-01T00:00:00Z"), now)) == "2026-11-21T00:00:00Z");
  BOOST_TEST(text(minutely.last(now, now + seconds{59})) == "never");
}

BOOST_AUTO_TEST_CASE(a_job_is_started_once_for_each_time_and_missed_ones_count_as_one) {
  model m{"*/10 * * * *", "2026-01-01T00:01:00Z"};
  BOOST_TEST(m.step().empty());
  m.go_to("2026-01-01T00:10:00Z");
  auto made = m.step();
  BOOST_REQUIRE(made.size() == 1u);
  BOOST_TEST(made[0] == "c-" + std::to_string(at("2026-01-01T00:10:00Z") / 60));
  BOOST_TEST(m.step().empty());
  m.go_to("2026-01-01T05:03:00Z");
  BOOST_TEST(m.step().size() == 1u);
  BOOST_TEST(m.cj.status().last_schedule_time().seconds() == at("2026-01-01T05:00:00Z"));
  BOOST_TEST(m.step().empty());
}

BOOST_AUTO_TEST_CASE(what_is_too_late_is_not_started) {
  model m{"0 * * * *", "2026-01-01T00:01:00Z"};
  m.cj.mutable_spec()->set_starting_deadline_seconds(60);
  m.go_to("2026-01-01T01:02:00Z");
  BOOST_TEST(m.step().empty());
  m.go_to("2026-01-01T02:00:30Z");
  BOOST_TEST(m.step().size() == 1u);
}

// Its end wrapped around, so that every run came too late.
BOOST_AUTO_TEST_CASE(a_deadline_beyond_all_calendars_keeps_nothing_from_starting) {
  model m{"0 * * * *", "2026-01-01T00:01:00Z"};
  m.cj.mutable_spec()->set_starting_deadline_seconds(std::numeric_limits<int64_t>::max());
  m.go_to("2026-01-01T01:02:00Z");
  BOOST_TEST(m.step().size() == 1u);
}

BOOST_AUTO_TEST_CASE(running_jobs_are_joined_waited_for_or_replaced) {
  struct {
    const char* policy;
    size_t made, jobs;
  } rows[] = {{"Allow", 1, 2}, {"Forbid", 0, 1}, {"Replace", 1, 1}};
  for (auto& row : rows) {
    model m{"* * * * *", "2026-01-01T00:00:30Z"};
    m.cj.mutable_spec()->set_concurrency_policy(row.policy);
    m.go_to("2026-01-01T00:01:00Z");
    m.step();
    m.go_to("2026-01-01T00:02:00Z");
    BOOST_TEST(m.step().size() == row.made);
    BOOST_TEST(m.jobs.size() == row.jobs);
    BOOST_TEST(m.cj.status().active_size() == static_cast<int>(row.jobs));
  }
}

// Before, who followed the reference could not know of which version it spoke.
BOOST_AUTO_TEST_CASE(a_reference_to_a_job_tells_its_version_once_there_is_one) {
  model m{"* * * * *", "2026-01-01T00:00:30Z"};
  m.go_to("2026-01-01T00:01:00Z");
  m.step();
  auto version = [&] { return m.cj.status().active(0).resource_version(); };
  BOOST_TEST(version() == "");
  m.jobs[0].mutable_metadata()->set_resource_version("7");
  m.step();
  BOOST_TEST(version() == "7");
  m.jobs[0].mutable_metadata()->set_resource_version("8"); // that of the beginning is told
  m.step();
  BOOST_TEST(version() == "7");
}

BOOST_AUTO_TEST_CASE(ended_jobs_are_kept_up_to_the_limits) {
  model m{"* * * * *", "2026-01-01T00:00:30Z"};
  m.cj.mutable_spec()->set_successful_jobs_history_limit(2);
  for (auto when : {"2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z", "2026-01-01T00:03:00Z",
                    "2026-01-01T00:04:00Z"}) {
    m.go_to(when);
    m.step();
    m.finish(m.jobs.back(), "Complete");
  }
  m.step();
  BOOST_TEST(m.jobs.size() == 2u);
  BOOST_TEST(m.cj.status().active_size() == 0);
  BOOST_TEST(m.cj.status().last_successful_time().seconds() == at("2026-01-01T00:04:00Z"));
}

BOOST_AUTO_TEST_CASE(a_suspended_cron_job_starts_nothing) {
  model m{"* * * * *", "2026-01-01T00:00:30Z"};
  m.cj.mutable_spec()->set_suspend(true);
  m.go_to("2026-01-01T00:05:00Z");
  BOOST_TEST(m.step().empty());
}

BOOST_AUTO_TEST_SUITE_END()
