// The API of a control plane: what its gateway is given, who else answers at the same port, and the
// doors to nodes of this process.
#include "bin/control_plane.hpp"

#include "actors/gateway/audit/log.hpp"
#include "bin/clock.hpp"
#include "net/tls/files.hpp"
#include "storage/keyring.hpp"

namespace troupe {

namespace {

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
    auto keys = read_secret_keys();
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

} // namespace troupe
