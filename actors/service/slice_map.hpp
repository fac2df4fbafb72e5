// Where the endpoints of one service are: which of its slices holds which, as far as was heard.
// Only a memory of what is stored; it lets a change of one endpoint find its slice without reading
// all of them.
#pragma once

#include "messages/api/endpoint_slice.pb.h"

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace troupe::service {

using k8s::discovery::v1::Endpoint;
using k8s::discovery::v1::EndpointPort;
using k8s::discovery::v1::EndpointSlice;

/// Who an endpoint is, whatever else is told of it: a pod's address, or an address alone.
std::string identity_of(std::string_view uid, std::string_view address);
std::string identity_of(const Endpoint& e);
/// Puts that of an endpoint as it is stored into `out`.
void read_identity(std::string_view stored, std::string& out);

/// Endpoints that share this can share a slice: a family, and ports.
std::string group_of(const std::string& family, const std::vector<EndpointPort>& ports);

class slice_map {
public:
  struct slice {
    std::string group;
    std::string family;
    std::vector<const std::string*> endpoints; ///< their identities
  };
  /// In the order of their keys, so that plans do not depend on what was heard first.
  using slices = std::map<std::string, slice>;

  slice_map() = default;
  slice_map(slice_map&&) = default;
  slice_map& operator=(slice_map&&) = default;

  /// The slice at `key` is stored like this now. Read off the bytes: mostly it is one's own
  /// writing, and most of its endpoints are where they were.
  void note(const std::string& key, std::string_view stored);
  void drop(const std::string& key);

  const slices& all() const { return slices_; }
  /// The keys of those that hold the endpoint: one, unless somebody else has written there.
  std::vector<const std::string*> holding(const std::string& identity) const;

private:
  void release(const slices::value_type& slice, const std::string* identity);

  slices slices_;
  std::unordered_multimap<std::string, const slices::value_type*> seats_; ///< by identity
};

} // namespace troupe::service
