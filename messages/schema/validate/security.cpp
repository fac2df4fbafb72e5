// Identities and rights of a pod's processes.
#include "messages/schema/validate/rules.hpp"

#include "messages/api/pod.pb.h"

#include <algorithm>

namespace troupe::schema::validate {

namespace {

using namespace k8s::core::v1;

constexpr size_t sysctl_name_max = 253;

/// Segments of lower case letters, digits, '-' and '_', joined by dots or slashes.
bool sysctl_name(std::string_view name) {
  if (name.empty() || name.size() > sysctl_name_max) return false;
  auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  bool start = true; // of a segment
  for (size_t i = 0; i < name.size(); ++i) {
    auto c = name[i];
    if (c == '.' || c == '/') {
      if (start || !plain(name[i - 1])) return false;
      start = true;
    } else if (start ? !plain(c) : !plain(c) && c != '-' && c != '_') {
      return false;
    } else {
      start = false;
    }
  }
  return !start && plain(name.back());
}

/// "/proc/sys" style and dotted names mean the same: the first separator decides.
std::string dotted(std::string name) {
  auto first = name.find_first_of("./");
  if (first == name.npos || name[first] == '.') return name;
  for (auto& c : name) c = c == '/' ? '.' : c == '.' ? '/' : c;
  return name;
}

void sysctls(report& out, const path& at, const PodSpec& spec) {
  std::set<std::string> seen;
  auto& list = spec.security_context().sysctls();
  for (int i = 0; i < list.size(); ++i) {
    auto here = at[i];
    auto name_at = here / "name";
    if (!out.not_empty(name_at, list[i].name())) continue;
    if (!sysctl_name(list[i].name()))
      out.invalid(name_at, list[i].name(),
                  "must have at most 253 characters and match regex "
                  "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$");
    auto name = dotted(list[i].name());
    if (!seen.insert(name).second) out.duplicate(name_at, list[i].name());
    bool ipc = name.starts_with("kernel.shm") || name.starts_with("kernel.msg") ||
               name == "kernel.sem" || name.starts_with("fs.mqueue.");
    if (spec.host_network() && name.starts_with("net."))
      out.invalid(name_at, list[i].name(), "may not be specified when 'hostNetwork' is true");
    if (spec.host_ipc() && ipc)
      out.invalid(name_at, list[i].name(), "may not be specified when 'hostIPC' is true");
  }
}

template<class Profile>
void profile(report& out, const path& at, const Profile& p, bool needs_local_path) {
  auto local = at / "localhostProfile";
  if (!out.one_of(at / "type", p.type(), {"Localhost", "RuntimeDefault", "Unconfined"})) return;
  if (p.type() == "Localhost") {
    if (p.localhost_profile().empty()) {
      out.required(local, "must be set when type is Localhost");
    } else if (needs_local_path) {
      if (p.localhost_profile().starts_with('/'))
        out.invalid(local, p.localhost_profile(), "must be a relative path");
      out.invalid(local, p.localhost_profile(), names::no_back_steps(p.localhost_profile()));
    } else if (p.localhost_profile().size() > 4096) {
      out.too_long(local, 4096);
    }
  } else if (p.has_localhost_profile()) {
    out.invalid(local, p.localhost_profile(), "can only be set when type is Localhost");
  }
}

void windows(report& out, const path& at, const WindowsSecurityContextOptions& w) {
  constexpr size_t spec_max = 64 * 1024;
  if (w.has_gmsa_credential_spec_name())
    out.invalid(at / "gmsaCredentialSpecName", w.gmsa_credential_spec_name(),
                names::dns_subdomain(w.gmsa_credential_spec_name()));
  if (w.has_gmsa_credential_spec()) {
    if (w.gmsa_credential_spec().empty())
      out.invalid(at / "gmsaCredentialSpec", w.gmsa_credential_spec(),
                  "gmsaCredentialSpec cannot be an empty string");
    else if (w.gmsa_credential_spec().size() > spec_max)
      out.too_long(at / "gmsaCredentialSpec", spec_max);
  }
  if (w.has_run_as_user_name() && w.run_as_user_name().empty())
    out.invalid(at / "runAsUserName", w.run_as_user_name(),
                "runAsUserName cannot be an empty string");
}

} // namespace

void pod_security(report& out, const path& top, const PodSpec& spec) {
  auto at = top / "securityContext";
  auto& s = spec.security_context();
  if (s.has_fs_group()) out.invalid(at / "fsGroup", s.fs_group(), names::id(s.fs_group()));
  if (s.has_run_as_user())
    out.invalid(at / "runAsUser", s.run_as_user(), names::id(s.run_as_user()));
  if (s.has_run_as_group())
    out.invalid(at / "runAsGroup", s.run_as_group(), names::id(s.run_as_group()));
  auto groups = at / "supplementalGroups";
  for (int i = 0; i < s.supplemental_groups_size(); ++i)
    out.invalid(groups[i], s.supplemental_groups(i), names::id(s.supplemental_groups(i)));
  if (spec.share_process_namespace() && spec.host_pid())
    out.invalid(top / "shareProcessNamespace", true,
                "ShareProcessNamespace and HostPID cannot both be enabled");
  if (s.sysctls_size() > 0) sysctls(out, at / "sysctls", spec);
  if (s.has_fs_group_change_policy())
    out.one_of(at / "fsGroupChangePolicy", s.fs_group_change_policy(),
               {"OnRootMismatch", "Always"});
  if (s.has_supplemental_groups_policy())
    out.one_of(at / "supplementalGroupsPolicy", s.supplemental_groups_policy(),
               {"Merge", "Strict"});
  if (s.has_se_linux_change_policy())
    out.one_of(at / "seLinuxChangePolicy", s.se_linux_change_policy(),
               {"MountOption", "Recursive"});
  if (s.has_seccomp_profile()) profile(out, at / "seccompProfile", s.seccomp_profile(), true);
  if (s.has_app_armor_profile()) profile(out, at / "appArmorProfile", s.app_armor_profile(), false);
  if (s.has_windows_options()) windows(out, at / "windowsOptions", s.windows_options());
  if (spec.has_host_users() && !spec.host_users()) {
    if (spec.host_pid()) out.forbidden(top / "hostPID", "when `pod.Spec.HostUsers` is false");
    if (spec.host_ipc()) out.forbidden(top / "hostIPC", "when `pod.Spec.HostUsers` is false");
    if (spec.host_network())
      out.forbidden(top / "hostNetwork", "when `pod.Spec.HostUsers` is false");
  }
}

void container_security(report& out, const path& at, const Container& c, const PodSpec& spec) {
  auto& s = c.security_context();
  if (s.has_run_as_user())
    out.invalid(at / "runAsUser", s.run_as_user(), names::id(s.run_as_user()));
  if (s.has_run_as_group())
    out.invalid(at / "runAsGroup", s.run_as_group(), names::id(s.run_as_group()));
  if (!s.proc_mount().empty()) {
    out.one_of(at / "procMount", s.proc_mount(), {"Default", "Unmasked"});
    if (s.proc_mount() == "Unmasked" && !(spec.has_host_users() && !spec.host_users()))
      out.invalid(at / "procMount", s.proc_mount(), "`hostUsers` must be false to use `Unmasked`");
  }
  if (s.has_seccomp_profile()) profile(out, at / "seccompProfile", s.seccomp_profile(), true);
  if (s.has_app_armor_profile()) profile(out, at / "appArmorProfile", s.app_armor_profile(), false);
  if (s.has_windows_options()) windows(out, at / "windowsOptions", s.windows_options());
  if (!s.has_allow_privilege_escalation() || s.allow_privilege_escalation()) return;
  if (s.privileged())
    out.invalid(at, "privileged",
                "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
  for (auto& capability : s.capabilities().add())
    if (capability == "CAP_SYS_ADMIN")
      out.invalid(
          at, capability,
          "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN");
}

} // namespace troupe::schema::validate
