// How a machine that nobody knows yet becomes a node: it asks with a token, checks that it asks the
// right cluster, and gets a certificate for its name and the addresses of all servers.
#pragma once

#include "actors/gateway/gateway.hpp"
#include "actors/link/hub.hpp"
#include "bin/pki.hpp"
#include "net/http/client.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <string>

namespace troupe {

class uplinks;

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
  join_desk(gateway::gateway& api, const pki& keys, std::map<uint64_t, server_address> servers)
      : api_{api}, keys_{keys}, servers_{std::move(servers)} {}

  /// Takes the request if it is one of these; false otherwise.
  bool handle(http::request& request, http::responder& responder) const;
  /// Those that join from now on hear of these servers. Any thread.
  void servers(std::map<uint64_t, server_address> now);

private:
  /// Who asks to become which node, with which key; refused if that may not be.
  struct candidate {
    gateway::user who;
    std::string node, request_pem;
  };
  result<candidate> examine(const http::request& request) const;
  void admit(const http::request& request, http::responder to) const;
  /// What it is told if it may join: its certificate, and where the servers are.
  result<std::string> welcome(const candidate& one) const;

  gateway::gateway& api_;
  const pki& keys_;
  mutable std::mutex mutex_;
  std::map<uint64_t, server_address> servers_;
};

/// The API of a cluster that is proven to be the token's: nothing was sent to any other.
struct met_cluster {
  http::client_settings whom;
  std::string authority_pem;
};
result<met_cluster> meet(const std::string& server, const join_token& pass);

/// What a node has once it has joined. Kept in its data directory.
struct node_credentials {
  tls::key_pair own;
  std::string authority_pem;
  std::map<uint64_t, server_address> servers;
};

/// A certificate for a node, with a new key.
result<tls::key_pair> issue_node(const tls::key_pair& authority, const std::string& node,
                                 tls::wall_time now);
/// The same for a key that is elsewhere; of the request, nothing but the key is taken over.
result<std::string> sign_node(const tls::key_pair& authority, const std::string& node,
                              std::string_view request_pem, tls::wall_time now);
/// Has a node's certificate made anew over its own links, for the key that it has, keeps it in
/// `folder` and goes on with it.
result<void> renew_node(uplinks& up, const std::filesystem::path& folder, const std::string& node,
                        node_credentials& known);
result<node_credentials> load_node(const std::filesystem::path& folder);
result<void> save(const std::filesystem::path& folder, const node_credentials& made);
/// The servers are others now.
result<void> save_servers(const std::filesystem::path& folder,
                          const std::map<uint64_t, server_address>& servers);

/// Finds them in `folder`, or joins the cluster at `server` with the token.
result<node_credentials> join(const std::filesystem::path& folder, const std::string& node,
                              const std::string& server, const std::string& token);

} // namespace troupe
