// The administrator's way in: the API of a cluster as a kubeconfig describes it, for commands that
// ask one thing and end.
#pragma once

#include "messages/base/json.hpp"
#include "net/http/client.hpp"

#include <filesystem>
#include <string>

namespace troupe {

struct cluster_access {
  http::client_settings whom;
  std::string authority_pem;
};

/// As a kubeconfig of ours says.
result<cluster_access> read_access(const std::string& kubeconfig);
/// By the administrator's kubeconfig beside a server's data.
result<cluster_access> access(const std::filesystem::path& data);

/// One request; an answer that is no success is an error with the server's own words.
result<json::value> call(const cluster_access& to, http::client_request what);
/// The same for what may take minutes, asked of the server whose data is in `data`.
result<json::value> long_call(const std::filesystem::path& data, http::client_request what);

} // namespace troupe
