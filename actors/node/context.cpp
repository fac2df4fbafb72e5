#include "actors/node/context.hpp"

#include "actors/node/images/pull.hpp"
#include "messages/api/runtime_class.pb.h"
#include "messages/base/log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <thread>
#include <unistd.h>

namespace troupe::node {

namespace fs = std::filesystem;

namespace {

constexpr unsigned work_threads = 8, pull_threads = 3;
constexpr size_t reserve_namespaces = 8;
constexpr const char* usual_handler = "runc"; ///< what classes may call the runtime of all others

uint64_t bounding_set() {
  auto text = read_file("/proc/self/status");
  auto at = text ? text->find("CapBnd:\t") : std::string::npos;
  return at == std::string::npos ? 0 : strtoull(text->c_str() + at + 8, nullptr, 16);
}

std::vector<runtime::device> host_devices() {
  std::vector<runtime::device> out;
  std::error_code bad;
  for (auto& e : fs::directory_iterator("/dev", bad)) {
    struct stat st {};
    if (lstat(e.path().c_str(), &st) || !(S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))) continue;
    // Every container has these of its own.
    static const std::set<std::string> own = {"null",    "zero", "full",    "random",
                                              "urandom", "tty",  "console", "ptmx"};
    if (own.contains(e.path().filename())) continue;
    out.push_back({e.path().string(), S_ISCHR(st.st_mode) ? 'c' : 'b',
                   static_cast<int64_t>(major(st.st_rdev)), static_cast<int64_t>(minor(st.st_rdev)),
                   st.st_mode & 0777u, st.st_uid, st.st_gid});
  }
  return out;
}

machine_view look_around(const settings& given, const runtime::cgroup_layout& layout) {
  machine_view out;
  constexpr int sys_resource = 24;
  out.capabilities = bounding_set();
  struct sysinfo info {};
  sysinfo(&info);
  out.memory_bytes = static_cast<int64_t>(info.totalram) * info.mem_unit;
  out.cpu_milli = static_cast<int64_t>(std::max(1u, std::thread::hardware_concurrency())) * 1000;
  // Without the right to lower it, a score below our own makes the runtime fail.
  auto own = read_file("/proc/self/oom_score_adj");
  if (!(out.capabilities >> sys_resource & 1)) out.oom_score_min = own ? atoi(own->c_str()) : 0;
  out.unified_cgroups = layout.unified();
  out.limits_hugepages = layout.has("hugetlb");
  out.pids_max = given.pids_max;
  out.unsafe_sysctls = given.unsafe_sysctls;
  out.devices = host_devices();
  return out;
}

} // namespace

context::context(settings from)
    : given{std::move(from)}, where{given.run_directory, given.data_directory},
      groups{runtime::find_layout()}, images{where.images()}, garbage{given.images},
      work{work_threads}, pulls{pull_threads} {
  machine = look_around(given, groups.layout());
  puller = std::make_unique<image_puller>(images, pulls,
                                          pull_settings{given.registries_file, where.images()});
  reserve.emplace(reserve_namespaces);
}

context::~context() {
  loop.stop();
  work.stop();
  pulls.stop();
}

runtime::program context::usual_runtime() const {
  return {given.runtime_path, where.runtime_root().string()};
}

result<runtime::program> context::runtime_for(const Pod& pod) const {
  auto& name = pod.spec().runtime_class_name();
  if (name.empty()) return usual_runtime();
  auto known = told.find<k8s::node::v1::RuntimeClass>("runtimeclasses.node.k8s.io", "", name);
  if (!known) return error{errc::not_found, "RuntimeClass \"" + name + "\" not found"};
  auto hit = given.runtime_handlers.find(known->handler());
  if (hit != given.runtime_handlers.end())
    return runtime::program{hit->second, where.runtime_root().string()};
  if (known->handler() == usual_handler) return usual_runtime();
  return error{errc::not_found, "no runtime for \"" + known->handler() +
                                    "\" is configured on this node; see --runtime-handler"};
}

node_view context::view(const std::vector<std::string>& pod_ips) const {
  return {given.name, given.node_ip, pod_ips, allocatable_cpu_milli(), allocatable_memory_bytes(),
          0};
}

dns_view context::dns() const {
  // systemd's stub serves only the machine itself; behind it are the real servers.
  auto text = read_file("/etc/resolv.conf");
  if (text && text->find("127.0.0.53") != text->npos)
    if (auto real = read_file("/run/systemd/resolve/resolv.conf")) text = real;
  return {given.cluster_dns, given.cluster_domain, text ? *text : std::string{}};
}

void context::show(const std::string& uid, std::shared_ptr<const pod_card> card) {
  std::lock_guard lock(cards_mutex_);
  cards_[uid] = std::move(card);
}

void context::forget(const std::string& uid) {
  std::lock_guard lock(cards_mutex_);
  cards_.erase(uid);
}

std::shared_ptr<const pod_card> context::card(const std::string& ns,
                                              const std::string& name) const {
  std::lock_guard lock(cards_mutex_);
  std::shared_ptr<const pod_card> out;
  for (auto& [uid, c] : cards_) {
    auto& m = c->pod->metadata();
    // Of two with one name the later is meant: the earlier is on its way out.
    if (m.namespace_() == ns && m.name() == name &&
        (!out ||
         m.creation_timestamp().seconds() >= out->pod->metadata().creation_timestamp().seconds()))
      out = c;
  }
  return out;
}

std::vector<std::shared_ptr<const pod_card>> context::cards() const {
  std::lock_guard lock(cards_mutex_);
  std::vector<std::shared_ptr<const pod_card>> out;
  for (auto& [uid, c] : cards_) out.push_back(c);
  return out;
}

} // namespace troupe::node
