#include "actors/node/container_plan.hpp"

#include "actors/runtime/capabilities.hpp"
#include "actors/runtime/seccomp.hpp"
#include "messages/base/quantity.hpp"
#include "messages/schema/qos.hpp"

#include <algorithm>
#include <set>

namespace troupe::node {

namespace {

using k8s::core::v1::ResourceRequirements;
using k8s::core::v1::SeccompProfile;

constexpr const char* default_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::optional<quantity> amount(const google::protobuf::Map<std::string, k8s::base::Quantity>& from,
                               const char* name) {
  auto hit = from.find(name);
  if (hit == from.end()) return std::nullopt;
  auto q = quantity::parse(hit->second.string());
  return q ? std::optional(*q) : std::nullopt;
}

int64_t shares_of(int64_t milli) {
  return milli <= 0 ? 2 : std::clamp<int64_t>(milli * 1024 / 1000, 2, 262'144);
}

/// Burstable pods are ended the sooner the less of the memory they have asked for.
int oom_score(const Pod& pod, const Container& spec, const machine_view& machine) {
  auto qos = schema::qos_class(pod.spec());
  if (qos == "Guaranteed" || pod.spec().priority() >= 2'000'000'000) return -997;
  if (qos == "BestEffort" || machine.memory_bytes <= 0) return 1000;
  auto asked = amount(spec.resources().requests(), "memory");
  auto score = 1000 - 1000 * (asked ? asked->value() : 0) / machine.memory_bytes;
  return static_cast<int>(std::clamp<int64_t>(score, 3, 999));
}

runtime::limits container_limits(const Pod& pod, const Container& spec,
                                 const machine_view& machine) {
  runtime::limits out;
  auto& r = spec.resources();
  auto cpu = amount(r.requests(), "cpu"), cpu_limit = amount(r.limits(), "cpu");
  out.cpu_shares = shares_of(cpu ? cpu->milli_value() : cpu_limit ? cpu_limit->milli_value() : 0);
  if (cpu_limit) out.cpu_quota_us = std::max<int64_t>(1000, cpu_limit->milli_value() * 100);
  if (auto memory = amount(r.limits(), "memory")) out.memory_bytes = memory->value();
  auto score = oom_score(pod, spec, machine);
  if (score >= machine.oom_score_min) out.oom_score = score;
  for (auto& [name, value] : r.limits())
    if (name.starts_with("hugepages-") && machine.limits_hugepages)
      if (auto q = quantity::parse(value.string())) {
        auto size = name.substr(10); // "2Mi" is "2MB" to the kernel
        size.back() == 'i' ? void(size.back() = 'B') : void();
        out.hugepage_bytes[size] = q->value();
      }
  return out;
}

struct container_planner {
  const container_inputs& in;
  runtime::container_setup out;

  const k8s::core::v1::SecurityContext& own() const { return in.spec.security_context(); }
  const k8s::core::v1::PodSecurityContext& pods() const { return in.pod.spec().security_context(); }

  result<void> run_as() {
    auto& id = in.image_user;
    out.uid = id.uid;
    out.gid = id.gid;
    bool user_given = own().has_run_as_user() || pods().has_run_as_user();
    if (own().has_run_as_group())
      out.gid = own().run_as_group();
    else if (pods().has_run_as_group())
      out.gid = pods().run_as_group();
    bool non_root =
        own().has_run_as_non_root() ? own().run_as_non_root() : pods().run_as_non_root();
    if (non_root && out.uid == 0)
      return error{
          errc::invalid,
          user_given
              ? "container's runAsUser breaks non-root policy (container: " + in.spec.name() + ")"
              : "container has runAsNonRoot and image will run as root (container: " +
                    in.spec.name() + ")"};
    std::set<int64_t> groups;
    if (pods().supplemental_groups_policy() != "Strict")
      groups.insert(id.groups.begin(), id.groups.end());
    for (auto g : pods().supplemental_groups()) groups.insert(g);
    if (pods().has_fs_group()) groups.insert(pods().fs_group());
    out.groups.assign(groups.begin(), groups.end());
    return {};
  }

  void environment() {
    environment_list all;
    for (auto& e : in.from.env) {
      auto equal = e.find('=');
      if (equal != e.npos) set_variable(all, e.substr(0, equal), e.substr(equal + 1));
    }
    auto has = [&](const char* name) {
      return std::any_of(all.begin(), all.end(), [&](auto& v) { return v.first == name; });
    };
    if (!has("PATH")) set_variable(all, "PATH", default_path);
    if (!in.place.hostname.empty()) set_variable(all, "HOSTNAME", in.place.hostname);
    if (in.spec.tty() && !has("TERM")) set_variable(all, "TERM", "xterm");
    for (auto& [name, value] : in.env) set_variable(all, name, value);
    for (auto& [name, value] : all) out.env.push_back(name + "=" + value);
  }

  result<void> command() {
    auto put = [&](auto& words) {
      for (auto& w : words) out.args.push_back(expand(w, in.env));
    };
    if (!in.spec.command().empty()) {
      put(in.spec.command());
      put(in.spec.args());
    } else {
      out.args = in.from.entrypoint;
      if (!in.spec.args().empty())
        put(in.spec.args());
      else
        out.args.insert(out.args.end(), in.from.cmd.begin(), in.from.cmd.end());
    }
    if (out.args.empty())
      return error{errc::invalid, "no command specified: neither the container nor its image \"" +
                                      in.spec.image() + "\" names one"};
    out.cwd = !in.spec.working_dir().empty() ? in.spec.working_dir()
              : !in.from.cwd.empty()         ? in.from.cwd
                                             : "/";
    if (!out.cwd.starts_with("/")) out.cwd = "/" + out.cwd;
    // A working directory below /proc is a way to the host (CVE-2024-21626).
    if (out.cwd == "/proc" || out.cwd.starts_with("/proc/") ||
        out.cwd.find("/../") != out.cwd.npos || out.cwd.ends_with("/.."))
      return error{errc::invalid, "the working directory \"" + out.cwd + "\" is not allowed"};
    return {};
  }

  result<void> rights() {
    out.privileged = own().privileged();
    auto& c = own().capabilities();
    out.capabilities = runtime::container_capabilities({c.add().begin(), c.add().end()},
                                                       {c.drop().begin(), c.drop().end()},
                                                       out.privileged, in.machine.capabilities);
    out.no_new_privileges =
        own().has_allow_privilege_escalation() && !own().allow_privilege_escalation();
    out.rootfs_read_only = own().read_only_root_filesystem();
    out.unmasked_proc = own().proc_mount() == "Unmasked";
    if (out.privileged) out.devices = in.machine.devices;
    auto& profile =
        own().has_seccomp_profile() ? own().seccomp_profile() : pods().seccomp_profile();
    if (out.privileged || profile.type() == "Unconfined") return {};
    if (profile.type() == "Localhost") {
      if (in.localhost_seccomp.empty())
        return error{errc::not_found, "the seccomp profile \"" + profile.localhost_profile() +
                                          "\" is not on this node"};
      out.seccomp_json = in.localhost_seccomp;
      return {};
    }
    out.seccomp_json = runtime::default_seccomp(out.capabilities);
    return {};
  }

  void namespaces() {
    auto& spec = in.pod.spec();
    out.in.host_network = out.in.host_uts = spec.host_network();
    out.in.host_ipc = spec.host_ipc();
    out.in.host_pid = spec.host_pid();
    out.in.network_path = in.place.network_path;
    out.in.uts_path = in.place.uts_path;
    out.in.ipc_path = in.place.ipc_path;
    out.in.pid_path = in.place.pid_path;
    out.in.own_cgroup = in.machine.unified_cgroups && !out.privileged;
    // Settings of a shared namespace are made by whoever comes first; repeating them is harmless.
    for (auto& s : pods().sysctls()) out.sysctls[s.name()] = s.value();
  }

  void mounts() {
    auto bind = [&](const std::string& to, const std::string& from, std::vector<std::string> how) {
      bool own_mount = std::any_of(in.mounts.begin(), in.mounts.end(),
                                   [&](auto& m) { return m.destination == to; });
      if (!from.empty() && !own_mount) out.mounts.push_back({to, "bind", from, std::move(how)});
    };
    if (in.pod.spec().host_ipc())
      bind("/dev/shm", "/dev/shm", {"rbind", "rprivate", "rw"});
    else
      bind("/dev/shm", in.place.shm, {"rbind", "rprivate", "nosuid", "nodev", "noexec", "rw"});
    auto files = out.rootfs_read_only ? "ro" : "rw";
    bind("/etc/hosts", in.place.hosts_file, {"rbind", "rprivate", files});
    bind("/etc/hostname", in.place.hostname_file, {"rbind", "rprivate", files});
    bind("/etc/resolv.conf", in.place.resolv_file, {"rbind", "rprivate", files});
    auto log = in.spec.termination_message_path();
    bind(log.empty() ? "/dev/termination-log" : log, in.termination_log,
         {"rbind", "rprivate", "rw"});
    // What lies deeper is mounted later, whatever order its author wrote.
    auto volumes = in.mounts;
    std::stable_sort(volumes.begin(), volumes.end(), [](auto& a, auto& b) {
      return std::count(a.destination.begin(), a.destination.end(), '/') <
             std::count(b.destination.begin(), b.destination.end(), '/');
    });
    out.mounts.insert(out.mounts.end(), volumes.begin(), volumes.end());
  }

  result<runtime::container_setup> run() {
    out.id = in.id;
    out.rootfs = in.rootfs;
    out.tty = in.spec.tty();
    out.hostname = in.place.hostname;
    out.cgroup_path = container_cgroup(in.place.cgroup, in.id);
    out.limits = container_limits(in.pod, in.spec, in.machine);
    environment();
    namespaces();
    if (auto done = run_as(); !done) return done.error();
    if (auto done = command(); !done) return done.error();
    if (auto done = rights(); !done) return done.error();
    mounts();
    return std::move(out);
  }
};

} // namespace

result<runtime::container_setup> plan_container(const container_inputs& in) {
  return container_planner{in, {}}.run();
}

std::string wanted_user(const Pod& pod, const Container& spec, const image& from) {
  if (spec.security_context().has_run_as_user())
    return std::to_string(spec.security_context().run_as_user());
  if (pod.spec().security_context().has_run_as_user())
    return std::to_string(pod.spec().security_context().run_as_user());
  return from.user;
}

runtime::limits pod_limits(const Pod& pod, const machine_view& machine) {
  runtime::limits out;
  int64_t cpu = 0, cpu_limit = 0, memory_limit = 0;
  bool cpu_limited = true, memory_limited = true;
  auto add = [&](const ResourceRequirements& r, bool beside_others) {
    auto combine = [&](int64_t& total, int64_t more) {
      total = beside_others ? total + more : std::max(total, more);
    };
    if (auto q = amount(r.requests(), "cpu")) combine(cpu, q->milli_value());
    auto c = amount(r.limits(), "cpu"), m = amount(r.limits(), "memory");
    cpu_limited = cpu_limited && c;
    memory_limited = memory_limited && m;
    if (c) combine(cpu_limit, c->milli_value());
    if (m) combine(memory_limit, m->value());
  };
  for (auto& c : pod.spec().containers()) add(c.resources(), true);
  for (auto& c : pod.spec().init_containers()) add(c.resources(), restartable_init(c));
  if (pod.spec().has_resources()) { // what is said for the pod counts more than any sum
    auto& r = pod.spec().resources();
    if (auto q = amount(r.requests(), "cpu")) cpu = q->milli_value();
    if (auto q = amount(r.limits(), "cpu")) cpu_limited = true, cpu_limit = q->milli_value();
    if (auto q = amount(r.limits(), "memory")) memory_limited = true, memory_limit = q->value();
  }
  out.cpu_shares = shares_of(cpu);
  if (cpu_limited && cpu_limit) out.cpu_quota_us = std::max<int64_t>(1000, cpu_limit * 100);
  if (memory_limited) out.memory_bytes = memory_limit;
  out.pids = machine.pids_max;
  return out;
}

std::string container_cgroup(const std::string& pod, const std::string& id) {
  return pod + "/" + id.substr(id.find('.') + 1);
}

std::string pod_cgroup(const std::string& root, const Pod& pod) {
  auto qos = schema::qos_class(pod.spec());
  auto middle = qos == "Guaranteed" ? "" : qos == "Burstable" ? "/burstable" : "/besteffort";
  return "/" + root + middle + "/pod" + pod.metadata().uid();
}

std::string forbidden_sysctl(const Pod& pod, const std::vector<std::string>& unsafe_allowed) {
  // Bound to the pod's own namespaces, and harmless to its neighbours.
  static const std::set<std::string> safe = {
      "kernel.shm_rmid_forced",           "net.ipv4.ip_local_port_range",
      "net.ipv4.ip_local_reserved_ports", "net.ipv4.ip_unprivileged_port_start",
      "net.ipv4.ping_group_range",        "net.ipv4.tcp_fin_timeout",
      "net.ipv4.tcp_keepalive_intvl",     "net.ipv4.tcp_keepalive_probes",
      "net.ipv4.tcp_keepalive_time",      "net.ipv4.tcp_rmem",
      "net.ipv4.tcp_syncookies",          "net.ipv4.tcp_wmem"};
  auto& spec = pod.spec();
  for (auto& s : spec.security_context().sysctls()) {
    auto name = s.name();
    std::replace(name.begin(), name.end(), '/', '.');
    bool allowed = safe.contains(name);
    for (auto& pattern : unsafe_allowed)
      allowed = allowed ||
                (pattern.ends_with("*") ? name.starts_with(pattern.substr(0, pattern.size() - 1))
                                        : name == pattern);
    if (!allowed || (spec.host_network() && name.starts_with("net.")) ||
        (spec.host_ipc() && name.starts_with("kernel.")))
      return s.name();
  }
  return {};
}

std::string localhost_profile(const Pod& pod, const Container& spec) {
  auto& own = spec.security_context();
  auto& profile = own.has_seccomp_profile() ? own.seccomp_profile()
                                            : pod.spec().security_context().seccomp_profile();
  return profile.type() == "Localhost" ? profile.localhost_profile() : std::string{};
}

} // namespace troupe::node
