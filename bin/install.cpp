#include "bin/install.hpp"

#include "actors/node/programs.hpp"
#include "bin/agent.hpp"
#include "bin/cluster/spaces.hpp"
#include "bin/config.hpp"
#include "bin/join.hpp"
#include "bin/lock.hpp"
#include "bin/server.hpp"
#include "messages/base/json.hpp"
#include "messages/codec/yaml.hpp"
#include "net/tls/files.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <unistd.h>

namespace troupe {

namespace {

using namespace std::chrono_literals;

constexpr const char* programs[] = {"troupe", "troupe-shim", "troupe-hello"};
constexpr auto manager_patience = 60s;
constexpr auto end_patience = 15s, start_patience = 60s;

int fail(const error& why) { return complain("install", why); }

/// Of the machine whose files these are; a directory in a test has none.
bool has_manager(const installation& where) {
  return where.root == "/" && std::filesystem::exists("/run/systemd/system");
}

result<void> manage(const std::vector<std::string>& words) {
  std::vector<std::string> command{"systemctl"};
  command.insert(command.end(), words.begin(), words.end());
  auto done = node::run_program(command, manager_patience);
  if (!done) return done.error();
  if (done->exit_code == 0) return {};
  return error{errc::internal, "systemctl " + words[0] + ": " + done->output};
}

/// The programs beside this one, each replaced in one step: one that runs goes on as it is.
result<void> copy_programs(const installation& where) {
  std::error_code failed;
  auto here = std::filesystem::read_symlink("/proc/self/exe", failed).parent_path();
  auto there = where.program().parent_path();
  std::filesystem::create_directories(there, failed);
  if (std::filesystem::equivalent(here, there, failed)) return {};
  for (auto name : programs) {
    if (!std::filesystem::exists(here / name, failed)) continue;
    auto part = there / (std::string(name) + ".part");
    std::filesystem::copy_file(here / name, part, std::filesystem::copy_options::overwrite_existing,
                               failed);
    if (!failed) std::filesystem::rename(part, there / name, failed);
    if (failed)
      return error{errc::internal,
                   "cannot write " + (there / name).string() + ": " + failed.message()};
  }
  return {};
}

/// The settings that were given, as a configuration file.
result<void> write_config(const installation& where, const std::string& text) {
  if (auto old = tls::load_file(where.config()); old && *old == text) return {};
  std::error_code failed;
  std::filesystem::create_directories(where.config().parent_path(), failed);
  return tls::save_private(where.config(), text);
}

/// Joins a cluster if the flags or the environment say so: only once, and before the first start,
/// so that no token stays in a file.
result<void> join_now(const installation& where, const std::string& role, server_options& server,
                      agent_options& agent) {
  auto from_environment = [](std::string& to, const char* name) {
    if (auto value = getenv(name); to.empty() && value) to = value;
  };
  if (role == "server") {
    from_environment(server.join, "TROUPE_JOIN");
    if (server.join.empty()) return {};
    if (where.root != "/") server.plane.data_directory = where.data();
    return find_number(server);
  }
  from_environment(agent.token, "TROUPE_TOKEN");
  if (agent.token.empty()) return {};
  auto data = where.root != "/" ? where.data() : agent.data;
  auto name = agent.machine.name.empty() ? host_name() : agent.machine.name;
  auto made = join(data / "join", name, agent.server, agent.token);
  return made ? result<void>{} : made.error();
}

/// Ends what runs from the data and starts it again; without a manager it is ours to start.
result<void> start(const installation& where, const std::string& role) {
  if (has_manager(where)) {
    if (auto done = manage({"daemon-reload"}); !done) return done;
    if (auto done = manage({"enable", "troupe-" + role}); !done) return done;
    return manage({"restart", "troupe-" + role});
  }
  std::error_code failed;
  auto log = where.log(role);
  std::filesystem::create_directories(log.parent_path(), failed);
  if (auto old = data_lock::holder(where.data())) {
    kill(old, SIGTERM);
    auto until = std::chrono::steady_clock::now() + end_patience;
    while (data_lock::holder(where.data()) && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(20ms);
  }
  auto pid = clusters::spawn({role, "--config", where.config()}, nullptr, log, where.program());
  if (!pid) return pid.error();
  auto until = std::chrono::steady_clock::now() + start_patience;
  while (data_lock::holder(where.data()) != *pid) {
    if (clusters::ended(*pid) || std::chrono::steady_clock::now() > until)
      return error{errc::unavailable, "it does not start; see " + log.string()};
    std::this_thread::sleep_for(20ms);
  }
  return {};
}

} // namespace

result<std::string> config_text(const installation& where, const std::string& role,
                                const std::vector<setting>& settings) {
  server_options server;
  agent_options agent;
  auto options = (role == "server" ? spec_of(server) : spec_of(agent)).options;
  json::object tree;
  for (auto& s : settings) {
    auto repeats = std::any_of(options.begin(), options.end(),
                               [&](const option& o) { return o.name == s.name && o.repeats; });
    if (!repeats)
      tree[s.name] = s.value;
    else if (auto list = tree.if_contains(s.name))
      list->get_array().push_back(json::value(s.value));
    else
      tree[s.name] = json::array{json::value(s.value)};
  }
  if (where.root != "/") {
    tree.emplace("data", where.data().string());
    if (role == "agent") tree.emplace("run", where.run().string());
  }
  if (tree.empty()) return std::string("{}\n");
  return yaml::from_json(json::write(json::value(std::move(tree))));
}

std::string unit_text(const installation& where, const std::string& role) {
  return "[Unit]\nDescription=Troupe " + role +
         "\nAfter=network-online.target\nWants=network-online.target\n\n[Service]\nType=notify\n"
         "NotifyAccess=main\nExecStart=" +
         where.program().string() + " " + role + " --config " + where.config().string() +
         "\nExecReload=/bin/kill -HUP $MAINPID\nRestart=always\nRestartSec=1\n"
         "# Containers go on while Troupe is restarted or upgraded.\nKillMode=process\n"
         "Delegate=yes\nWatchdogSec=30\nTimeoutStartSec=120\nLimitNOFILE=1048576\n"
         "TasksMax=infinity\nOOMScoreAdjust=-999\n\n[Install]\nWantedBy=multi-user.target\n";
}

int install_command(const std::vector<std::string>& arguments) {
  if (arguments.empty() || (arguments[0] != "server" && arguments[0] != "agent")) {
    fputs("Usage: troupe install server|agent [--root DIR] [--no-start] [flags of that role]\n\n"
          "Makes a server or an agent of this machine for good: puts the programs, the settings "
          "(/etc/troupe/config.yaml) and\na unit of systemd in their places, and starts it. Run it "
          "again to change settings or to upgrade; pods are not\ntouched. `troupe uninstall` "
          "removes everything again.\n",
          arguments.empty() ? stderr : stdout);
    return arguments.empty() || arguments[0] != "--help" ? 2 : 0;
  }
  auto role = arguments[0];
  installation where;
  bool no_start = false;
  server_options server;
  agent_options agent;
  auto spec = role == "server" ? spec_of(server) : spec_of(agent);
  spec.options.push_back({"root", "DIR", "put everything below DIR (/)", into(where.root)});
  spec.options.push_back({"no-start", "", "only put the files in their places", into(no_start)});
  std::vector<setting> given;
  auto words = read_flags(spec, {arguments.begin() + 1, arguments.end()}, &given);
  if (!words) return fail(words.error());
  // What is only for now, and what is no setting, is not kept.
  std::erase_if(given, [&](auto& s) {
    return s.name == "root" || s.name == "no-start" || s.name == "join" || s.name == "token" ||
           (role == "agent" && s.name == "server");
  });
  if (where.root == "/" && geteuid() != 0) return fail({errc::forbidden, "run it as root"});
  if (auto done = copy_programs(where); !done) return fail(done.error());
  if (auto done = join_now(where, role, server, agent); !done) return fail(done.error());
  auto text = config_text(where, role, given);
  if (!text) return fail(text.error());
  if (auto done = write_config(where, *text); !done) return fail(done.error());
  std::error_code failed;
  std::filesystem::create_directories(where.unit(role).parent_path(), failed);
  if (auto done = tls::save_public(where.unit(role), unit_text(where, role)); !done)
    return fail(done.error());
  if (no_start) return puts("Everything is in its place; nothing was started."), 0;
  if (auto done = start(where, role); !done) return fail(done.error());
  printf("This machine is %s of a cluster%s.\n", role == "server" ? "a server" : "an agent",
         has_manager(where) ? " from now on"
                            : "; there is no systemd here, so that it will not start by itself "
                              "after a reboot");
  return 0;
}

void remove_installation(const installation& where) {
  std::error_code ignored;
  for (auto role : {"server", "agent"}) {
    if (!std::filesystem::exists(where.unit(role), ignored)) continue;
    if (has_manager(where)) (void)manage({"disable", "--now", std::string("troupe-") + role});
    std::filesystem::remove(where.unit(role), ignored);
    std::filesystem::remove(where.log(role), ignored);
  }
  if (has_manager(where)) (void)manage({"daemon-reload"});
  std::filesystem::remove(where.config(), ignored);
  std::filesystem::remove(where.config().parent_path(), ignored); // if nothing else is there
}

} // namespace troupe
