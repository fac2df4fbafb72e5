#include "bin/up.hpp"

#include "bin/clock.hpp"
#include "bin/control_plane.hpp"
#include "bin/install.hpp"
#include "bin/lock.hpp"
#include "bin/machine.hpp"
#include "bin/manifests.hpp"
#include "bin/signals.hpp"
#include "messages/base/log.hpp"

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <unistd.h>

namespace troupe {

namespace {

constexpr const char* up_usage = R"(Usage: troupe up [flags]

Runs a whole cluster on this machine: store, API, controllers, scheduler, node, network and names.
Ctrl-C ends it and leaves the pods running; `troupe up` takes them over again, `troupe down` ends
them. Needs root.

Flags:
  --data DIR    where everything is kept (/var/lib/troupe)
  --run DIR     sockets and namespaces, gone after a reboot (/run/troupe)
  --port N      port of the Kubernetes API (6443; 0 takes any free one)
  --name NAME   of the node (this machine's host name)
  --ip ADDRESS  by which others reach this machine (of the default route)
  --images DIR  image archives dropped there are imported (DATA/images)
  --manifests DIR  apply what the files there say, at start and when they change (none)
  --static-pods DIR  pods in files there run on this node, whatever else happens (DATA/static-pods)
  --runtime PATH   the OCI runtime of pods (runc)
  --runtime-handler NAME=PATH  another one, for pods of a RuntimeClass with this handler; may be repeated

Examples:
  troupe up
  troupe up --data /srv/cluster --port 7443
)";

constexpr const char* down_usage = R"(Usage: troupe down [flags]

Ends all pods of a cluster that `troupe up` ran on this machine. Objects, images and volumes stay:
the next `troupe up` starts the pods again.

Flags:
  --data DIR   where everything is kept (/var/lib/troupe)
  --run DIR    sockets and namespaces (/run/troupe)
)";

constexpr const char* uninstall_usage = R"(Usage: troupe uninstall [flags]

Ends all pods and removes everything: objects, images, volumes, links, rules.

Flags:
  --data DIR   where everything is kept (/var/lib/troupe)
  --run DIR    sockets and namespaces (/run/troupe)
  --yes        do not ask
)";

struct up_options {
  control_plane_options plane;
  machine_options machine;
  std::filesystem::path manifests;
  bool yes = false;
  bool help = false;
};

int complain(const char* command, const std::string& why) {
  fprintf(stderr, "troupe %s: %s\n", command, why.c_str());
  return 1;
}

/// Reads flags; false if one is unknown, which has been said.
bool read(const char* command, const std::vector<std::string>& arguments, up_options& to) {
  auto& data = to.plane.data_directory;
  for (size_t i = 0; i < arguments.size(); ++i) {
    auto name = arguments[i];
    std::string value;
    if (name == "--help" || name == "-h") return to.help = true;
    if (name == "--yes" || name == "-y") {
      to.yes = true;
      continue;
    }
    if (auto equal = name.find('='); equal != name.npos) {
      value = name.substr(equal + 1);
      name.resize(equal);
    } else if (i + 1 < arguments.size()) {
      value = arguments[++i];
    }
    bool up = std::string_view(command) == "up";
    if (name == "--data")
      data = value;
    else if (name == "--run")
      to.machine.run_directory = value;
    else if (up && name == "--port")
      to.plane.port = static_cast<uint16_t>(atoi(value.c_str()));
    else if (up && name == "--name")
      to.machine.name = value;
    else if (up && name == "--ip")
      to.machine.ip = value;
    else if (up && name == "--images")
      to.machine.image_directory = value;
    else if (up && take_runtime_flag(to.machine, name, value))
      continue;
    else if (up && name == "--manifests")
      to.manifests = std::filesystem::absolute(value);
    else if (up && name == "--static-pods")
      to.machine.manifest_directory = value;
    else {
      fprintf(stderr, "troupe %s: %s is not a flag; see troupe %s --help\n", command, name.c_str(),
              command);
      return false;
    }
  }
  data = std::filesystem::absolute(data);
  to.machine.data_directory = data / "node";
  return true;
}

void greet(const control_plane& plane, const std::string& node, double seconds) {
  auto config = plane.kubeconfig().string();
  printf("The cluster is ready after %.2f s: node %s, API https://127.0.0.1:%u.\n\n"
         "  export KUBECONFIG=%s\n"
         "  kubectl get nodes\n"
         "  kubectl create deployment hello --image=troupe.dev/hello --replicas=3\n"
         "  kubectl get pods -o wide --watch\n\n"
         "Ctrl-C ends this program and leaves the pods running; `troupe down` ends them.\n",
         seconds, node.c_str(), plane.port(), config.c_str());
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
  if (!read("up", arguments, options)) return 2;
  if (options.help) return fputs(up_usage, stdout), 0;
  if (geteuid() != 0)
    return complain("up", "pods need namespaces, mounts and cgroups: run it as root (sudo troupe "
                          "up); `troupe server` needs no rights");
  block_signals(); // before any thread is made, so that one place alone hears them
  auto held = data_lock::take(options.plane.data_directory);
  if (!held) return complain("up", held.error().message);
  if (options.machine.ip.empty()) options.machine.ip = own_ip();
  if (options.machine.name.empty()) options.machine.name = host_name();
  if (options.machine.image_directory.empty())
    options.machine.image_directory = options.plane.data_directory / "images";
  if (options.machine.manifest_directory.empty())
    options.machine.manifest_directory = options.plane.data_directory / "static-pods";
  options.plane.advertised = options.machine.ip;
  auto plane = control_plane::start(options.plane);
  if (!plane) return complain("up", plane.error().message);
  options.machine.nodes = (*plane)->nodes();
  auto here = machine::start((*plane)->system(), options.machine);
  if (!here) return complain("up", here.error().message);
  (*plane)->serve_node(options.machine.name, (*here)->door());
  std::optional<manifests> kept;
  if (!options.manifests.empty()) kept.emplace(options.manifests, (*plane)->kubeconfig());
  greet(**plane, options.machine.name, now_seconds() - begun);
  wait_for_signal();
  log::info("up", "stopping; pods go on running");
  (*plane)->serve_node(options.machine.name, nullptr);
  return 0;
}

int down_command(const std::vector<std::string>& arguments) {
  up_options options;
  if (!read("down", arguments, options)) return 2;
  if (options.help) return fputs(down_usage, stdout), 0;
  auto held = data_lock::take(options.plane.data_directory);
  if (!held) return complain("down", held.error().message);
  if (auto done = machine::clear(options.machine, false); !done)
    return complain("down", done.error().message);
  puts("All pods of this machine have ended. Objects, images and volumes are kept.");
  return 0;
}

int uninstall_command(const std::vector<std::string>& arguments) {
  up_options options;
  if (!read("uninstall", arguments, options)) return 2;
  if (options.help) return fputs(uninstall_usage, stdout), 0;
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
  if (!held) return complain("uninstall", held.error().message);
  if (auto done = machine::clear(options.machine, true); !done)
    return complain("uninstall", done.error().message);
  std::error_code failed;
  std::filesystem::remove_all(data, failed);
  if (failed)
    return complain("uninstall", "cannot remove " + data.string() + ": " + failed.message());
  puts("Nothing of Troupe is left on this machine but the program.");
  return 0;
}

} // namespace troupe
