#include "actors/runtime/capabilities.hpp"

#include <algorithm>
#include <set>

namespace troupe::runtime {

const std::vector<std::string>& all_capabilities() {
  static const std::vector<std::string> names = {"CAP_CHOWN",
                                                 "CAP_DAC_OVERRIDE",
                                                 "CAP_DAC_READ_SEARCH",
                                                 "CAP_FOWNER",
                                                 "CAP_FSETID",
                                                 "CAP_KILL",
                                                 "CAP_SETGID",
                                                 "CAP_SETUID",
                                                 "CAP_SETPCAP",
                                                 "CAP_LINUX_IMMUTABLE",
                                                 "CAP_NET_BIND_SERVICE",
                                                 "CAP_NET_BROADCAST",
                                                 "CAP_NET_ADMIN",
                                                 "CAP_NET_RAW",
                                                 "CAP_IPC_LOCK",
                                                 "CAP_IPC_OWNER",
                                                 "CAP_SYS_MODULE",
                                                 "CAP_SYS_RAWIO",
                                                 "CAP_SYS_CHROOT",
                                                 "CAP_SYS_PTRACE",
                                                 "CAP_SYS_PACCT",
                                                 "CAP_SYS_ADMIN",
                                                 "CAP_SYS_BOOT",
                                                 "CAP_SYS_NICE",
                                                 "CAP_SYS_RESOURCE",
                                                 "CAP_SYS_TIME",
                                                 "CAP_SYS_TTY_CONFIG",
                                                 "CAP_MKNOD",
                                                 "CAP_LEASE",
                                                 "CAP_AUDIT_WRITE",
                                                 "CAP_AUDIT_CONTROL",
                                                 "CAP_SETFCAP",
                                                 "CAP_MAC_OVERRIDE",
                                                 "CAP_MAC_ADMIN",
                                                 "CAP_SYSLOG",
                                                 "CAP_WAKE_ALARM",
                                                 "CAP_BLOCK_SUSPEND",
                                                 "CAP_AUDIT_READ",
                                                 "CAP_PERFMON",
                                                 "CAP_BPF",
                                                 "CAP_CHECKPOINT_RESTORE"};
  return names;
}

namespace {

const std::set<std::string> by_default = {
    "CAP_AUDIT_WRITE", "CAP_CHOWN",   "CAP_DAC_OVERRIDE",     "CAP_FOWNER",    "CAP_FSETID",
    "CAP_KILL",        "CAP_MKNOD",   "CAP_NET_BIND_SERVICE", "CAP_NET_RAW",   "CAP_SETFCAP",
    "CAP_SETGID",      "CAP_SETPCAP", "CAP_SETUID",           "CAP_SYS_CHROOT"};

std::string full_name(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), ::toupper);
  return name.starts_with("CAP_") || name == "ALL" ? name : "CAP_" + name;
}

bool names_all(const std::vector<std::string>& list) {
  return std::any_of(list.begin(), list.end(), [](auto& n) { return full_name(n) == "ALL"; });
}

} // namespace

std::vector<std::string> container_capabilities(const std::vector<std::string>& add,
                                                const std::vector<std::string>& drop,
                                                bool privileged, uint64_t bounding) {
  auto& all = all_capabilities();
  std::set<std::string> chosen = by_default;
  if (privileged || names_all(add)) chosen = {all.begin(), all.end()};
  if (names_all(drop)) chosen.clear();
  // What is named itself counts more than ALL.
  if (!names_all(add) || names_all(drop))
    for (auto& name : add)
      if (full_name(name) != "ALL") chosen.insert(full_name(name));
  for (auto& name : drop) chosen.erase(full_name(name));
  std::vector<std::string> out;
  for (size_t i = 0; i < all.size(); ++i)
    if ((bounding >> i & 1) && chosen.contains(all[i])) out.push_back(all[i]);
  return out;
}

} // namespace troupe::runtime
