#include "actors/link/hub.hpp"

#include "actors/link/downlink.hpp"
#include "messages/base/log.hpp"
#include "messages/cluster/node_link.pb.h"
#include "messages/cluster/peer.pb.h"

#include <algorithm>
#include <charconv>

namespace troupe {

namespace {

/// A PeerMessage that says no more than `removed` is not longer.
constexpr size_t removed_bytes_max = 4;
/// How a NodeToServer with a `renewal` begins: field 3, a text.
constexpr char renewal_tag = 0x1a;
constexpr std::string_view server_prefix = "server:", node_prefix = "system:node:";

bool is_in(const link::identity& who, const char* group) {
  return std::find(who.groups.begin(), who.groups.end(), group) != who.groups.end();
}

std::string node_name(const link::identity& who) {
  if (!is_in(who, node_group) || !who.name.starts_with(node_prefix)) return {};
  return who.name.substr(node_prefix.size());
}

link::door door_through(std::shared_ptr<link::requests> asks) {
  return [asks = std::move(asks)](http::request request, http::responder to) {
    asks->ask(request, std::move(to));
  };
}

} // namespace

uint64_t server_id(const link::identity& who) {
  if (!is_in(who, server_group) || !who.name.starts_with(server_prefix)) return 0;
  uint64_t id = 0;
  auto text = std::string_view(who.name).substr(server_prefix.size());
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), id);
  return failed == std::errc{} && end == text.data() + text.size() ? id : 0;
}

std::string server_name(uint64_t id) { return std::string(server_prefix) + std::to_string(id); }
std::string server_host(uint64_t id) { return "server-" + std::to_string(id) + ".troupe"; }

server_address server_address::parse(std::string_view text) {
  auto colon = text.rfind(':');
  if (colon == text.npos) return {};
  server_address out{std::string(text.substr(0, colon)), 0};
  auto port = text.substr(colon + 1);
  auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (failed != std::errc{} || end != port.data() + port.size()) out.port = 0;
  return out;
}

struct hub::state : std::enable_shared_from_this<hub::state> {
  struct node_link {
    std::shared_ptr<link::connection> over;
    std::shared_ptr<link::requests> asks;
    downlink_actor actor; ///< while this server leads
  };

  state(caf::actor_system& system, hub_settings given) : system{system}, given{std::move(given)} {}

  caf::actor_system& system;
  hub_settings given;
  std::mutex mutex;
  std::map<uint64_t, std::shared_ptr<link::connection>> servers;
  std::map<uint64_t, std::shared_ptr<link::requests>> server_asks; ///< of those
  std::map<std::string, node_link> node_links;
  raft_actor raft;
  nodes_actor nodes; ///< while this server leads
  link::door api;
  uint64_t greatest_id = 0;  ///< of the servers there ever were
  link::payload server_list; ///< for nodes; null until it is known

  link::connection::callbacks up(std::shared_ptr<link::connection> made) {
    if (auto id = server_id(made->peer())) return server_up(id, std::move(made));
    if (auto node = node_name(made->peer()); !node.empty()) return node_up(node, std::move(made));
    return client_up(std::move(made));
  }

  /// Answers what is asked over a link as if it had been asked over HTTP.
  link::door serving() {
    return [me = shared_from_this()](http::request request, http::responder to) {
      link::door api;
      {
        std::lock_guard lock{me->mutex};
        api = me->api;
      }
      if (!api) return to.reply(http::plain_answer(503, "this server is not ready; try again"));
      api(std::move(request), std::move(to));
    };
  }

  /// Whoever else has a certificate of this cluster may ask what its owner may.
  link::connection::callbacks client_up(std::shared_ptr<link::connection> made) {
    log::debug("hub", "a client is here", {{"client", made->peer().name}});
    auto asks = std::make_shared<link::requests>(made, serving());
    return {.on_message =
                [asks, made](link::stream on, std::string_view bytes) {
                  if (on != link::stream::bulk || !asks->heard(bytes)) made->close();
                },
            .on_down = [asks](std::string_view) { asks->down(); }};
  }

  link::connection::callbacks server_up(uint64_t id, std::shared_ptr<link::connection> made) {
    auto asks = std::make_shared<link::requests>(made, serving());
    {
      std::lock_guard lock{mutex};
      if (!was_removed(id)) {
        servers[id] = made;
        server_asks[id] = asks;
      }
    }
    if (link_of(id) != made) {
      log::warn("hub", "a server that was removed is sent away", {{"server", id}});
      say_removed(*made);
      return {};
    }
    log::info("hub", "a server can be reached", {{"server", id}, {"protocol", made->version()}});
    return {.on_message =
                [me = shared_from_this(), id, asks, made](link::stream on, std::string_view bytes) {
                  if (on == link::stream::raft) me->heard(id, bytes);
                  if (on == link::stream::bulk && !asks->heard(bytes)) made->close();
                },
            .on_down =
                [me = shared_from_this(), id, asks, raw = made.get()](std::string_view why) {
                  asks->down();
                  std::lock_guard lock{me->mutex};
                  auto hit = me->servers.find(id);
                  if (hit == me->servers.end() || hit->second.get() != raw) return;
                  me->servers.erase(hit);
                  me->server_asks.erase(id);
                  log::info("hub", "a server cannot be reached", {{"server", id}, {"why", why}});
                }};
  }

  /// With the mutex held.
  bool was_removed(uint64_t id) const { return id <= greatest_id && !given.servers.contains(id); }

  std::shared_ptr<link::connection> link_of(uint64_t id) {
    std::lock_guard lock{mutex};
    auto hit = servers.find(id);
    return hit == servers.end() ? nullptr : hit->second;
  }

  /// It closes the link itself when it has heard this.
  static void say_removed(link::connection& to) {
    cluster::PeerMessage word;
    word.set_removed(true);
    to.send(link::stream::raft, std::make_shared<const std::string>(word.SerializeAsString()));
  }

  link::connection::callbacks node_up(const std::string& name,
                                      std::shared_ptr<link::connection> made) {
    log::info("hub", "a node is here", {{"node", name}, {"protocol", made->version()}});
    auto asks = std::make_shared<link::requests>(made, nullptr);
    {
      std::lock_guard lock{mutex};
      auto& l = node_links[name];
      end(l);
      l.over = made;
      l.asks = asks;
      if (server_list) made->send(link::stream::messages, server_list);
      if (nodes) l.actor = system.spawn(downlink, nodes, name, made);
    }
    return {
        .on_message =
            [me = shared_from_this(), name, asks, made](link::stream on, std::string_view bytes) {
              if (on == link::stream::messages) me->node_said(name, bytes);
              if (on == link::stream::bulk && !asks->heard(bytes)) made->close();
            },
        .on_down =
            [me = shared_from_this(), name, asks, raw = made.get()](std::string_view why) {
              asks->down();
              std::lock_guard lock{me->mutex};
              auto hit = me->node_links.find(name);
              if (hit == me->node_links.end() || hit->second.over.get() != raw) return;
              end(hit->second);
              me->node_links.erase(hit);
              log::info("hub", "a node is gone", {{"node", name}, {"why", why}});
            }};
  }

  static void end(node_link& l) {
    if (l.actor) caf::anon_send_exit(l.actor, caf::exit_reason::remote_link_unreachable);
    l.actor = nullptr;
  }

  /// A node wants a new certificate: any server can make it, and only in the name of the link.
  void renew(const std::string& name, std::string_view bytes) {
    cluster::NodeToServer asked;
    if (!given.sign || !asked.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
    auto made = given.sign(name, asked.renewal());
    cluster::ServerToNode word;
    made ? word.mutable_certificate()->set_pem(*made)
         : word.mutable_certificate()->set_refused(made.error().message);
    log::info("hub", "a node renews its certificate",
              {{"node", name}, {"granted", made.has_value()}});
    std::lock_guard lock{mutex};
    if (auto hit = node_links.find(name); hit != node_links.end())
      hit->second.over->send(link::stream::messages,
                             std::make_shared<const std::string>(word.SerializeAsString()));
  }

  void node_said(const std::string& name, std::string_view bytes) {
    if (bytes.starts_with(renewal_tag)) return renew(name, bytes);
    std::lock_guard lock{mutex};
    auto hit = node_links.find(name);
    if (hit != node_links.end() && hit->second.actor)
      caf::anon_send(hit->second.actor, heard_atom_v, std::string(bytes));
  }

  void heard(uint64_t from, std::string_view bytes) {
    if (bytes.size() <= removed_bytes_max) {
      cluster::PeerMessage word;
      if (word.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) && word.removed()) {
        log::error("hub", "this server was removed from its cluster", {{"by", from}});
        return given.removed ? given.removed() : void();
      }
    }
    raft_actor to;
    {
      std::lock_guard lock{mutex};
      to = raft;
    }
    if (to) caf::anon_send(to, heard_atom_v, from, std::string(bytes));
  }
};

result<std::unique_ptr<hub>> hub::start(caf::actor_system& system, hub_settings given) {
  auto held = std::make_shared<state>(system, given);
  std::unique_ptr<hub> made(new hub(held));
  link::network_settings settings;
  settings.who = given.who;
  settings.seed = given.seed;
  settings.mux = link::with_requests();
  // A server that has come back is needed at once: with it gone, the next one may be one too many.
  settings.redial_after_max = std::chrono::milliseconds{500};
  settings.allow = [](const link::identity& who) { return !who.name.empty(); };
  settings.several = [](const link::identity& who) {
    return server_id(who) == 0 && node_name(who).empty();
  };
  made->network_ = std::make_unique<link::network>(
      std::move(settings),
      [held](std::shared_ptr<link::connection> c) { return held->up(std::move(c)); });
  auto port = made->network_->listen(given.address, given.port);
  if (!port) return port.error();
  made->port_ = *port;
  made->dial({}, given.servers);
  return made;
}

hub::~hub() { stop(); }

void hub::stop() {
  if (network_) network_->stop();
  std::lock_guard lock{state_->mutex};
  state_->raft = nullptr;
  state_->nodes = nullptr;
  state_->api = nullptr;
  state_->servers.clear();
  state_->server_asks.clear();
  for (auto& [_, l] : state_->node_links) state::end(l);
  state_->node_links.clear();
}

void hub::servers(const std::map<uint64_t, server_address>& now, uint64_t greatest_id,
                  uint64_t version) {
  cluster::ServerToNode word;
  auto& list = *word.mutable_servers();
  list.set_version(version);
  bool complete = !now.empty();
  for (auto& [id, at] : now) {
    auto& one = *list.add_servers();
    one.set_id(id);
    one.set_host(at.host);
    one.set_port(at.port);
    complete = complete && !at.host.empty() && at.port != 0;
  }
  std::map<uint64_t, server_address> before;
  std::vector<std::shared_ptr<link::connection>> removed, moved;
  {
    std::lock_guard lock{state_->mutex};
    before = std::exchange(state_->given.servers, now);
    state_->greatest_id = greatest_id;
    for (auto& [id, over] : state_->servers) {
      if (state_->was_removed(id)) // not who is so new that we have not heard of it
        removed.push_back(over);
      else if (before.contains(id) && now.contains(id) && before.at(id) != now.at(id))
        moved.push_back(over);
    }
    auto gone = [&](auto& x) { return state_->was_removed(x.first); };
    std::erase_if(state_->servers, gone);
    std::erase_if(state_->server_asks, gone);
    // A server alone that nobody told its address is where its nodes found it.
    if (complete) {
      state_->server_list = std::make_shared<const std::string>(word.SerializeAsString());
      for (auto& [_, l] : state_->node_links)
        l.over->send(link::stream::messages, state_->server_list);
    }
  }
  for (auto& each : removed) state::say_removed(*each);
  for (auto& each : moved) each->close();
  dial(before, now);
}

/// Links are made by whoever has the smaller number.
void hub::dial(const std::map<uint64_t, server_address>& before,
               const std::map<uint64_t, server_address>& now) {
  auto self = state_->given.self;
  for (auto& [id, at] : before)
    if (auto hit = now.find(id); id > self && (hit == now.end() || hit->second != at))
      network_->undial(server_host(id));
  for (auto& [id, at] : now) {
    auto hit = before.find(id);
    if (id <= self || (hit != before.end() && hit->second == at)) continue;
    if (auto ok = network_->dial(at.host, at.port, server_host(id)); !ok)
      log::warn("hub", "a server cannot be linked", {{"server", id}, {"why", ok.error().message}});
  }
}

std::set<uint64_t> hub::linked() const {
  std::lock_guard lock{state_->mutex};
  std::set<uint64_t> out;
  for (auto& [id, _] : state_->servers) out.insert(id);
  return out;
}

size_t hub::reachable() const { return linked().size() + 1; }

void hub::lead(const nodes_actor& nodes) {
  std::lock_guard lock{state_->mutex};
  state_->nodes = nodes;
  for (auto& [name, l] : state_->node_links) {
    state::end(l);
    l.actor = state_->system.spawn(downlink, nodes, name, l.over);
  }
}

void hub::follow() {
  std::lock_guard lock{state_->mutex};
  state_->nodes = nullptr;
  for (auto& [_, l] : state_->node_links) state::end(l);
}

void hub::serve(link::door clients) {
  std::lock_guard lock{state_->mutex};
  state_->api = std::move(clients);
}

link::door hub::door_of(const std::string& node) const {
  std::lock_guard lock{state_->mutex};
  auto hit = state_->node_links.find(node);
  return hit == state_->node_links.end() ? link::door{} : door_through(hit->second.asks);
}

link::door hub::door_of(uint64_t server) const {
  std::lock_guard lock{state_->mutex};
  auto hit = state_->server_asks.find(server);
  return hit == state_->server_asks.end() ? link::door{} : door_through(hit->second);
}

void hub::listener(const raft_actor& raft) {
  std::lock_guard lock{state_->mutex};
  state_->raft = raft;
}

void hub::send(uint64_t to, std::string bytes) {
  std::shared_ptr<link::connection> over;
  {
    std::lock_guard lock{state_->mutex};
    auto hit = state_->servers.find(to);
    if (hit == state_->servers.end()) return; // Raft sends again
    over = hit->second;
  }
  over->send(link::stream::raft, std::make_shared<const std::string>(std::move(bytes)));
}

} // namespace troupe
