// What a POD decides: tables of what is wanted, what has happened, and what is next.
#include "actors/node/pod_plan.hpp"
#include "actors/node/pod_status.hpp"

#include "actors/gateway/object.hpp"
#include "messages/schema/defaults.hpp"

#include <boost/test/unit_test.hpp>

#include <stdexcept>

using namespace troupe;
using namespace troupe::node;
using namespace std::chrono_literals;

namespace {

Pod pod_of(const std::string& spec) {
  auto& kind = *schema::registry::built_in()->by_resource("", "v1", "pods");
  auto body =
      gateway::read_body(kind, gateway::format::yaml,
                         "{metadata: {name: web, namespace: default, uid: u}, spec: " + spec + "}");
  if (!body) throw std::runtime_error(body.error().message);
  schema::set_defaults(*body->object);
  return static_cast<Pod&>(*body->object);
}

/// A pod whose every action is done at once and well, on a clock that is told.
struct stage {
  explicit stage(const std::string& spec) : pod{pod_of(spec)}, record{begin_record(pod, now)} {
    go();
  }

  /// Decides and carries out until nothing is left to do now.
  void go() {
    for (int round = 0; round < 100; ++round) {
      note_wanted(record, pod, now);
      auto decided = plan(pod, record, now);
      wake = decided.wake;
      for (auto& a : decided.actions) begun(record, a, now);
      // The promise of every plan: what is under way is not asked for again.
      BOOST_TEST(plan(pod, record, now).actions.empty());
      if (decided.actions.empty()) return;
      for (auto& a : decided.actions) std::visit([this](auto& x) { done(x); }, a);
    }
    BOOST_FAIL("it never comes to rest");
  }

  void done(const prepare_place&) { record.place = progress::done; }
  void done(const prepare_volumes&) { record.volumes = progress::done; }
  void done(const get_image& a) {
    if (no_image) return note_image_failure(*record.find(a.container), "ErrImagePull", "no", now);
    note_image(*record.find(a.container), "image", "sha256:0");
  }
  void done(const back_off_image&) {}
  void done(const start_container& a) {
    history.push_back("start " + a.container + " " + std::to_string(a.attempt));
    note_running(*record.find(a.container), {now.count() / 1000, 0}, now);
  }
  void done(const run_hook& a) {
    history.push_back(std::string(a.which == hook::pre_stop ? "preStop " : "postStart ") +
                      a.container);
    auto& c = *record.find(a.container);
    (a.which == hook::pre_stop ? c.pre_stop : c.post_start) = hooks;
  }
  void done(const signal_container& a) {
    history.push_back((a.kill ? "kill " : "stop ") + a.container);
    if (a.kill || obeys) end(a.container, a.kill ? 137 : 0);
  }
  void done(const ask_probe& a) {
    auto spec = *container_of(pod, a.container);
    auto& probe = a.kind == probe_kind::startup    ? spec.startup_probe()
                  : a.kind == probe_kind::liveness ? spec.liveness_probe()
                                                   : spec.readiness_probe();
    auto& c = *record.find(a.container);
    note_probe(c, a.kind, probe, healthy, "sick", now);
    if (a.kind != probe_kind::readiness && c.probe(a.kind).failed)
      note_stopping(c, "failed probe", 30s, now);
  }
  void done(const release_place&) {
    history.push_back("release");
    record.release = progress::done;
  }
  void done(const remove_pod&) {
    history.push_back("remove");
    record.removal = progress::done;
  }
  void done(const tell_stopped&) { history.push_back("stopped"); }

  void end(const std::string& name, int code) {
    note_ended(*record.find(name), {code, 0, code ? "Error" : "Completed"}, now);
  }
  void remove(int64_t grace) {
    pod.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
    pod.mutable_metadata()->set_deletion_grace_period_seconds(grace);
    go();
  }
  /// Time passes; whatever is due on the way is done when it is due.
  void pass(moment time) {
    auto end = now + time;
    while (wake && *wake <= end) {
      now = std::max(now, *wake);
      go();
    }
    now = end;
    go();
  }
  std::string take() {
    std::string out;
    for (auto& h : std::exchange(history, {})) out.append(out.empty() ? "" : "; ").append(h);
    return out;
  }
  k8s::core::v1::PodStatus status() const { return status_of(pod, record, "10.0.0.1", now); }
  std::string ready() const {
    auto shown = status();
    for (auto& c : shown.conditions())
      if (c.type() == "Ready") return c.status();
    return {};
  }

  moment now{1'000'000};
  Pod pod;
  pod_record record;
  std::optional<moment> wake;
  std::vector<std::string> history;
  progress hooks = progress::done;
  bool obeys = true, healthy = true, no_image = false;
};

constexpr const char* one = "{containers: [{name: a, image: x}]}";

} // namespace

BOOST_AUTO_TEST_SUITE(pod_plan_test)

BOOST_AUTO_TEST_CASE(a_pod_is_prepared_before_its_containers_start) {
  auto pod = pod_of(one);
  auto record = begin_record(pod, 0ms);
  auto first = plan(pod, record, 0ms).actions;
  BOOST_TEST(first.size() == 2u);
  BOOST_TEST((first[0] == pod_action{prepare_place{}}));
  BOOST_TEST((first[1] == pod_action{prepare_volumes{}}));
  BOOST_TEST(status_of(pod, record, "", 0ms).phase() == "Pending");
  BOOST_TEST(status_of(pod, record, "", 0ms).container_statuses(0).state().waiting().reason() ==
             "ContainerCreating");
}

BOOST_AUTO_TEST_CASE(a_crashing_container_waits_longer_each_time) {
  stage s(one);
  BOOST_TEST(s.take() == "start a 0");
  s.end("a", 1);
  s.go();
  BOOST_TEST(s.take() == "start a 1"); // the first time at once
  moment expected[] = {10s, 20s, 40s, 80s, 160s, 300s, 300s};
  int attempt = 2;
  for (auto wait : expected) {
    s.end("a", 1);
    s.go();
    BOOST_TEST(s.status().container_statuses(0).state().waiting().reason() == "CrashLoopBackOff");
    BOOST_TEST(s.status().phase() == "Running");
    s.pass(wait - 1ms);
    BOOST_TEST(s.take() == "");
    s.pass(1ms);
    BOOST_TEST(s.take() == "start a " + std::to_string(attempt++));
  }
  s.pass(11min); // long enough to be trusted again
  s.end("a", 1);
  s.go();
  BOOST_TEST(s.take() == "start a " + std::to_string(attempt));
}

// Their milliseconds wrapped around, so that the container was killed at once.
BOOST_AUTO_TEST_CASE(a_grace_period_beyond_all_calendars_is_none_of_no_time) {
  stage s{
      "{terminationGracePeriodSeconds: 9223372036854775807, containers: [{name: a, image: x}]}"};
  s.obeys = false;
  s.take();
  s.remove(std::numeric_limits<int64_t>::max());
  BOOST_TEST(s.take() == "stop a");
  s.pass(24h);
  BOOST_TEST(s.take() == "");
}

BOOST_AUTO_TEST_CASE(restart_policies_decide_who_runs_again) {
  struct row {
    const char* policy;
    int code;
    const char* then;
    const char* phase;
  } rows[] = {{"Always", 0, "start a 1", "Running"},    {"Always", 1, "start a 1", "Running"},
              {"OnFailure", 0, "release", "Succeeded"}, {"OnFailure", 3, "start a 1", "Running"},
              {"Never", 0, "release", "Succeeded"},     {"Never", 3, "release", "Failed"}};
  for (auto& r : rows) {
    stage s(std::string("{restartPolicy: ") + r.policy + ", containers: [{name: a, image: x}]}");
    s.take();
    s.end("a", r.code);
    s.go();
    BOOST_TEST(s.take() == r.then, r.policy << " " << r.code);
    BOOST_TEST(s.status().phase() == r.phase, r.policy << " " << r.code);
  }
}

BOOST_AUTO_TEST_CASE(init_containers_run_one_after_the_other_and_sidecars_stay) {
  stage s("{initContainers: [{name: i, image: x}, {name: s, image: x, restartPolicy: Always}, "
          "{name: j, image: x}], containers: [{name: a, image: x}]}");
  BOOST_TEST(s.take() == "start i 0");
  BOOST_TEST(s.status().container_statuses(0).state().waiting().reason() == "PodInitializing");
  s.end("i", 1);
  s.go();
  BOOST_TEST(s.take() == "start i 1");
  s.end("i", 0);
  s.go();
  BOOST_TEST(s.take() == "start s 0; start j 0");
  s.end("j", 0);
  s.go();
  BOOST_TEST(s.take() == "start a 0");
  BOOST_TEST(s.status().phase() == "Running");
  s.end("s", 1);
  s.go();
  BOOST_TEST(s.take() == "start s 1");
  s.remove(30);
  BOOST_TEST(s.take() == "stop a; stop s; remove; stopped"); // who serves goes last
}

BOOST_AUTO_TEST_CASE(a_failed_init_container_ends_a_pod_that_never_restarts) {
  stage s("{restartPolicy: Never, initContainers: [{name: i, image: x}], "
          "containers: [{name: a, image: x}]}");
  s.end("i", 2);
  s.go();
  BOOST_TEST(s.take() == "start i 0; release");
  BOOST_TEST(s.status().phase() == "Failed");
}

BOOST_AUTO_TEST_CASE(a_container_that_does_not_obey_is_killed_when_its_time_is_over) {
  stage s(one);
  s.obeys = false;
  s.take();
  s.remove(30);
  BOOST_TEST(s.take() == "stop a");
  s.pass(29s);
  BOOST_TEST(s.take() == "");
  s.pass(1s);
  BOOST_TEST(s.take() == "kill a; remove; stopped");
}

BOOST_AUTO_TEST_CASE(less_patience_later_counts) {
  stage s(one);
  s.obeys = false;
  s.take();
  s.remove(30);
  s.pass(2s);
  s.remove(1);
  BOOST_TEST(s.take() == "stop a; kill a; remove; stopped");
}

BOOST_AUTO_TEST_CASE(a_pod_that_vanished_is_ended_quickly_and_without_a_word) {
  stage s(one);
  s.take();
  note_gone(s.record, s.now);
  s.go();
  BOOST_TEST(s.take() == "stop a; remove; stopped");
}

BOOST_AUTO_TEST_CASE(hooks_run_after_the_start_and_before_the_end) {
  stage s("{containers: [{name: a, image: x, lifecycle: {postStart: {exec: {command: [x]}}, "
          "preStop: {exec: {command: [x]}}}}, {name: b, image: x}]}");
  BOOST_TEST(s.take() == "start a 0; postStart a; start b 0"); // b waits for a's hook
  s.remove(30);
  BOOST_TEST(s.take() == "preStop a; stop b; stop a; remove; stopped");
}

BOOST_AUTO_TEST_CASE(a_hook_that_takes_all_the_time_leaves_a_last_moment) {
  stage s("{containers: [{name: a, image: x, lifecycle: {preStop: {exec: {command: [x]}}}}]}");
  s.hooks = progress::under_way;
  s.obeys = false;
  s.take();
  s.remove(10);
  BOOST_TEST(s.take() == "preStop a");
  s.pass(10s);
  BOOST_TEST(s.take() == "stop a");
  s.pass(2s);
  BOOST_TEST(s.take() == "kill a; remove; stopped");
}

BOOST_AUTO_TEST_CASE(a_failing_liveness_probe_restarts_the_container) {
  stage s("{containers: [{name: a, image: x, livenessProbe: {exec: {command: [x]}, "
          "periodSeconds: 5, failureThreshold: 3}}]}");
  s.take();
  s.pass(20s);
  BOOST_TEST(s.take() == "");
  s.healthy = false;
  s.pass(14s);
  BOOST_TEST(s.take() == "");
  s.pass(1s);
  BOOST_TEST(s.take() == "stop a; start a 1");
}

BOOST_AUTO_TEST_CASE(readiness_follows_its_probe_with_its_thresholds) {
  stage s("{containers: [{name: a, image: x, readinessProbe: {exec: {command: [x]}, "
          "initialDelaySeconds: 3, periodSeconds: 2, successThreshold: 2, failureThreshold: 2}}]}");
  BOOST_TEST(s.ready() == "False");
  s.pass(3s);
  BOOST_TEST(s.ready() == "False");
  s.pass(2s);
  BOOST_TEST(s.ready() == "True");
  s.healthy = false;
  s.pass(2s);
  BOOST_TEST(s.ready() == "True");
  s.pass(2s);
  BOOST_TEST(s.ready() == "False");
}

BOOST_AUTO_TEST_CASE(other_probes_wait_for_the_startup_probe) {
  stage s(
      "{containers: [{name: a, image: x, startupProbe: {exec: {command: [x]}, periodSeconds: 1, "
      "failureThreshold: 100}, readinessProbe: {exec: {command: [x]}}}]}");
  auto& c = s.record.containers[0];
  BOOST_TEST(c.probe(probe_kind::startup).passed);
  stage sick("{containers: [{name: a, image: x, startupProbe: {exec: {command: [x]}, "
             "periodSeconds: 1, failureThreshold: 3}}]}");
  sick.healthy = false;
  BOOST_TEST(sick.status().container_statuses(0).started());
}

BOOST_AUTO_TEST_CASE(an_image_that_cannot_be_pulled_is_tried_again_later_and_later) {
  stage s(one);
  stage t("{containers: [{name: a, image: x}]}");
  s.record.containers[0].image = progress::none;
  s.no_image = true;
  s.end("a", 1); // its image is looked for again
  s.go();
  BOOST_TEST(s.take() == "start a 0");
  auto& c = s.record.containers[0];
  BOOST_TEST((c.image_retry - s.now == 10s));
  s.pass(10s);
  BOOST_TEST((c.image_retry - s.now == 20s));
  s.no_image = false;
  s.pass(20s);
  BOOST_TEST(s.take() == "start a 1");
}

BOOST_AUTO_TEST_CASE(a_failed_pull_is_an_error_and_then_a_back_off) {
  auto pod = pod_of(one);
  auto record = begin_record(pod, 0ms);
  record.place = record.volumes = progress::done;
  note_image_failure(record.containers[0], "ErrImagePull", "no such host", 5s);
  auto said = [&] {
    auto status = status_of(pod, record, "", 5s);
    auto& w = status.container_statuses(0).state().waiting();
    return w.reason() + ": " + w.message();
  };
  BOOST_TEST(said() == "ErrImagePull: no such host");
  BOOST_TEST((*plan(pod, record, 5s).wake == 7s));
  auto later = plan(pod, record, 7s).actions;
  BOOST_REQUIRE((later == std::vector<pod_action>{back_off_image{"a"}}));
  begun(record, later[0], 7s);
  BOOST_TEST(said() ==
             "ImagePullBackOff: Back-off pulling image \"x\": ErrImagePull: no such host");
}

BOOST_AUTO_TEST_CASE(a_pod_has_only_so_long_if_its_author_says_so) {
  stage s("{activeDeadlineSeconds: 60, containers: [{name: a, image: x}]}");
  s.take();
  s.pass(59s);
  BOOST_TEST(s.take() == "");
  s.pass(1s);
  BOOST_TEST(s.take() == "stop a; release");
  BOOST_TEST(s.status().phase() == "Failed");
  BOOST_TEST(s.status().reason() == "DeadlineExceeded");
}

BOOST_AUTO_TEST_CASE(container_rules_count_more_than_the_pods_policy) {
  stage s("{restartPolicy: Never, containers: [{name: a, image: x, restartPolicy: Never, "
          "restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [42]}}]}]}");
  s.take();
  s.end("a", 42);
  s.go();
  BOOST_TEST(s.take() == "start a 1");
  s.end("a", 1);
  s.go();
  BOOST_TEST(s.take() == "release");
}

BOOST_AUTO_TEST_CASE(sidecars_go_when_the_work_is_done) {
  stage s("{restartPolicy: Never, initContainers: [{name: s, image: x, restartPolicy: Always}], "
          "containers: [{name: a, image: x}]}");
  s.take();
  s.end("a", 0);
  s.go();
  BOOST_TEST(s.take() == "stop s; release");
  BOOST_TEST(s.status().phase() == "Succeeded");
}

BOOST_AUTO_TEST_CASE(readiness_gates_hold_a_pod_up) {
  stage s("{readinessGates: [{conditionType: example.com/ok}], containers: [{name: a, image: x}]}");
  BOOST_TEST(s.ready() == "False");
  auto& c = *s.pod.mutable_status()->add_conditions();
  c.set_type("example.com/ok");
  c.set_status("True");
  BOOST_TEST(s.ready() == "True");
}

BOOST_AUTO_TEST_SUITE_END()
