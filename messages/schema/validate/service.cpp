// Services and who stands behind them: Endpoints and EndpointSlices. Which addresses and node ports
// are free is the server's to know.
#include "messages/schema/validate/rules.hpp"

#include "messages/base/address.hpp"

#include "messages/api/endpoint_slice.pb.h"
#include "messages/api/service.pb.h"

#include <algorithm>

namespace troupe::schema::validate {

namespace {

using namespace k8s::core::v1;
namespace discovery = k8s::discovery::v1;

constexpr int32_t sticky_seconds_max = 86400;

bool headless(const ServiceSpec& s) {
  return s.cluster_ips_size() == 1 ? s.cluster_ips(0) == "None"
                                   : s.cluster_ips().empty() && s.cluster_ip() == "None";
}
bool external_name(const ServiceSpec& s) { return s.type() == "ExternalName"; }
bool from_outside(const ServiceSpec& s) {
  return s.type() == "NodePort" || s.type() == "LoadBalancer" ||
         (s.type() == "ClusterIP" && s.external_ips_size() > 0);
}

void port(report& out, const path& at, const ServicePort& p, const ServiceSpec& spec,
          std::set<std::string_view>& seen) {
  if (spec.ports_size() > 1 && p.name().empty()) {
    out.required(at / "name");
  } else if (!p.name().empty()) {
    out.invalid(at / "name", p.name(), names::dns_label(p.name()));
    if (!seen.insert(p.name()).second) out.duplicate(at / "name", p.name());
  }
  out.invalid(at / "port", p.port(), names::port(p.port()));
  out.one_of(at / "protocol", p.protocol(), {"SCTP", "TCP", "UDP"});
  port_or_name(out, at / "targetPort", p.target_port());
  if (p.has_app_protocol())
    out.invalid(at / "appProtocol", p.app_protocol(), names::qualified(p.app_protocol()));
}

void ports(report& out, const path& at, const ServiceSpec& spec) {
  std::set<std::string_view> names_seen;
  for (int i = 0; i < spec.ports_size(); ++i)
    port(out, at.at("ports", i), spec.ports(i), spec, names_seen);
}

/// No port twice, neither inside the cluster nor on the nodes.
void distinct_ports(report& out, const path& at, const ServiceSpec& spec) {
  std::set<std::string> seen, node_seen;
  for (int i = 0; i < spec.ports_size(); ++i) {
    auto here = at.at("ports", i);
    if (spec.ports(i).node_port() != 0 && spec.type() == "ClusterIP")
      out.forbidden(here / "nodePort", "may not be used when `type` is 'ClusterIP'");
  }
  for (int i = 0; i < spec.ports_size(); ++i) {
    auto here = at.at("ports", i);
    auto& p = spec.ports(i);
    if (p.node_port() != 0 &&
        !node_seen.insert(p.protocol() + "/" + std::to_string(p.node_port())).second)
      out.duplicate(here / "nodePort", p.node_port());
  }
  for (int i = 0; i < spec.ports_size(); ++i) {
    auto& p = spec.ports(i);
    auto key = p.protocol() + "/" + std::to_string(p.port());
    if (!seen.insert(key).second) out.duplicate(at.at("ports", i), key);
  }
}

/// What a name outside the cluster needs, and what it has no use for.
void outside_name(report& out, const path& at, const ServiceSpec& spec) {
  constexpr const char* why = "may not be set for ExternalName services";
  if (!spec.cluster_ip().empty() || spec.cluster_ips_size() > 0)
    out.forbidden(at / "clusterIPs", why);
  if (spec.ip_families_size() > 0) out.forbidden(at / "ipFamilies", why);
  if (spec.has_ip_family_policy()) out.forbidden(at / "ipFamilyPolicy", why);
  auto name = spec.external_name();
  if (name.ends_with('.')) name.pop_back();
  if (name.empty())
    out.required(at / "externalName");
  else
    out.invalid(at / "externalName", name, names::dns_subdomain(name));
}

void affinity_config(report& out, const path& at, const ServiceSpec& spec) {
  if (!out.one_of(at / "sessionAffinity", spec.session_affinity(), {"ClientIP", "None"})) return;
  auto config = at / "sessionAffinityConfig";
  if (spec.session_affinity() == "ClientIP") {
    auto client = config / "clientIP";
    if (!spec.session_affinity_config().has_client_ip() ||
        !spec.session_affinity_config().client_ip().has_timeout_seconds())
      return out.required(client / "timeoutSeconds", "when session affinity type is ClientIP");
    auto seconds = spec.session_affinity_config().client_ip().timeout_seconds();
    if (seconds <= 0 || seconds > sticky_seconds_max)
      out.invalid(client / "timeoutSeconds", seconds, "must be greater than 0 and less than 86400");
  } else if (spec.has_session_affinity_config()) {
    out.forbidden(config, "must not be set when session affinity is None");
  }
}

/// The addresses inside the cluster, as far as they can be judged without knowing its ranges.
void cluster_ips(report& out, const path& at, const ServiceSpec& spec) {
  auto list = at / "clusterIPs", families = at / "ipFamilies", policy = at / "ipFamilyPolicy";
  if (external_name(spec)) return;
  if (!spec.cluster_ip().empty() && spec.cluster_ips_size() > 0 &&
      spec.cluster_ips(0) != spec.cluster_ip())
    out.invalid(list, spec.cluster_ips(0), "first value must match `clusterIP`");
  if (spec.cluster_ip().empty() && spec.cluster_ips_size() > 0)
    out.invalid(list, spec.cluster_ips(0), "must be empty when `clusterIP` is not specified");
  std::set<std::string_view> seen_families;
  for (int i = 0; i < spec.ip_families_size(); ++i) {
    out.one_of(families[i], spec.ip_families(i), {"IPv4", "IPv6"});
    if (!seen_families.insert(spec.ip_families(i)).second)
      out.duplicate(families[i], spec.ip_families(i));
  }
  if (spec.has_ip_family_policy())
    out.one_of(policy, spec.ip_family_policy(),
               {"PreferDualStack", "RequireDualStack", "SingleStack"});
  auto before = out.size();
  int v4 = 0, v6 = 0;
  auto check = [&](const path& here, const std::string& text, bool first) {
    if (first && text == "None") {
      if (spec.cluster_ips_size() > 1)
        out.invalid(list, "None", "'None' must be the first and only value");
      return;
    }
    auto faults = names::ip(text);
    if (!faults.empty()) return out.invalid(here, text, faults);
    ++(address::parse(text)->v6 ? v6 : v4);
  };
  if (spec.cluster_ips().empty() && !spec.cluster_ip().empty())
    check(list[0], spec.cluster_ip(), true);
  for (int i = 0; i < spec.cluster_ips_size(); ++i) check(list[i], spec.cluster_ips(i), i == 0);
  bool sound = out.size() == before; // what is no address has no family
  if (spec.cluster_ips_size() > 2)
    out.invalid(list, spec.cluster_ips_size(), "may only hold up to 2 values");
  if (!sound) return;
  if (v4 > 1 || v6 > 1)
    out.invalid(list, spec.cluster_ips_size(),
                "may specify no more than one IP for each IP family");
  for (int i = 0; i < std::min(spec.ip_families_size(), spec.cluster_ips_size()); ++i)
    if (auto ip = address::parse(spec.cluster_ips(i));
        ip && ip->v6 != (spec.ip_families(i) == "IPv6"))
      out.invalid(list[i], spec.cluster_ips(i),
                  "expected an " + spec.ip_families(i) + " value as indicated by `ipFamilies[" +
                      std::to_string(i) + "]`");
}

std::string_view trimmed(std::string_view text) {
  constexpr const char* space = " \t\r\n";
  auto from = std::min(text.find_first_not_of(space), text.size());
  return text.substr(from, text.find_last_not_of(space) + 1 - from);
}

/// Spaces around a range are let pass.
void range(report& out, const path& at, std::string_view text) {
  out.invalid(at, trimmed(text), names::cidr(trimmed(text)));
}

void load_balancer(report& out, const path& at, const ServiceSpec& spec, const texts& annotations) {
  auto ranges = at / "LoadBalancerSourceRanges"; // Kubernetes' spelling in faults
  bool balanced = spec.type() == "LoadBalancer";
  auto annotation = annotations.find("service.beta.kubernetes.io/load-balancer-source-ranges");
  if (spec.load_balancer_source_ranges_size() > 0) {
    if (!balanced) out.forbidden(ranges, "may only be used when `type` is 'LoadBalancer'");
    for (int i = 0; i < spec.load_balancer_source_ranges_size(); ++i)
      range(out, ranges[i], spec.load_balancer_source_ranges(i));
  } else if (annotation != annotations.end()) {
    path top;
    auto notes = top / "metadata.annotations";
    auto where = notes.key(annotation->first);
    if (!balanced) out.forbidden(where, "may only be used when `type` is 'LoadBalancer'");
    std::string_view rest = trimmed(annotation->second);
    while (!rest.empty()) {
      auto comma = std::min(rest.find(','), rest.size());
      range(out, where, rest.substr(0, comma));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  if (spec.has_allocate_load_balancer_node_ports() && !balanced)
    out.forbidden(at / "allocateLoadBalancerNodePorts",
                  "may only be used when `type` is 'LoadBalancer'");
  if (balanced && !spec.has_allocate_load_balancer_node_ports())
    out.required(at / "allocateLoadBalancerNodePorts", "when `type` is 'LoadBalancer'");
  if (spec.has_load_balancer_class()) {
    auto here = at / "loadBalancerClass";
    if (!balanced)
      out.forbidden(here, "may only be used when `type` is 'LoadBalancer'");
    else
      out.invalid(here, spec.load_balancer_class(), names::qualified(spec.load_balancer_class()));
  }
}

void traffic(report& out, const path& at, const ServiceSpec& spec) {
  auto external = at / "externalTrafficPolicy", check = at / "healthCheckNodePort",
       internal = at / "internalTrafficPolicy";
  if (!from_outside(spec)) {
    if (!spec.external_traffic_policy().empty())
      out.invalid(external, spec.external_traffic_policy(),
                  "may only be set for externally-accessible services");
  } else if (spec.external_traffic_policy().empty()) {
    out.required(external);
  } else {
    out.one_of(external, spec.external_traffic_policy(), {"Cluster", "Local"});
  }
  bool needs_check = spec.type() == "LoadBalancer" && spec.external_traffic_policy() == "Local";
  if (spec.health_check_node_port() != 0) {
    if (needs_check)
      out.invalid(check, spec.health_check_node_port(), names::port(spec.health_check_node_port()));
    else
      out.invalid(
          check, spec.health_check_node_port(),
          "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'");
  }
  if (spec.has_internal_traffic_policy())
    out.one_of(internal, spec.internal_traffic_policy(), {"Cluster", "Local"});
  if (spec.has_traffic_distribution())
    out.one_of(at / "trafficDistribution", spec.traffic_distribution(),
               {"PreferClose", "PreferSameZone", "PreferSameNode"});
}

void service(report& out, const Service& s) {
  path top;
  auto at = top / "spec";
  auto& spec = s.spec();
  if (spec.ports().empty() && !headless(spec) && !external_name(spec)) out.required(at / "ports");
  if (headless(spec) && (spec.type() == "NodePort" || spec.type() == "LoadBalancer"))
    out.invalid(at.at("clusterIPs", 0), "None",
                "may not be set to 'None' for " + spec.type() + " services");
  if (external_name(spec)) outside_name(out, at, spec);
  ports(out, at, spec);
  labels(out, at / "selector", spec.selector());
  affinity_config(out, at, spec);
  cluster_ips(out, at, spec);
  auto externals = at / "externalIPs";
  for (int i = 0; i < spec.external_ips_size(); ++i)
    reachable_ip(out, externals[i], spec.external_ips(i));
  out.one_of(at / "type", spec.type(), {"ClusterIP", "ExternalName", "LoadBalancer", "NodePort"});
  distinct_ports(out, at, spec);
  load_balancer(out, at, spec, s.metadata().annotations());
  traffic(out, at, spec);
}

/// An address once given is kept, as long as the service stays inside one family of types. The
/// second of two may come and go.
void kept_addresses(report& out, const path& at, const ServiceSpec& spec, const ServiceSpec& old) {
  auto list = at / "clusterIPs";
  auto &now = spec.cluster_ips(), &before = old.cluster_ips();
  if (headless(spec) && headless(old)) return;
  auto fixed = [&](int i) {
    if (now[i] != before[i]) out.invalid(list[i], now[i], "may not change once set");
  };
  if (now.size() == before.size())
    for (int i = 0; i < now.size(); ++i) fixed(i);
  else if (now.empty())
    out.invalid(list[0], "", "primary clusterIP can not be unset");
  else if (!before.empty())
    fixed(0);
  if (now.size() == 1 && before.size() > 1 && spec.ip_family_policy() != "SingleStack")
    out.invalid(at / "ipFamilyPolicy", spec.ip_family_policy(),
                "must be set to 'SingleStack' when releasing the secondary clusterIP");
}

void kept_families(report& out, const path& at, const ServiceSpec& spec, const ServiceSpec& old) {
  auto list = at / "ipFamilies";
  auto &now = spec.ip_families(), &before = old.ip_families();
  if (headless(spec) || headless(old)) return;
  for (int i = 0; i < std::min(now.size(), now.size() == before.size() ? now.size() : 1); ++i)
    if (i < before.size() && now[i] != before[i])
      out.invalid(list[0], now[i], "may not change once set");
  if (now.size() == 1 && before.size() > 1 && spec.ip_family_policy() != "SingleStack")
    out.invalid(at / "ipFamilyPolicy", spec.ip_family_policy(),
                "must be set to 'SingleStack' when releasing the secondary ipFamily");
}

void service_update(report& out, const Service& s, const Service& before) {
  path top;
  auto at = top / "spec";
  auto& spec = s.spec();
  auto& old = before.spec();
  if (!external_name(spec) && !external_name(old)) {
    kept_addresses(out, at, spec, old);
    kept_families(out, at, spec, old);
  }
  bool both = spec.type() == "LoadBalancer" && old.type() == "LoadBalancer";
  if (both && (spec.has_load_balancer_class() != old.has_load_balancer_class() ||
               spec.load_balancer_class() != old.load_balancer_class()))
    out.invalid(at / "loadBalancerClass", spec.load_balancer_class(), "may not change once set");
  if (both && spec.external_traffic_policy() == "Local" &&
      old.external_traffic_policy() == "Local" &&
      spec.health_check_node_port() != old.health_check_node_port())
    out.forbidden(at / "healthCheckNodePort", "field is immutable");
}

void balancer_status(report& out, const path& at, const LoadBalancerStatus& s) {
  for (int i = 0; i < s.ingress_size(); ++i) {
    auto here = at.at("ingress", i);
    auto& ingress = s.ingress(i);
    if (!ingress.ip().empty()) out.invalid(here / "ip", ingress.ip(), names::ip(ingress.ip()));
    if (ingress.has_ip_mode()) {
      if (ingress.ip().empty())
        out.forbidden(here / "ipMode", "may not be specified when `ip` is not set");
      else
        out.one_of(here / "ipMode", ingress.ip_mode(), {"Proxy", "VIP"});
    } else if (!ingress.ip().empty()) {
      out.required(here / "ipMode", "must be specified when `ip` is set");
    }
    if (ingress.hostname().empty()) continue;
    out.invalid(here / "hostname", ingress.hostname(), names::dns_subdomain(ingress.hostname()));
    if (names::ip(ingress.hostname()).empty())
      out.invalid(here / "hostname", ingress.hostname(), "must be a DNS name, not an IP address");
  }
}

void service_status(report& out, const Service& s, const Service&) {
  path top;
  auto at = top / "status.loadBalancer";
  if (s.spec().type() != "LoadBalancer" && s.status().load_balancer().ingress_size() > 0)
    return out.forbidden(at / "ingress", "may only be used when `spec.type` is 'LoadBalancer'");
  balancer_status(out, at, s.status().load_balancer());
}

void endpoint_address(report& out, const path& at, const EndpointAddress& a) {
  out.optional_name(at / "hostname", a.hostname(), names::dns_label);
  if (a.has_node_name())
    out.invalid(at / "nodeName", a.node_name(), names::dns_subdomain(a.node_name()));
  reachable_ip(out, at / "ip", a.ip());
}

void endpoints(report& out, const Endpoints& e) {
  path top;
  for (int i = 0; i < e.subsets_size(); ++i) {
    auto& s = e.subsets(i);
    auto at = top.at("subsets", i);
    if (s.addresses().empty() && s.not_ready_addresses().empty())
      out.required(at, "must specify `addresses` or `notReadyAddresses`");
    for (int a = 0; a < s.addresses_size(); ++a)
      endpoint_address(out, at.at("addresses", a), s.addresses(a));
    for (int a = 0; a < s.not_ready_addresses_size(); ++a)
      endpoint_address(out, at.at("notReadyAddresses", a), s.not_ready_addresses(a));
    for (int p = 0; p < s.ports_size(); ++p) {
      auto here = at.at("ports", p);
      auto& port = s.ports(p);
      if (s.ports_size() > 1 && port.name().empty())
        out.required(here / "name");
      else
        out.optional_name(here / "name", port.name(), names::dns_label);
      out.invalid(here / "port", port.port(), names::port(port.port()));
      out.one_of(here / "protocol", port.protocol(), {"SCTP", "TCP", "UDP"});
      if (port.has_app_protocol())
        out.invalid(here / "appProtocol", port.app_protocol(),
                    names::qualified(port.app_protocol()));
    }
  }
}

void slice_address(report& out, const path& at, const std::string& text, std::string_view type) {
  if (type == "FQDN") return out.invalid(at, text, names::domain_name(text));
  auto ip = address::parse(text);
  if (!ip || ip->v6 != (type == "IPv6"))
    return out.invalid(
        at, text, type == "IPv6" ? "must be a valid IPv6 address" : "must be a valid IPv4 address");
  reachable_ip(out, at, text);
}

/// For which zones or nodes an endpoint is meant.
template<class List, class Rule>
void hints(report& out, const path& at, const List& list, Rule rule) {
  constexpr int hints_max = 8;
  if (list.size() > hints_max) return out.too_many(at, static_cast<size_t>(list.size()), hints_max);
  std::set<std::string_view> seen;
  for (int i = 0; i < list.size(); ++i) {
    auto here = at[i];
    auto& name = list[i].name();
    if (!seen.insert(name).second) out.duplicate(here / "name", name);
    out.invalid(here / "name", name, rule(name));
  }
}

void slice_endpoint(report& out, const path& at, const discovery::Endpoint& e,
                    const std::string& type) {
  constexpr int addresses_max = 100;
  auto addresses = at / "addresses";
  if (e.addresses().empty())
    out.required(addresses, "must contain at least 1 address");
  else if (e.addresses_size() > addresses_max)
    out.too_many(addresses, static_cast<size_t>(e.addresses_size()), addresses_max);
  if (type == "IPv4" || type == "IPv6" || type == "FQDN")
    for (int i = 0; i < e.addresses_size(); ++i)
      slice_address(out, addresses[i], e.addresses(i), type);
  if (e.has_node_name())
    out.invalid(at / "nodeName", e.node_name(), names::dns_subdomain(e.node_name()));
  if (e.has_hostname()) out.invalid(at / "hostname", e.hostname(), names::dns_label(e.hostname()));
  labels(out, at / "deprecatedTopology", e.deprecated_topology());
  hints(out, at / "hints.forZones", e.hints().for_zones(), names::label_value);
  hints(out, at / "hints.forNodes", e.hints().for_nodes(), names::dns_subdomain);
}

void endpoint_slice(report& out, const discovery::EndpointSlice& s) {
  constexpr int endpoints_max = 1000, ports_max = 20'000;
  path top;
  auto ports = top / "ports", endpoints = top / "endpoints";
  out.one_of(top / "addressType", s.address_type(), {"FQDN", "IPv4", "IPv6"});
  if (s.endpoints_size() > endpoints_max)
    out.too_many(endpoints, static_cast<size_t>(s.endpoints_size()), endpoints_max);
  for (int i = 0; i < s.endpoints_size() && s.endpoints_size() <= endpoints_max; ++i)
    slice_endpoint(out, endpoints[i], s.endpoints(i), s.address_type());
  if (s.ports_size() > ports_max)
    return out.too_many(ports, static_cast<size_t>(s.ports_size()), ports_max);
  std::set<std::string_view> seen;
  for (int i = 0; i < s.ports_size(); ++i) {
    auto& p = s.ports(i);
    auto here = ports[i];
    out.optional_name(here / "name", p.name(), names::dns_label);
    if (!seen.insert(p.name()).second) out.duplicate(here / "name", p.name());
    out.one_of(here / "protocol", p.protocol(), {"SCTP", "TCP", "UDP"});
    if (p.has_port()) out.invalid(here / "port", p.port(), names::port(p.port()));
    if (p.has_app_protocol())
      out.invalid(here / "appProtocol", p.app_protocol(), names::qualified(p.app_protocol()));
  }
}

void endpoint_slice_update(report& out, const discovery::EndpointSlice& s,
                           const discovery::EndpointSlice& old) {
  path top;
  out.immutable(top / "addressType", s.address_type(), s.address_type() == old.address_type());
}

} // namespace

std::vector<row> service_kinds() {
  return {
      kind_row<Service>(names::dns_label)
          .any_time<service>()
          .on_update<service_update>()
          .on_status<service_status>(),
      kind_row<Endpoints>().any_time<endpoints>(),
      kind_row<discovery::EndpointSlice>()
          .any_time<endpoint_slice>()
          .on_update<endpoint_slice_update>(),
  };
}

} // namespace troupe::schema::validate
