#include "actors/controllers/autoscaler_pace.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace troupe::controllers {

namespace {

using k8s::autoscaling::v2::HorizontalPodAutoscalerSpec;
using k8s::autoscaling::v2::HPAScalingRules;

constexpr int32_t window_down_seconds = 300; // unless somebody says otherwise
constexpr int32_t window_seconds_max = 3'600;
constexpr int32_t replicas_most = std::numeric_limits<int32_t>::max();
// Who says nothing about the way up may double what there is, or have four.
constexpr int32_t up_factor = 2, up_least = 4;

const told within = {"DesiredWithinRange", "the desired count is within the acceptable range"};
const told ready = {"ReadyForNewScale", "recommended size matches current size"};
const told held_up = {"ScaleUpStabilized", "recent recommendations were lower than current one, "
                                           "applying the lowest recent recommendation"};
const told held_down = {"ScaleDownStabilized", "recent recommendations were higher than current "
                                               "one, applying the highest recent recommendation"};
const told too_fast_up = {
    "ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate"};
const told too_fast_down = {
    "ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate"};
const told too_many = {"TooManyReplicas",
                       "the desired replica count is more than the maximum replica count"};
const told too_few = {"TooFewReplicas",
                      "the desired replica count is less than the minimum replica count"};

bool within_last(timestamp at, int32_t seconds, timestamp now) {
  timestamp begin{now.seconds - seconds, now.nanos};
  return at > begin;
}

/// The most, or the least, that was wanted within the window.
int32_t extreme(const pace_memory& memory, bool most, int32_t window, int32_t wanted,
                timestamp now) {
  for (auto& w : memory.wishes)
    if (within_last(w.at, window, now))
      wanted = most ? std::max(wanted, w.replicas) : std::min(wanted, w.replicas);
  return wanted;
}

int32_t window_of(const HPAScalingRules& rules, int32_t otherwise) {
  return rules.has_stabilization_window_seconds() ? rules.stabilization_window_seconds()
                                                  : otherwise;
}

/// Where the policies end on the way up (or down).
int32_t limit_by(const HPAScalingRules& rules, bool up, const pace_memory& memory, int32_t current,
                 timestamp now) {
  if (rules.select_policy() == "Disabled") return current;
  bool smaller_counts = up == (rules.select_policy() == "Min");
  std::optional<int32_t> limit;
  for (auto& p : rules.policies()) {
    int64_t before = current; // what there was when the period began
    for (auto& s : memory.steps)
      if (within_last(s.at, p.period_seconds(), now)) before -= s.change;
    auto share = static_cast<double>(p.value()) / 100;
    double reach = p.type() == "Pods" ? static_cast<double>(before + (up ? p.value() : -p.value()))
                   : up               ? std::ceil(static_cast<double>(before) * (1 + share))
                                      : std::trunc(static_cast<double>(before) * (1 - share));
    auto bounded = static_cast<int32_t>(std::clamp(reach, 0.0, static_cast<double>(replicas_most)));
    if (!limit) limit = bounded;
    limit = smaller_counts ? std::min(*limit, bounded) : std::max(*limit, bounded);
  }
  auto end = limit.value_or(up ? replicas_most : 0);
  return up ? std::max(end, current) : std::min(end, current);
}

void finish(pace& out, int32_t least, const told& below, int32_t most, const told& above) {
  auto wanted = out.replicas;
  out.replicas = wanted < least ? least : std::min(wanted, most);
  out.limits = out.replicas != wanted;
  out.limited = wanted < least ? below : wanted > most ? above : within;
}

pace plain_pace(const HorizontalPodAutoscalerSpec& spec, const pace_memory& memory, int32_t current,
                int32_t wanted, timestamp now) {
  auto steady = extreme(memory, true, window_down_seconds, wanted, now);
  pace out{steady, steady == wanted ? ready : held_down, {}, false};
  auto reach = static_cast<int32_t>(
      std::min<int64_t>(std::max<int64_t>(int64_t{up_factor} * current, up_least), replicas_most));
  bool by_rate = spec.max_replicas() > reach;
  finish(out, spec.min_replicas(), too_few, by_rate ? reach : spec.max_replicas(),
         by_rate ? too_fast_up : too_many);
  return out;
}

pace ruled_pace(const HorizontalPodAutoscalerSpec& spec, const pace_memory& memory, int32_t current,
                int32_t wanted, timestamp now) {
  auto& up = spec.behavior().scale_up();
  auto& down = spec.behavior().scale_down();
  auto floor = extreme(memory, false, window_of(up, 0), wanted, now);
  auto ceiling = extreme(memory, true, window_of(down, window_down_seconds), wanted, now);
  auto steady = std::min(std::max(current, floor), ceiling);
  pace out{steady, ready, within, false};
  if (steady != wanted) out.able = wanted >= current ? held_up : held_down;
  if (steady > current) {
    auto reach = limit_by(up, true, memory, current, now);
    bool by_rate = spec.max_replicas() > reach;
    finish(out, 0, too_few, by_rate ? reach : spec.max_replicas(),
           by_rate ? too_fast_up : too_many);
  } else if (steady < current) {
    auto reach = limit_by(down, false, memory, current, now);
    bool by_rate = spec.min_replicas() < reach;
    finish(out, by_rate ? reach : spec.min_replicas(), by_rate ? too_fast_down : too_few,
           replicas_most, too_many);
  }
  return out;
}

} // namespace

pace keep_pace(const HorizontalPodAutoscalerSpec& spec, pace_memory& memory, int32_t current,
               int32_t wanted, timestamp now) {
  auto old = [&](auto& x) { return !within_last(x.at, window_seconds_max, now); };
  std::erase_if(memory.wishes, old);
  std::erase_if(memory.steps, old);
  // Whoever begins takes it that what there is was wanted until now.
  if (memory.wishes.empty()) memory.wishes.push_back({now, current});
  auto out = spec.has_behavior() ? ruled_pace(spec, memory, current, wanted, now)
                                 : plain_pace(spec, memory, current, wanted, now);
  memory.wishes.push_back({now, wanted});
  return out;
}

} // namespace troupe::controllers
