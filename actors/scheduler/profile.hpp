// How one scheduler of a name weighs nodes against each other. Pure.
#pragma once

#include <map>
#include <string>

namespace troupe::scheduler {

struct profile {
  enum class packing : uint8_t { least_allocated, most_allocated };

  std::string name = "default-scheduler";
  packing strategy = packing::least_allocated;
  // Weights of scores between 0 and 100; 0 turns a score off. Kubernetes' own values.
  float resources = 1;
  float balance = 1;
  float preference = 2;
  float taints = 3;
  float images = 1;
  float spread = 2;
  float neighbours = 2;
  bool operator==(const profile&) const = default;
};

using profiles = std::map<std::string, profile, std::less<>>;

} // namespace troupe::scheduler
