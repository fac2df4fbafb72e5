// The certificates of a cluster: made once in the data directory, found again later; and the
// kubeconfig that lets the first administrator in.
#pragma once

#include "net/tls/authority.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace troupe {

struct pki {
  tls::key_pair authority;
  tls::key_pair server;
  tls::key_pair admin;       ///< of system:masters
  tls::key_pair link;        ///< by which other servers know this one
  std::string token_key_pem; ///< signs service account tokens
};

/// Loads what is there and makes what is missing or about to end. `names` and `addresses` are what
/// the server is reached under, `id` its number among the servers. The CA, the administrator's
/// certificate and the key of tokens are the same on all servers of a cluster: `troupe server` of
/// the second one gets copies of these files.
result<pki> prepare_pki(const std::filesystem::path& folder, const std::vector<std::string>& names,
                        const std::vector<std::string>& addresses, uint64_t id, tls::wall_time now);

/// The files of `folder` that all servers of a cluster share.
inline constexpr const char* shared_keys[] = {"ca.crt",    "ca.key",    "service-account.key",
                                              "admin.crt", "admin.key", "secrets.key"};

/// What every server is reached under, besides its own address.
std::vector<std::string> own_names();
std::vector<std::string> own_addresses(const std::string& advertised);

/// The certificates of server `id` that are renewed, without their ending; and how they are made
/// anew by the next prepare_pki().
std::vector<std::filesystem::path> leaf_stems(const std::filesystem::path& folder, uint64_t id);
void forget_leaves(const std::filesystem::path& folder, uint64_t id);

/// A kubeconfig with one cluster and one user: `name` and `name`-admin. `links` is where servers
/// take links, as HOST:PORT.
std::string write_kubeconfig(const pki& from, const std::string& url,
                             const std::vector<std::string>& links,
                             const std::string& name = "troupe");

} // namespace troupe
