#include "actors/gateway/admission/service_range.hpp"

#include "messages/api/network_address.pb.h"
#include "messages/base/address.hpp"

#include <algorithm>

namespace troupe::gateway {

namespace {

using k8s::networking::v1::ServiceCIDR;

bool ready(const ServiceCIDR& range) {
  if (range.metadata().has_deletion_timestamp()) return false;
  for (auto& c : range.status().conditions())
    if (c.type() == "Ready") return c.status() == "True";
  return true; // nobody has said otherwise
}

void add(std::vector<service_range>& to, const std::string& cidr) {
  auto parsed = network::parse(cidr);
  if (!parsed || parsed->base.v6 || parsed->bits > 30) return;
  uint32_t base = 0;
  for (int i = 0; i < 4; ++i) base = base << 8 | parsed->base.bytes[i];
  auto size = uint64_t{1} << (32 - parsed->bits);
  // Neither the network's own address nor its broadcast address is anybody's.
  to.push_back({parsed->text(), base, base + 1, static_cast<uint32_t>(base + size - 2)});
}

/// How many addresses at the beginning of a range are left to those who choose.
uint64_t kept_for_choice(uint64_t size) {
  return size <= 16 ? 0 : std::clamp<uint64_t>(size / 16, 16, 256);
}

/// The first free one of `count` addresses from `first` on, looking from anywhere.
uint32_t free_among(uint32_t first, uint64_t count, const std::function<uint64_t()>& random,
                    const std::function<bool(uint32_t)>& taken) {
  if (count == 0) return 0;
  auto start = random() % count;
  for (uint64_t i = 0; i < count; ++i) {
    auto address = static_cast<uint32_t>(first + (start + i) % count);
    if (!taken(address)) return address;
  }
  return 0;
}

} // namespace

std::vector<service_range> ready_ranges(const admission_request& r) {
  std::vector<service_range> out;
  bool any = false;
  each_object<ServiceCIDR>(r, "networking.k8s.io", "v1", "servicecidrs", {},
                           [&](const ServiceCIDR& range, auto&) {
                             any = true;
                             if (!ready(range)) return;
                             for (auto& cidr : range.spec().cidrs()) add(out, cidr);
                           });
  if (!any) add(out, own_service_range);
  return out;
}

uint32_t free_address(const std::vector<service_range>& ranges,
                      const std::function<uint64_t()>& random,
                      const std::function<bool(uint32_t)>& taken) {
  for (auto& range : ranges) {
    uint64_t size = uint64_t{range.last} - range.first + 1;
    auto kept = std::min(kept_for_choice(size), size);
    auto found = free_among(static_cast<uint32_t>(range.first + kept), size - kept, random, taken);
    if (!found) found = free_among(range.first, kept, random, taken);
    if (found) return found;
  }
  return 0;
}

} // namespace troupe::gateway
