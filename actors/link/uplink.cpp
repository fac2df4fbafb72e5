#include "actors/link/uplink.hpp"

#include "messages/base/log.hpp"
#include "messages/cluster/node_link.pb.h"

#include <condition_variable>
#include <mutex>
#include <optional>

namespace troupe {

/// The links that are up: made by the network's threads, used by the actor.
struct uplinks::connections {
  std::mutex mutex;
  std::map<uint64_t, std::shared_ptr<link::connection>> up;
  link::door door;
  link::network* network = nullptr; ///< null when all is over
  std::map<uint64_t, server_address> servers;
  uint64_t version = 0; ///< of the list of servers
  std::function<void(const std::map<uint64_t, server_address>&)> servers_changed;
  std::optional<result<std::string>> certificate; ///< what a server answered
  std::condition_variable answered;

  std::shared_ptr<link::connection> of(uint64_t server) {
    std::lock_guard lock{mutex};
    auto hit = up.find(server);
    return hit == up.end() ? nullptr : hit->second;
  }

  /// Dials who is new, lets go of who is gone.
  void aim(const std::map<uint64_t, server_address>& now) {
    std::lock_guard lock{mutex};
    if (!network) return;
    auto before = std::exchange(servers, now);
    for (auto& [id, at] : before) {
      auto hit = now.find(id);
      if (hit != now.end() && hit->second == at) continue;
      network->undial(server_host(id));
      if (auto link = up.find(id); link != up.end()) link->second->close();
    }
    for (auto& [id, at] : now) {
      auto hit = before.find(id);
      if (hit != before.end() && hit->second == at) continue;
      if (auto ok = network->dial(at.host, at.port, server_host(id)); !ok)
        log::warn("uplink", "a server cannot be linked",
                  {{"server", id}, {"why", ok.error().message}});
    }
  }

  /// A server says who the servers are; one that lags behind says what was.
  void heard_of(const cluster::ServerList& said) {
    std::map<uint64_t, server_address> now;
    for (auto& s : said.servers())
      if (s.id() != 0 && s.port() != 0 && s.port() <= 65'535)
        now[s.id()] = {s.host(), static_cast<uint16_t>(s.port())};
    {
      std::lock_guard lock{mutex};
      if (now.empty() || said.version() < version) return;
      version = said.version();
      if (now == servers) return;
    }
    log::info("uplink", "the servers are others now", {{"count", now.size()}});
    aim(now);
    if (servers_changed) servers_changed(now);
  }

  /// A server may ask anything of this node.
  void serve(http::request request, http::responder to) {
    link::door through;
    {
      std::lock_guard lock{mutex};
      through = door;
    }
    if (!through) return to.reply(http::plain_answer(503, "this node is not ready; try again"));
    through(std::move(request), std::move(to));
  }
};

namespace {

using connections = uplinks::connections;

bool send(connections& to, uint64_t server, const cluster::NodeToServer& word) {
  auto over = to.of(server);
  return over && over->send(link::stream::messages,
                            std::make_shared<const std::string>(word.SerializeAsString()));
}

/// The NODE at the other end, for as long as that server leads.
node_actor::behavior_type far_node(node_actor::pointer, std::shared_ptr<connections> all,
                                   uint64_t server) {
  return {[all, server](reported_atom, const std::string& said) {
            cluster::NodeToServer word;
            if (!word.mutable_said()->ParseFromString(said)) return;
            // What does not fit is lost, and so is the link: the agent arrives anew and says
            // everything again.
            if (auto over = all->of(server); over && !send(*all, server, word)) over->close();
          },
          [](resync_atom) {}};
}

struct uplink_state {
  uplink_state(uplink_actor::pointer self, std::shared_ptr<connections> all)
      : self{self}, all{std::move(all)} {}

  using answer = caf::typed_response_promise<caf::strong_actor_ptr>;

  caf::result<caf::strong_actor_ptr> arrived(const std::string& first_word,
                                             const caf::strong_actor_ptr& who) {
    agent = caf::actor_cast<node_agent_actor>(who);
    word = first_word;
    promise = self->make_response_promise<caf::strong_actor_ptr>();
    if (leader != 0) introduce();
    return promise;
  }

  /// Says to the leader who we are, and gives the agent somebody to report to.
  void introduce() {
    if (!promise.pending()) return;
    cluster::NodeToServer out;
    if (!out.mutable_arrived()->ParseFromString(word) || !send(*all, leader, out)) return;
    far = self->spawn(far_node, all, leader);
    promise.deliver(caf::actor_cast<caf::strong_actor_ptr>(far));
  }

  void heard(uint64_t server, const std::string& bytes) {
    cluster::ServerToNode said;
    if (!said.ParseFromString(bytes)) return;
    if (said.has_facts()) {
      if (server == leader && agent)
        self->send(agent, told_atom_v, said.facts().SerializeAsString());
    } else if (said.has_certificate()) {
      auto& x = said.certificate();
      std::lock_guard lock{all->mutex};
      if (x.refused().empty())
        all->certificate = x.pem();
      else
        all->certificate = error{errc::forbidden, x.refused()};
      all->answered.notify_all();
    } else if (said.has_servers()) {
      all->heard_of(said.servers());
    } else if (said.word_case() == cluster::ServerToNode::kLeads) {
      said.leads() ? lead(server) : lose(server);
    }
  }

  void lead(uint64_t server) {
    if (leader != 0) lose(leader);
    leader = server;
    log::info("uplink", "a server leads", {{"server", server}});
    introduce();
  }

  void lose(uint64_t server) {
    if (server != leader) return;
    leader = 0;
    log::info("uplink", "the leader is lost", {{"server", server}});
    // The agent hears that its NODE is gone, and arrives again.
    if (far) caf::anon_send_exit(far, caf::exit_reason::remote_link_unreachable);
    far = nullptr;
  }

  uplink_actor::pointer self;
  std::shared_ptr<connections> all;
  node_agent_actor agent;
  std::string word;
  answer promise;
  uint64_t leader = 0;
  node_actor far;
};

uplink_actor::behavior_type uplink(uplink_actor::pointer self, std::shared_ptr<connections> all) {
  auto state = std::make_shared<uplink_state>(self, std::move(all));
  return {[state](arrived_atom, const std::string& word, const caf::strong_actor_ptr& agent) {
            return state->arrived(word, agent);
          },
          [](resync_atom) {},
          [state](heard_atom, uint64_t server, const std::string& bytes) {
            state->heard(server, bytes);
          },
          [state](changed_atom, uint64_t server) { state->lose(server); }};
}

} // namespace

result<std::unique_ptr<uplinks>> uplinks::start(caf::actor_system& system, uplink_settings given) {
  std::unique_ptr<uplinks> made(new uplinks);
  auto all = std::make_shared<connections>();
  auto actor = system.spawn(uplink, all);
  made->all_ = all;
  made->nodes_ = actor;
  link::network_settings settings;
  settings.who = given.who;
  settings.seed = given.seed;
  settings.mux = link::with_requests();
  settings.redial_after_max = std::chrono::milliseconds{1'000}; // it may lead as soon as it is back
  made->network_ = std::make_unique<link::network>(
      std::move(settings),
      [all, actor](std::shared_ptr<link::connection> c) -> link::connection::callbacks {
        auto id = server_id(c->peer());
        if (id == 0) {
          c->close();
          return {};
        }
        {
          std::lock_guard lock{all->mutex};
          all->up[id] = c;
        }
        auto asks =
            std::make_shared<link::requests>(c, [all](http::request request, http::responder to) {
              all->serve(std::move(request), std::move(to));
            });
        return {.on_message =
                    [actor, id, asks, c](link::stream on, std::string_view bytes) {
                      if (on == link::stream::messages)
                        caf::anon_send(actor, heard_atom_v, id, std::string(bytes));
                      if (on == link::stream::bulk && !asks->heard(bytes)) c->close();
                    },
                .on_down =
                    [all, actor, id, asks, raw = c.get()](std::string_view) {
                      asks->down();
                      {
                        std::lock_guard lock{all->mutex};
                        auto hit = all->up.find(id);
                        if (hit == all->up.end() || hit->second.get() != raw) return;
                        all->up.erase(hit);
                      }
                      caf::anon_send(actor, changed_atom_v, id);
                    }};
      });
  all->network = made->network_.get();
  all->servers_changed = std::move(given.servers_changed);
  all->aim(given.servers);
  return made;
}

uplinks::~uplinks() { stop(); }

void uplinks::serve(link::door node) {
  std::lock_guard lock{all_->mutex};
  all_->door = std::move(node);
}

void uplinks::aim(const std::map<uint64_t, server_address>& servers) { all_->aim(servers); }

result<std::string> uplinks::sign(const std::string& request_pem,
                                  std::chrono::milliseconds patience) {
  cluster::NodeToServer word;
  word.set_renewal(request_pem);
  auto bytes = std::make_shared<const std::string>(word.SerializeAsString());
  std::unique_lock lock{all_->mutex};
  all_->certificate.reset();
  bool sent = false;
  for (auto& [_, over] : all_->up) sent = sent || over->send(link::stream::messages, bytes);
  if (!sent) return error{errc::unavailable, "no server can be reached"};
  if (!all_->answered.wait_for(lock, patience, [&] { return all_->certificate.has_value(); }))
    return error{errc::timeout, "no server has answered"};
  return *std::exchange(all_->certificate, {});
}

void uplinks::stop() {
  serve({});
  {
    std::lock_guard lock{all_->mutex};
    all_->network = nullptr;
  }
  if (network_) network_->stop();
  if (nodes_) caf::anon_send_exit(nodes_, caf::exit_reason::user_shutdown);
  nodes_ = nullptr;
}

} // namespace troupe
