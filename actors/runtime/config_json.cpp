#include "actors/runtime/container_setup.hpp"

#include "messages/base/json.hpp"

namespace troupe::runtime {

namespace {

json::array texts(const std::vector<std::string>& from) {
  json::array out;
  for (auto& t : from) out.emplace_back(t);
  return out;
}

json::object mount_json(const mount& m) {
  json::object out{{"destination", m.destination}, {"type", m.type}, {"source", m.source}};
  if (!m.options.empty()) out["options"] = texts(m.options);
  return out;
}

json::object process_json(const container_setup& of, const std::vector<std::string>& args,
                          bool tty) {
  json::object user{{"uid", of.uid}, {"gid", of.gid}};
  json::array groups;
  for (auto g : of.groups) groups.emplace_back(g);
  if (!groups.empty()) user["additionalGids"] = std::move(groups);
  auto capabilities = texts(of.capabilities);
  json::object out{
      {"terminal", tty},
      {"user", std::move(user)},
      {"args", texts(args)},
      {"env", texts(of.env)},
      {"cwd", of.cwd},
      {"noNewPrivileges", of.no_new_privileges},
      // Nothing inheritable or ambient: a program without rights gains none by its files.
      {"capabilities",
       {{"bounding", capabilities}, {"effective", capabilities}, {"permitted", capabilities}}}};
  if (of.limits.oom_score) out["oomScoreAdj"] = *of.limits.oom_score;
  return out;
}

/// What every container sees, before its volumes.
json::array base_mounts(const container_setup& of) {
  const char* sys = of.privileged ? "rw" : "ro";
  const mount all[] = {
      {"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
      {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
      {"/dev/pts",
       "devpts",
       "devpts",
       {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
      {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
      {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", sys}},
      {"/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", sys}},
  };
  json::array out;
  for (auto& m : all) out.push_back(mount_json(m));
  return out;
}

json::array namespace_list(const namespaces& in) {
  json::array out;
  auto add = [&](const char* type, bool host, const std::string& path) {
    if (host) return;
    json::object one{{"type", type}};
    if (!path.empty()) one["path"] = path;
    out.push_back(std::move(one));
  };
  add("mount", false, {});
  add("network", in.host_network, in.network_path);
  add("ipc", in.host_ipc, in.ipc_path);
  add("uts", in.host_uts, in.uts_path);
  add("pid", in.host_pid, in.pid_path);
  add("cgroup", !in.own_cgroup, {});
  return out;
}

json::object resources_json(const container_setup& of) {
  auto& l = of.limits;
  json::array devices;
  devices.push_back(json::object{{"allow", of.privileged}, {"access", "rwm"}});
  if (!of.privileged)
    for (auto& d : of.devices)
      devices.push_back(json::object{{"allow", true},
                                     {"type", std::string(1, d.type)},
                                     {"major", d.major},
                                     {"minor", d.minor},
                                     {"access", "rwm"}});
  json::object cpu{{"shares", l.cpu_shares}};
  if (l.cpu_quota_us) {
    cpu["quota"] = l.cpu_quota_us;
    cpu["period"] = 100'000;
  }
  json::object out{{"devices", std::move(devices)}, {"cpu", std::move(cpu)}};
  if (l.memory_bytes) out["memory"] = json::object{{"limit", l.memory_bytes}};
  if (l.pids) out["pids"] = json::object{{"limit", l.pids}};
  json::array huge;
  for (auto& [size, bytes] : l.hugepage_bytes)
    huge.push_back(json::object{{"pageSize", size}, {"limit", bytes}});
  if (!huge.empty()) out["hugepageLimits"] = std::move(huge);
  return out;
}

const std::vector<std::string> masked = {
    "/proc/acpi",        "/proc/asound",  "/proc/interrupts",
    "/proc/kcore",       "/proc/keys",    "/proc/latency_stats",
    "/proc/sched_debug", "/proc/scsi",    "/proc/timer_list",
    "/proc/timer_stats", "/sys/firmware", "/sys/devices/virtual/powercap"};
const std::vector<std::string> read_only = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                            "/proc/sysrq-trigger"};

json::object linux_json(const container_setup& of) {
  json::object out{{"namespaces", namespace_list(of.in)},
                   {"cgroupsPath", of.cgroup_path},
                   {"resources", resources_json(of)}};
  if (!of.privileged && !of.unmasked_proc) {
    out["maskedPaths"] = texts(masked);
    out["readonlyPaths"] = texts(read_only);
  }
  json::array devices;
  for (auto& d : of.devices)
    devices.push_back(json::object{{"path", d.path},
                                   {"type", std::string(1, d.type)},
                                   {"major", d.major},
                                   {"minor", d.minor},
                                   {"fileMode", d.mode},
                                   {"uid", d.uid},
                                   {"gid", d.gid}});
  if (!devices.empty()) out["devices"] = std::move(devices);
  json::object sysctls;
  for (auto& [name, value] : of.sysctls) sysctls[name] = value;
  if (!sysctls.empty()) out["sysctl"] = std::move(sysctls);
  // A Bidirectional mount must reach the host.
  for (auto& m : of.mounts)
    for (auto& o : m.options)
      if (o == "rshared")
        out["rootfsPropagation"] = "rshared";
      else if (o == "rslave" && !out.contains("rootfsPropagation"))
        out["rootfsPropagation"] = "rslave";
  return out;
}

} // namespace

std::string config_json(const container_setup& of) {
  auto mounts = base_mounts(of);
  for (auto& m : of.mounts) mounts.push_back(mount_json(m));
  json::object out{{"ociVersion", "1.0.2"},
                   {"process", process_json(of, of.args, of.tty)},
                   {"root", {{"path", of.rootfs}, {"readonly", of.rootfs_read_only}}},
                   {"mounts", std::move(mounts)},
                   {"linux", linux_json(of)}};
  if (!of.in.host_uts && of.in.uts_path.empty() && !of.hostname.empty())
    out["hostname"] = of.hostname;
  auto text = json::write(json::value(std::move(out)));
  if (of.seccomp_json.empty() || of.privileged) return text;
  // The profile is JSON already, the same for most containers: it is put in as it is.
  auto at = text.find("\"linux\":{") + 9;
  text.insert(at, "\"seccomp\":" + of.seccomp_json + ",");
  return text;
}

std::string exec_json(const container_setup& of, const std::vector<std::string>& args, bool tty) {
  return json::write(json::value(process_json(of, args, tty)));
}

} // namespace troupe::runtime
