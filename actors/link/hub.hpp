// THE HUB of a server: every LINK that comes up here is another server's, over which the RAFT
// actors of both speak, a node's, or a client's, which asks what it would ask the API. Who a peer
// is and what it may say follows from its certificate.
#pragma once

#include "messages/interfaces.hpp"
#include "net/link/network.hpp"
#include "net/link/requests.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

namespace troupe {

/// What certificates say: "server:1" of the group of servers, "system:node:a" of that of nodes.
inline constexpr const char* server_group = "troupe:servers";
inline constexpr const char* node_group = "system:nodes";
std::string server_name(uint64_t id);
/// The DNS name in a server's certificate, by which whoever dials it knows it is the right one.
std::string server_host(uint64_t id);
/// A name that the certificates of all servers carry: for clients, to whom each is as good.
inline constexpr const char* any_server_host = "servers.troupe";
/// The number of the server that a peer is by its certificate; 0 if it is none.
uint64_t server_id(const link::identity& who);

struct server_address {
  std::string host;
  uint16_t port = 0;

  bool operator==(const server_address&) const = default;
  std::string text() const { return host + ":" + std::to_string(port); }
  /// "10.0.0.1:6444"; port 0 if it is no such thing.
  static server_address parse(std::string_view text);
};

struct hub_settings {
  uint64_t self = 0;
  tls::credentials who;
  std::string address = "0.0.0.0";
  uint16_t port = 6444;
  std::map<uint64_t, server_address> servers; ///< all of them, this one too; empty: not known yet
  uint64_t seed = 1;
  /// Signs the request of a node for a new certificate; the name is that of its link.
  std::function<result<std::string>(const std::string& node, const std::string& request_pem)> sign;
  /// Another server knows that this one does not belong to them any more.
  std::function<void()> removed;
};

class hub {
public:
  /// Listens, and keeps a link up to every server with a greater id.
  static result<std::unique_ptr<hub>> start(caf::actor_system& system, hub_settings given);
  ~hub();

  uint16_t port() const { return port_; }
  /// Who hears what servers say, from now on.
  void listener(const raft_actor& raft);
  /// A cluster.PeerMessage for a server, if its link is up and has room. Any thread.
  void send(uint64_t to, std::string bytes);
  /// Who the servers are from now on: links to them are made and ended, and nodes hear of it. Ids
  /// up to `greatest_id` that are not among them were removed; `version` grows with every change.
  void servers(const std::map<uint64_t, server_address>& now, uint64_t greatest_id,
               uint64_t version);
  /// How many servers can be reached, this one too.
  size_t reachable() const;
  /// Which others can be reached.
  std::set<uint64_t> linked() const;
  /// Another certificate for links made from now on.
  result<void> renew(const tls::credentials& who) { return network_->reload(who); }
  /// This server leads: every node that is there or comes is told, and speaks to these NODES.
  void lead(const nodes_actor& nodes);
  /// It leads no more: nodes look for another.
  void follow();
  /// Answers what clients ask from now on.
  void serve(link::door clients);
  /// The door of a node that is linked here; none if it is not. Any thread.
  link::door door_of(const std::string& node) const;
  /// The same of another server: what its clients may ask.
  link::door door_of(uint64_t server) const;
  void stop();

private:
  struct state;
  void dial(const std::map<uint64_t, server_address>& before,
            const std::map<uint64_t, server_address>& now);
  explicit hub(std::shared_ptr<state> held) : state_{std::move(held)} {}

  std::shared_ptr<state> state_;
  std::unique_ptr<link::network> network_;
  uint16_t port_ = 0;
};

} // namespace troupe
