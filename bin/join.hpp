// How a machine that nobody knows yet becomes a node: it asks with a token, checks that it asks the
// right cluster, and gets a certificate for its name and the addresses of all servers.
#pragma once

#include "actors/gateway/gateway.hpp"
#include "actors/link/hub.hpp"
#include "bin/pki.hpp"

#include <filesystem>
#include <map>
#include <string>

namespace troupe {

/// A token as an operator passes it on: the bootstrap token, "::", and what the cluster's CA must
/// hash to, so that the first contact is with nobody else.
struct join_token {
  std::string token;
  std::string authority_hash; ///< SHA-256 of the CA's certificate, in hexadecimal

  static result<join_token> parse(std::string_view text);
  std::string text() const { return token + "::" + authority_hash; }
};
std::string hash_of_authority(const std::string& certificate_pem);

/// The server's side: GET /troupe/v1/ca and POST /troupe/v1/join.
class join_desk {
public:
  join_desk(const gateway::gateway& api, const pki& keys,
            std::map<uint64_t, server_address> servers)
      : api_{api}, keys_{keys}, servers_{std::move(servers)} {}

  /// Takes the request if it is one of these; false otherwise.
  bool handle(http::request& request, http::responder& responder) const;

private:
  result<std::string> admit(const http::request& request) const;

  const gateway::gateway& api_;
  const pki& keys_;
  std::map<uint64_t, server_address> servers_;
};

/// What a node has once it has joined. Kept in its data directory.
struct node_credentials {
  tls::key_pair own;
  std::string authority_pem;
  std::map<uint64_t, server_address> servers;
};

/// A certificate for a node, with a new key.
result<tls::key_pair> issue_node(const tls::key_pair& authority, const std::string& node,
                                 tls::wall_time now);
result<void> save(const std::filesystem::path& folder, const node_credentials& made);

/// Finds them in `folder`, or joins the cluster at `server` with the token.
result<node_credentials> join(const std::filesystem::path& folder, const std::string& node,
                              const std::string& server, const std::string& token);

} // namespace troupe
