// Wiring only: opens the store, makes certificates, starts the gateway behind an HTTPS server, and
// waits for a signal.
#include "bin/server.hpp"

#include "actors/controllers/controllers.hpp"
#include "actors/gateway/bootstrap.hpp"
#include "actors/gateway/gateway.hpp"
#include "actors/node/hollow.hpp"
#include "actors/nodes/nodes.hpp"
#include "bin/pki.hpp"
#include "messages/base/log.hpp"
#include "net/http/server.hpp"
#include "net/tls/files.hpp"
#include "storage/engine.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <sys/random.h>

namespace troupe {

namespace {

constexpr const char* usage = R"(Usage: troupe server [flags]

Runs a control-plane member: the store and the Kubernetes API.

Flags:
  --data DIR           where everything is kept (/var/lib/troupe)
  --address IP         address to listen on (0.0.0.0)
  --port N             port to listen on (6443; 0 takes any free one)
  --token-file FILE    lines of token,user,uid[,"group1,group2"]
  --controllers LIST   which controllers run: *, none, or a list of names (*)
  --anonymous-auth=BOOL  whether requests without credentials are system:anonymous (true)
  --hollow N           also runs N nodes that only pretend, to try out large clusters (0)
  --hollow-zones N     zones that they are spread over (3)
  --hollow-start-delay DURATION  how long their pods take to start (0s)

Examples:
  troupe server --data /tmp/troupe --port 6443
  KUBECONFIG=/tmp/troupe/admin.kubeconfig kubectl get namespaces
)";

timestamp wall_clock() {
  timespec t{};
  clock_gettime(CLOCK_REALTIME, &t);
  return {t.tv_sec, static_cast<int32_t>(t.tv_nsec)};
}

uint64_t entropy() {
  // Filled a block at a time: a system call a number would cost more than the number.
  thread_local uint64_t pool[32];
  thread_local size_t left = 0;
  if (left == 0) {
    if (getrandom(pool, sizeof pool, 0) != sizeof pool) abort();
    left = std::size(pool);
  }
  return pool[--left];
}

int complain(const error& failure) {
  fprintf(stderr, "troupe server: %s\n", failure.message.c_str());
  return 1;
}

int wait_for_signal() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  int got = 0;
  sigwait(&set, &got);
  return got;
}

void block_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

/// Nodes that only pretend, and the NODES that hears them.
struct hollow_company {
  nodes_actor nodes;
  std::vector<node_agent_actor> agents;
};

result<hollow_company> start_hollow_nodes(caf::actor_system& system, storage::store& store,
                                          const server_options& options) {
  auto delay = parse_duration(options.hollow_start_delay);
  if (!delay) return with_context(delay.error(), "--hollow-start-delay");
  hollow_company out;
  nodes::environment around{.store = &store, .now = wall_clock, .random = entropy};
  around.issue_token = [](const cluster::TokenWanted&) {
    cluster::Token none;
    none.set_refused("hollow nodes run nothing that needs a token");
    return none;
  };
  out.nodes = system.spawn(nodes::nodes, around);
  node::hollow_settings given;
  given.manners.start_delay = *delay;
  given.nodes = out.nodes;
  given.now = wall_clock;
  given.random = entropy;
  out.agents = node::spawn_hollow_nodes(system, options.hollow, options.hollow_zones, given);
  return out;
}

} // namespace

int run_server(const server_options& options) {
  block_signals(); // before any thread is made, so that sigwait alone hears them
  std::filesystem::path data = options.data_directory;
  auto now = std::chrono::sys_seconds{std::chrono::seconds{wall_clock().seconds}};
  auto keys = prepare_pki(data / "pki",
                          {"localhost", "kubernetes", "kubernetes.default",
                           "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
                          {"127.0.0.1", "::1", "10.96.0.1"}, now);
  if (!keys) return complain(keys.error());

  auto store = storage::engine::open({.path = (data / "store").string()});
  if (!store) return complain(store.error());

  gateway::workers work(2);
  gateway::environment given{
      .store = store->get(), .work = &work, .now = wall_clock, .random = entropy};
  given.authenticate.anonymous = options.anonymous;
  auto token_keys = tls::token_keys::load({keys->token_key_pem});
  if (!token_keys) return complain(token_keys.error());
  given.token_keys = std::move(*token_keys);
  if (!options.token_file.empty()) {
    auto text = tls::load_private(options.token_file);
    if (!text) return complain(text.error());
    auto tokens = gateway::read_token_file(*text);
    if (!tokens) return complain(tokens.error());
    given.authenticate.tokens = std::move(*tokens);
  }
  gateway::gateway api(std::move(given));
  if (auto done = gateway::bootstrap(api); !done) return complain(done.error());

  caf::actor_system_config config;
  config.add_message_types<caf::id_block::troupe>();
  config.set("scheduler.policy", caf::atom("sharing")); // sleeps when there is nothing to do
  caf::actor_system system{config};
  controllers::environment facts{.store = store->get(),
                                 .api = &api,
                                 .kinds = [&api] { return api.kinds(); },
                                 .now = wall_clock,
                                 .random = entropy,
                                 .root_ca_pem = keys->authority.certificate_pem};
  auto company = controllers::start(system, facts, options.controllers);
  if (!company) return complain(company.error());
  hollow_company hollow;
  if (options.hollow > 0) {
    auto made = start_hollow_nodes(system, **store, options);
    if (!made) return complain(made.error());
    hollow = std::move(*made);
  }

  http::server_settings settings;
  settings.address = options.address;
  settings.port = options.port;
  settings.tls = tls::credentials{keys->server.certificate_pem, keys->server.key_pem,
                                  keys->authority.certificate_pem};
  settings.handle = [&api](http::request request, http::responder responder) {
    api.handle(std::move(request), std::move(responder));
  };
  http::server server(std::move(settings));
  if (auto started = server.start(); !started) return complain(started.error());

  auto url = "https://127.0.0.1:" + std::to_string(server.port());
  auto kubeconfig = data / "admin.kubeconfig";
  if (auto saved = tls::save_private(kubeconfig, write_kubeconfig(*keys, url)); !saved)
    return complain(saved.error());
  log::info("server", "the API is ready", {{"url", url}, {"kubeconfig", kubeconfig.string()}});

  wait_for_signal();
  log::info("server", "stopping");
  server.stop();
  for (auto& c : *company) caf::anon_send_exit(c, caf::exit_reason::user_shutdown);
  company->clear();
  for (auto& a : hollow.agents) caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
  if (hollow.nodes) caf::anon_send_exit(hollow.nodes, caf::exit_reason::user_shutdown);
  hollow = {};
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
      options.data_directory = value;
    else if (name == "--address")
      options.address = value;
    else if (name == "--port")
      options.port = static_cast<uint16_t>(atoi(value.c_str()));
    else if (name == "--token-file")
      options.token_file = value;
    else if (name == "--controllers")
      options.controllers = value;
    else if (name == "--anonymous-auth")
      options.anonymous = value != "false";
    else if (name == "--hollow")
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
