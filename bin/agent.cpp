#include "bin/agent.hpp"

#include "actors/link/uplink.hpp"
#include "bin/clock.hpp"
#include "bin/join.hpp"
#include "bin/lock.hpp"
#include "bin/machine.hpp"
#include "bin/signals.hpp"
#include "messages/base/log.hpp"

#include <cstdio>
#include <unistd.h>

namespace troupe {

namespace {

constexpr const char* usage = R"(Usage: troupe agent [flags]

Runs the pods of a cluster on this machine. It dials out to all servers; nothing dials in. The first
start needs a server's address and a token; later ones find what they need in --data. Needs root.

Flags:
  --server URL   of any server's API, for joining: https://HOST:6443
  --token TOKEN  from `troupe token create` on a server
  --name NAME    of the node (this machine's host name)
  --ip ADDRESS   by which other nodes reach this one (of the default route)
  --data DIR     where everything is kept (/var/lib/troupe)
  --manifests DIR  pods in files there run on this node, whatever else happens (DATA/manifests)
  --run DIR      sockets and namespaces, gone after a reboot (/run/troupe)
  --runtime PATH   the OCI runtime of pods (runc)
  --runtime-handler NAME=PATH  another one, for pods of a RuntimeClass with this handler; may be repeated

Examples:
  troupe agent --server https://10.0.0.1:6443 --token abcdef.0123456789abcdef::...
)";

int complain(const error& why) {
  fprintf(stderr, "troupe agent: %s\n", why.message.c_str());
  return 1;
}

struct agent_options {
  machine_options machine;
  std::filesystem::path data = "/var/lib/troupe";
  std::string server, token;
};

int run(agent_options options) {
  block_signals(); // before any thread is made, so that one place alone hears them
  auto& machine_given = options.machine;
  if (machine_given.name.empty()) machine_given.name = host_name();
  machine_given.data_directory = std::filesystem::absolute(options.data) / "node";
  if (machine_given.manifest_directory.empty())
    machine_given.manifest_directory = std::filesystem::absolute(options.data) / "manifests";
  auto held = data_lock::take(options.data);
  if (!held) return complain(held.error());
  auto known = join(std::filesystem::absolute(options.data) / "join", machine_given.name,
                    options.server, options.token);
  if (!known) return complain(known.error());
  caf::actor_system_config config;
  config.add_message_types<caf::id_block::troupe>();
  config.set("scheduler.policy", caf::atom("sharing")); // sleeps when there is nothing to do
  caf::actor_system system{config};
  auto up = uplinks::start(
      system, {.node = machine_given.name,
               .who = {known->own.certificate_pem, known->own.key_pem, known->authority_pem},
               .servers = known->servers,
               .seed = entropy()});
  if (!up) return complain(up.error());
  machine_given.nodes = (*up)->nodes();
  auto here = machine::start(system, machine_given);
  if (!here) return complain(here.error());
  log::info("agent", "this machine runs pods", {{"node", machine_given.name}});
  wait_for_signal();
  log::info("agent", "stopping; pods go on running");
  here->reset();
  (*up)->stop();
  return 0;
}

} // namespace

int agent_command(const std::vector<std::string>& arguments) {
  agent_options options;
  for (size_t i = 0; i < arguments.size(); ++i) {
    auto name = arguments[i];
    if (name == "--help" || name == "-h") return fputs(usage, stdout), 0;
    std::string value;
    if (auto equal = name.find('='); equal != name.npos) {
      value = name.substr(equal + 1);
      name.resize(equal);
    } else if (i + 1 < arguments.size()) {
      value = arguments[++i];
    }
    if (name == "--server")
      options.server = value;
    else if (name == "--token")
      options.token = value;
    else if (name == "--name")
      options.machine.name = value;
    else if (name == "--ip")
      options.machine.ip = value;
    else if (name == "--data")
      options.data = value;
    else if (take_runtime_flag(options.machine, name, value))
      continue;
    else if (name == "--manifests")
      options.machine.manifest_directory = value;
    else if (name == "--run")
      options.machine.run_directory = value;
    else {
      fprintf(stderr, "troupe agent: %s is not a flag; see troupe agent --help\n", name.c_str());
      return 2;
    }
  }
  if (geteuid() != 0)
    return complain({errc::forbidden, "pods need namespaces, mounts and cgroups: run it as root"});
  return run(std::move(options));
}

} // namespace troupe
