// Decides how much of a node a pod takes: its containers together, or what starting it takes if
// that is more, on top of its overhead. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace k8s::core::v1 {
class PodSpec;
}

namespace troupe::scheduler {

/// A kind of resource as a small number. CPU counts in thousandths of a core, everything else in
/// units.
using resource_id = uint16_t;
constexpr resource_id cpu = 0, memory = 1, ephemeral_storage = 2, pod_slots = 3;

/// Pods and nodes may name any resource; those beyond the limit are one that no node has.
constexpr size_t resources_max = 1'000;

class resource_names {
public:
  resource_names();
  resource_id id(std::string_view name);
  const std::string& name(resource_id id) const { return names_[id]; }
  size_t size() const { return names_.size(); }

private:
  std::vector<std::string> names_;
  std::unordered_map<std::string, resource_id> ids_;
};

/// The amount in a resource's own unit, 0 for what is not a quantity.
int64_t amount_of(resource_id what, std::string_view quantity);

struct need {
  resource_id what = 0;
  int64_t amount = 0;
  bool operator==(const need&) const = default;
};

struct pod_needs {
  std::vector<need> needs; ///< by resource, nothing twice; a slot of the node is one of them
  // What scores count: pods that ask for nothing take something all the same.
  int64_t scored_cpu_milli = 0;
  int64_t scored_memory_bytes = 0;
};

pod_needs needs_of(const k8s::core::v1::PodSpec& spec, resource_names& names);

} // namespace troupe::scheduler
