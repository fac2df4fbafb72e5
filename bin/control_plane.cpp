#include "bin/control_plane.hpp"

#include "actors/controllers/controllers.hpp"
#include "actors/gateway/audit/log.hpp"
#include "actors/scheduler/profile_config.hpp"
#include "actors/gateway/bootstrap.hpp"
#include "actors/gateway/own_services.hpp"
#include "actors/gateway/service_account.hpp"
#include "actors/nodes/nodes.hpp"
#include "actors/store/fenced_store.hpp"
#include "actors/insight/metered.hpp"
#include "bin/clock.hpp"
#include "messages/base/log.hpp"
#include "net/tls/files.hpp"
#include "storage/keyring.hpp"

#include <algorithm>

namespace troupe {

namespace {

/// How the tokens of pods are made.
cluster::Token issue_token(const gateway::gateway& api, const cluster::TokenWanted& wanted) {
  constexpr int64_t seconds_default = 3607, seconds_min = 600, seconds_max = 24 * 3600;
  cluster::Token out;
  auto uid = gateway::account_uid(api.given.store->current(), wanted.namespace_(),
                                  wanted.service_account());
  if (!uid) {
    out.set_refused("there is no service account " + wanted.namespace_() + "/" +
                    wanted.service_account());
    return out;
  }
  auto now = api.given.now().seconds;
  auto asked = wanted.expiration_seconds() > 0 ? wanted.expiration_seconds() : seconds_default;
  auto expires = now + std::clamp(asked, seconds_min, seconds_max);
  auto token = gateway::sign_token(
      *api.given.token_keys, {.ns = wanted.namespace_(),
                              .account = wanted.service_account(),
                              .account_uid = *uid,
                              .audiences = {wanted.audiences().begin(), wanted.audiences().end()},
                              .bound_kind = "pod",
                              .bound_name = wanted.pod(),
                              .bound_uid = wanted.pod_uid(),
                              .now = now,
                              .expires = expires,
                              .id = api.given.random()});
  if (!token) {
    out.set_refused(token.error().message);
    return out;
  }
  out.set_token(*token);
  out.set_expires_at(expires);
  return out;
}

/// Secrets are sealed at rest from the first start.
result<std::shared_ptr<const storage::keyring>> read_keys(const std::filesystem::path& data) {
  auto keys = storage::load_key_file((data / "pki" / "secrets.key").string(), true);
  if (!keys) return keys.error();
  return storage::keyring::make(std::move(*keys), {"secrets"});
}

/// The audit log that the options ask for; null if they ask for none.
result<std::shared_ptr<gateway::audit_log>> open_audit(const control_plane_options& options) {
  if (options.audit_path.empty()) return std::shared_ptr<gateway::audit_log>{};
  if (options.audit_policy_file.empty())
    return error{errc::bad_request, "--audit-log-path needs --audit-policy-file: a Policy of "
                                    "audit.k8s.io/v1 that says what is to be told"};
  auto text = tls::load_file(options.audit_policy_file);
  if (!text) return text.error();
  auto policy = gateway::audit_policy::read(*text);
  if (!policy) return with_context(policy.error(), options.audit_policy_file);
  gateway::audit_settings given;
  given.path = options.audit_path;
  given.policy = std::move(*policy);
  if (options.audit_megabytes_max > 0)
    given.file_bytes_max = uint64_t{options.audit_megabytes_max} * 1024 * 1024;
  given.backups_max = options.audit_backups_max;
  given.backup_days_max = options.audit_days_max;
  return gateway::audit_log::open(std::move(given));
}

} // namespace

result<std::unique_ptr<control_plane>> control_plane::start(const control_plane_options& options) {
  std::unique_ptr<control_plane> made(new control_plane);
  if (auto done = made->open(options); !done) return done.error();
  return made;
}

void control_plane::end_raft() {
  if (!raft_) return;
  caf::scoped_actor waiter{*system_};
  caf::anon_send_exit(raft_, caf::exit_reason::user_shutdown);
  waiter->wait_for(raft_);
  raft_ = nullptr;
}

void control_plane::leave() {
  removed_ = true;
  if (options_.removed) options_.removed();
}

control_plane::~control_plane() {
  if (removed_) end_raft(); // nobody answers it any more: those who wait hear so at once
  if (http_) http_->stop();
  store_desk_.reset();
  ending_ = true; // whatever the stage is still told has no effect
  if (stage_) {
    std::promise<void> over;
    stage_->post([&] {
      follow();
      over.set_value();
    });
    over.get_future().wait();
  }
  if (hub_) hub_->stop();
  if (reception_)
    caf::anon_send_exit(std::exchange(reception_, nullptr), caf::exit_reason::user_shutdown);
  end_raft();
  // Before the actors' system: it waits for every thread that has used its logger.
  stage_.reset();
  if (work_) work_->end();
  system_.reset(); // waits for every actor: nobody uses what is closed below
}

result<void> control_plane::open(const control_plane_options& options) {
  options_ = options;
  auto keys = load_keys();
  if (!keys) return keys.error();
  keys_ = std::move(*keys);

  config_.add_message_types<caf::id_block::troupe>();
  config_.set("scheduler.policy", caf::atom("sharing")); // sleeps when there is nothing to do
  system_ = std::make_unique<caf::actor_system>(config_);
  reception_ = system_->spawn(nodes::reception, nodes_now_);
  stage_ = std::make_unique<storage::worker>();
  if (auto done = open_store(); !done) return done;

  work_ = std::make_unique<gateway::worker_threads>(2);
  auto given = gateway_environment();
  if (!given) return given.error();
  api_ = std::make_unique<gateway::gateway>(std::move(*given));
  if (auto done = controllers::check(options.controllers); !done) return done;
  if (!options.scheduler_config.empty()) {
    auto text = tls::load_file(options.scheduler_config);
    if (!text) return text.error();
    if (auto good = scheduler::read_profiles(*text); !good) return good.error();
    scheduler_config_ = std::move(*text);
  }
  if (!options.replicated)
    if (auto done = gateway::bootstrap(*api_); !done) return done;
  if (auto done = start_hub(); !done) return done;
  if (auto done = listen(); !done) return done;
  // With others, somebody will lead as soon as enough of us are there: the API answers before.
  bool alone = true;
  if (options.replicated) {
    auto& members = member_->replica->agreement().members();
    alone = members.members.size() == 1 && members.votes(options.id);
    join_group();
  } else {
    stage_->post([this] { lead(0); });
  }
  if (alone) first_lead_.get_future().wait();
  return let_admin_in();
}

result<pki> control_plane::load_keys() const {
  auto now = std::chrono::sys_seconds{std::chrono::seconds{wall_clock().seconds}};
  return prepare_pki(options_.data_directory / "pki", own_names(),
                     own_addresses(options_.advertised), options_.id, now);
}

result<std::filesystem::path> control_plane::save_backup() {
  if (options_.backup.directory.empty())
    return error{errc::conflict, "this server was started without --backup-dir"};
  std::lock_guard lock{backup_mutex_};
  return save_backup_folder(options_.backup, store_->current(), options_.data_directory / "pki",
                            *keyring_, wall_clock().seconds);
}

bool control_plane::turns() const {
  constexpr std::chrono::seconds patience{5};
  if (!member_) return true;
  auto answered = std::make_shared<std::promise<void>>();
  auto heard = answered->get_future();
  member_->group->look([answered](const raft::group_view&) { answered->set_value(); });
  return heard.wait_for(patience) == std::future_status::ready;
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

std::vector<std::string> control_plane::certificates() const {
  std::lock_guard lock{keys_mutex_};
  return {keys_.server.certificate_pem, keys_.link.certificate_pem, keys_.admin.certificate_pem};
}

result<void> control_plane::renew_certificates() {
  forget_leaves(options_.data_directory / "pki", options_.id);
  auto made = load_keys();
  if (!made) return made.error();
  auto& ca = made->authority.certificate_pem;
  if (auto done = http_->reload({made->server.certificate_pem, made->server.key_pem, ca}); !done)
    return done;
  if (auto done = hub_->renew({made->link.certificate_pem, made->link.key_pem, ca}); !done)
    return done;
  std::lock_guard lock{keys_mutex_};
  keys_.server = std::move(made->server);
  keys_.link = std::move(made->link);
  keys_.admin = std::move(made->admin);
  return let_admin_in();
}

result<void> control_plane::open_store() {
  auto path = (options_.data_directory / "store").string();
  auto keys = read_keys(options_.data_directory);
  if (!keys) return keys.error();
  keyring_ = std::make_shared<storage::current_keyring>(std::move(*keys));
  if (!options_.replicated) {
    auto opened = storage::engine::open({.path = path, .seal = keyring_});
    if (!opened) return opened.error();
    care_ = &(*opened)->care();
    store_ = std::move(*opened);
    return {};
  }
  raft::replica_settings settings;
  settings.self = options_.id;
  settings.bootstrap = first_members();
  settings.seal = keyring_;
  settings.seed = entropy();
  settings.wall_clock_ms = [] {
    auto t = wall_clock();
    return static_cast<uint64_t>(t.seconds) * 1000 + static_cast<uint64_t>(t.nanos) / 1'000'000;
  };
  auto opened = open_member(std::move(settings), path);
  if (!opened) return opened.error();
  member_ = *opened;
  store_ = member_->store;
  care_ = &member_->replica->care();
  return {};
}

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

/// Pods find the API at all servers that serve it at the usual port.
void control_plane::publish() {
  if (!fenced_ || !http_ || options_.advertised.empty()) return;
  auto hosts = api_hosts_;
  if (std::find(hosts.begin(), hosts.end(), options_.advertised) == hosts.end())
    hosts.push_back(options_.advertised);
  if (hosts == published_) return;
  auto before = fenced_->current().revision();
  if (auto done = gateway::publish_api(*api_, hosts, port()); !done)
    return log::warn("server", "pods cannot find the API", {{"why", done.error().message}});
  published_ = std::move(hosts);
  essential_watches_ =
      gateway::watch_essentials(*api_, before, [this] { stage_->post([this] { restore(); }); });
}

/// Whoever removes what no cluster can be without gets it back.
void control_plane::restore() {
  if (!fenced_) return;
  bootstrap();
  published_.clear();
  publish();
}

void control_plane::bootstrap() {
  if (auto done = gateway::bootstrap(*api_); !done)
    log::warn("server", "what a cluster begins with is not all there",
              {{"why", done.error().message}});
}

result<gateway::environment> control_plane::gateway_environment() {
  gateway::environment given{
      .store = store_.get(), .work = work_.get(), .now = wall_clock, .random = entropy};
  given.company = company_names_;
  given.authenticate.anonymous = options_.anonymous;
  given.find_door = [this](const std::string& node) -> gateway::node_door {
    auto door = door_of(node);
    if (!door) return hub_->door_of(node);
    return [door](http::request request, http::responder responder) {
      door->handle(std::move(request), std::move(responder));
    };
  };
  if (member_)
    given.find_leader = [this](std::function<void(gateway::node_door)> go_on) {
      member_->group->look([this, go_on = std::move(go_on)](const raft::group_view& now) {
        auto door = now.leader != options_.id ? hub_->door_of(now.leader) : link::door{};
        work_->post([go_on, door] { go_on(door); });
      });
    };
  given.flow = options_.flow;
  given.counters = [this] { return http_ ? http_->counters() : http::server_counters{}; };
  auto audit = open_audit(options_);
  if (!audit) return audit.error();
  given.audit = std::move(*audit);
  auto token_keys = tls::token_keys::load({keys_.token_key_pem});
  if (!token_keys) return token_keys.error();
  given.token_keys = std::move(*token_keys);
  if (options_.token_file.empty()) return given;
  auto text = tls::load_private(options_.token_file);
  if (!text) return text.error();
  auto tokens = gateway::read_token_file(*text);
  if (!tokens) return tokens.error();
  given.authenticate.tokens = std::move(*tokens);
  return given;
}

void control_plane::lead(uint64_t term) {
  if (ending_) return;
  follow();
  published_.clear();
  if (options_.replicated) {
    log::info("server", "this server leads", {{"term", term}});
    fenced_ = std::make_shared<fenced_store>(store_, term);
    // Whoever is overtaken here leads no more, and hears so next.
    bootstrap();
  } else {
    fenced_ = store_;
  }
  publish();
  controllers::environment facts{.store = fenced_.get(),
                                 .api = api_.get(),
                                 .kinds = [this] { return api_->kinds(); },
                                 .now = wall_clock,
                                 .random = entropy,
                                 .root_ca_pem = keys_.authority.certificate_pem,
                                 .scheduler_config = scheduler_config_,
                                 .threads = true};
  auto company = controllers::parts(*system_, facts, options_.controllers,
                                    [this](const controllers::player& p) {
                                      introduce(controllers::directory_name(p.name), p.actor);
                                    });
  nodes::environment around{.store = fenced_.get(), .now = wall_clock, .random = entropy};
  around.introduce = [names = company_names_](const std::string& node, const auto& who) {
    if (who)
      names->put({"node/" + node, "nodes", false, who});
    else
      names->drop("node/" + node);
  };
  around.lost_after = options_.node_lost_after;
  around.issue_token = [this](const cluster::TokenWanted& w) { return issue_token(*api_, w); };
  auto all = company ? std::move(*company) : std::vector<part>{};
  all.push_back({"nodes", [this, around] {
                   auto now = insight::spawn(*system_, nodes::nodes, around);
                   introduce("nodes", now);
                   nodes_now_->set(now);
                   hub_->lead(now);
                   return caf::actor_cast<caf::actor>(now);
                 }});
  company_ = supervise(*system_, std::move(all));
  introduce("supervisor", company_, "server");
  if (!std::exchange(has_led_, true)) first_lead_.set_value();
}

void control_plane::follow() {
  if (!fenced_) return;
  if (options_.replicated) log::info("server", "this server leads no more");
  essential_watches_.clear();
  hub_->follow();
  caf::scoped_actor waiter{*system_};
  for (auto& r : company_names_->all())
    if (r.resyncs || r.supervisor == "nodes") company_names_->drop(r.name);
  nodes_now_->set({});
  caf::anon_send_exit(company_, caf::exit_reason::user_shutdown);
  waiter->wait_for(company_);
  company_ = nullptr;
  retired_.push_back(std::move(fenced_)); // completions under way may still come
}

void control_plane::serve_node(const std::string& name, std::shared_ptr<node::door> through) {
  std::lock_guard lock{doors_mutex_};
  if (through)
    doors_[name] = std::move(through);
  else
    doors_.erase(name);
}

std::shared_ptr<node::door> control_plane::door_of(const std::string& name) const {
  std::lock_guard lock{doors_mutex_};
  auto hit = doors_.find(name);
  return hit == doors_.end() ? nullptr : hit->second;
}

result<void> control_plane::listen() {
  auto members = member_ ? member_->replica->agreement().members() : first_members();
  join_desk_ = std::make_unique<join_desk>(*api_, keys_, servers_of(members));
  members_desk_ = std::make_unique<members_desk>(*api_, member_ ? member_->group : nullptr, *hub_,
                                                 options_.data_directory / "pki");
  store_desk_settings files;
  files.data = options_.data_directory;
  files.check_every = options_.check_every;
  files.save_backup = [this]() -> result<std::string> {
    auto saved = save_backup();
    return saved ? result<std::string>{saved->string()} : saved.error();
  };
  files.read_keys = [this]() -> result<std::shared_ptr<const storage::keyring>> {
    auto keys = read_keys(options_.data_directory);
    if (!keys) return keys;
    if (auto done = keyring_->replace(*keys); !done) return done.error();
    return keys;
  };
  store_desk_ = std::make_unique<store_desk>(*api_, *store_, *care_, std::move(files));
  http::server_settings settings;
  settings.address = options_.address;
  settings.port = options_.port;
  settings.tls = tls::credentials{keys_.server.certificate_pem, keys_.server.key_pem,
                                  keys_.authority.certificate_pem};
  settings.handle = [this](http::request request, http::responder responder) {
    handle(std::move(request), std::move(responder));
  };
  hub_->serve(settings.handle);
  http_ = std::make_unique<http::server>(std::move(settings));
  return http_->start();
}

result<void> control_plane::let_admin_in() {
  kubeconfig_ = options_.data_directory / "admin.kubeconfig";
  auto url = "https://127.0.0.1:" + std::to_string(port());
  std::vector<std::string> links;
  for (auto& [_, at] : options_.servers) links.push_back(at.host + ":" + std::to_string(at.port));
  if (links.empty()) links.push_back("127.0.0.1:" + std::to_string(hub_->port()));
  return tls::save_private(kubeconfig_, write_kubeconfig(keys_, url, links));
}

void control_plane::handle(http::request request, http::responder responder) {
  if (!join_desk_->handle(request, responder) && !members_desk_->handle(request, responder) &&
      !store_desk_->handle(request, responder))
    api_->handle(std::move(request), std::move(responder));
}

} // namespace troupe
