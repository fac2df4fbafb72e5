#include "actors/node/images/garbage.hpp"

#include <algorithm>
#include <tuple>

namespace troupe::node {

namespace {

/// How many bytes must go until the disk is no fuller than the lower limit.
uint64_t too_much(const image_limits& limits, const disk_room& disk) {
  auto used = disk.capacity - std::min(disk.available, disk.capacity);
  auto share = [&](int percent) { return disk.capacity / 100 * static_cast<uint64_t>(percent); };
  if (!disk.capacity || used < share(limits.percent_high)) return 0;
  return used - std::min(used, share(limits.percent_low));
}

} // namespace

std::vector<std::string> image_garbage::look(const std::vector<std::shared_ptr<const image>>& here,
                                             const std::set<std::string>& needed,
                                             const disk_room& disk, std::chrono::seconds now) {
  std::map<std::string, use> known;
  std::vector<std::pair<use, const image*>> unneeded;
  for (auto& i : here) {
    auto before = uses_.find(i->id);
    auto u = before == uses_.end() ? use{now, now} : before->second;
    if (needed.contains(i->id)) u.last_needed = now;
    known.emplace(i->id, u);
    if (i->pulled && !needed.contains(i->id) && now - u.first_seen >= limits_.age_min)
      unneeded.emplace_back(u, i.get());
  }
  uses_ = std::move(known);

  std::stable_sort(unneeded.begin(), unneeded.end(), [](auto& a, auto& b) {
    return std::tie(a.first.last_needed, a.first.first_seen) <
           std::tie(b.first.last_needed, b.first.first_seen);
  });
  std::vector<std::string> out;
  auto left = too_much(limits_, disk);
  for (auto& [u, i] : unneeded) {
    if (left == 0) break;
    out.push_back(i->id);
    left -= std::min(left, i->bytes);
  }
  return out;
}

} // namespace troupe::node
