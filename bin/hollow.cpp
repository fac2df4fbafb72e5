#include "bin/hollow.hpp"

#include "actors/link/uplink.hpp"
#include "bin/clock.hpp"
#include "bin/config.hpp"
#include "bin/join.hpp"
#include "bin/lock.hpp"
#include "bin/notify.hpp"
#include "bin/renewal.hpp"
#include "bin/signals.hpp"
#include "messages/base/log.hpp"

#include <algorithm>

namespace troupe {

namespace {

/// One node that pretends, and what it has of the cluster.
class pretender {
public:
  static result<std::unique_ptr<pretender>> join(caf::actor_system& system,
                                                 const hollow_agent_options& options,
                                                 node::hollow_settings given) {
    auto folder = std::filesystem::absolute(options.data) / "hollow" / given.name / "join";
    auto known = troupe::join(folder, given.name, options.server, options.token);
    if (!known) return known.error();
    auto up = uplinks::start(
        system, {.node = given.name,
                 .who = {known->own.certificate_pem, known->own.key_pem, known->authority_pem},
                 .servers = known->servers,
                 .seed = entropy(),
                 .servers_changed = [folder](auto& now) { (void)save_servers(folder, now); }});
    if (!up) return up.error();
    auto out = std::make_unique<pretender>();
    out->name_ = given.name;
    out->folder_ = std::move(folder);
    out->known_ = std::move(*known);
    out->up_ = std::move(*up);
    given.nodes = out->up_->nodes();
    out->agent_ = system.spawn(node::hollow_node, std::move(given));
    return out;
  }

  ~pretender() {
    if (agent_) caf::anon_send_exit(agent_, caf::exit_reason::user_shutdown);
    if (up_) up_->stop();
  }

  int64_t due() const { return due_seconds({known_.own.certificate_pem}, wall_clock().seconds); }
  result<void> renew() { return renew_node(*up_, folder_, name_, known_); }

private:
  std::string name_;
  std::filesystem::path folder_;
  node_credentials known_;
  std::unique_ptr<uplinks> up_;
  node_agent_actor agent_;
};

/// Addresses are made from it: those of one agent are unlike each other, and most likely unlike
/// those of another one.
unsigned first_number(const std::string& name) {
  unsigned h = 0;
  for (unsigned char c : name) h = h * 31 + c;
  return h % 30 * hollow_agent_nodes_max + 1;
}

} // namespace

std::vector<option> options_of(hollow_options& o, unsigned count_max) {
  return {{"hollow", "N", "pretend N nodes, whose pods are only played (0)",
           into(o.count, 0, count_max)},
          {"hollow-zones", "N", "zones over which pretended nodes are spread (3)",
           into(o.zones, 1, 1'000)},
          {"hollow-start-delay", "DURATION", "how long a pretended pod takes to start (0s)",
           into(o.start_delay)}};
}

result<node::hollow_settings> settings_of(const hollow_options& given) {
  auto delay = parse_duration(given.start_delay);
  if (!delay) return with_context(delay.error(), "--hollow-start-delay");
  node::hollow_settings out;
  out.manners.start_delay = *delay;
  out.now = wall_clock;
  out.random = entropy;
  return out;
}

int run_hollow_agent(hollow_agent_options options) {
  auto fail = [](const error& why) { return complain("agent", why); };
  block_signals(); // before any thread is made, so that one place alone hears them
  auto name = options.name.empty() ? std::string("hollow") : options.name;
  auto given = settings_of(options.nodes);
  if (!given) return fail(given.error());
  auto held = data_lock::take(options.data);
  if (!held) return fail(held.error());
  caf::actor_system_config config;
  config.add_message_types<caf::id_block::troupe>();
  config.set("scheduler.policy", caf::atom("sharing")); // sleeps when there is nothing to do
  caf::actor_system system{config};
  std::vector<std::unique_ptr<pretender>> all;
  for (unsigned i = 0; i < options.nodes.count; ++i) {
    auto made =
        pretender::join(system, options,
                        node::one_of(*given, name, i, first_number(name) + i, options.nodes.zones));
    if (!made) return fail(made.error());
    all.push_back(std::move(*made));
  }
  log::info("agent", "these nodes are only pretended",
            {{"nodes", std::to_string(all.size())}, {"named", name + "-0 and on"}});
  renewal certificates{{.name = "renewal",
                        .done = "certificates are renewed",
                        .now = wall_clock,
                        .due =
                            [&] {
                              auto first = all.front()->due();
                              for (auto& p : all) first = std::min(first, p->due());
                              return first;
                            },
                        .renew = [&]() -> result<void> {
                          for (auto& p : all)
                            if (auto done = p->renew(); !done) return done;
                          return {};
                        }}};
  watchdog turning{[] { return true; }};
  notify("READY=1");
  wait_for_signal([&] { certificates.now(); });
  notify("STOPPING=1");
  log::info("agent", "stopping; nothing was running");
  return 0;
}

} // namespace troupe
