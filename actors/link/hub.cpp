#include "actors/link/hub.hpp"

#include "actors/link/downlink.hpp"
#include "messages/base/log.hpp"

#include <algorithm>
#include <charconv>

namespace troupe {

namespace {

constexpr std::string_view server_prefix = "server:", node_prefix = "system:node:";

bool is_in(const link::identity& who, const char* group) {
  return std::find(who.groups.begin(), who.groups.end(), group) != who.groups.end();
}

std::string node_name(const link::identity& who) {
  if (!is_in(who, node_group) || !who.name.starts_with(node_prefix)) return {};
  return who.name.substr(node_prefix.size());
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
  std::map<std::string, node_link> node_links;
  raft_actor raft;
  nodes_actor nodes; ///< while this server leads
  link::door api;

  link::connection::callbacks up(std::shared_ptr<link::connection> made) {
    if (auto id = server_id(made->peer())) return server_up(id, std::move(made));
    if (auto node = node_name(made->peer()); !node.empty()) return node_up(node, std::move(made));
    return client_up(std::move(made));
  }

  /// Whoever else has a certificate of this cluster may ask what its owner may.
  link::connection::callbacks client_up(std::shared_ptr<link::connection> made) {
    log::debug("hub", "a client is here", {{"client", made->peer().name}});
    auto serve = [me = shared_from_this()](http::request request, http::responder to) {
      link::door api;
      {
        std::lock_guard lock{me->mutex};
        api = me->api;
      }
      if (!api) return to.reply(http::plain_answer(503, "this server is not ready; try again"));
      api(std::move(request), std::move(to));
    };
    auto asks = std::make_shared<link::requests>(made, std::move(serve));
    return {.on_message =
                [asks, made](link::stream on, std::string_view bytes) {
                  if (on != link::stream::bulk || !asks->heard(bytes)) made->close();
                },
            .on_down = [asks](std::string_view) { asks->down(); }};
  }

  link::connection::callbacks server_up(uint64_t id, std::shared_ptr<link::connection> made) {
    log::info("hub", "a server can be reached", {{"server", id}});
    {
      std::lock_guard lock{mutex};
      servers[id] = made;
    }
    return {.on_message =
                [me = shared_from_this(), id](link::stream on, std::string_view bytes) {
                  if (on == link::stream::raft) me->heard(id, bytes);
                },
            .on_down =
                [me = shared_from_this(), id, raw = made.get()](std::string_view why) {
                  std::lock_guard lock{me->mutex};
                  auto hit = me->servers.find(id);
                  if (hit == me->servers.end() || hit->second.get() != raw) return;
                  me->servers.erase(hit);
                  log::info("hub", "a server cannot be reached", {{"server", id}, {"why", why}});
                }};
  }

  link::connection::callbacks node_up(const std::string& name,
                                      std::shared_ptr<link::connection> made) {
    log::info("hub", "a node is here", {{"node", name}});
    auto asks = std::make_shared<link::requests>(made, nullptr);
    {
      std::lock_guard lock{mutex};
      auto& l = node_links[name];
      end(l);
      l.over = made;
      l.asks = asks;
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

  void node_said(const std::string& name, std::string_view bytes) {
    std::lock_guard lock{mutex};
    auto hit = node_links.find(name);
    if (hit != node_links.end() && hit->second.actor)
      caf::anon_send(hit->second.actor, heard_atom_v, std::string(bytes));
  }

  void heard(uint64_t from, std::string_view bytes) {
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
  for (auto& [id, at] : given.servers)
    if (id > given.self)
      if (auto ok = made->network_->dial(at.host, at.port, server_host(id)); !ok) return ok.error();
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
  for (auto& [_, l] : state_->node_links) state::end(l);
  state_->node_links.clear();
}

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
  if (hit == state_->node_links.end()) return {};
  return [asks = hit->second.asks](http::request request, http::responder to) {
    asks->ask(request, std::move(to));
  };
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
