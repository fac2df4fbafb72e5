// `troupe server`: reads its flags, runs a control plane, waits for a signal.
#include "bin/server.hpp"

#include "actors/node/hollow.hpp"
#include "bin/clock.hpp"
#include "bin/signals.hpp"
#include "messages/base/log.hpp"

#include <cstdio>
#include <cstdlib>

namespace troupe {

namespace {

constexpr const char* usage = R"(Usage: troupe server [flags]

Runs a control-plane member: the store, the Kubernetes API, controllers and the scheduler.

Flags:
  --data DIR           where everything is kept (/var/lib/troupe)
  --address IP         address to listen on (0.0.0.0)
  --port N             port to listen on (6443; 0 takes any free one)
  --token-file FILE    lines of token,user,uid[,"group1,group2"]
  --controllers LIST   which controllers run: *, none, or a list of names (*)
  --scheduler-config FILE  a KubeSchedulerConfiguration: schedulers and the weights of their scores
  --anonymous-auth=BOOL  whether requests without credentials are system:anonymous (true)
  --audit-policy-file FILE  a Policy of audit.k8s.io/v1: which requests the audit log tells of
  --audit-log-path FILE  where it writes a line of JSON for each (- is standard output)
  --audit-log-maxsize N, --audit-log-maxbackup N, --audit-log-maxage DAYS
                       megabytes a file (100), files kept (10), days they are kept (0: no limit)
  --max-requests-inflight N  reads worked on at once, before others wait (400; 0: no limit)
  --max-mutating-requests-inflight N  the same for writes (200)
  --max-watches-per-user N  watches, logs and streams that one user may have open (5000)
  --advertise IP       address at which pods and other machines reach this server
  --link-port N        port at which nodes link up (the API's and one)
  --id N               this server's number among several (1)
  --server N=HOST:PORT where server N takes links from the others; once for each, this one too
  --hollow N           also pretend N nodes, whose pods are only played (0)
  --hollow-zones N     zones over which pretended nodes are spread (3)
  --hollow-start-delay DURATION  how long a pretended pod takes to start (0s)

Examples:
  troupe server --data /tmp/troupe --port 6443
  KUBECONFIG=/tmp/troupe/admin.kubeconfig kubectl get namespaces
  troupe server --data /tmp/troupe --hollow 1000
  troupe server --data /tmp/a --id 1 --server 1=127.0.0.1:7001 --server 2=127.0.0.1:7002 --server 3=127.0.0.1:7003
)";

unsigned number(const std::string& text) {
  return static_cast<unsigned>(strtoul(text.c_str(), nullptr, 10));
}

int complain(const error& failure) {
  fprintf(stderr, "troupe server: %s\n", failure.message.c_str());
  return 1;
}

/// Nodes that only pretend.
result<std::vector<node_agent_actor>> start_hollow_nodes(control_plane& over,
                                                         const server_options& options) {
  auto delay = parse_duration(options.hollow_start_delay);
  if (!delay) return with_context(delay.error(), "--hollow-start-delay");
  node::hollow_settings given;
  given.manners.start_delay = *delay;
  given.nodes = over.nodes();
  given.now = wall_clock;
  given.random = entropy;
  return node::spawn_hollow_nodes(over.system(), options.hollow, options.hollow_zones, given);
}

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

int run_server(const server_options& options) {
  block_signals(); // before any thread is made, so that one place alone hears them
  auto plane = control_plane::start(options.plane);
  if (!plane) return complain(plane.error());
  std::vector<node_agent_actor> pretenders;
  if (options.hollow > 0) {
    if (!(*plane)->nodes())
      return complain(
          {errc::bad_request, "--hollow: only a server that is alone can pretend nodes"});
    auto made = start_hollow_nodes(**plane, options);
    if (!made) return complain(made.error());
    pretenders = std::move(*made);
  }
  log::info("server", "the API is ready",
            {{"url", "https://127.0.0.1:" + std::to_string((*plane)->port())},
             {"kubeconfig", (*plane)->kubeconfig().string()}});
  wait_for_signal();
  log::info("server", "stopping");
  for (auto& a : pretenders) caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
  pretenders.clear();
  return 0;
}

int server_command(const std::vector<std::string>& arguments) {
  server_options options;
  for (size_t i = 0; i < arguments.size(); ++i) {
    auto name = arguments[i];
    std::string value;
    if (auto equal = name.find('='); equal != name.npos) {
      value = name.substr(equal + 1);
      name.resize(equal);
    } else if (name != "--help" && name != "-h" && i + 1 < arguments.size()) {
      value = arguments[++i];
    }
    if (name == "--help" || name == "-h") return fputs(usage, stdout), 0;
    if (name == "--data")
      options.plane.data_directory = value;
    else if (name == "--address")
      options.plane.address = value;
    else if (name == "--port")
      options.plane.port = static_cast<uint16_t>(atoi(value.c_str()));
    else if (name == "--token-file")
      options.plane.token_file = value;
    else if (name == "--scheduler-config")
      options.plane.scheduler_config = value;
    else if (name == "--controllers")
      options.plane.controllers = value;
    else if (name == "--anonymous-auth")
      options.plane.anonymous = value != "false";
    else if (name == "--max-requests-inflight")
      options.plane.flow.reading = number(value);
    else if (name == "--max-mutating-requests-inflight")
      options.plane.flow.writing = number(value);
    else if (name == "--max-watches-per-user")
      options.plane.flow.watching_of_user = number(value);
    else if (name == "--audit-policy-file")
      options.plane.audit_policy_file = value;
    else if (name == "--audit-log-path")
      options.plane.audit_path = value;
    else if (name == "--audit-log-maxsize")
      options.plane.audit_megabytes_max = number(value);
    else if (name == "--audit-log-maxbackup")
      options.plane.audit_backups_max = number(value);
    else if (name == "--audit-log-maxage")
      options.plane.audit_days_max = number(value);
    else if (name == "--advertise")
      options.plane.advertised = value;
    else if (name == "--link-port")
      options.plane.link_port = static_cast<uint16_t>(atoi(value.c_str()));
    else if (name == "--id")
      options.plane.id = strtoull(value.c_str(), nullptr, 10);
    else if (name == "--server") {
      if (auto done = add_server(value, options.plane); !done) return complain(done.error());
    } else if (name == "--hollow")
      options.hollow = static_cast<unsigned>(atoi(value.c_str()));
    else if (name == "--hollow-zones")
      options.hollow_zones = static_cast<unsigned>(atoi(value.c_str()));
    else if (name == "--hollow-start-delay")
      options.hollow_start_delay = value;
    else {
      fprintf(stderr, "troupe server: %s is not a flag; see troupe server --help\n", name.c_str());
      return 2;
    }
  }
  return run_server(options);
}

} // namespace troupe
