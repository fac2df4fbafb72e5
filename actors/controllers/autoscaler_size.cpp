#include "actors/controllers/autoscaler_size.hpp"

#include "actors/controllers/conditions.hpp"
#include "actors/gateway/quota_usage.hpp"
#include "messages/base/quantity.hpp"

#include <cmath>
#include <map>
#include <optional>

namespace troupe::controllers {

namespace {

using k8s::autoscaling::v2::MetricSpec;
using k8s::autoscaling::v2::MetricTarget;
using k8s::autoscaling::v2::MetricValueStatus;
using k8s::core::v1::Pod;
using k8s::metrics::v1beta1::PodMetrics;

// A pod that starts uses more CPU than it will: for so long it counts only while it is ready.
constexpr int64_t cpu_settles_seconds = 300;
// A pod that has not been ready since then has never been.
constexpr int64_t first_ready_seconds = 30;

/// What is measured: a resource of whole pods, or of one of their containers.
struct subject {
  std::string resource, container;
  bool concerns(const std::string& name) const { return container.empty() || container == name; }
};

int64_t milli(const k8s::base::Quantity& q) { return gateway::amount_of(q).milli_value(); }

std::optional<int64_t> used(const PodMetrics& figures, const subject& of) {
  std::optional<int64_t> sum;
  for (auto& c : figures.containers()) {
    if (!of.concerns(c.name())) continue;
    auto hit = c.usage().find(of.resource);
    if (hit == c.usage().end()) return {};
    sum = sum.value_or(0) + milli(hit->second);
  }
  return sum;
}

/// Whether the CPU that it uses says nothing yet about what it will use.
bool unsettled(const Pod& pod, const PodMetrics& figures, timestamp now) {
  auto ready = find_condition(pod.status().conditions(), "Ready");
  if (!ready || !pod.status().has_start_time()) return true;
  auto started = pod.status().start_time().seconds();
  auto turned = ready->last_transition_time().seconds();
  bool no = ready->status() == "False";
  if (started + cpu_settles_seconds > now.seconds) {
    auto window = std::chrono::nanoseconds(figures.window().duration());
    auto whole = std::chrono::duration_cast<std::chrono::seconds>(window).count();
    return no || figures.timestamp().seconds() < turned + whole;
  }
  return no && started + first_ready_seconds > turned;
}

/// The pods, by what their figures are worth.
struct crowd {
  std::map<std::string, int64_t> usage; ///< in thousandths
  std::vector<std::string> unsettled, unknown;
  size_t settled = 0;
  bool measured = false; ///< anybody at all
};

crowd sorted(const size_view& view, const subject& of) {
  crowd out;
  for (auto& [pod, figures] : view.pods) {
    auto& name = pod->metadata().name();
    auto known = figures ? used(*figures, of) : std::optional<int64_t>{};
    out.measured = out.measured || known;
    if (pod->metadata().has_deletion_timestamp() || pod->status().phase() == "Failed") continue;
    if (pod->status().phase() == "Pending") {
      out.unsettled.push_back(name);
    } else if (!known) {
      out.unknown.push_back(name);
    } else if (of.resource == "cpu" && unsettled(*pod, *figures, view.now)) {
      out.unsettled.push_back(name);
    } else {
      ++out.settled;
      out.usage[name] = *known;
    }
  }
  return out;
}

/// As many as bring what is used to what should be. Pods of which nothing is known count so that
/// they hold the change back: as using nothing where there should be more, all of it where there
/// should be fewer.
template<class Ratio, class Full>
int32_t replicas_for(crowd c, const size_view& view, Ratio ratio, Full full) {
  auto times = [](double ratio, size_t pods) {
    return static_cast<int32_t>(std::min(std::ceil(ratio * static_cast<double>(pods)), 2e9));
  };
  double seen = ratio(c.usage);
  bool more_with_unsettled = !c.unsettled.empty() && seen > 1;
  if (!more_with_unsettled && c.unknown.empty())
    return view.accepted.covers(seen) ? view.current : times(seen, c.settled);
  if (seen != 1)
    for (auto& pod : c.unknown) c.usage[pod] = seen < 1 ? full(pod) : 0;
  if (more_with_unsettled)
    for (auto& pod : c.unsettled) c.usage[pod] = 0;
  double held_back = ratio(c.usage);
  bool turned = (seen < 1 && held_back > 1) || (seen > 1 && held_back < 1);
  if (view.accepted.covers(held_back) || turned) return view.current;
  auto wanted = times(held_back, c.usage.size());
  bool other_way = held_back < 1 ? wanted > view.current : wanted < view.current;
  return other_way ? view.current : wanted;
}

/// What each pod asks for of it.
result<std::map<std::string, int64_t>> requests(const size_view& view, const subject& of) {
  std::map<std::string, int64_t> out;
  for (auto& [pod, _] : view.pods) {
    auto& sum = out[pod->metadata().name()];
    std::optional<error> missing;
    auto add = [&](const k8s::core::v1::Container& c) {
      if (!of.concerns(c.name()) || missing) return;
      auto hit = c.resources().requests().find(of.resource);
      if (hit == c.resources().requests().end())
        missing = {errc::invalid, "missing request for " + of.resource + " in container " +
                                      c.name() + " of Pod " + pod->metadata().name()};
      else
        sum += milli(hit->second);
    };
    if (auto& whole = pod->spec().resources().requests();
        of.container.empty() && whole.contains(of.resource)) {
      sum = milli(whole.at(of.resource));
      continue;
    }
    for (auto& c : pod->spec().containers()) add(c);
    for (auto& c : pod->spec().init_containers())
      if (c.restart_policy() == "Always") add(c);
    if (missing) return *missing;
  }
  return out;
}

int64_t total(const std::map<std::string, int64_t>& usage) {
  int64_t sum = 0;
  for (auto& [_, value] : usage) sum += value;
  return sum;
}

int64_t average(const std::map<std::string, int64_t>& usage) {
  return usage.empty() ? 0 : total(usage) / static_cast<int64_t>(usage.size());
}

void put_average(MetricValueStatus& out, int64_t milli) {
  out.mutable_average_value()->set_string(quantity::of_milli(milli).text());
}

struct count {
  int32_t replicas;
  MetricValueStatus seen;
};

result<count> by_utilization(const crowd& c, const size_view& view, const subject& of,
                             int32_t target) {
  auto wanted = requests(view, of);
  if (!wanted) return wanted.error();
  auto percent = [&](const std::map<std::string, int64_t>& usage) {
    int64_t taken = 0, asked = 0;
    for (auto& [pod, value] : usage) {
      taken += value;
      asked += wanted->at(pod);
    }
    return asked == 0 ? int64_t{0} : static_cast<int64_t>(__int128{taken} * 100 / asked);
  };
  int64_t asked = 0;
  for (auto& [pod, _] : c.usage) asked += wanted->at(pod);
  if (asked == 0) return error{errc::invalid, "no metrics returned matched known pods"};
  count out{};
  out.replicas = replicas_for(
      c, view,
      [&](auto& usage) {
        return static_cast<double>(percent(usage)) / static_cast<double>(target);
      },
      [&](auto& pod) { return wanted->at(pod) * std::max(100, target) / 100; });
  out.seen.set_average_utilization(static_cast<int32_t>(std::min<int64_t>(percent(c.usage), 2e9)));
  put_average(out.seen, average(c.usage));
  return out;
}

count by_value(const crowd& c, const size_view& view, int64_t target) {
  count out{};
  out.replicas = replicas_for(
      c, view,
      [&](auto& usage) {
        return static_cast<double>(average(usage)) / static_cast<double>(target);
      },
      [&](auto&) { return target; });
  put_average(out.seen, average(c.usage));
  return out;
}

result<count> size_by_target(const MetricTarget& target, const size_view& view, const subject& of) {
  if (!target.has_average_value() && !target.has_average_utilization())
    return error{errc::invalid, "invalid resource metric source: neither an average utilization "
                                "target nor an average value (usage) target was set"};
  auto failed = [&](std::string why) {
    return error{errc::invalid, "failed to get " + of.resource +
                                    (target.has_average_value() ? " usage: " : " utilization: ") +
                                    std::move(why)};
  };
  auto c = sorted(view, of);
  if (!c.measured)
    return failed("unable to get metrics for resource " + of.resource +
                  ": no metrics returned from resource metrics API");
  if (c.usage.empty())
    return failed("did not receive metrics for targeted pods (pods might be unready)");
  if (target.has_average_value()) return by_value(c, view, milli(target.average_value()));
  auto done = by_utilization(c, view, of, target.average_utilization());
  if (!done) return failed(done.error().message);
  return done;
}

} // namespace

result<sizing> size_by(const MetricSpec& metric, const size_view& view) {
  bool of_container = metric.type() == "ContainerResource";
  if (!of_container && metric.type() != "Resource")
    return error{errc::invalid, "no server of custom or external metrics is known"};
  subject of{of_container ? metric.container_resource().name() : metric.resource().name(),
             of_container ? metric.container_resource().container() : ""};
  auto& target = of_container ? metric.container_resource().target() : metric.resource().target();
  auto done = size_by_target(target, view, of);
  if (!done) return done.error();
  sizing out{done->replicas, {}, {}};
  out.metric = of.resource + (of_container ? " container resource" : " resource");
  if (!target.has_average_value()) out.metric += " utilization (percentage of request)";
  out.status.set_type(metric.type());
  auto say = [&](auto& status) {
    status.set_name(of.resource);
    *status.mutable_current() = std::move(done->seen);
  };
  if (of_container) {
    say(*out.status.mutable_container_resource());
    out.status.mutable_container_resource()->set_container(of.container);
  } else {
    say(*out.status.mutable_resource());
  }
  return out;
}

size_fault fault_of(const MetricSpec& metric) {
  auto& type = metric.type();
  if (type == "Resource")
    return {"FailedGetResourceMetric", metric.resource().name() + " resource metric value"};
  if (type == "ContainerResource")
    return {"FailedGetContainerResourceMetric",
            metric.container_resource().name() + " container metric value"};
  if (type == "Pods")
    return {"FailedGetPodsMetric", metric.pods().metric().name() + " pods metric value"};
  if (type == "Object")
    return {"FailedGetObjectMetric", metric.object().metric().name() + " object metric value"};
  return {"FailedGetExternalMetric", metric.external().metric().name() + " external metric value"};
}

} // namespace troupe::controllers
