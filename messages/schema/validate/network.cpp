// Ingresses, network policies and allocated addresses.
#include "messages/schema/validate/rules.hpp"

#include "messages/base/address.hpp"

#include "messages/api/ingress.pb.h"
#include "messages/api/network_address.pb.h"
#include "messages/api/network_policy.pb.h"

#include <algorithm>
#include <array>

namespace troupe::schema::validate {

namespace {

using namespace k8s::networking::v1;

/// Something of a kind, by name.
template<class Reference> void typed_reference(report& out, const path& at, const Reference& r) {
  if (r.has_api_group())
    out.invalid(at / "apiGroup", r.api_group(), names::dns_subdomain(r.api_group()));
  out.name(at / "kind", r.kind(), names::path_segment);
  out.name(at / "name", r.name(), names::path_segment);
}

void backend(report& out, const path& at, const IngressBackend& b) {
  auto service = at / "service";
  bool has_resource = b.has_resource(), has_service = b.has_service();
  if (has_resource && has_service)
    return out.invalid(at, "", "cannot set both resource and service backends");
  if (has_resource) {
    typed_reference(out, at / "resource", b.resource());
    return;
  }
  if (!has_service) return out.invalid(at, "", "resource or service backend is required");
  if (out.not_empty(service / "name", b.service().name()))
    out.invalid(service / "name", b.service().name(), names::dns_label(b.service().name()));
  auto& port = b.service().port();
  if (!port.name().empty() && port.number() != 0)
    return out.invalid(at, "", "cannot set both port name & port number");
  if (!port.name().empty())
    out.invalid(service / "port.name", port.name(), names::port_name(port.name()));
  else if (port.number() != 0)
    out.invalid(service / "port.number", port.number(), names::port(port.number()));
  else
    out.required(at, "port name or number is required");
}

constexpr std::array<std::string_view, 5> bad_sequences{"//", "/./", "/../", "%2f", "%2F"};
constexpr std::array<std::string_view, 2> bad_ends{"/..", "/."};

void http_path(report& out, const path& at, const HTTPIngressPath& p) {
  auto here = at / "path";
  auto& text = p.path();
  if (p.path_type().empty()) return out.required(at / "pathType", "pathType must be specified");
  if (p.path_type() == "Exact" || p.path_type() == "Prefix") {
    if (!text.starts_with('/')) out.invalid(here, text, "must be an absolute path");
    if (!text.empty()) {
      for (auto bad : bad_sequences)
        if (text.find(bad) != text.npos)
          out.invalid(here, text, "must not contain '" + std::string(bad) + "'");
      for (auto bad : bad_ends)
        if (text.ends_with(bad))
          out.invalid(here, text, "cannot end with '" + std::string(bad) + "'");
    }
  } else if (p.path_type() == "ImplementationSpecific") {
    if (!text.empty() && !text.starts_with('/'))
      out.invalid(here, text, "must be an absolute path");
  } else {
    out.not_supported(at / "pathType", p.path_type(),
                      {"Exact", "ImplementationSpecific", "Prefix"});
  }
  backend(out, at / "backend", p.backend());
}

void host(report& out, const path& at, const std::string& name) {
  if (name.empty()) return;
  if (names::ip(name).empty()) out.invalid(at, name, "must be a DNS name, not an IP address");
  out.invalid(at, name,
              name.find('*') != name.npos ? names::wildcard_subdomain(name)
                                          : names::dns_subdomain(name));
}

void ingress(report& out, const Ingress& i) {
  path top;
  auto at = top / "spec";
  auto& spec = i.spec();
  if (spec.has_default_backend())
    backend(out, at / "defaultBackend", spec.default_backend());
  else if (spec.rules().empty())
    out.invalid(at, "", "either `defaultBackend` or `rules` must be specified");
  for (int r = 0; r < spec.rules_size(); ++r) {
    auto here = at.at("rules", r);
    host(out, here / "host", spec.rules(r).host());
    if (!spec.rules(r).ingress_rule_value().has_http()) continue;
    auto http = here / "http";
    auto& paths = spec.rules(r).ingress_rule_value().http().paths();
    if (paths.empty()) out.required(http / "paths");
    for (int p = 0; p < paths.size(); ++p) http_path(out, http.at("paths", p), paths[p]);
  }
  for (int t = 0; t < spec.tls_size(); ++t) {
    auto here = at.at("tls", t);
    auto hosts = here / "hosts";
    for (int h = 0; h < spec.tls(t).hosts_size(); ++h) {
      auto& name = spec.tls(t).hosts(h);
      out.invalid(hosts[h], name,
                  name.find('*') != name.npos ? names::wildcard_subdomain(name)
                                              : names::dns_subdomain(name));
    }
    out.optional_name(here / "secretName", spec.tls(t).secret_name(), names::dns_subdomain);
  }
  if (spec.has_ingress_class_name())
    out.invalid(at / "ingressClassName", spec.ingress_class_name(),
                names::dns_subdomain(spec.ingress_class_name()));
}

void ingress_create(report& out, const Ingress& i) {
  constexpr const char* legacy = "kubernetes.io/ingress.class";
  if (!i.metadata().annotations().contains(legacy) || !i.spec().has_ingress_class_name()) return;
  path top;
  auto at = top / "annotations";
  if (i.metadata().annotations().at(legacy) != i.spec().ingress_class_name())
    out.invalid(at / legacy, i.metadata().annotations().at(legacy),
                "must match `ingressClassName` when both are specified");
}

void ingress_status(report& out, const Ingress& i, const Ingress&) {
  path top;
  auto at = top / "status.loadBalancer";
  for (int n = 0; n < i.status().load_balancer().ingress_size(); ++n) {
    auto here = at.at("ingress", n);
    auto& point = i.status().load_balancer().ingress(n);
    if (!point.ip().empty()) out.invalid(here / "ip", point.ip(), names::ip(point.ip()));
    if (point.hostname().empty()) continue;
    out.invalid(here / "hostname", point.hostname(), names::dns_subdomain(point.hostname()));
    if (names::ip(point.hostname()).empty())
      out.invalid(here / "hostname", point.hostname(), "must be a DNS name, not an IP address");
  }
}

void ingress_class(report& out, const IngressClass& c) {
  constexpr size_t controller_max = 250;
  path top;
  auto at = top / "spec";
  auto controller = at / "controller";
  if (out.not_empty(controller, c.spec().controller())) {
    if (c.spec().controller().size() > controller_max) out.too_long(controller, controller_max);
    out.invalid(controller, c.spec().controller(), names::domain_path(c.spec().controller()));
  }
  if (!c.spec().has_parameters()) return;
  auto& p = c.spec().parameters();
  auto here = at / "parameters";
  typed_reference(out, here, p);
  if (!p.has_scope()) return out.required(here / "scope");
  if (p.scope() != "Cluster" && p.scope() != "Namespace")
    return out.not_supported(here / "scope", p.scope(), {"Cluster", "Namespace"});
  if (p.scope() == "Namespace") {
    if (!p.has_namespace_())
      out.required(here / "namespace", "`parameters.scope` is set to 'Namespace'");
    else
      out.invalid(here / "namespace", p.namespace_(), names::dns_label(p.namespace_()));
  } else if (p.has_namespace_()) {
    out.forbidden(here / "namespace", "`parameters.scope` is set to 'Cluster'");
  }
}

void ingress_class_update(report& out, const IngressClass& c, const IngressClass& old) {
  path top;
  out.immutable(top / "spec.controller", c.spec().controller(),
                c.spec().controller() == old.spec().controller());
}

void policy_port(report& out, const path& at, const NetworkPolicyPort& p) {
  if (p.has_protocol() && p.protocol() != "TCP" && p.protocol() != "UDP" && p.protocol() != "SCTP")
    out.not_supported(at / "protocol", p.protocol(), {"TCP", "UDP", "SCTP"});
  auto end = at / "endPort";
  if (!p.has_port()) {
    if (p.has_end_port())
      out.invalid(end, p.end_port(), "may not be specified when `port` is not specified");
    return;
  }
  bool named = is_text(p.port());
  if (named && p.has_end_port())
    out.invalid(end, p.end_port(), "may not be specified when `port` is non-numeric");
  port_or_name(out, at / "port", p.port());
  if (named || !p.has_end_port()) return;
  if (p.end_port() < p.port().int_val())
    out.invalid(end, p.end_port(), "must be greater than or equal to `port`");
  out.invalid(end, p.end_port(), names::port(p.end_port()));
}

void ip_block(report& out, const path& at, const IPBlock& b) {
  if (!out.not_empty(at / "cidr", b.cidr())) return;
  out.invalid(at / "cidr", b.cidr(), names::cidr(b.cidr()));
  auto outer = network::parse(b.cidr());
  if (!outer) return;
  auto except = at / "except";
  for (int i = 0; i < b.except_size(); ++i) {
    out.invalid(except[i], b.except(i), names::cidr(b.except(i)));
    auto inner = network::parse(b.except(i));
    if (inner && !outer->strictly_contains(*inner))
      out.invalid(except[i], b.except(i), "must be a strict subset of `cidr`");
  }
}

void peer(report& out, const path& at, const NetworkPolicyPeer& p) {
  if (p.has_pod_selector()) label_selector(out, at / "podSelector", p.pod_selector());
  if (p.has_namespace_selector())
    label_selector(out, at / "namespaceSelector", p.namespace_selector());
  if (p.has_ip_block()) ip_block(out, at / "ipBlock", p.ip_block());
  int peers = p.has_pod_selector() + p.has_namespace_selector();
  if (peers + p.has_ip_block() == 0)
    out.required(at, "must specify a peer");
  else if (p.has_ip_block() && peers > 0)
    out.forbidden(at, "may not specify both ipBlock and another peer");
}

void network_policy(report& out, const NetworkPolicy& n) {
  path top;
  auto at = top / "spec";
  label_selector(out, at / "podSelector", n.spec().pod_selector());
  for (int i = 0; i < n.spec().ingress_size(); ++i) {
    auto here = at.at("ingress", i);
    auto& rule = n.spec().ingress(i);
    for (int p = 0; p < rule.ports_size(); ++p)
      policy_port(out, here.at("ports", p), rule.ports(p));
    for (int p = 0; p < rule.from_size(); ++p) peer(out, here.at("from", p), rule.from(p));
  }
  for (int i = 0; i < n.spec().egress_size(); ++i) {
    auto here = at.at("egress", i);
    auto& rule = n.spec().egress(i);
    for (int p = 0; p < rule.ports_size(); ++p)
      policy_port(out, here.at("ports", p), rule.ports(p));
    for (int p = 0; p < rule.to_size(); ++p) peer(out, here.at("to", p), rule.to(p));
  }
  auto types = at / "policyTypes";
  if (n.spec().policy_types_size() > 2)
    return out.invalid(types, n.spec().policy_types_size(),
                       "may not specify more than two policyTypes");
  for (int i = 0; i < n.spec().policy_types_size(); ++i)
    if (auto& type = n.spec().policy_types(i); type != "Ingress" && type != "Egress")
      out.not_supported(types[i], type, {"Ingress", "Egress"});
}

/// The name of an IPAddress is the address, canonically written.
names::faults ip_name(std::string_view name) {
  if (auto faults = names::ip(name); !faults.empty()) return faults;
  auto ip = address::parse(name);
  if (ip->text() != name) return {"must be in canonical form (\"" + ip->text() + "\")"};
  return {};
}

void ip_address(report& out, const IPAddress& a) {
  path top;
  auto at = top / "spec.parentRef";
  if (!a.spec().has_parent_ref()) return out.required(at);
  auto& ref = a.spec().parent_ref();
  out.optional_name(at / "group", ref.group(), names::dns_subdomain);
  out.name(at / "resource", ref.resource(), names::path_segment);
  out.name(at / "name", ref.name(), names::path_segment);
  out.optional_name(at / "namespace", ref.namespace_(), names::path_segment);
}

void ip_address_update(report& out, const IPAddress& a, const IPAddress& old) {
  path top;
  out.immutable(top / "spec.parentRef", a.spec().parent_ref().name(), same(a.spec(), old.spec()));
}

void service_cidr(report& out, const ServiceCIDR& s) {
  path top;
  auto at = top / "spec.cidrs";
  if (s.spec().cidrs().empty()) return out.required(at, "at least one CIDR required");
  if (s.spec().cidrs_size() > 2)
    return out.invalid(at, s.spec().cidrs_size(), "may only hold up to 2 values");
  bool v4 = false, v6 = false;
  for (int i = 0; i < s.spec().cidrs_size(); ++i) {
    auto range = network::parse(s.spec().cidrs(i));
    out.invalid(at[i], s.spec().cidrs(i), names::cidr(s.spec().cidrs(i)));
    if (!range) continue;
    bool& seen = range->base.v6 ? v6 : v4;
    if (seen)
      out.invalid(at, s.spec().cidrs(i),
                  "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and "
                  "2001:db8::/64");
    seen = true;
  }
}

void service_cidr_update(report& out, const ServiceCIDR& s, const ServiceCIDR& old) {
  path top;
  auto at = top / "spec.cidrs";
  auto &now = s.spec().cidrs(), &before = old.spec().cidrs();
  // A second family may join; what is there stays.
  if (now.size() != before.size() && !(before.size() == 1 && now.size() == 2))
    return out.immutable(at, now.empty() ? "" : now[0], false);
  for (int i = 0; i < before.size(); ++i) out.immutable(at[i], now[i], now[i] == before[i]);
}

} // namespace

std::vector<row> network_kinds() {
  return {
      kind_row<Ingress>()
          .any_time<ingress>()
          .on_create<ingress_create>()
          .on_status<ingress_status>(),
      kind_row<IngressClass>().any_time<ingress_class>().on_update<ingress_class_update>(),
      kind_row<NetworkPolicy>().any_time<network_policy>(),
      kind_row<IPAddress>(ip_name).any_time<ip_address>().on_update<ip_address_update>(),
      kind_row<ServiceCIDR>().any_time<service_cidr>().on_update<service_cidr_update>(),
  };
}

} // namespace troupe::schema::validate
