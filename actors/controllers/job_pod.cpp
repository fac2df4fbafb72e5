#include "actors/controllers/job_pod.hpp"

#include <algorithm>
#include <cstdlib>

namespace troupe::controllers {

using k8s::batch::v1::PodFailurePolicy;
using k8s::batch::v1::PodFailurePolicyRule;
using k8s::core::v1::Pod;

namespace {

constexpr const char* index_variable = "JOB_COMPLETION_INDEX";
constexpr size_t generated_base_max = 58; // more of it is cut off when the name is completed

timestamp time_of(const k8s::meta::v1::Time& t) { return {t.seconds(), t.nanos()}; }

constexpr size_t failures_remembered_max = 16; // the delay does not grow any more before that

/// When the last container ended, if all have.
timestamp end_of_containers(const Pod& pod) {
  timestamp last;
  bool all = true;
  auto look = [&](auto& c) {
    auto at = time_of(c.state().terminated().finished_at());
    all = all && at.seconds > 0;
    last = std::max(last, at);
  };
  for (auto& c : pod.status().container_statuses()) look(c);
  for (auto& c : pod.status().init_container_statuses())
    if (is_sidecar(pod, c.name())) look(c);
  return all ? last : timestamp{};
}

timestamp end_of(const Pod& pod) {
  if (auto last = end_of_containers(pod); last.seconds > 0) return last;
  for (auto& c : pod.status().conditions())
    if (c.type() == "Ready" && c.status() == "False" && c.has_last_transition_time())
      return time_of(c.last_transition_time());
  auto& m = pod.metadata();
  if (!m.has_deletion_timestamp()) return time_of(m.creation_timestamp());
  auto told = time_of(m.deletion_timestamp());
  told.seconds -= m.deletion_grace_period_seconds();
  return told;
}

bool by_exit_code(const PodFailurePolicyRule& rule, const Pod& pod, std::string* why) {
  auto& wanted = rule.on_exit_codes();
  auto look = [&](auto& statuses) {
    for (auto& c : statuses) {
      if (!c.state().has_terminated()) continue;
      if (!wanted.container_name().empty() && wanted.container_name() != c.name()) continue;
      auto code = c.state().terminated().exit_code();
      if (code == 0) continue;
      bool listed =
          std::find(wanted.values().begin(), wanted.values().end(), code) != wanted.values().end();
      if (listed != (wanted.operator_() == "In")) continue;
      *why = "Container " + c.name() + " for pod " + pod.metadata().namespace_() + "/" +
             pod.metadata().name() + " failed with exit code " + std::to_string(code);
      return true;
    }
    return false;
  };
  return look(pod.status().container_statuses()) || look(pod.status().init_container_statuses());
}

bool by_condition(const PodFailurePolicyRule& rule, const Pod& pod, std::string* why) {
  for (auto& wanted : rule.on_pod_conditions())
    for (auto& c : pod.status().conditions())
      if (c.type() == wanted.type() &&
          c.status() == (wanted.status().empty() ? "True" : wanted.status())) {
        *why = "Pod " + pod.metadata().namespace_() + "/" + pod.metadata().name() +
               " has condition " + c.type();
        return true;
      }
  return false;
}

} // namespace

job_pod job_pod::of(storage::entry_ptr entry) {
  job_pod out;
  static_cast<pod_view&>(out) = pod_view::of(std::move(entry));
  auto whole = out.whole();
  auto& pod = *whole;
  auto& m = pod.metadata();
  out.tracked = std::find(m.finalizers().begin(), m.finalizers().end(), tracking_finalizer) !=
                m.finalizers().end();
  auto number = [&](const char* name) -> std::optional<int> {
    auto hit = m.annotations().find(name);
    if (hit == m.annotations().end()) return {};
    return std::atoi(hit->second.c_str());
  };
  out.index = number(index_annotation);
  out.index_failures = {number(index_failures_annotation).value_or(0),
                        number(index_ignored_annotation).value_or(0)};
  for (auto& c : pod.status().container_statuses()) out.all_restarts += c.restart_count();
  for (auto& c : pod.status().init_container_statuses()) out.all_restarts += c.restart_count();
  if (out.finished() || out.going) out.finished_at = end_of(pod);
  return out;
}

void job_past::note(const job_pod& ended) {
  if (ended.phase == pod_phase::succeeded) {
    success = std::max(success, ended.finished_at);
    std::erase_if(failures, [&](auto& f) { return f.second <= success; });
  } else if (ended.lost() && ended.finished_at > success) {
    failures[ended.uid] = ended.finished_at;
    if (failures.size() > failures_remembered_max)
      failures.erase(std::min_element(failures.begin(), failures.end(),
                                      [](auto& a, auto& b) { return a.second < b.second; }));
  }
}

failure_verdict judge(const PodFailurePolicy& policy, const Pod& pod, std::string* why) {
  int number = 0;
  for (auto& rule : policy.rules()) {
    bool matches =
        rule.has_on_exit_codes() ? by_exit_code(rule, pod, why) : by_condition(rule, pod, why);
    auto at = number++;
    if (!matches) continue;
    *why += " matching " + rule.action() + " rule at index " + std::to_string(at);
    if (rule.action() == "FailJob") return failure_verdict::fail_job;
    if (rule.action() == "FailIndex") return failure_verdict::fail_index;
    return rule.action() == "Ignore" ? failure_verdict::ignore : failure_verdict::count;
  }
  return failure_verdict::count;
}

void give_index(Pod& pod, const std::string& job, int index, const index_failure_counts* failures) {
  auto number = std::to_string(index);
  auto& m = *pod.mutable_metadata();
  auto tail = "-" + number + "-";
  m.set_generate_name(job.substr(0, generated_base_max - tail.size()) + tail);
  (*m.mutable_labels())[index_annotation] = number;
  (*m.mutable_annotations())[index_annotation] = number;
  if (failures) {
    auto& notes = *m.mutable_annotations();
    notes[index_failures_annotation] = std::to_string(failures->counted);
    if (failures->ignored > 0) notes[index_ignored_annotation] = std::to_string(failures->ignored);
  }
  auto& spec = *pod.mutable_spec();
  spec.set_hostname(job + "-" + number);
  auto tell = [](auto& containers) {
    for (auto& c : containers) {
      auto& env = c.env();
      if (std::any_of(env.begin(), env.end(), [](auto& e) { return e.name() == index_variable; }))
        continue;
      auto& e = *c.add_env();
      e.set_name(index_variable);
      auto& from = *e.mutable_value_from()->mutable_field_ref();
      from.set_api_version("v1");
      from.set_field_path(std::string("metadata.labels['") + index_annotation + "']");
    }
  };
  tell(*spec.mutable_containers());
  tell(*spec.mutable_init_containers());
}

} // namespace troupe::controllers
