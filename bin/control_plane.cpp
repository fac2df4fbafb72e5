#include "bin/control_plane.hpp"

#include "actors/controllers/controllers.hpp"
#include "actors/gateway/bootstrap.hpp"
#include "actors/gateway/own_services.hpp"
#include "actors/gateway/service_account.hpp"
#include "actors/nodes/nodes.hpp"
#include "bin/clock.hpp"
#include "messages/base/log.hpp"
#include "net/tls/files.hpp"

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

} // namespace

result<std::unique_ptr<control_plane>> control_plane::start(const control_plane_options& options) {
  std::unique_ptr<control_plane> made(new control_plane);
  if (auto done = made->open(options); !done) return done.error();
  return made;
}

control_plane::~control_plane() {
  if (http_) http_->stop();
  for (auto& c : company_) caf::anon_send_exit(c, caf::exit_reason::user_shutdown);
  company_.clear();
  if (nodes_) caf::anon_send_exit(nodes_, caf::exit_reason::user_shutdown);
  nodes_ = nullptr;
  system_.reset(); // waits for every actor: nobody uses what is closed below
}

result<void> control_plane::open(const control_plane_options& options) {
  auto now = std::chrono::sys_seconds{std::chrono::seconds{wall_clock().seconds}};
  std::vector<std::string> reached{"127.0.0.1", "::1", "10.96.0.1"};
  if (!options.advertised.empty()) reached.push_back(options.advertised);
  auto keys = prepare_pki(options.data_directory / "pki",
                          {"localhost", "kubernetes", "kubernetes.default",
                           "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
                          reached, now);
  if (!keys) return keys.error();
  keys_ = std::move(*keys);

  auto store = storage::engine::open({.path = (options.data_directory / "store").string()});
  if (!store) return store.error();
  store_ = std::move(*store);

  work_ = std::make_unique<gateway::workers>(2);
  auto given = gateway_environment(options);
  if (!given) return given.error();
  api_ = std::make_unique<gateway::gateway>(std::move(*given));
  if (auto done = gateway::bootstrap(*api_); !done) return done;
  if (auto done = start_actors(options); !done) return done;
  return listen(options);
}

result<gateway::environment>
control_plane::gateway_environment(const control_plane_options& options) {
  gateway::environment given{
      .store = store_.get(), .work = work_.get(), .now = wall_clock, .random = entropy};
  given.authenticate.anonymous = options.anonymous;
  auto token_keys = tls::token_keys::load({keys_.token_key_pem});
  if (!token_keys) return token_keys.error();
  given.token_keys = std::move(*token_keys);
  if (options.token_file.empty()) return given;
  auto text = tls::load_private(options.token_file);
  if (!text) return text.error();
  auto tokens = gateway::read_token_file(*text);
  if (!tokens) return tokens.error();
  given.authenticate.tokens = std::move(*tokens);
  return given;
}

result<void> control_plane::start_actors(const control_plane_options& options) {
  config_.add_message_types<caf::id_block::troupe>();
  config_.set("scheduler.policy", caf::atom("sharing")); // sleeps when there is nothing to do
  system_ = std::make_unique<caf::actor_system>(config_);
  controllers::environment facts{.store = store_.get(),
                                 .api = api_.get(),
                                 .kinds = [this] { return api_->kinds(); },
                                 .now = wall_clock,
                                 .random = entropy,
                                 .root_ca_pem = keys_.authority.certificate_pem};
  auto company = controllers::start(*system_, facts, options.controllers);
  if (!company) return company.error();
  company_ = std::move(*company);
  nodes::environment around{.store = store_.get(), .now = wall_clock, .random = entropy};
  around.issue_token = [this](const cluster::TokenWanted& w) { return issue_token(*api_, w); };
  nodes_ = system_->spawn(nodes::nodes, around);
  return {};
}

result<void> control_plane::listen(const control_plane_options& options) {
  http::server_settings settings;
  settings.address = options.address;
  settings.port = options.port;
  settings.tls = tls::credentials{keys_.server.certificate_pem, keys_.server.key_pem,
                                  keys_.authority.certificate_pem};
  settings.handle = [this](http::request request, http::responder responder) {
    api_->handle(std::move(request), std::move(responder));
  };
  http_ = std::make_unique<http::server>(std::move(settings));
  if (auto started = http_->start(); !started) return started;
  if (!options.advertised.empty())
    if (auto done = gateway::publish_api(*api_, options.advertised, port()); !done) return done;
  kubeconfig_ = options.data_directory / "admin.kubeconfig";
  auto url = "https://127.0.0.1:" + std::to_string(port());
  return tls::save_private(kubeconfig_, write_kubeconfig(keys_, url));
}

} // namespace troupe
