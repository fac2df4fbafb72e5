// `troupe server`: reads its flags, runs a control plane, waits for a signal.
#include "bin/server.hpp"

#include "bin/clock.hpp"
#include "bin/config.hpp"
#include "bin/lock.hpp"
#include "bin/machine.hpp"
#include "bin/manifests.hpp"
#include "bin/members.hpp"
#include "bin/notify.hpp"
#include "bin/options.hpp"
#include "bin/renewal.hpp"
#include "bin/signals.hpp"
#include "messages/base/log.hpp"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <unistd.h>

namespace troupe {

namespace {

/// "2=10.0.0.2:6444".
result<void> add_server(const std::string& text, control_plane_options& to) {
  auto equal = text.find('=');
  auto colon = text.rfind(':');
  auto id = strtoull(text.c_str(), nullptr, 10);
  auto port = colon == text.npos ? 0 : atoi(text.c_str() + colon + 1);
  if (equal == text.npos || colon == text.npos || colon < equal || id == 0 || port <= 0 ||
      port > 65'535)
    return error{errc::bad_request,
                 "--server " + text + ": write it as N=HOST:PORT, for example 2=10.0.0.2:6444"};
  to.servers[id] = {text.substr(equal + 1, colon - equal - 1), static_cast<uint16_t>(port)};
  return {};
}

} // namespace

result<void> find_number(server_options& o) {
  auto& p = o.plane;
  if (!o.join.empty()) {
    if (p.advertised.empty()) p.advertised = own_ip();
    auto link = p.link_port.value_or(static_cast<uint16_t>(p.port + 1));
    new_server own{p.data_directory, server_address{p.advertised, link}.text(),
                   server_address{p.advertised, p.port}.text()};
    auto id = join_servers(own, o.join);
    if (!id) return id.error();
    o.plane.id = *id;
  }
  auto known = own_number(p.data_directory);
  if (known && o.id != 0 && o.id != *known)
    return error{errc::conflict, "--id " + std::to_string(o.id) + ": " + p.data_directory.string() +
                                     " is the data of server " + std::to_string(*known)};
  if (o.join.empty()) p.id = known ? *known : o.id != 0 ? o.id : 1;
  p.joined = p.id != 1 && p.servers.empty();
  return known ? result<void>{} : remember_number(p.data_directory, p.id);
}

command_spec spec_of(server_options& o) {
  auto& p = o.plane;
  command_spec out{
      .name = "server",
      .synopsis = "",
      .about = "Runs a control-plane member: the store, the Kubernetes API, controllers and the "
               "scheduler. The first one of a\ncluster just starts; another one joins it with "
               "--join, and is one of several from then on. Both find what they\nneed in --data "
               "when they start again.",
      .options =
          {{"data", "DIR", "where everything is kept (/var/lib/troupe)", into(p.data_directory)},
           {"address", "IP", "address to listen on (0.0.0.0)", into(p.address)},
           {"port", "N", "port to listen on (6443; 0 takes any free one)", into(p.port, 0, 65'535)},
           {"advertise", "IP", "address at which pods and other machines reach this server",
            into(p.advertised)},
           {"join", "TOKEN@HOST",
            "become a server of the cluster there; TOKEN from `troupe token create --role server`",
            into(o.join)},
           {"link-port", "N", "port at which nodes and servers link up (the API's and one)",
            into_number(0, 65'535, [&p](uint64_t v) { p.link_port = static_cast<uint16_t>(v); })},
           {"token-file", "FILE", "lines of token,user,uid[,\"group1,group2\"]",
            into(p.token_file)},
           {"controllers", "LIST", "which controllers run: *, none, or a list of names (*)",
            into(p.controllers)},
           {"node-monitor-grace-period", "DURATION",
            "how long a machine may be silent before its node counts as unknown (40s)",
            into(p.node_lost_after)},
           {"scheduler-config", "FILE",
            "a KubeSchedulerConfiguration: schedulers and the weights of their scores",
            into(p.scheduler_config)},
           {"anonymous-auth", "BOOL",
            "whether requests without credentials are system:anonymous (true)", into(p.anonymous)},
           {"audit-policy-file", "FILE",
            "a Policy of audit.k8s.io/v1: which requests the audit log tells of",
            into(p.audit_policy_file)},
           {"audit-log-path", "FILE",
            "where it writes a line of JSON for each (- is standard output)", into(p.audit_path)},
           {"audit-log-maxsize", "N", "megabytes a file (100; 0: no limit)",
            into(p.audit_megabytes_max, 0, 1'000'000)},
           {"audit-log-maxbackup", "N", "older files kept (10; 0: no limit)",
            into(p.audit_backups_max, 0, 1'000'000)},
           {"audit-log-maxage", "DAYS", "how long they are kept (0: no limit)",
            into(p.audit_days_max, 0, 1'000'000)},
           {"max-requests-inflight", "N",
            "reads worked on at once, before others wait (400; 0: no limit)",
            into(p.flow.reading, 0, 1'000'000)},
           {"max-mutating-requests-inflight", "N", "the same for writes (200)",
            into(p.flow.writing, 0, 1'000'000)},
           {"max-watches-per-user", "N",
            "watches, logs and streams that one user may have open (5000)",
            into(p.flow.watching_of_user, 0, 1'000'000)},
           {"manifests", "DIR",
            "apply what the files there say, at start and when they change (none)",
            into(o.manifests)},
           {"id", "N", "this server's number, if a group of several starts at once (1)",
            into(o.id, 1, 1'000'000)},
           {"server", "N=HOST:PORT",
            "where server N takes links from the others, if a group of several starts at once; "
            "once for each, this one too",
            [&p](const std::string& text) { return add_server(text, p); }, true},
           {"backup-dir", "DIR", "save backups there (none); see troupe backup --help",
            into(p.backup.directory)},
           {"backup-every", "DURATION", "how often (24h)", into(p.backup.every)},
           {"check-every", "DURATION",
            "how often everything on the disk is read again (24h); see troupe store --help",
            into(p.check_every)},
           {"backup-keep", "N", "how many of them stay (14)", into(p.backup.keep, 1, 10'000)}},
      .examples =
          "troupe server --data /tmp/troupe --port 6443\n"
          "KUBECONFIG=/tmp/troupe/admin.kubeconfig kubectl get namespaces\n"
          "troupe server --advertise 10.0.0.2 --join abcdef.0123456789abcdef::...@10.0.0.1\n"
          "troupe server --data /tmp/troupe --hollow 1000"};
  for (auto& x : options_of(o.hollow, 100'000)) out.options.push_back(std::move(x));
  return out;
}

int run_server(server_options options) {
  block_signals(); // before any thread is made, so that one place alone hears them
  auto held = data_lock::take(options.plane.data_directory);
  if (!held) return complain("server", held.error());
  if (auto found = find_number(options); !found) return complain("server", found.error());
  std::atomic<bool> removed = false;
  options.plane.replicated = true;
  options.plane.removed = [&removed] {
    if (!removed.exchange(true)) kill(getpid(), SIGTERM);
  };
  auto plane = control_plane::start(options.plane);
  if (!plane) return complain("server", plane.error());
  std::vector<node_agent_actor> pretenders;
  if (options.hollow.count > 0) {
    if (!(*plane)->leads())
      return complain(
          "server", {errc::bad_request, "--hollow: only a server that is alone can pretend nodes"});
    auto given = settings_of(options.hollow);
    if (!given) return complain("server", given.error());
    given->nodes = (*plane)->nodes();
    pretenders = node::spawn_hollow_nodes((*plane)->system(), options.hollow.count,
                                          options.hollow.zones, *given);
  }
  log::info("server", "the API is ready",
            {{"url", "https://127.0.0.1:" + std::to_string((*plane)->port())},
             {"kubeconfig", (*plane)->kubeconfig().string()}});
  renewal certificates{
      {.name = "renewal",
       .done = "certificates are renewed",
       .now = wall_clock,
       .due = [&] { return due_seconds((*plane)->certificates(), wall_clock().seconds); },
       .renew = [&] { return (*plane)->renew_certificates(); }}};
  std::optional<renewal> backups;
  if (!options.plane.backup.directory.empty())
    backups.emplace(renewal::work{.name = "backup",
                                  .done = "a backup is saved",
                                  .now = wall_clock,
                                  .due = [&] { return backup_due(options.plane.backup); },
                                  .renew = [&]() -> result<void> {
                                    auto saved = (*plane)->save_backup();
                                    return saved ? result<void>{} : saved.error();
                                  }});
  std::optional<manifests> kept;
  if (!options.manifests.empty()) kept.emplace(options.manifests, (*plane)->kubeconfig());
  watchdog turning{[&] { return (*plane)->turns(); }};
  notify("READY=1");
  wait_for_signal([&] { certificates.now(); });
  notify("STOPPING=1");
  log::info("server", "stopping");
  if (!removed) (*plane)->hand_over();
  for (auto& a : pretenders) caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
  pretenders.clear();
  if (!removed) return 0;
  return complain("server", {errc::gone, "the others have removed this server: remove " +
                                             options.plane.data_directory.string() +
                                             " before this machine joins again"});
}

int server_command(const std::vector<std::string>& arguments) {
  server_options options;
  auto read = read_configured(spec_of(options), arguments);
  return read.exit_code ? *read.exit_code : run_server(std::move(options));
}

} // namespace troupe
