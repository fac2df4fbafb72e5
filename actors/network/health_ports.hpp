// Health check node ports: load balancers ask a machine whether it has a pod of a service, for
// those services that keep the client's address.
#pragma once

#include "actors/network/proxy_plan.hpp"
#include "net/http/server.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <string>

namespace troupe::network_of_pods {

/// What is said about one service.
struct health {
  std::string ns, name;
  uint16_t port = 0;
  int local_endpoints = 0;
};

/// If the service has such a port: what this machine answers there. Pure.
std::optional<health> health_of(const k8s::core::v1::Service& service,
                                const std::vector<const k8s::discovery::v1::EndpointSlice*>& slices,
                                const standpoint& here);
http::response answer_of(const health& what); ///< pure

/// Listens on each such port of the machine. One thread at a time.
class health_ports {
public:
  /// From now on `of` is said for the service with this key; none: its port is closed.
  void set(const std::string& key, const std::optional<health>& of);

private:
  struct open_port {
    uint16_t port;
    std::shared_ptr<std::atomic<int>> endpoints;
    std::unique_ptr<http::server> server;
  };
  std::map<std::string, open_port> open_;
};

} // namespace troupe::network_of_pods
