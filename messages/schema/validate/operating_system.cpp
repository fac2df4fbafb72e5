// What a pod may not ask of the system that it says it is for, and pods that are processes of a
// Windows host.
#include "messages/schema/validate/pod.hpp"

#include "messages/api/pod.pb.h"

namespace troupe::schema::validate {

namespace {

using namespace k8s::core::v1;

void linux_only(report& out, const path& at, const PodSpec& spec) {
  constexpr const char* why = "windows options cannot be set for a linux pod";
  if (spec.security_context().has_windows_options())
    out.forbidden(at / "securityContext.windowsOptions", why);
  each_container(at, spec, [&](const path& here, const std::string&, const SecurityContext& s) {
    if (s.has_windows_options()) out.forbidden(here / "securityContext.windowsOptions", why);
  });
}

void windows_only(report& out, const path& at, const PodSpec& spec) {
  auto unset = [&](const path& here, const char* field, bool set) {
    if (set) out.forbidden(here / field, "cannot be set for a windows pod");
  };
  auto& pod = spec.security_context();
  auto context = at / "securityContext";
  unset(context, "appArmorProfile", pod.has_app_armor_profile());
  unset(context, "seLinuxOptions", pod.has_se_linux_options());
  unset(at, "hostUsers", spec.has_host_users());
  unset(at, "hostPID", spec.host_pid());
  unset(at, "hostIPC", spec.host_ipc());
  unset(context, "seccompProfile", pod.has_seccomp_profile());
  unset(context, "fsGroup", pod.has_fs_group());
  unset(context, "fsGroupChangePolicy", pod.has_fs_group_change_policy());
  unset(context, "sysctls", pod.sysctls_size() > 0);
  unset(at, "shareProcessNamespace", spec.has_share_process_namespace());
  unset(context, "runAsUser", pod.has_run_as_user());
  unset(context, "runAsGroup", pod.has_run_as_group());
  unset(context, "supplementalGroups", pod.supplemental_groups_size() > 0);
  unset(context, "supplementalGroupsPolicy", pod.has_supplemental_groups_policy());
  unset(context, "seLinuxChangePolicy", pod.has_se_linux_change_policy());
  each_container(at, spec, [&](const path& here, const std::string&, const SecurityContext& s) {
    auto own = here / "securityContext";
    unset(own, "appArmorProfile", s.has_app_armor_profile());
    unset(own, "seLinuxOptions", s.has_se_linux_options());
    unset(own, "seccompProfile", s.has_seccomp_profile());
    unset(own, "capabilities", s.has_capabilities());
    unset(own, "readOnlyRootFilesystem", s.has_read_only_root_filesystem());
    unset(own, "privileged", s.has_privileged());
    unset(own, "allowPrivilegeEscalation", s.has_allow_privilege_escalation());
    unset(own, "procMount", s.has_proc_mount());
    unset(own, "runAsUser", s.has_run_as_user());
    unset(own, "runAsGroup", s.has_run_as_group());
  });
}

} // namespace

void operating_system(report& out, const path& at, const PodSpec& spec) {
  if (!spec.has_os()) return;
  auto& name = spec.os().name();
  if (name.empty())
    out.required(at / "os.name", "cannot be empty");
  else if (name == "linux")
    linux_only(out, at, spec);
  else if (name == "windows")
    windows_only(out, at, spec);
  else
    out.not_supported(at / "os", name, {"linux", "windows"});
}

void host_processes(report& out, const path& at, const PodSpec& spec) {
  auto& pod = spec.security_context().windows_options();
  int count = 0, on_host = 0;
  each_container(at, spec, [&](const path& here, const std::string&, const SecurityContext& s) {
    auto& own = s.windows_options();
    ++count;
    if (own.has_host_process() ? own.host_process() : pod.host_process()) ++on_host;
    if (own.has_host_process() && pod.has_host_process() &&
        own.host_process() != pod.host_process())
      out.invalid(
          here / "securityContext.windowsOptions.hostProcess", own.host_process(),
          std::string("pod hostProcess value must be identical if both are specified, was ") +
              (pod.host_process() ? "true" : "false"));
  });
  if (on_host == 0) return;
  if (on_host != count)
    out.invalid(
        at, "",
        "If pod contains any hostProcess containers then all containers must be HostProcess "
        "containers");
  if (!spec.host_network())
    out.invalid(at / "hostNetwork", false,
                "hostNetwork must be true if pod contains any hostProcess containers");
}

} // namespace troupe::schema::validate
