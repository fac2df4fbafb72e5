#include "messages/codec/cells/view.hpp"

#include "messages/api/endpoint_slice.pb.h"
#include "messages/api/ingress.pb.h"
#include "messages/api/network_address.pb.h"
#include "messages/api/network_policy.pb.h"
#include "messages/api/service.pb.h"

#include <set>

namespace troupe::codec {

namespace {

constexpr size_t words_shown_max = 3; // hosts, ports, addresses

/// The first few of many words: "a,b,c + 4 more...".
std::string first_few(const std::vector<std::string>& words, size_t most, const char* none) {
  if (words.size() <= most) return joined(words, none);
  return joined({words.begin(), words.begin() + static_cast<std::ptrdiff_t>(most)}) + " + " +
         std::to_string(words.size() - most) + " more...";
}

/// Addresses and names of a load balancer, each once, in their order.
template<class Status> std::vector<std::string> addresses_of(const Status& balancer) {
  std::set<std::string> out;
  for (auto& i : balancer.ingress())
    if (auto& word = i.ip().empty() ? i.hostname() : i.ip(); !word.empty()) out.insert(word);
  return {out.begin(), out.end()};
}

std::string external_ips(const k8s::core::v1::Service& s) {
  std::vector<std::string> words;
  auto& type = s.spec().type();
  if (type == "ExternalName") return s.spec().external_name();
  if (type == "LoadBalancer") words = addresses_of(s.status().load_balancer());
  for (auto& ip : s.spec().external_ips()) words.push_back(ip);
  return joined(words, type == "LoadBalancer" ? "<pending>" : "<none>");
}

std::string service_ports(const k8s::core::v1::Service& s) {
  std::vector<std::string> words;
  for (auto& p : s.spec().ports()) {
    auto word = std::to_string(p.port());
    if (p.node_port() > 0) word += ":" + std::to_string(p.node_port());
    words.push_back(word + "/" + p.protocol());
  }
  return joined(words);
}

/// "[::1]:80": what holds colons stands in brackets.
std::string host_and_port(const std::string& host, int32_t port) {
  auto text = host.find(':') == host.npos ? host : "[" + host + "]";
  return text + ":" + std::to_string(port);
}

std::string hosts_text(const k8s::networking::v1::Ingress& i) {
  std::vector<std::string> shown;
  auto& rules = i.spec().rules();
  bool more = false;
  for (auto& r : rules) {
    more = more || shown.size() == words_shown_max;
    if (!more && !r.host().empty()) shown.push_back(r.host());
  }
  auto text = joined(shown, "*");
  if (more)
    text +=
        " + " + std::to_string(static_cast<size_t>(rules.size()) - words_shown_max) + " more...";
  return text;
}

std::string endpoints_text(const k8s::core::v1::Endpoints& e) {
  std::vector<std::string> words;
  for (auto& subset : e.subsets()) {
    if (subset.ports().empty())
      for (auto& a : subset.addresses()) words.push_back(a.ip());
    for (auto& p : subset.ports())
      for (auto& a : subset.addresses()) words.push_back(host_and_port(a.ip(), p.port()));
  }
  return first_few(words, words_shown_max, e.subsets().empty() ? "<none>" : "");
}

} // namespace

void add_network_views(views& to) {
  using namespace k8s;
  add_view<core::v1::Service>(
      to, {"Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "Selector:wide"},
      [](const core::v1::Service& s, int64_t now, json::array& out) {
        add(out,
            {s.spec().type(), s.spec().cluster_ip().empty() ? "<none>" : s.spec().cluster_ip(),
             external_ips(s), service_ports(s), age_of(s, now), labels_text(s.spec().selector())});
      });
  add_view<core::v1::Endpoints>(to, {"Endpoints", "Age"},
                                [](const core::v1::Endpoints& e, int64_t now, json::array& out) {
                                  add(out, {endpoints_text(e), age_of(e, now)});
                                });
  add_view<discovery::v1::EndpointSlice>(
      to, {"AddressType", "Ports", "Endpoints", "Age"},
      [](const discovery::v1::EndpointSlice& s, int64_t now, json::array& out) {
        std::vector<std::string> ports, endpoints;
        for (auto& p : s.ports())
          ports.push_back(p.has_port() ? std::to_string(p.port()) : p.has_name() ? p.name() : "*");
        for (auto& e : s.endpoints())
          for (auto& a : e.addresses()) endpoints.push_back(a);
        add(out, {s.address_type(), first_few(ports, words_shown_max, "<unset>"),
                  first_few(endpoints, words_shown_max, "<unset>"), age_of(s, now)});
      });
  add_view<networking::v1::Ingress>(
      to, {"Class", "Hosts", "Address", "Ports", "Age"},
      [](const networking::v1::Ingress& i, int64_t now, json::array& out) {
        add(out, {i.spec().ingress_class_name().empty() ? "<none>" : i.spec().ingress_class_name(),
                  hosts_text(i), joined(addresses_of(i.status().load_balancer()), ""),
                  i.spec().tls().empty() ? "80" : "80, 443", age_of(i, now)});
      });
  add_view<networking::v1::IngressClass>(
      to, {"Controller", "Parameters", "Age"},
      [](const networking::v1::IngressClass& c, int64_t now, json::array& out) {
        auto& p = c.spec().parameters();
        auto kind = p.kind() + (p.has_api_group() ? "." + p.api_group() : "");
        add(out, {c.spec().controller(),
                  c.spec().has_parameters() ? kind + "/" + p.name() : "<none>", age_of(c, now)});
      });
  add_view<networking::v1::NetworkPolicy>(
      to, {"Pod-Selector", "Age"},
      [](const networking::v1::NetworkPolicy& p, int64_t now, json::array& out) {
        add(out, {selector_text(p.spec().pod_selector()), age_of(p, now)});
      });
  add_view<networking::v1::IPAddress>(
      to, {"ParentRef"}, [](const networking::v1::IPAddress& a, int64_t, json::array& out) {
        auto& r = a.spec().parent_ref();
        add(out, {a.spec().has_parent_ref()
                      ? r.resource() + (r.group().empty() ? "" : "." + r.group()) +
                            (r.namespace_().empty() ? "" : "/" + r.namespace_()) + "/" + r.name()
                      : "<none>"});
      });
  add_view<networking::v1::ServiceCIDR>(
      to, {"CIDRs", "Age"},
      [](const networking::v1::ServiceCIDR& c, int64_t now, json::array& out) {
        add(out, {joined({c.spec().cidrs().begin(), c.spec().cidrs().end()}, ""), age_of(c, now)});
      });
}

} // namespace troupe::codec
