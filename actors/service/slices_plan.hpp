// Decides how the endpoints of a service are cut into EndpointSlices: endpoints stay in the slice
// where they are, so that a change of one touches one slice. Pure: no actors, clock or I/O.
#pragma once

#include "actors/service/backend.hpp"
#include "actors/service/slice_map.hpp"

#include <optional>
#include <set>
#include <variant>

namespace troupe::service {

constexpr size_t slice_endpoints_max = 100;

/// From which zones and nodes endpoints are to be used, as the service's traffic distribution or
/// topology mode asks. It depends on all pods of the service.
struct hint_rule {
  bool by_zone = false, by_node = false;

  static hint_rule of(const k8s::core::v1::Service& service,
                      const std::vector<const backend*>& pods, const zone_lookup& zones);
  void give(Endpoint& e) const;
  bool operator==(const hint_rule&) const = default;
};
/// Whether the service asks for hints at all.
bool asks_for_hints(const k8s::core::v1::Service& service);

/// Endpoints that can share a slice: of one family, with the same ports.
struct endpoint_group {
  std::string family;
  std::vector<EndpointPort> ports;
  std::vector<Endpoint> endpoints;
};

/// What these pods offer to the service, by family and ports. There is one group at least for each
/// family.
std::vector<endpoint_group> groups_of(const k8s::core::v1::Service& service,
                                      const std::vector<const backend*>& pods,
                                      const zone_lookup& zones, const hint_rule& hints);

struct create_slice {
  EndpointSlice slice; ///< without a name
};
struct update_slice {
  std::string key;
  EndpointSlice slice;   ///< all of it but its endpoints
  std::string endpoints; ///< as they are stored, tags included
};
struct delete_slice {
  std::string key;
};
using slice_action = std::variant<create_slice, update_slice, delete_slice>;

/// A slice as it is stored, for as long as is planned.
using slice_reader = std::function<std::string_view(const std::string& key)>;

/// What brings the slices that are `there` to `wanted`; `head` is what every slice of the service
/// has in common: labels, owner, namespace. Planning again on the outcome returns nothing. Slices
/// go last, so that what moves is never nowhere.
///
/// If it is about `some` only, they are the identities of all endpoints that may have changed, and
/// `wanted` tells of no others; slices without them are neither read nor touched. The outcome is
/// the same as if it were about all.
std::vector<slice_action> plan(std::vector<endpoint_group> wanted, const slice_map& there,
                               const slice_reader& read, const k8s::meta::v1::ObjectMeta& head,
                               const std::set<std::string>* some = nullptr);

} // namespace troupe::service
