// What a request line asks for, in the words of the Kubernetes API: verb, group, resource, name.
// Pure.
#pragma once

#include "net/http/request.hpp"

#include <string>
#include <vector>

namespace troupe::gateway {

struct route {
  bool resource = false; ///< about a resource, rather than a path such as /healthz
  std::string verb; ///< get, list, watch, create, update, patch, delete, deletecollection, or the
                    ///< lower-case HTTP method
  std::string path;
  std::string group, version; ///< "" and "v1" for /api/v1
  std::string ns;             ///< namespace, empty if none
  std::string plural;
  std::string name;
  std::string subresource;
  /// What is asked about the object besides what it is: `why`, `history`; of
  /// /troupe/v1/why/api/v1/namespaces/a/pods/b. Who may get the object may ask.
  std::string insight;
  /// What the field selector of a list or watch narrows it down to: authorization asks for these.
  std::string selected_name, selected_node;
  std::vector<std::string> rest; ///< what follows a subresource: the path behind a proxy
};

/// Fails with not_found on paths that can be nothing, with bad_request on broken escapes.
result<route> read_route(const http::request& request, const http::query& query);

} // namespace troupe::gateway
