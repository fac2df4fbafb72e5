#include "bin/agent.hpp"

#include "actors/link/uplink.hpp"
#include "bin/clock.hpp"
#include "bin/config.hpp"
#include "bin/join.hpp"
#include "bin/lock.hpp"
#include "bin/notify.hpp"
#include "bin/renewal.hpp"
#include "bin/signals.hpp"
#include "messages/base/log.hpp"

#include <unistd.h>

namespace troupe {

namespace {

int fail(const error& why) { return complain("agent", why); }

int run(agent_options options) {
  block_signals(); // before any thread is made, so that one place alone hears them
  auto& machine_given = options.machine;
  settle(machine_given, options.data);
  auto held = data_lock::take(options.data);
  if (!held) return fail(held.error());
  auto joined = std::filesystem::absolute(options.data) / "join";
  auto known = join(joined, machine_given.name, options.server, options.token);
  if (!known) return fail(known.error());
  caf::actor_system_config config;
  config.add_message_types<caf::id_block::troupe>();
  config.set("scheduler.policy", caf::atom("sharing")); // sleeps when there is nothing to do
  caf::actor_system system{config};
  auto up = uplinks::start(
      system,
      {.node = machine_given.name,
       .who = {known->own.certificate_pem, known->own.key_pem, known->authority_pem},
       .servers = known->servers,
       .seed = entropy(),
       .servers_changed = [folder = joined](auto& now) { (void)save_servers(folder, now); }});
  if (!up) return fail(up.error());
  machine_given.nodes = (*up)->nodes();
  auto here = machine::start(system, machine_given);
  if (!here) return fail(here.error());
  (*up)->serve([door = (*here)->door()](http::request request, http::responder to) {
    door->handle(std::move(request), std::move(to));
  });
  log::info("agent", "this machine runs pods", {{"node", machine_given.name}});
  renewal certificates{
      {.name = "renewal",
       .done = "certificates are renewed",
       .now = wall_clock,
       .due = [&] { return due_seconds({known->own.certificate_pem}, wall_clock().seconds); },
       .renew = [&] { return renew_node(**up, joined, machine_given.name, *known); }}};
  watchdog turning{[] { return true; }};
  notify("READY=1");
  wait_for_signal([&] { certificates.now(); });
  notify("STOPPING=1");
  log::info("agent", "stopping; pods go on running");
  (*up)->serve({});
  here->reset();
  (*up)->stop();
  return 0;
}

} // namespace

command_spec spec_of(agent_options& o) {
  command_spec out{
      .name = "agent",
      .synopsis = "",
      .about = "Runs the pods of a cluster on this machine. It dials out to all servers; "
               "nothing dials in. The first start needs\na server's address and a token; later "
               "ones find what they need in --data. Needs root, but for nodes that it only "
               "pretends (--hollow): each joins for itself, as\nNAME-0 and on.",
      .options = {{"server", "URL", "of any server's API, for joining: https://HOST:6443",
                   into(o.server)},
                  {"token", "TOKEN", "from `troupe token create` on a server", into(o.token)},
                  {"data", "DIR", "where everything is kept (/var/lib/troupe)", into(o.data)}},
      .examples =
          "troupe agent --server https://10.0.0.1:6443 --token abcdef.0123456789abcdef::..."};
  for (auto& x : options_of(o.machine)) out.options.push_back(std::move(x));
  for (auto& x : options_of(o.hollow, hollow_agent_nodes_max)) out.options.push_back(std::move(x));
  return out;
}

int agent_command(const std::vector<std::string>& arguments) {
  agent_options options;
  auto read = read_configured(spec_of(options), arguments);
  if (read.exit_code) return *read.exit_code;
  if (options.hollow.count > 0)
    return run_hollow_agent({.nodes = options.hollow,
                             .name = options.machine.name,
                             .data = options.data,
                             .server = options.server,
                             .token = options.token});
  if (geteuid() != 0)
    return fail({errc::forbidden, "pods need namespaces, mounts and cgroups: run it as root"});
  return run(std::move(options));
}

} // namespace troupe
