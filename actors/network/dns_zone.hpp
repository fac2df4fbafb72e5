// The names of a cluster, as the Kubernetes DNS specification gives them: services, their ports and
// endpoints, pods by address, and back from addresses to names. Pure: told of services one by one,
// it answers at once.
#pragma once

#include "messages/api/endpoint_slice.pb.h"
#include "messages/api/service.pb.h"
#include "net/dns/server.hpp"

#include <map>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace troupe::network_of_pods {

class dns_zone {
public:
  /// `domain` is the cluster's, for example "cluster.local".
  explicit dns_zone(std::string domain);

  /// The names of a service (namespace/name) from now on; none if `service` is null.
  void put(const std::string& key, const k8s::core::v1::Service* service,
           const std::vector<const k8s::discovery::v1::EndpointSlice*>& slices);

  /// A referral for names outside of the cluster.
  std::variant<dns::answer, dns::referral> resolve(const dns::question& asked) const;

private:
  struct held {
    std::vector<dns::record> records;
    int below = 0; ///< names that end in this one: then it exists, even without records
  };

  void add(const std::string& owner, dns::record what);
  void remove_all_of(const std::string& owner);
  void count_parents(const dns::name& name, int by);
  std::vector<dns::record> pod_records(const dns::name& name) const;
  dns::answer negative(dns::code why) const;
  bool is_ours(const dns::name& name) const;

  std::string domain_;
  std::unordered_map<dns::name, held> names_;
  std::map<std::string, std::vector<dns::name>> of_owner_;
  uint32_t serial_ = 1;
};

} // namespace troupe::network_of_pods
