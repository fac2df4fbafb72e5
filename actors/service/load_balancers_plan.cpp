#include "actors/service/load_balancers_plan.hpp"

#include "messages/codec/json_encode.hpp"

#include <set>

namespace troupe::service {

using namespace k8s::core::v1;

std::string outside_address(const Node& node) {
  if (node.metadata().labels().contains("node.kubernetes.io/exclude-from-external-load-balancers"))
    return {};
  bool ready = false;
  for (auto& c : node.status().conditions())
    if (c.type() == "Ready") ready = c.status() == "True";
  if (!ready || node.metadata().has_deletion_timestamp()) return {};
  std::string inside;
  for (auto& a : node.status().addresses()) {
    if (a.type() == "ExternalIP") return a.address();
    if (a.type() == "InternalIP" && inside.empty()) inside = a.address();
  }
  return inside;
}

std::optional<LoadBalancerStatus>
plan_ingress(const Service& service, const std::map<std::string, std::string>& addresses) {
  LoadBalancerStatus wanted;
  auto& spec = service.spec();
  bool ours = spec.type() == "LoadBalancer" && spec.load_balancer_class().empty() &&
              !service.metadata().has_deletion_timestamp();
  if (spec.type() == "LoadBalancer" && !ours) return {}; // somebody else sees to it
  if (ours) {
    // Those that are told already stay, as long as they hold.
    std::set<std::string> open;
    for (auto& [node, address] : addresses) open.insert(address);
    auto add = [&](std::string ip) { // by value: it may be the one in `open`
      if (static_cast<size_t>(wanted.ingress_size()) >= ingress_max || !open.erase(ip)) return;
      auto& i = *wanted.add_ingress();
      i.set_ip(ip);
      i.set_ip_mode("VIP");
    };
    if (!spec.load_balancer_ip().empty()) {
      open = {spec.load_balancer_ip()};
      add(spec.load_balancer_ip());
    }
    for (auto& i : service.status().load_balancer().ingress()) add(i.ip());
    for (auto& ip : std::set<std::string>(open)) add(ip);
  }
  if (codec::to_wire(wanted) == codec::to_wire(service.status().load_balancer())) return {};
  return wanted;
}

} // namespace troupe::service
