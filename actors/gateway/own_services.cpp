#include "actors/gateway/own_services.hpp"

#include "actors/gateway/author.hpp"
#include "messages/api/core.pb.h"
#include "messages/api/endpoint_slice.pb.h"
#include "messages/api/service.pb.h"

namespace troupe::gateway {

namespace {

using k8s::core::v1::Service;

constexpr const char* api_name = "kubernetes";
constexpr const char* api_address = "10.96.0.1";
constexpr const char* dns_name = "kube-dns";
constexpr const char* dns_address = "10.96.0.10";
constexpr int tries_max = 5; // others write at the same time

/// Makes an object, or puts what it should be in the place of what is there.
result<void> settle(author& by, const schema::kind& kind, object wanted, bool replace) {
  auto& m = meta(*wanted);
  auto old = by.now().get(key_of(kind, m.namespace_(), m.name()));
  if (!old) {
    auto made = by.create(kind, std::move(wanted));
    return made ? result<void>{} : made.error();
  }
  if (!replace) return {};
  auto held = load(kind, *old);
  *meta(*wanted).mutable_uid() = meta(*held).uid();
  *meta(*wanted).mutable_creation_timestamp() = meta(*held).creation_timestamp();
  return by.update(kind, *old, std::move(wanted));
}

object api_service() {
  auto s = std::make_unique<Service>();
  s->mutable_metadata()->set_name(api_name);
  s->mutable_metadata()->set_namespace_("default");
  auto& labels = *s->mutable_metadata()->mutable_labels();
  labels["component"] = "apiserver";
  labels["provider"] = "kubernetes";
  s->mutable_spec()->set_cluster_ip(api_address);
  auto& p = *s->mutable_spec()->add_ports();
  p.set_name("https");
  p.set_protocol("TCP");
  p.set_port(443);
  p.mutable_target_port()->set_type(0);
  p.mutable_target_port()->set_int_val(6443);
  return s;
}

object dns_service() {
  auto s = std::make_unique<Service>();
  s->mutable_metadata()->set_name(dns_name);
  s->mutable_metadata()->set_namespace_("kube-system");
  auto& labels = *s->mutable_metadata()->mutable_labels();
  labels["k8s-app"] = dns_name;
  labels["kubernetes.io/name"] = "Troupe";
  s->mutable_spec()->set_cluster_ip(dns_address);
  for (auto [name, protocol] : {std::pair("dns", "UDP"), std::pair("dns-tcp", "TCP")}) {
    auto& p = *s->mutable_spec()->add_ports();
    p.set_name(name);
    p.set_protocol(protocol);
    p.set_port(53);
  }
  return s;
}

object api_endpoints(const std::vector<std::string>& addresses, uint16_t port) {
  auto e = std::make_unique<k8s::core::v1::Endpoints>();
  e->mutable_metadata()->set_name(api_name);
  e->mutable_metadata()->set_namespace_("default");
  // Its slice stands beside it already.
  (*e->mutable_metadata()->mutable_labels())["endpointslice.kubernetes.io/skip-mirror"] = "true";
  auto& s = *e->add_subsets();
  for (auto& a : addresses) s.add_addresses()->set_ip(a);
  auto& p = *s.add_ports();
  p.set_name("https");
  p.set_port(port);
  p.set_protocol("TCP");
  return e;
}

object api_slice(const std::vector<std::string>& addresses, uint16_t port) {
  auto e = std::make_unique<k8s::discovery::v1::EndpointSlice>();
  e->mutable_metadata()->set_name(api_name);
  e->mutable_metadata()->set_namespace_("default");
  (*e->mutable_metadata()->mutable_labels())["kubernetes.io/service-name"] = api_name;
  e->set_address_type("IPv4");
  for (auto& a : addresses) {
    auto& one = *e->add_endpoints();
    one.add_addresses(a);
    one.mutable_conditions()->set_ready(true);
  }
  auto& p = *e->add_ports();
  p.set_name("https");
  p.set_port(port);
  p.set_protocol("TCP");
  return e;
}

} // namespace

result<void> publish_api(gateway& g, const std::vector<std::string>& addresses, uint16_t port) {
  auto kinds = g.kinds();
  auto& services = *kinds->by_resource("", "v1", "services");
  auto& endpoints = *kinds->by_resource("", "v1", "endpoints");
  auto& slices = *kinds->by_resource("discovery.k8s.io", "v1", "endpointslices");
  for (int i = 0; i < tries_max; ++i) {
    auto now = g.given.store->current();
    author by(g, "endpoint-controller", now);
    if (auto ok = settle(by, services, api_service(), false); !ok) return ok;
    if (auto ok = settle(by, services, dns_service(), false); !ok) return ok;
    if (auto ok = settle(by, endpoints, api_endpoints(addresses, port), true); !ok) return ok;
    if (auto ok = settle(by, slices, api_slice(addresses, port), true); !ok) return ok;
    if (by.empty()) return {};
    auto done = storage::commit_and_wait(*g.given.store, by.take());
    if (!done) return done.error();
    if (!done->refused) return {};
  }
  return error{errc::conflict, "cannot say where the API is: others write the same objects"};
}

std::vector<storage::watch> watch_essentials(gateway& g, uint64_t after,
                                             const std::function<void()>& changed) {
  struct row {
    const char *group, *plural, *ns, *name;
  } rows[] = {{"", "namespaces", "", "kube-node-lease"},
              {"", "namespaces", "", "kube-public"},
              {"", "services", "default", api_name},
              {"", "services", "kube-system", dns_name},
              {"", "endpoints", "default", api_name},
              {"discovery.k8s.io", "endpointslices", "default", api_name}};
  std::vector<storage::watch> out;
  auto kinds = g.kinds();
  for (auto& r : rows) {
    auto key = key_of(*kinds->by_resource(r.group, "v1", r.plural), r.ns, r.name);
    storage::watch_options options;
    options.resource = key.substr(0, key.find('/'));
    options.prefix = key;
    options.after_revision = after;
    options.wake = changed;
    auto made = g.given.store->subscribe(std::move(options));
    std::vector<storage::event_ptr> already; // the first reading arms it
    if (made && made->read(already) && already.empty())
      out.push_back(std::move(*made));
    else
      changed();
  }
  return out;
}

} // namespace troupe::gateway
