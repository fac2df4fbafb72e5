#include "actors/scheduler/scores.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::scheduler::scores {

namespace {

constexpr float mebibyte = 1 << 20;
constexpr float image_bytes_min = 23 * mebibyte; // less is pulled in no time
constexpr float image_bytes_max = 1'000 * mebibyte;

float share(profile::packing strategy, int64_t taken, int64_t all) {
  if (all <= 0 || taken > all) return 0;
  auto counted = strategy == profile::packing::least_allocated ? all - taken : taken;
  return 100.0f * static_cast<float>(counted) / static_cast<float>(all);
}

int64_t need_of(const pod_needs& pod, resource_id what) {
  for (auto& n : pod.needs)
    if (n.what == what) return n.amount;
  return 0;
}

/// "nginx" means "nginx:latest".
std::string with_tag(const std::string& image) {
  auto name = image.substr(image.rfind('/') == image.npos ? 0 : image.rfind('/'));
  return name.find(':') == name.npos && name.find('@') == name.npos ? image + ":latest" : image;
}

} // namespace

float allocation(profile::packing strategy, const node_table& table, const pod_needs& pod,
                 node_index n) {
  auto of_cpu =
      share(strategy, table.scored_cpu_milli(n) + pod.scored_cpu_milli, table.allocatable(cpu, n));
  auto of_memory = share(strategy, table.scored_memory_bytes(n) + pod.scored_memory_bytes,
                         table.allocatable(memory, n));
  return (of_cpu + of_memory) / 2;
}

float balance(const node_table& table, const pod_needs& pod, node_index n) {
  // Who asks for nothing changes no balance: all of them would end on the most even node.
  if (need_of(pod, cpu) == 0 && need_of(pod, memory) == 0) return 0;
  if (table.allocatable(cpu, n) <= 0 || table.allocatable(memory, n) <= 0) return 100;
  auto fraction = [&](resource_id what) {
    auto taken = table.used(what, n) + need_of(pod, what);
    return std::min(1.0f,
                    static_cast<float>(taken) / static_cast<float>(table.allocatable(what, n)));
  };
  return 100.0f * (1 - std::abs(fraction(cpu) - fraction(memory)) / 2);
}

float images(const node_table& table, const std::vector<std::string>& images, node_index n) {
  if (images.empty() || table.nodes() == 0) return 0;
  float sum = 0;
  for (auto& plain : images) {
    auto image = with_tag(plain);
    auto bytes = table.image_bytes(n, image);
    if (bytes == 0) continue;
    // Few nodes with the image draw less, or all its pods would end on them.
    auto spread = static_cast<float>(table.spread_of(image)) / static_cast<float>(table.nodes());
    sum += static_cast<float>(bytes) * spread;
  }
  auto most = image_bytes_max * static_cast<float>(images.size());
  return 100.0f * (std::clamp(sum, image_bytes_min, most) - image_bytes_min) /
         (most - image_bytes_min);
}

int preference(const std::vector<node_preference>& wishes, const storage::entry& node) {
  int sum = 0;
  for (auto& w : wishes)
    if (w.term.matches(node)) sum += w.weight;
  return sum;
}

} // namespace troupe::scheduler::scores
