// A control plane that leads: what every cluster has is made, the company plays, and ends when
// another leads.
#include "bin/control_plane.hpp"

#include "actors/controllers/controllers.hpp"
#include "actors/gateway/bootstrap.hpp"
#include "actors/gateway/own_services.hpp"
#include "actors/gateway/service_account.hpp"
#include "actors/insight/metered.hpp"
#include "actors/nodes/nodes.hpp"
#include "actors/store/fenced_store.hpp"
#include "bin/clock.hpp"
#include "messages/base/log.hpp"

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
                                 .authority = std::make_shared<tls::key_pair>(keys_.authority),
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

} // namespace troupe
