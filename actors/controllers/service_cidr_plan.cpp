#include "actors/controllers/service_cidr_plan.hpp"

#include <algorithm>

namespace troupe::controllers {

namespace {

constexpr const char* finalizer = "networking.k8s.io/service-cidr-finalizer";

bool kept(const ServiceCIDR& range) {
  auto& all = range.metadata().finalizers();
  return std::find(all.begin(), all.end(), finalizer) != all.end();
}

bool any_contains(const std::vector<network>& ranges, const address& a) {
  return std::any_of(ranges.begin(), ranges.end(), [&](auto& n) { return n.contains(a); });
}

} // namespace

bool in_use(const ServiceCIDR& range, const std::vector<network>& staying,
            const std::vector<address>& taken) {
  std::vector<network> own;
  for (auto& cidr : range.spec().cidrs())
    if (auto n = network::parse(cidr)) own.push_back(*n);
  return std::any_of(taken.begin(), taken.end(),
                     [&](auto& a) { return any_contains(own, a) && !any_contains(staying, a); });
}

std::optional<ServiceCIDR> keep(const ServiceCIDR& range) {
  if (kept(range)) return {};
  auto out = range;
  out.mutable_metadata()->add_finalizers(finalizer);
  return out;
}

std::optional<ServiceCIDR> release(const ServiceCIDR& range) {
  if (!kept(range)) return {};
  auto out = range;
  auto& all = *out.mutable_metadata()->mutable_finalizers();
  all.erase(std::remove(all.begin(), all.end(), finalizer), all.end());
  return out;
}

std::optional<ServiceCIDR> tell_ready(const ServiceCIDR& range, bool ready, timestamp now) {
  auto out = range;
  auto& all = *out.mutable_status()->mutable_conditions();
  auto hit = std::find_if(all.begin(), all.end(), [](auto& c) { return c.type() == "Ready"; });
  auto status = ready ? "True" : "False";
  if (hit != all.end() && hit->status() == status) return {};
  auto& c = hit == all.end() ? *all.Add() : *hit;
  c.set_type("Ready");
  c.set_status(status);
  c.set_reason(ready ? "" : "Terminating");
  c.set_message(ready ? "Kubernetes Service CIDR is ready"
                      : "There are still IPAddresses referencing the ServiceCIDR, please remove "
                        "them or create a new ServiceCIDR");
  c.mutable_last_transition_time()->set_seconds(now.seconds);
  return out;
}

} // namespace troupe::controllers
