#include "actors/node/place.hpp"

#include "actors/node/programs.hpp"
#include "actors/runtime/shim_client.hpp"

#include <csignal>
#include <fcntl.h>
#include <sstream>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace troupe::node {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::milliseconds shim_patience{5'000};
constexpr std::chrono::milliseconds runtime_patience{20'000};

std::string file_text(const fs::path& file) {
  auto text = read_file(file);
  return text ? *text : std::string{};
}

bool is_mounted(const fs::path& at) {
  struct stat own {
  }, above{};
  return stat(at.c_str(), &own) == 0 && stat(at.parent_path().c_str(), &above) == 0 &&
         own.st_dev != above.st_dev;
}

result<void> make_namespaces(context& with, const Pod& pod, const fs::path& dir, place_view& out) {
  auto& spec = pod.spec();
  auto ns = dir / "ns";
  if (auto made = make_directories(ns, 0700); !made) return made;
  auto uts = spec.host_network() ? fs::path{} : ns / "uts";
  auto ipc = spec.host_ipc() ? fs::path{} : ns / "ipc";
  out.uts_path = uts;
  out.ipc_path = ipc;
  if (!is_mounted(uts.empty() ? ipc : uts))
    if (auto made = make_pod_namespaces(out.hostname, uts, ipc); !made) return made;
  if (spec.host_network()) return {};
  auto net = ns / "net";
  out.network_path = net;
  if (is_mounted(net)) return {};
  auto taken = with.reserve ? with.reserve->take() : make_network_namespace();
  if (!taken) return taken.error();
  return keep_namespace(*taken, net);
}

std::vector<host_port> ports_of(const Pod& pod) {
  std::vector<host_port> out;
  auto add = [&](auto& containers) {
    for (auto& c : containers)
      for (auto& p : c.ports())
        if (p.host_port() > 0)
          out.push_back({p.protocol().empty() ? "TCP" : p.protocol(), p.host_ip(),
                         static_cast<uint16_t>(p.host_port()),
                         static_cast<uint16_t>(p.container_port())});
  };
  add(pod.spec().containers());
  add(pod.spec().init_containers());
  return out;
}

result<void> attach_network(context& with, const Pod& pod, const fs::path& dir, pod_place& out) {
  if (pod.spec().host_network()) {
    out.ips = {with.given.node_ip};
    return {};
  }
  attach_request request{pod.metadata().uid(),  pod.metadata().namespace_(),
                         pod.metadata().name(), out.view.network_path,
                         ports_of(pod),         {}};
  std::istringstream known(file_text(dir / "ips"));
  for (std::string ip; known >> ip;) request.adopted_ips.push_back(ip);
  auto ips = with.given.network->attach(request);
  if (!ips) return with_context(ips.error(), "cannot attach the pod to the network");
  out.ips = *ips;
  std::string text;
  for (auto& ip : out.ips) text += ip + "\n";
  return write_file(dir / "ips", text, 0600);
}

result<void> write_files(context& with, const Pod& pod, const fs::path& dir, pod_place& out) {
  auto etc = dir / "etc";
  if (auto made = make_directories(etc); !made) return made;
  auto& domain = with.given.cluster_domain;
  out.view.hosts_file = etc / "hosts";
  out.view.resolv_file = etc / "resolv.conf";
  out.view.hostname_file = etc / "hostname";
  // Written in place: a running container has them mounted.
  auto put = [](const fs::path& file, const std::string& text) -> result<void> {
    if (file_text(file) == text) return {};
    return write_file(file, text, 0644);
  };
  if (auto done =
          put(out.view.hosts_file, hosts_file(pod, out.ips, domain, file_text("/etc/hosts")));
      !done)
    return done;
  if (auto done = put(out.view.resolv_file, resolv_file(pod, with.dns())); !done) return done;
  return put(out.view.hostname_file, out.view.hostname + "\n");
}

result<void> make_shm(const fs::path& dir, place_view& out) {
  auto shm = dir / "shm";
  out.shm = shm;
  if (auto made = make_directories(shm); !made) return made;
  if (is_mounted(shm)) return {};
  if (mount("shm", shm.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=64m"))
    return system_error("mount memory at", shm);
  return {};
}

/// The shim begins beside everything else: who asks it something meanwhile waits at its door.
result<detaching> start_shim(context& with, const fs::path& dir) {
  auto listener = runtime::listen_for_shim(dir);
  if (!listener) return listener.error();
  descriptor socket(*listener);
  return detaching::start({with.given.shim_path, dir.string()}, socket.get());
}

/// The namespace that shared processes live in: its first process belongs to the shim.
result<void> share_processes(const fs::path& dir, place_view& out) {
  std::istringstream known(file_text(dir / "pause.run"));
  int pid = 0;
  if (!(known >> pid) || !process_lives(file_text(dir / "pause.run"))) {
    auto answer = runtime::ask_shim(dir, {"pause", "1"}, shim_patience);
    if (!answer) return answer.error();
    if (answer->size() < 3 || answer->front() != "ran")
      return error{errc::internal, "no process namespace can be shared"};
    pid = atoi((*answer)[2].c_str());
  }
  out.pid_path = "/proc/" + std::to_string(pid) + "/ns/pid";
  return {};
}

} // namespace

bool process_lives(const std::string& line) {
  std::istringstream in(line);
  long long pid = 0, start = 0;
  if (!(in >> pid >> start) || pid <= 1) return false;
  auto stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  if (!stat) return false;
  auto at = stat->rfind(')');
  if (at == stat->npos) return false;
  std::istringstream fields(stat->substr(at + 1));
  std::string word;
  for (int field = 3; field <= 22 && fields >> word; ++field)
    if (field == 3 && word == "Z") return false;
  return strtoll(word.c_str(), nullptr, 10) == start;
}

bool shim_lives(const paths& where, const std::string& uid) {
  return process_lives(file_text(where.pod(uid) / "shim"));
}

result<pod_place> make_place(context& with, const Pod& pod) {
  auto& uid = pod.metadata().uid();
  auto dir = with.where.pod(uid);
  pod_place out;
  out.view.hostname =
      pod.spec().host_network() ? with.given.name : hostname_of(pod, with.given.cluster_domain);
  out.view.cgroup = pod_cgroup(with.given.cgroup_root, pod);
  auto logs = with.where.pod_logs(pod.metadata().namespace_(), pod.metadata().name(), uid);
  for (auto& d : {dir, with.where.pod_data(uid), logs})
    if (auto made = make_directories(d, 0711); !made) return made.error();
  // Who cleans up after a crash must find it without knowing the pod.
  if (auto done = write_file(dir / "cgroup", out.view.cgroup); !done) return done.error();
  std::optional<detaching> shim;
  if (!shim_lives(with.where, uid)) {
    auto started = start_shim(with, dir);
    if (!started) return started.error();
    shim.emplace(std::move(*started));
  }
  if (auto done = with.groups.make(out.view.cgroup, pod_limits(pod, with.machine)); !done)
    return done.error();
  if (auto done = make_namespaces(with, pod, dir, out.view); !done) return done.error();
  if (auto done = make_shm(dir, out.view); !done) return done.error();
  if (auto done = attach_network(with, pod, dir, out); !done) return done.error();
  if (auto done = write_files(with, pod, dir, out); !done) return done.error();
  if (pod.spec().share_process_namespace())
    if (auto done = share_processes(dir, out.view); !done) return done.error();
  if (shim)
    if (auto done = shim->finish(); !done) return done.error();
  return out;
}

/// What the runtime itself keeps of a container. Of one that has ended runc keeps a directory and
/// a control group: to ask runc to remove them costs as much as half a start. Any other runtime,
/// and runc about a container that may still run, is asked.
void forget_container(context& with, const std::string& uid, const std::string& id,
                      const std::string& cgroup, const runtime::program& runtime) {
  bool ended = fs::exists(with.where.pod(uid) / (id + ".exit"));
  if (!ended || cgroup.empty() || fs::path(runtime.path).filename() != "runc") {
    (void)run_program(runtime::delete_command(runtime, id), runtime_patience);
    return;
  }
  with.groups.remove(container_cgroup(cgroup, id));
  remove_tree(with.where.runtime_root() / id);
}

void remove_container(context& with, const std::string& uid, const std::string& id,
                      const std::string& cgroup, const runtime::program& runtime) {
  forget_container(with, uid, id, cgroup, runtime);
  auto bundle = with.where.bundle(uid, id);
  for (auto& point : mounts_below(bundle)) unmount(point);
  remove_tree(bundle / "rootfs");
  remove_tree(bundle / "sub");
  remove_tree(with.where.pod_data(uid) / "containers" / id);
}

result<void> take_place_away(context& with, const std::string& uid, const std::string& cgroup,
                             bool everything, const fs::path& logs) {
  auto dir = with.where.pod(uid);
  std::error_code bad;
  for (auto& e : fs::directory_iterator(dir / "bundles", bad)) {
    auto id = e.path().filename().string();
    if (fs::exists(with.where.runtime_root() / id)) {
      runtime::program program{with.given.runtime_path, with.where.runtime_root()};
      if (auto other = read_file(e.path() / "runtime")) program.path = *other;
      forget_container(with, uid, id, cgroup, program);
    }
  }
  if (!cgroup.empty()) with.groups.remove(cgroup);
  // The process that keeps a shared namespace has no control group of the pod's.
  std::istringstream pause(file_text(dir / "pause.run"));
  if (int pid = 0; process_lives(pause.str()) && pause >> pid) kill(pid, SIGKILL);
  with.given.network->detach(uid);
  (void)runtime::ask_shim(dir, {"quit"}, std::chrono::milliseconds(200));
  std::istringstream shim(file_text(dir / "shim"));
  if (int pid = 0; process_lives(shim.str()) && shim >> pid) kill(pid, SIGKILL);
  for (auto& point : mounts_below(dir)) unmount(point);
  remove_tree(with.where.pod_data(uid) / "containers");
  if (!everything) return {};
  remove_tree(with.where.objects() / uid);
  remove_tree(with.where.pod_data(uid));
  if (!logs.empty()) remove_tree(logs);
  remove_tree(dir);
  if (fs::exists(dir, bad) || fs::exists(with.where.pod_data(uid), bad))
    return error{errc::unavailable, "something of the pod is still in use below " + dir.string()};
  return {};
}

} // namespace troupe::node
