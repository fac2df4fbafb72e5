#include "actors/network/health_ports.hpp"

#include "messages/base/json.hpp"
#include "messages/base/log.hpp"

#include <set>

namespace troupe::network_of_pods {

std::optional<health> health_of(const k8s::core::v1::Service& service,
                                const std::vector<const k8s::discovery::v1::EndpointSlice*>& slices,
                                const standpoint& here) {
  auto& spec = service.spec();
  auto port = spec.health_check_node_port();
  if (spec.type() != "LoadBalancer" || spec.external_traffic_policy() != "Local" || port <= 0 ||
      port > 65'535)
    return std::nullopt;
  std::set<std::string> pods;
  for (auto slice : slices)
    for (auto& e : slice->endpoints())
      if (e.node_name() == here.node && e.addresses_size() > 0 &&
          (!e.conditions().has_ready() || e.conditions().ready()))
        pods.insert(e.addresses(0));
  return health{service.metadata().namespace_(), service.metadata().name(),
                static_cast<uint16_t>(port), static_cast<int>(pods.size())};
}

http::response answer_of(const health& what) {
  auto text = json::write(
      json::value(json::object{{"service", {{"namespace", what.ns}, {"name", what.name}}},
                               {"localEndpoints", what.local_endpoints},
                               {"serviceProxyHealthy", true}}));
  auto out = http::answer(what.local_endpoints > 0 ? 200 : 503, "application/json", text + "\n");
  out.headers.emplace_back("X-Content-Type-Options", "nosniff");
  out.headers.emplace_back("X-Load-Balancing-Endpoint-Weight",
                           std::to_string(what.local_endpoints));
  return out;
}

void health_ports::set(const std::string& key, const std::optional<health>& of) {
  auto hit = open_.find(key);
  if (hit != open_.end() && (!of || hit->second.port != of->port)) {
    open_.erase(hit);
    hit = open_.end();
  }
  if (!of) return;
  if (hit != open_.end()) {
    *hit->second.endpoints = of->local_endpoints;
    return;
  }
  auto count = std::make_shared<std::atomic<int>>(of->local_endpoints);
  http::server_settings given;
  given.address = "0.0.0.0";
  given.port = of->port;
  given.threads = 1;
  given.stop_grace = std::chrono::milliseconds{0};
  given.handle = [count, said = *of](http::request, http::responder to) {
    auto now = said;
    now.local_endpoints = *count;
    to.reply(answer_of(now));
  };
  auto server = std::make_unique<http::server>(std::move(given));
  if (auto started = server->start(); !started)
    return log::warn("proxy", "the health of a service cannot be told",
                     {{"service", key}, {"port", of->port}, {"why", started.error().message}});
  open_[key] = {of->port, count, std::move(server)};
}

} // namespace troupe::network_of_pods
