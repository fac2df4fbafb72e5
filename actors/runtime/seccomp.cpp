#include "actors/runtime/seccomp.hpp"

#include "messages/base/json.hpp"

#include <algorithm>
#include <sstream>

namespace troupe::runtime {

namespace {

// Grouped by purpose. What is not named is refused with EPERM: loading modules, mounting, changing
// the clock, tracing the kernel, keyrings, new namespaces, swap, reboot and whatever is yet to
// come.
constexpr const char* allowed =
    // files and directories
    "access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 "
    "faccessat "
    "faccessat2 fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32 "
    "fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fremovexattr fsetxattr fstat "
    "fstat64 "
    "fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64 "
    "getxattr getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch lchown "
    "lchown32 lgetxattr link linkat listxattr listxattrat llistxattr _llseek lremovexattr lseek "
    "lsetxattr lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat "
    "openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat "
    "readv removexattr removexattrat rename renameat renameat2 rmdir sendfile sendfile64 setxattr "
    "setxattrat splice stat stat64 statfs statfs64 statmount listmount statx symlink symlinkat "
    "sync "
    "sync_file_range syncfs tee truncate truncate64 umask unlink unlinkat utime utimensat "
    "utimensat_time64 utimes vmsplice write writev fanotify_mark "
    // memory
    "brk cachestat get_mempolicy madvise map_shadow_stack memfd_create memfd_secret mincore mlock "
    "mlock2 mlockall mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc "
    "pkey_free pkey_mprotect process_madvise process_mrelease remap_file_pages membarrier "
    // processes and threads
    "arch_prctl capget capset execve execveat exit exit_group fork futex futex_requeue "
    "futex_time64 "
    "futex_wait futex_waitv futex_wake get_robust_list get_thread_area getpgid getpgrp getpid "
    "getppid "
    "getpriority getsid gettid kill pidfd_open pidfd_send_signal prctl rseq sched_getaffinity "
    "sched_getattr sched_getparam sched_get_priority_max sched_get_priority_min sched_getscheduler "
    "sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr "
    "sched_setparam sched_setscheduler sched_yield set_robust_list set_thread_area set_tid_address "
    "setpgid setpriority setsid tgkill tkill vfork wait4 waitid waitpid ptrace process_vm_readv "
    "process_vm_writev "
    // identities and limits
    "getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid "
    "getresgid32 "
    "getresuid getresuid32 getrlimit getrusage getuid getuid32 prlimit64 setfsgid setfsgid32 "
    "setfsuid "
    "setfsuid32 setgid setgid32 setgroups setgroups32 setregid setregid32 setresgid setresgid32 "
    "setresuid setresuid32 setreuid setreuid32 setrlimit setuid setuid32 ugetrlimit "
    "landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp lsm_get_self_attr "
    "lsm_list_modules lsm_set_self_attr "
    // signals and time
    "adjtimex alarm clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep "
    "clock_nanosleep_time64 getitimer gettimeofday nanosleep pause restart_syscall rt_sigaction "
    "rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait "
    "rt_sigtimedwait_time64 rt_tgsigqueueinfo setitimer sigaltstack signalfd signalfd4 sigprocmask "
    "sigreturn time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 "
    "timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 "
    "timerfd_settime "
    "timerfd_settime64 times "
    // waiting and talking
    "accept accept4 bind connect epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait "
    "epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 getpeername getsockname getsockopt "
    "io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ioctl "
    "ioprio_get ioprio_set ipc listen mq_getsetattr mq_notify mq_open mq_timedreceive "
    "mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd "
    "_newselect pipe pipe2 poll ppoll ppoll_time64 pselect6 pselect6_time64 recv recvfrom recvmmsg "
    "recvmmsg_time64 recvmsg select semctl semget semop semtimedop semtimedop_time64 send sendmmsg "
    "sendmsg sendto setsockopt shmat shmctl shmdt shmget shutdown socketcall socketpair "
    // the rest of the machine
    "getcpu getrandom sysinfo uname uretprobe";

struct grant {
  const char* capability;
  const char* calls;
};
constexpr grant grants[] = {
    {"CAP_DAC_READ_SEARCH", "open_by_handle_at"},
    {"CAP_SYS_ADMIN",
     "bpf clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr "
     "move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns "
     "syslog umount umount2 unshare"},
    {"CAP_SYS_BOOT", "reboot"},
    {"CAP_SYS_CHROOT", "chroot"},
    {"CAP_SYS_MODULE", "delete_module finit_module init_module"},
    {"CAP_SYS_PACCT", "acct"},
    {"CAP_SYS_PTRACE", "kcmp pidfd_getfd"},
    {"CAP_SYS_RAWIO", "ioperm iopl"},
    {"CAP_SYS_TIME", "clock_settime clock_settime64 settimeofday stime"},
    {"CAP_SYS_TTY_CONFIG", "vhangup"},
    {"CAP_SYS_NICE", "mbind set_mempolicy set_mempolicy_home_node migrate_pages move_pages"},
    {"CAP_SYSLOG", "syslog"},
    {"CAP_BPF", "bpf"},
    {"CAP_PERFMON", "perf_event_open"},
};

void add_names(json::array& to, const char* words) {
  std::istringstream in(words);
  for (std::string word; in >> word;) to.emplace_back(word);
}

json::object rule(json::array names, const char* action) {
  return json::object{{"names", std::move(names)}, {"action", action}};
}

json::object condition(int index, uint64_t value, const char* how, uint64_t second = 0) {
  return json::object{{"index", index}, {"value", value}, {"valueTwo", second}, {"op", how}};
}

} // namespace

std::string default_seccomp(const std::vector<std::string>& capabilities) {
  auto has = [&](const char* name) {
    return std::find(capabilities.begin(), capabilities.end(), name) != capabilities.end();
  };
  json::array names;
  add_names(names, allowed);
  for (auto& g : grants)
    if (has(g.capability)) add_names(names, g.calls);
  json::array rules;
  rules.push_back(rule(std::move(names), "SCMP_ACT_ALLOW"));
  // Personalities that change nothing about safety.
  for (uint64_t persona :
       {uint64_t{0}, uint64_t{8}, uint64_t{0x20000}, uint64_t{0x20008}, uint64_t{0xffffffff}}) {
    auto r = rule({"personality"}, "SCMP_ACT_ALLOW");
    r["args"] = json::array{condition(0, persona, "SCMP_CMP_EQ")};
    rules.push_back(std::move(r));
  }
  // Every family of sockets but those that reach the hypervisor (AF_VSOCK, 40).
  for (auto how : {"SCMP_CMP_LT", "SCMP_CMP_GT"}) {
    auto r = rule({"socket"}, "SCMP_ACT_ALLOW");
    r["args"] = json::array{condition(0, 40, how)};
    rules.push_back(std::move(r));
  }
  if (has("CAP_SYS_ADMIN")) {
    rules.push_back(rule({"clone"}, "SCMP_ACT_ALLOW"));
  } else {
    // No new namespaces. clone3 hides its flags behind a pointer: libraries fall back on ENOSYS.
    auto r = rule({"clone"}, "SCMP_ACT_ALLOW");
    r["args"] = json::array{condition(0, 0x7e020000, "SCMP_CMP_MASKED_EQ")};
    rules.push_back(std::move(r));
    auto no = rule({"clone3"}, "SCMP_ACT_ERRNO");
    no["errnoRet"] = 38;
    rules.push_back(std::move(no));
  }
  // Not x32, which kernels leave out unless they are told otherwise at boot: each architecture
  // costs the start of a container 6 ms.
  json::object out {
    {"defaultAction", "SCMP_ACT_ERRNO"}, {"defaultErrnoRet", 1},
#if defined(__x86_64__)
        {"architectures", {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86"}},
#elif defined(__aarch64__)
        {"architectures", {"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"}},
#endif
    {
      "syscalls", std::move(rules)
    }
  };
  return json::write(json::value(std::move(out)));
}

} // namespace troupe::runtime
