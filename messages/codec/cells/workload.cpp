#include "messages/codec/cells/view.hpp"

#include "messages/api/autoscaling_v1.pb.h"
#include "messages/api/autoscaling_v2.pb.h"
#include "messages/api/controller_revision.pb.h"
#include "messages/api/cron_job.pb.h"
#include "messages/api/daemon_set.pb.h"
#include "messages/api/deployment.pb.h"
#include "messages/api/job.pb.h"
#include "messages/api/policy.pb.h"
#include "messages/api/replica_set.pb.h"
#include "messages/api/replication.pb.h"
#include "messages/api/stateful_set.pb.h"

namespace troupe::codec {

namespace {

/// Names and images of a template's containers: two cells.
void containers(const k8s::core::v1::PodSpec& spec, json::array& out) {
  std::string names, images;
  for (auto& c : spec.containers()) {
    names.append(names.empty() ? "" : ",").append(c.name());
    images.append(images.empty() ? "" : ",").append(c.image());
  }
  add(out, {names, images});
}

std::string ratio(int64_t part, int64_t whole) {
  return std::to_string(part) + "/" + std::to_string(whole);
}

std::string int_or_string(const k8s::base::IntOrString& v) {
  return v.type() == 0 ? std::to_string(v.int_val()) : v.str_val();
}

std::string completions(const k8s::batch::v1::Job& job) {
  if (job.spec().has_completions())
    return ratio(job.status().succeeded(), job.spec().completions());
  auto parallelism = job.spec().has_parallelism() ? job.spec().parallelism() : 0;
  if (parallelism > 1)
    return std::to_string(job.status().succeeded()) + "/1 of " + std::to_string(parallelism);
  return ratio(job.status().succeeded(), 1);
}

std::string duration(const k8s::batch::v1::Job& job, int64_t now) {
  auto& s = job.status();
  if (!s.has_start_time()) return "";
  auto end = s.has_completion_time() ? s.completion_time().seconds() : now;
  return format_age(std::chrono::seconds(end - s.start_time().seconds()));
}

template<class Target> std::string reference(const Target& t) { return t.kind() + "/" + t.name(); }

std::string metric_targets(const k8s::autoscaling::v2::HorizontalPodAutoscaler& hpa) {
  std::vector<std::string> words;
  for (auto& m : hpa.spec().metrics()) {
    auto& target = m.has_resource()   ? m.resource().target()
                   : m.has_pods()     ? m.pods().target()
                   : m.has_object()   ? m.object().target()
                   : m.has_external() ? m.external().target()
                                      : m.container_resource().target();
    std::string goal = "<auto>", current = "<unknown>";
    if (target.has_average_utilization())
      goal = std::to_string(target.average_utilization()) + "%";
    else if (target.has_average_value())
      goal = target.average_value().string();
    else if (target.has_value())
      goal = target.value().string();
    for (auto& c : hpa.status().current_metrics())
      if (m.has_resource() && c.resource().name() == m.resource().name()) {
        if (c.resource().current().has_average_utilization())
          current = std::to_string(c.resource().current().average_utilization()) + "%";
        else if (c.resource().current().has_average_value())
          current = c.resource().current().average_value().string();
      }
    auto name = m.has_resource() ? m.resource().name() + ": " : std::string{};
    words.push_back(name + current + "/" + goal);
  }
  return words.empty() ? "<none>" : joined(words);
}

} // namespace

void add_workload_views(views& to) {
  using namespace k8s;
  add_view<apps::v1::Deployment>(
      to,
      {"Ready", "Up-to-date", "Available", "Age", "Containers:wide", "Images:wide",
       "Selector:wide"},
      [](const apps::v1::Deployment& d, int64_t now, json::array& out) {
        add(out, {ratio(d.status().ready_replicas(), d.spec().replicas()),
                  d.status().updated_replicas(), d.status().available_replicas(), age_of(d, now)});
        containers(d.spec().template_().spec(), out);
        add(out, {selector_text(d.spec().selector())});
      });
  add_view<apps::v1::ReplicaSet>(to,
                                 {"Desired:integer", "Current:integer", "Ready:integer", "Age",
                                  "Containers:wide", "Images:wide", "Selector:wide"},
                                 [](const apps::v1::ReplicaSet& s, int64_t now, json::array& out) {
                                   add(out, {s.spec().replicas(), s.status().replicas(),
                                             s.status().ready_replicas(), age_of(s, now)});
                                   containers(s.spec().template_().spec(), out);
                                   add(out, {selector_text(s.spec().selector())});
                                 });
  add_view<core::v1::ReplicationController>(
      to,
      {"Desired:integer", "Current:integer", "Ready:integer", "Age", "Containers:wide",
       "Images:wide", "Selector:wide"},
      [](const core::v1::ReplicationController& s, int64_t now, json::array& out) {
        add(out, {s.spec().replicas(), s.status().replicas(), s.status().ready_replicas(),
                  age_of(s, now)});
        containers(s.spec().template_().spec(), out);
        add(out, {labels_text(s.spec().selector())});
      });
  add_view<apps::v1::DaemonSet>(
      to,
      {"Desired:integer", "Current:integer", "Ready:integer", "Up-to-date:integer",
       "Available:integer", "Node Selector", "Age", "Containers:wide", "Images:wide",
       "Selector:wide"},
      [](const apps::v1::DaemonSet& s, int64_t now, json::array& out) {
        add(out, {s.status().desired_number_scheduled(), s.status().current_number_scheduled(),
                  s.status().number_ready(), s.status().updated_number_scheduled(),
                  s.status().number_available(),
                  labels_text(s.spec().template_().spec().node_selector()), age_of(s, now)});
        containers(s.spec().template_().spec(), out);
        add(out, {selector_text(s.spec().selector())});
      });
  add_view<apps::v1::StatefulSet>(
      to, {"Ready", "Age", "Containers:wide", "Images:wide"},
      [](const apps::v1::StatefulSet& s, int64_t now, json::array& out) {
        add(out, {ratio(s.status().ready_replicas(), s.spec().replicas()), age_of(s, now)});
        containers(s.spec().template_().spec(), out);
      });
  add_view<apps::v1::ControllerRevision>(
      to, {"Controller", "Revision:integer", "Age"},
      [](const apps::v1::ControllerRevision& r, int64_t now, json::array& out) {
        std::string owner = "<none>";
        for (auto& o : r.metadata().owner_references())
          if (o.controller()) {
            auto group = o.api_version().find('/');
            auto kind = o.kind();
            for (auto& c : kind) c = static_cast<char>(tolower(c));
            owner = kind +
                    (group == std::string::npos ? "" : "." + o.api_version().substr(0, group)) +
                    "/" + o.name();
          }
        add(out, {owner, r.revision(), age_of(r, now)});
      });
  add_view<batch::v1::Job>(
      to, {"Completions", "Duration", "Age", "Containers:wide", "Images:wide", "Selector:wide"},
      [](const batch::v1::Job& j, int64_t now, json::array& out) {
        add(out, {completions(j), duration(j, now), age_of(j, now)});
        containers(j.spec().template_().spec(), out);
        add(out, {selector_text(j.spec().selector())});
      });
  add_view<batch::v1::CronJob>(
      to,
      {"Schedule", "Suspend", "Active:integer", "Last Schedule", "Age", "Containers:wide",
       "Images:wide", "Selector:wide"},
      [](const batch::v1::CronJob& j, int64_t now, json::array& out) {
        auto last = j.status().has_last_schedule_time()
                        ? age(j.status().last_schedule_time().seconds(), now)
                        : "<none>";
        add(out, {j.spec().schedule(), j.spec().suspend() ? "True" : "False",
                  j.status().active_size(), last, age_of(j, now)});
        containers(j.spec().job_template().spec().template_().spec(), out);
        add(out, {selector_text(j.spec().job_template().spec().selector())});
      });
  add_view<core::v1::PodTemplate>(to, {"Containers", "Images", "Pod Labels"},
                                  [](const core::v1::PodTemplate& t, int64_t, json::array& out) {
                                    containers(t.template_().spec(), out);
                                    add(out, {labels_text(t.template_().metadata().labels())});
                                  });
  add_view<policy::v1::PodDisruptionBudget>(
      to, {"Min Available", "Max Unavailable", "Allowed Disruptions:integer", "Age"},
      [](const policy::v1::PodDisruptionBudget& b, int64_t now, json::array& out) {
        add(out,
            {b.spec().has_min_available() ? int_or_string(b.spec().min_available()) : "N/A",
             b.spec().has_max_unavailable() ? int_or_string(b.spec().max_unavailable()) : "N/A",
             b.status().disruptions_allowed(), age_of(b, now)});
      });
  add_view<autoscaling::v2::HorizontalPodAutoscaler>(
      to, {"Reference", "Targets", "MinPods", "MaxPods", "Replicas", "Age"},
      [](const autoscaling::v2::HorizontalPodAutoscaler& h, int64_t now, json::array& out) {
        auto least = h.spec().has_min_replicas() ? std::to_string(h.spec().min_replicas())
                                                 : std::string("<unset>");
        add(out, {reference(h.spec().scale_target_ref()), metric_targets(h), least,
                  h.spec().max_replicas(), h.status().current_replicas(), age_of(h, now)});
      });
  add_view<autoscaling::v1::HorizontalPodAutoscaler>(
      to, {"Reference", "Targets", "MinPods", "MaxPods", "Replicas", "Age"},
      [](const autoscaling::v1::HorizontalPodAutoscaler& h, int64_t now, json::array& out) {
        auto least = h.spec().has_min_replicas() ? std::to_string(h.spec().min_replicas())
                                                 : std::string("<unset>");
        auto current = h.status().has_current_cpu_utilization_percentage()
                           ? std::to_string(h.status().current_cpu_utilization_percentage()) + "%"
                           : std::string("<unknown>");
        auto goal = h.spec().has_target_cpu_utilization_percentage()
                        ? std::to_string(h.spec().target_cpu_utilization_percentage()) + "%"
                        : std::string("<auto>");
        add(out, {reference(h.spec().scale_target_ref()), current + "/" + goal, least,
                  h.spec().max_replicas(), h.status().current_replicas(), age_of(h, now)});
      });
}

} // namespace troupe::codec
