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

bool holds(const k8s::batch::v1::Job& job, std::string_view type) {
  for (auto& c : job.status().conditions())
    if (c.type() == type) return c.status() == "True";
  return false;
}

std::string status_of(const k8s::batch::v1::Job& job) {
  if (holds(job, "Complete")) return "Complete";
  if (holds(job, "Failed")) return "Failed";
  if (job.metadata().has_deletion_timestamp()) return "Terminating";
  if (holds(job, "Suspended")) return "Suspended";
  return holds(job, "FailureTarget") ? "FailureTarget" : "Running";
}

template<class Target> std::string reference(const Target& t) { return t.kind() + "/" + t.name(); }

/// What a metric of a target shows: how it is told now, and what is wished.
struct reading {
  std::string now = "<unknown>", goal;
};

std::string or_zero(const k8s::base::Quantity& q) { return q.string().empty() ? "0" : q.string(); }

/// Of pods, objects and the world outside: an average if one is wished, else the value.
template<class Target, class Current>
std::string of_values(const Target& target, const Current* current) {
  reading r;
  if (target.has_average_value()) {
    if (current && current->has_average_value()) r.now = current->average_value().string();
    return r.now + "/" + target.average_value().string() + " (avg)";
  }
  if (current) r.now = or_zero(current->value());
  return r.now + "/" + or_zero(target.value());
}

/// Of a resource: an average if one is wished, else the share of what was requested.
template<class Target, class Current>
std::string of_resource(const std::string& name, const Target& target, const Current* current) {
  reading r;
  if (target.has_average_value()) {
    if (current) r.now = or_zero(current->average_value());
    r.goal = target.average_value().string();
  } else {
    if (current && current->has_average_utilization())
      r.now = std::to_string(current->average_utilization()) + "%";
    r.goal = target.has_average_utilization() ? std::to_string(target.average_utilization()) + "%"
                                              : "<auto>";
  }
  return name + ": " + r.now + "/" + r.goal;
}

std::string metric_text(const k8s::autoscaling::v2::MetricSpec& m,
                        const k8s::autoscaling::v2::MetricStatus* s) {
  if (m.type() == "External")
    return of_values(m.external().target(),
                     s && s->has_external() ? &s->external().current() : nullptr);
  if (m.type() == "Object")
    return of_values(m.object().target(), s && s->has_object() ? &s->object().current() : nullptr);
  if (m.type() == "Pods")
    return (s && s->has_pods() ? or_zero(s->pods().current().average_value()) : "<unknown>") + "/" +
           or_zero(m.pods().target().average_value());
  if (m.type() == "Resource")
    return of_resource(m.resource().name(), m.resource().target(),
                       s && s->has_resource() ? &s->resource().current() : nullptr);
  if (m.type() == "ContainerResource")
    return of_resource(m.container_resource().name(), m.container_resource().target(),
                       s && s->has_container_resource() ? &s->container_resource().current()
                                                        : nullptr);
  return "<unknown type>";
}

std::string metric_targets(const k8s::autoscaling::v2::HorizontalPodAutoscaler& hpa) {
  constexpr int shown_max = 2;
  auto& all = hpa.spec().metrics();
  auto& told = hpa.status().current_metrics();
  std::string out;
  for (int i = 0; i < std::min(all.size(), shown_max); ++i)
    out += (i ? ", " : "") + metric_text(all[i], i < told.size() ? &told[i] : nullptr);
  if (all.size() > shown_max) out += " + " + std::to_string(all.size() - shown_max) + " more...";
  return out.empty() ? "<none>" : out;
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
      to, {"Controller", "Revision", "Age"},
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
      to,
      {"Status", "Completions", "Duration", "Age", "Containers:wide", "Images:wide",
       "Selector:wide"},
      [](const batch::v1::Job& j, int64_t now, json::array& out) {
        add(out, {status_of(j), completions(j), duration(j, now), age_of(j, now)});
        containers(j.spec().template_().spec(), out);
        add(out, {selector_text(j.spec().selector())});
      });
  add_view<batch::v1::CronJob>(
      to,
      {"Schedule", "Timezone", "Suspend:boolean", "Active:integer", "Last Schedule", "Age",
       "Containers:wide", "Images:wide", "Selector:wide"},
      [](const batch::v1::CronJob& j, int64_t now, json::array& out) {
        auto last = j.status().has_last_schedule_time()
                        ? age(j.status().last_schedule_time().seconds(), now)
                        : "<none>";
        add(out, {j.spec().schedule(), j.spec().has_time_zone() ? j.spec().time_zone() : "<none>",
                  !j.spec().has_suspend() ? "<unset>"
                  : j.spec().suspend()    ? "True"
                                          : "False",
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
  add_view<autoscaling::v1::Scale>(
      to, {"Desired:integer", "Available:integer", "Age"},
      [](const autoscaling::v1::Scale& s, int64_t now, json::array& out) {
        add(out, {s.spec().replicas(), s.status().replicas(), age_of(s, now)});
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
        add(out, {reference(h.spec().scale_target_ref()), "cpu: " + current + "/" + goal, least,
                  h.spec().max_replicas(), h.status().current_replicas(), age_of(h, now)});
      });
}

} // namespace troupe::codec
