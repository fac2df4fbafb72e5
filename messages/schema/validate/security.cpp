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
    auto name = dotted(list[i].name());
    if (!sysctl_name(list[i].name()))
      out.invalid(name_at, list[i].name(),
                  "must have at most 253 characters and match regex "
                  "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$");
    else if (seen.contains(list[i].name()))
      out.duplicate(name_at, list[i].name());
    seen.insert(list[i].name());
    bool ipc = name.starts_with("kernel.shm") || name.starts_with("kernel.msg") ||
               name == "kernel.sem" || name.starts_with("fs.mqueue.");
    if (spec.host_network() && name.starts_with("net."))
      out.invalid(name_at, list[i].name(), "may not be specified when 'hostNetwork' is true");
    if (spec.host_ipc() && ipc)
      out.invalid(name_at, list[i].name(), "may not be specified when 'hostIPC' is true");
  }
}

void seccomp(report& out, const path& at, const SeccompProfile& p) {
  auto local = at / "localhostProfile", type = at / "type";
  if (out.not_empty(type, p.type(), "type is required when seccompProfile is set"))
    out.one_of(type, p.type(), {"Localhost", "RuntimeDefault", "Unconfined"});
  if (p.type() == "Localhost") {
    if (p.has_localhost_profile())
      out.invalid(local, p.localhost_profile(), names::relative_path(p.localhost_profile()));
    else
      out.required(local, "must be set when seccomp type is Localhost");
  } else if (p.has_localhost_profile()) {
    out.invalid(local, p.localhost_profile(), "can only be set when seccomp type is Localhost");
  }
}

void app_armor(report& out, const path& at, const AppArmorProfile& p) {
  constexpr size_t name_max = 4095;
  constexpr const char* needed = "must be set when AppArmor type is Localhost";
  auto local = at / "localhostProfile", type = at / "type";
  if (!out.not_empty(type, p.type(), "type is required when appArmorProfile is set") ||
      !out.one_of(type, p.type(), {"Localhost", "RuntimeDefault", "Unconfined"}))
    return;
  auto& name = p.localhost_profile();
  if (p.type() != "Localhost") {
    if (p.has_localhost_profile())
      out.invalid(local, name, "can only be set when AppArmor type is Localhost");
  } else if (out.not_empty(local, name, needed)) {
    if (isspace(static_cast<unsigned char>(name.front())) ||
        isspace(static_cast<unsigned char>(name.back())))
      out.invalid(local, name, "must not be padded with whitespace");
    if (name.size() > name_max) out.too_long(local, name_max);
  }
}

/// "DOMAIN\\user" or "user", as Windows has them.
void windows_user(report& out, const path& at, const std::string& name) {
  constexpr size_t domain_max = 256, user_max = 104;
  auto refuse = [&](const std::string& why) { out.invalid(at, name, "runAsUserName" + why); };
  auto any = [](std::string_view s, auto what) { return std::any_of(s.begin(), s.end(), what); };
  if (name.empty()) return refuse(" cannot be an empty string");
  if (any(name, [](unsigned char c) { return iscntrl(c) != 0; }))
    return refuse(" cannot contain control characters");
  if (std::count(name.begin(), name.end(), '\\') > 1)
    return refuse(" cannot contain more than one backslash");
  auto slash = name.find('\\');
  auto domain = slash == name.npos ? std::string() : name.substr(0, slash);
  auto user = slash == name.npos ? name : name.substr(slash + 1);
  auto among = [](std::string_view set) {
    return [set](char c) { return set.find(c) != set.npos; };
  };
  auto lower = domain;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return tolower(c); });
  bool net_bios = !domain.empty() && domain.size() <= 15 && domain[0] != '.' &&
                  !any(domain, among("\\/:*?\"<>|"));
  if (domain.size() >= domain_max)
    refuse("'s Domain length must be under " + std::to_string(domain_max) + " characters");
  if (slash != name.npos && !net_bios && !names::dns_subdomain(lower).empty())
    refuse("'s Domain doesn't match the NetBios nor the DNS format");
  if (user.empty())
    refuse("'s User cannot be empty");
  else if (user.size() > user_max)
    refuse("'s User length must not be longer than " + std::to_string(user_max) + " characters");
  if (!user.empty() && user.find_first_not_of(". ") == user.npos)
    refuse("'s User cannot contain only periods or spaces");
  if (any(user, among("\"/\\:;|=,+*?<>@[]")))
    refuse("'s User cannot contain the following characters: \"/\\:;|=,+*?<>@[]");
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
      out.invalid(at / "gmsaCredentialSpec", w.gmsa_credential_spec(),
                  "gmsaCredentialSpec size must be under 64 KiB");
  }
  if (w.has_run_as_user_name()) windows_user(out, at / "runAsUserName", w.run_as_user_name());
}

/// Who may not gain rights cannot have them all from the start.
void escalation(report& out, const path& at, const SecurityContext& s) {
  if (s.privileged())
    out.invalid(at, "privileged",
                "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
  for (auto& capability : s.capabilities().add())
    if (capability == "CAP_SYS_ADMIN")
      out.invalid(
          at, capability,
          "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN");
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
    out.invalid(at / "shareProcessNamespace", true,
                "ShareProcessNamespace and HostPID cannot both be enabled");
  if (s.sysctls_size() > 0) sysctls(out, at / "sysctls", spec);
  if (s.has_fs_group_change_policy())
    out.one_of(at / "fsGroupChangePolicy", s.fs_group_change_policy(),
               {"Always", "OnRootMismatch"});
  if (s.has_seccomp_profile()) seccomp(out, at / "seccompProfile", s.seccomp_profile());
  if (s.has_windows_options()) windows(out, at / "windowsOptions", s.windows_options());
  if (s.has_app_armor_profile()) app_armor(out, at / "appArmorProfile", s.app_armor_profile());
  if (s.has_supplemental_groups_policy())
    out.one_of(at / "supplementalGroupsPolicy", s.supplemental_groups_policy(),
               {"Merge", "Strict"});
  if (s.has_se_linux_change_policy())
    out.one_of(at / "seLinuxChangePolicy", s.se_linux_change_policy(),
               {"MountOption", "Recursive"});
}

void own_users(report& out, const path& at, const PodSpec& spec) {
  constexpr const char* why = "when `pod.Spec.HostUsers` is false";
  if (!spec.has_host_users() || spec.host_users()) return;
  if (spec.host_network()) out.forbidden(at / "hostNetwork", why);
  // Kubernetes' spelling of these two.
  if (spec.host_pid()) out.forbidden(at / "HostPID", why);
  if (spec.host_ipc()) out.forbidden(at / "HostIPC", why);
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
  if (s.has_seccomp_profile()) seccomp(out, at / "seccompProfile", s.seccomp_profile());
  if (s.has_allow_privilege_escalation() && !s.allow_privilege_escalation()) escalation(out, at, s);
  if (s.has_windows_options()) windows(out, at / "windowsOptions", s.windows_options());
  if (s.has_app_armor_profile()) app_armor(out, at / "appArmorProfile", s.app_armor_profile());
}

} // namespace troupe::schema::validate
