#include "actors/scheduler/requests.hpp"

#include "messages/base/quantity.hpp"
#include "messages/schema/pod_peak.hpp"

#include <algorithm>

namespace troupe::scheduler {

namespace {

// What a container without a request counts as when nodes are compared, as users of Kubernetes know
// it.
constexpr int64_t assumed_cpu_milli = 100;
constexpr int64_t assumed_memory_bytes = 200 << 20;

/// Amounts by resource; small, so a sorted list.
class sum {
public:
  int64_t& at(resource_id what) {
    auto hit = std::lower_bound(all.begin(), all.end(), what,
                                [](const need& n, resource_id id) { return n.what < id; });
    if (hit == all.end() || hit->what != what) hit = all.insert(hit, {what, 0});
    return hit->amount;
  }
  void add(const sum& other) {
    for (auto& n : other.all) at(n.what) += n.amount;
  }
  void at_least(const sum& other) {
    for (auto& n : other.all) {
      auto& mine = at(n.what);
      mine = std::max(mine, n.amount);
    }
  }
  std::vector<need> all;
};

template<class Map> sum read(const Map& quantities, resource_names& names) {
  sum out;
  for (auto& [name, quantity] : quantities) {
    auto id = names.id(name);
    out.at(id) += amount_of(id, quantity.string());
  }
  return out;
}

template<class Asked> sum with_assumed(const Asked& asked, sum out) {
  if (!asked.contains("cpu")) out.at(cpu) = assumed_cpu_milli;
  if (!asked.contains("memory")) out.at(memory) = assumed_memory_bytes;
  return out;
}

} // namespace

resource_names::resource_names() {
  for (auto name : {"cpu", "memory", "ephemeral-storage", "pods"}) id(name);
}

resource_id resource_names::id(std::string_view name) {
  auto hit = ids_.find(std::string(name));
  if (hit != ids_.end()) return hit->second;
  if (names_.size() >= resources_max) return static_cast<resource_id>(names_.size() - 1);
  auto made = static_cast<resource_id>(names_.size());
  names_.emplace_back(name);
  ids_.emplace(names_.back(), made);
  return made;
}

int64_t amount_of(resource_id what, std::string_view quantity) {
  auto parsed = quantity::parse(quantity);
  if (!parsed) return 0;
  return what == cpu ? parsed->milli_value() : parsed->value();
}

pod_needs needs_of(const k8s::core::v1::PodSpec& spec, resource_names& names) {
  auto total = schema::peak_of<sum>(spec, [&](auto& r) { return read(r.requests(), names); });
  auto scored = schema::peak_of<sum>(
      spec, [&](auto& r) { return with_assumed(r.requests(), read(r.requests(), names)); });
  // What is asked for the pod as a whole stands in for the sum.
  for (auto& n : read(spec.resources().requests(), names).all)
    total.at(n.what) = scored.at(n.what) = n.amount;
  auto overhead = read(spec.overhead(), names);
  total.add(overhead);
  scored.add(overhead);
  total.at(pod_slots) = 1;
  pod_needs out;
  std::erase_if(total.all, [](auto& n) { return n.amount == 0; });
  out.needs = std::move(total.all);
  out.scored_cpu_milli = scored.at(cpu);
  out.scored_memory_bytes = scored.at(memory);
  return out;
}

} // namespace troupe::scheduler
