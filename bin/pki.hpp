// The certificates of a cluster: made once in the data directory, found again later; and the
// kubeconfig that lets the first administrator in.
#pragma once

#include "net/tls/authority.hpp"

#include <filesystem>
#include <string>

namespace troupe {

struct pki {
  tls::key_pair authority;
  tls::key_pair server;
  tls::key_pair admin;       ///< of system:masters
  std::string token_key_pem; ///< signs service account tokens
};

/// Loads what is there and makes what is missing or about to end. `names` and `addresses` are what
/// the server is reached under.
result<pki> prepare_pki(const std::filesystem::path& folder, const std::vector<std::string>& names,
                        const std::vector<std::string>& addresses, tls::wall_time now);

/// A kubeconfig with one cluster and one user.
std::string write_kubeconfig(const pki& from, const std::string& url);

} // namespace troupe
