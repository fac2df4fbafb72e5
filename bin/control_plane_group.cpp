// A control plane as one of several: which servers there are, where they take links, and how this
// one joins them, tells them where it is, hands over and leaves.
#include "bin/control_plane.hpp"

#include "actors/insight/metered.hpp"
#include "bin/clock.hpp"
#include "messages/base/log.hpp"

#include <algorithm>

namespace troupe {

/// Where others link with this server; no host if it has none that they could use.
server_address control_plane::own_link() const {
  if (auto named = options_.servers.find(options_.id); named != options_.servers.end())
    return named->second;
  auto port = options_.port == 0 ? 0 : options_.port + 1;
  return {options_.advertised, options_.link_port.value_or(static_cast<uint16_t>(port))};
}

/// What a group begins with; nothing if this server joins one that there is.
raft::membership control_plane::first_members() const {
  raft::membership out;
  if (options_.joined) return out;
  auto servers = options_.servers;
  if (servers.empty()) servers[options_.id] = {};
  for (auto& [id, at] : servers) {
    out.members[id] = {at.host.empty() ? "" : at.text(), true, ""};
    out.greatest_id = std::max(out.greatest_id, id);
  }
  return out;
}

/// Where the members take links. One that has not said so can only be this one, alone.
std::map<uint64_t, server_address>
control_plane::servers_of(const raft::membership& members) const {
  std::map<uint64_t, server_address> out;
  for (auto& [id, m] : members.members) out[id] = server_address::parse(m.address);
  auto own = out.find(options_.id);
  if (own != out.end() && own->second.port == 0)
    own->second = {own_link().host, hub_ ? hub_->port() : own_link().port};
  return out;
}

result<void> control_plane::start_hub() {
  if (!options_.servers.empty() && !options_.servers.contains(options_.id))
    return error{errc::bad_request, "--id " + std::to_string(options_.id) +
                                        " is not among the servers that --server names"};
  auto members = member_ ? member_->replica->agreement().members() : first_members();
  auto sign = [this](const std::string& node, const std::string& request_pem) {
    auto now = std::chrono::sys_seconds{std::chrono::seconds{wall_clock().seconds}};
    return sign_node(keys_.authority, node, request_pem, now);
  };
  auto started = hub::start(*system_, {.self = options_.id,
                                       .who = {keys_.link.certificate_pem, keys_.link.key_pem,
                                               keys_.authority.certificate_pem},
                                       .address = options_.address,
                                       .port = own_link().port,
                                       .servers = servers_of(members),
                                       .seed = entropy(),
                                       .sign = sign,
                                       .removed = [this] { leave(); }});
  if (!started) return with_context(started.error(), "cannot take links");
  hub_ = std::move(*started);
  return {};
}

void control_plane::join_group() {
  raft_settings driven;
  driven.send = [this](uint64_t to, std::string bytes) { hub_->send(to, std::move(bytes)); };
  driven.leadership_changed = [this](bool leads, uint64_t term) {
    stage_->post([this, leads, term] { leads ? lead(term) : follow(); });
  };
  driven.group_changed = [this](const raft::group_view& now) {
    stage_->post([this, now] { settle_group(now); });
  };
  driven.wall_ms = [] { return wall_clock().seconds * 1'000; };
  driven.reachable = [this] { return hub_->reachable(); };
  // With a thread of its own: everybody waits for it, and the others for its heartbeats.
  raft_ = insight::spawn<caf::detached>(*system_, raft_member_actor, member_, driven);
  company_names_->put({"raft", "server", false, caf::actor_cast<caf::weak_actor_ptr>(raft_)});
  hub_->listener(raft_);
}

void control_plane::settle_group(const raft::group_view& now) {
  if (ending_) return;
  if (now.leader != options_.id && now.leader != raft::nobody) {
    std::lock_guard lock{successor_mutex_};
    if (successor_known_) successor_known_();
  }
  auto servers = servers_of(now.members);
  if (now.agreed) {
    agreed_servers_ = servers;
  } else {
    // Who is about to go is needed until it is agreed on.
    for (auto& [id, at] : agreed_servers_) servers.emplace(id, at);
  }
  if (!servers.empty()) {
    hub_->servers(servers, now.agreed ? now.members.greatest_id : 0, now.members_index);
    join_desk_->servers(servers);
  }
  bool removed = now.agreed && now.members.greatest_id >= options_.id &&
                 !now.members.members.contains(options_.id);
  if (removed) return leave();
  // A server tells the group where it is, if the group knows otherwise.
  auto own = now.members.members.find(options_.id);
  if (own != now.members.members.end() && !options_.advertised.empty() && http_) {
    auto link = server_address{own_link().host, hub_->port()}.text();
    auto api = server_address{options_.advertised, port()}.text();
    if (own->second.address != link || own->second.api != api) {
      auto said = [](result<uint64_t> x) {
        if (!x) log::debug("server", "the group has not taken the address", {});
      };
      member_->group->ask({raft::group_wish::kind::move, options_.id, link, api}, said);
    }
  }
  api_hosts_.clear();
  for (auto& [_, m] : now.members.members)
    if (auto at = server_address::parse(m.api); http_ && at.port == port())
      api_hosts_.push_back(at.host);
  publish();
}

void control_plane::hand_over() {
  constexpr std::chrono::seconds patience{1};
  if (!member_) return;
  auto known = std::make_shared<std::promise<void>>();
  auto once = std::make_shared<std::once_flag>();
  auto go_on = [known, once] { std::call_once(*once, [&] { known->set_value(); }); };
  auto future = known->get_future();
  {
    std::lock_guard lock{successor_mutex_};
    successor_known_ = go_on;
  }
  member_->group->look([group = member_->group, go_on](const raft::group_view& now) {
    auto to = raft::heir(now);
    if (to == raft::nobody) return go_on();
    log::info("server", "another server is to lead", {{"server", to}});
    group->ask({.what = raft::group_wish::kind::transfer, .id = to}, [go_on](result<uint64_t> x) {
      if (!x) go_on();
    });
  });
  future.wait_for(patience);
}

void control_plane::leave() {
  removed_ = true;
  if (options_.removed) options_.removed();
}

void control_plane::end_raft() {
  if (!raft_) return;
  caf::scoped_actor waiter{*system_};
  caf::anon_send_exit(raft_, caf::exit_reason::user_shutdown);
  waiter->wait_for(raft_);
  raft_ = nullptr;
}

} // namespace troupe
