// A pod as a service sees it, and what it offers to one service: addresses, ports, readiness. Pure.
#pragma once

#include "messages/api/endpoint_slice.pb.h"
#include "messages/api/service.pb.h"
#include "storage/entry.hpp"

#include <functional>
#include <string>
#include <vector>

namespace troupe::service {

/// What services ask of a pod, read from its bytes without decoding the rest: every change of every
/// pod is looked at, and nobody is to wait for that.
struct backend {
  storage::entry_ptr entry; ///< key and labels
  std::string uid, node, hostname, subdomain;
  std::vector<std::string> ips;
  bool ready = false;
  bool going = false;
  bool over = false; ///< has ended, or has no address yet

  struct named_port {
    std::string name, protocol;
    int32_t number;
    bool operator==(const named_port&) const = default;
  };
  std::vector<named_port> ports;

  static backend of(storage::entry_ptr entry);
  std::string_view name() const;
  /// Whether services see no difference.
  bool same(const backend& other) const;
};

/// The ports of a service as this pod serves them; a named one that the pod does not have is left
/// out.
std::vector<k8s::discovery::v1::EndpointPort> ports_at(const k8s::core::v1::Service& service,
                                                       const backend& pod);

/// Whether new connections to the service may go to this pod.
bool takes_traffic(const k8s::core::v1::Service& service, const backend& pod);

/// The zone of a node, empty if it has none.
using zone_lookup = std::function<std::string(const std::string& node)>;

/// One address family: "IPv4" or "IPv6"; empty if the pod has no address of it.
k8s::discovery::v1::Endpoint endpoint_of(const k8s::core::v1::Service& service, const backend& pod,
                                         const std::string& family, const zone_lookup& zones);

/// The families in which the service is reached.
std::vector<std::string> families_of(const k8s::core::v1::Service& service);

bool headless(const k8s::core::v1::Service& service);

} // namespace troupe::service
