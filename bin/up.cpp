#include "bin/up.hpp"

#include "bin/clock.hpp"
#include "bin/control_plane.hpp"
#include "bin/install.hpp"
#include "bin/kubeconfig.hpp"
#include "bin/lock.hpp"
#include "bin/machine.hpp"
#include "bin/manifests.hpp"
#include "bin/signals.hpp"
#include "messages/base/log.hpp"
#include "net/tls/files.hpp"

#include <cstdio>
#include <optional>
#include <unistd.h>

namespace troupe {

namespace {

struct up_options {
  control_plane_options plane;
  machine_options machine;
  std::filesystem::path manifests;
  bool merge = false; ///< our entries into the user's kubeconfig
  bool yes = false;
};

command_spec spec_of_up(up_options& o) {
  command_spec out{
      .name = "up",
      .synopsis = "",
      .about = "Runs a whole cluster on this machine: store, API, controllers, scheduler, node, "
               "network and names.\nCtrl-C ends it and leaves the pods running; `troupe up` takes "
               "them over again, `troupe down` ends\nthem. Needs root.",
      .options = {{"data", "DIR", "where everything is kept (/var/lib/troupe)",
                   into(o.plane.data_directory)},
                  {"port", "N", "port of the Kubernetes API (6443; 0 takes any free one)",
                   into(o.plane.port, 0, 65'535)},
                  {"merge-kubeconfig", "",
                   "make this cluster the current one of kubectl: an entry `troupe` in the first "
                   "file of KUBECONFIG, or in ~/.kube/config; `troupe uninstall` takes it out",
                   into(o.merge)},
                  {"manifests", "DIR",
                   "apply what the files there say, at start and when they change (none)",
                   into(o.manifests)}},
      .examples = "troupe up\ntroupe up --merge-kubeconfig\n"
                  "troupe up --data /srv/cluster --port 7443"};
  for (auto& x : options_of(o.machine)) out.options.push_back(std::move(x));
  return out;
}

/// Of a command that ends what `up` has begun.
command_spec spec_of_end(const char* name, const char* about, up_options& o) {
  return {.name = name,
          .synopsis = "",
          .about = about,
          .options = {{"data", "DIR", "where everything is kept (/var/lib/troupe)",
                       into(o.plane.data_directory)},
                      {"run", "DIR", "sockets and namespaces (/run/troupe)",
                       into(o.machine.run_directory)}},
          .examples = ""};
}

/// Reads flags; the exit code if that was all there is to do.
std::optional<int> read(const command_spec& spec, const std::vector<std::string>& arguments,
                        up_options& to) {
  auto read = read_arguments(spec, arguments);
  if (!read.exit_code && !read.words.empty()) {
    complain(spec.name, {errc::bad_request, "\"" + read.words[0] + "\" is not a flag; see troupe " +
                                                spec.name + " --help"});
    return 2;
  }
  if (read.exit_code) return read.exit_code;
  to.plane.data_directory = std::filesystem::absolute(to.plane.data_directory);
  settle(to.machine, to.plane.data_directory);
  return {};
}

/// Our entries into the file that kubectl reads by itself.
result<void> merge_own(const std::filesystem::path& own) {
  auto more = tls::load_private(own);
  return more ? merge_into(users_kubeconfig(), *more) : more.error();
}

/// Out of it again, if they are there.
result<void> unmerge_own(const std::filesystem::path& own) {
  auto mine = tls::load_private(own);
  if (!mine) return {}; // a cluster that never came up has no entries
  return rewrite_kubeconfig(users_kubeconfig(),
                            [&](const std::string& whole) { return without_own(whole, *mine); });
}

void greet(const control_plane& plane, const up_options& options, double seconds) {
  auto first = options.merge ? "" : "  export KUBECONFIG=" + plane.kubeconfig().string() + "\n";
  printf("The cluster is ready after %.2f s: node %s, API https://127.0.0.1:%u.\n\n"
         "%s"
         "  kubectl get nodes\n"
         "  kubectl create deployment hello --image=troupe.dev/hello --replicas=3\n"
         "  kubectl get pods -o wide --watch\n\n"
         "Ctrl-C ends this program and leaves the pods running; `troupe down` ends them.\n",
         seconds, options.machine.name.c_str(), plane.port(), first.c_str());
  fflush(stdout);
}

double now_seconds() {
  auto t = wall_clock();
  return static_cast<double>(t.seconds) + t.nanos / 1e9;
}

} // namespace

int up_command(const std::vector<std::string>& arguments) {
  auto begun = now_seconds();
  up_options options;
  if (auto code = read(spec_of_up(options), arguments, options)) return *code;
  auto fail = [](const error& why) { return complain("up", why); };
  if (geteuid() != 0)
    return fail({errc::forbidden, "pods need namespaces, mounts and cgroups: run it as root (sudo "
                                  "troupe up); `troupe server` needs no rights"});
  block_signals(); // before any thread is made, so that one place alone hears them
  auto held = data_lock::take(options.plane.data_directory);
  if (!held) return fail(held.error());
  options.plane.advertised = options.machine.ip;
  auto plane = control_plane::start(options.plane);
  if (!plane) return fail(plane.error());
  if (options.merge)
    if (auto done = merge_own((*plane)->kubeconfig()); !done) return fail(done.error());
  options.machine.nodes = (*plane)->nodes();
  auto here = machine::start((*plane)->system(), options.machine);
  if (!here) return fail(here.error());
  (*plane)->serve_node(options.machine.name, (*here)->door());
  std::optional<manifests> kept;
  if (!options.manifests.empty()) kept.emplace(options.manifests, (*plane)->kubeconfig());
  greet(**plane, options, now_seconds() - begun);
  wait_for_signal();
  log::info("up", "stopping; pods go on running");
  (*plane)->serve_node(options.machine.name, nullptr);
  return 0;
}

int down_command(const std::vector<std::string>& arguments) {
  up_options options;
  auto spec = spec_of_end("down",
                          "Ends all pods of a cluster that `troupe up` ran on this machine. "
                          "Objects, images and volumes stay:\nthe next `troupe up` starts the pods "
                          "again.",
                          options);
  if (auto code = read(spec, arguments, options)) return *code;
  auto held = data_lock::take(options.plane.data_directory);
  if (!held) return complain("down", held.error());
  if (auto done = machine::clear(options.machine, false); !done)
    return complain("down", done.error());
  puts("All pods of this machine have ended. Objects, images and volumes are kept.");
  return 0;
}

int uninstall_command(const std::vector<std::string>& arguments) {
  up_options options;
  auto spec = spec_of_end(
      "uninstall", "Ends all pods and removes everything: objects, images, volumes, links, rules.",
      options);
  spec.options.push_back({"yes", "", "do not ask", into(options.yes)});
  spec.options.push_back({"y", "", "the same", into(options.yes)});
  if (auto code = read(spec, arguments, options)) return *code;
  auto& data = options.plane.data_directory;
  if (!data_lock::known(data) && !std::filesystem::exists(options.machine.run_directory)) {
    printf("There is nothing of Troupe in %s.\n", data.c_str());
    return 0;
  }
  if (!options.yes) {
    printf("This removes all pods, objects, images and volumes in %s. Go on? [y/N] ", data.c_str());
    fflush(stdout);
    if (int c = getchar(); c != 'y' && c != 'Y') return 1;
  }
  // Only who means the usual place means what was installed there.
  if (data == installation{}.data()) remove_installation({});
  auto held = data_lock::take(data);
  if (!held) return complain("uninstall", held.error());
  if (auto done = machine::clear(options.machine, true); !done)
    return complain("uninstall", done.error());
  if (auto done = unmerge_own(data / "admin.kubeconfig"); !done)
    complain("uninstall", done.error());
  std::error_code failed;
  std::filesystem::remove_all(data, failed);
  if (failed)
    return complain("uninstall", {errc::unavailable,
                                  "cannot remove " + data.string() + ": " + failed.message()});
  puts("Nothing of Troupe is left on this machine but the program.");
  return 0;
}

} // namespace troupe
