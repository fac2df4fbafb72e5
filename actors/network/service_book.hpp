// The services, endpoint slices and own node of one machine's view, from the facts it is told:
// which services a fact touches, and what each of them consists of. Pure; PROXY and DNS each keep
// one.
#pragma once

#include "messages/api/endpoint_slice.pb.h"
#include "messages/api/node.pb.h"
#include "messages/api/service.pb.h"
#include "messages/cluster/node.pb.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace troupe::network_of_pods {

class service_book {
public:
  explicit service_book(std::string own_node) : own_node_{std::move(own_node)} {}

  /// Takes facts in. Returns the services (namespace/name) that they touch.
  std::set<std::string> heard(const cluster::ToNode& facts);

  const k8s::core::v1::Service* service(const std::string& key) const;
  std::vector<const k8s::discovery::v1::EndpointSlice*> slices(const std::string& key) const;
  const std::map<std::string, k8s::core::v1::Service>& services() const { return services_; }
  /// This machine's Node object, once it was told.
  const std::optional<k8s::core::v1::Node>& node() const { return node_; }

private:
  std::string put(const cluster::Object& object);
  std::string erase(const cluster::Name& name);
  std::vector<cluster::Name> not_told(const cluster::ToNode& facts) const;

  struct held_slice {
    std::string service;
    k8s::discovery::v1::EndpointSlice slice;
  };

  std::string own_node_;
  std::optional<k8s::core::v1::Node> node_;
  std::map<std::string, k8s::core::v1::Service> services_;
  std::map<std::string, held_slice> slices_;
  std::map<std::string, std::set<std::string>> of_service_; ///< slices by service
};

} // namespace troupe::network_of_pods
