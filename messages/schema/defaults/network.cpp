// Services and network policies. Addresses are allocated by the server, not here.
#include "messages/schema/defaults/rules.hpp"

#include "messages/api/network_policy.pb.h"
#include "messages/api/service.pb.h"

namespace troupe::schema::defaults {

namespace {

using namespace k8s::core::v1;

constexpr int32_t sticky_seconds = 3 * 60 * 60;

void session_affinity(ServiceSpec& spec) {
  if (spec.session_affinity() == "ClientIP") {
    auto& client = *spec.mutable_session_affinity_config()->mutable_client_ip();
    if (!client.has_timeout_seconds()) client.set_timeout_seconds(sticky_seconds);
  } else if (spec.session_affinity().empty() || spec.session_affinity() == "None") {
    spec.clear_session_affinity_config();
  }
}

void service_spec(ServiceSpec& spec) {
  session_affinity(spec);
  auto& type = spec.type();
  bool inside = type.empty() || type == "ClusterIP";
  bool from_outside =
      type == "NodePort" || type == "LoadBalancer" || (inside && !spec.external_ips().empty());
  if (from_outside && spec.external_traffic_policy().empty())
    spec.set_external_traffic_policy("Cluster");
  if ((inside || from_outside) && spec.internal_traffic_policy().empty())
    spec.set_internal_traffic_policy("Cluster");
  if (type == "LoadBalancer" && !spec.has_allocate_load_balancer_node_ports())
    spec.set_allocate_load_balancer_node_ports(true);
}

void service_port(ServicePort& port) {
  auto& target = port.target_port();
  if (target.type() == 1 ? !target.str_val().empty() : target.int_val() != 0) return;
  port.mutable_target_port()->set_type(0);
  port.mutable_target_port()->set_int_val(port.port());
  port.mutable_target_port()->set_str_val("");
}

void service(Service& s) {
  if (s.spec().type() != "LoadBalancer") return;
  for (auto& ingress : *s.mutable_status()->mutable_load_balancer()->mutable_ingress())
    if (!ingress.ip().empty() && !ingress.has_ip_mode()) ingress.set_ip_mode("VIP");
}

void network_policy(k8s::networking::v1::NetworkPolicySpec& spec) {
  if (!spec.policy_types().empty()) return;
  spec.add_policy_types("Ingress");
  if (!spec.egress().empty()) spec.add_policy_types("Egress");
}

} // namespace

std::vector<rule> network_rules() {
  return {
      rule_for<service>(),
      rule_for<service_spec>(),
      rule_for<service_port>(),
      rule_for<network_policy>(),
  };
}

} // namespace troupe::schema::defaults
