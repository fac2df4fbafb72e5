#include "bin/cluster/spaces.hpp"

#include "net/tls/files.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <linux/nsfs.h>
#include <optional>
#include <poll.h>
#include <sched.h>
#include <spawn.h>
#include <sstream>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace troupe::clusters {

namespace {

/// Where `ip netns` looks for names.
const std::filesystem::path names_directory = "/run/netns";

error failed(const std::string& what) { return {errc::internal, what + ": " + strerror(errno)}; }

/// Does `work` on a thread of its own, whose network may then be another one.
template<class Work> auto apart(Work work) -> decltype(work()) {
  std::optional<decltype(work())> out;
  std::thread([&] { out.emplace(work()); }).join();
  return std::move(*out);
}

result<void> pin(const std::filesystem::path& name) {
  if (unshare(CLONE_NEWNET) != 0) return failed("cannot make a network namespace");
  if (mount("/proc/thread-self/ns/net", name.c_str(), nullptr, MS_BIND, nullptr) != 0)
    return failed("cannot keep a network namespace as " + name.string());
  return {};
}

/// A process as /proc shows it.
struct sight {
  std::string beginning; ///< in ticks since the machine began; empty: there is no such process
  bool ends = false;     ///< it has ended, or nothing keeps it from doing so
};

/// A process that was killed runs on until it has heard of it: the signal waits beside it.
bool is_killed(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("SigPnd:") || line.starts_with("ShdPnd:"))
      if (strtoull(line.c_str() + 7, nullptr, 16) & (1u << (SIGKILL - 1))) return true;
  return false;
}

sight look_at(int pid) {
  constexpr unsigned exiting = 0x4, signalled = 0x400; // PF_EXITING, PF_SIGNALED; proc(5), flags
  constexpr int state_field = 0, flags_field = 6, beginning_field = 19; // behind the name
  bool killed = is_killed(pid); // before the rest: it is forgotten when the end begins
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  auto behind_name = text.rfind(')');
  if (behind_name == text.npos) return {{}, true};
  std::istringstream fields(text.substr(behind_name + 1));
  sight out;
  out.ends = killed;
  std::string word;
  for (int i = 0; i <= beginning_field && fields >> word; ++i) {
    if (i == state_field) out.ends |= word == "Z" || word == "X";
    if (i == flags_field)
      out.ends |= (strtoul(word.c_str(), nullptr, 10) & (exiting | signalled)) != 0;
  }
  out.beginning = word;
  return out;
}

/// The process that a file remembers, and whether it ends; 0 if there is none any more.
std::pair<int, bool> found_by(const std::filesystem::path& file) {
  std::ifstream in(file);
  int pid = 0;
  std::string beginning;
  if (!(in >> pid >> beginning) || pid <= 0) return {0, true};
  auto now = look_at(pid);
  return now.beginning == beginning ? std::pair{pid, now.ends} : std::pair{0, true};
}

/// Whether a process has ended when the patience is over.
bool has_ended(int pid, std::chrono::milliseconds patience) {
  int handle = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (handle < 0) return true;
  pollfd wait{handle, POLLIN, 0};
  bool ended = poll(&wait, 1, static_cast<int>(patience.count())) > 0;
  close(handle);
  return ended;
}

struct file_actions {
  file_actions() { posix_spawn_file_actions_init(&held); }
  ~file_actions() { posix_spawn_file_actions_destroy(&held); }
  posix_spawn_file_actions_t held;
};

struct attributes {
  attributes() {
    posix_spawnattr_init(&held);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&held, &none);
    posix_spawnattr_setsigdefault(&held, &all);
    posix_spawnattr_setflags(&held,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  }
  ~attributes() { posix_spawnattr_destroy(&held); }
  posix_spawnattr_t held;
};

result<int> spawn_here(const std::vector<std::string>& arguments, const std::filesystem::path& log,
                       const std::filesystem::path& other) {
  std::error_code none;
  auto program = other.empty() ? std::filesystem::read_symlink("/proc/self/exe", none).string()
                               : other.string();
  std::vector<char*> words{program.data()};
  for (auto& a : arguments) words.push_back(const_cast<char*>(a.c_str()));
  words.push_back(nullptr);
  file_actions files;
  posix_spawn_file_actions_addopen(&files.held, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files.held, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                   0600);
  posix_spawn_file_actions_adddup2(&files.held, 1, 2);
  posix_spawn_file_actions_addclosefrom_np(&files.held, 3);
  attributes how;
  pid_t pid = 0;
  if (int bad = posix_spawn(&pid, program.c_str(), &files.held, &how.held, words.data(), environ))
    return error{errc::internal, "cannot start " + program + ": " + strerror(bad)};
  return pid;
}

} // namespace

result<space> space::make(const std::string& name) {
  std::error_code bad;
  std::filesystem::create_directories(names_directory, bad);
  auto path = names_directory / name;
  // One that is left from before its process died is as good as a new one.
  if (auto old = open(name)) return old;
  int file = ::open(path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0444);
  if (file < 0) return failed("cannot make " + path.string());
  close(file);
  auto made = apart([&] { return pin(path); });
  if (!made) {
    std::filesystem::remove(path, bad);
    return made.error();
  }
  return open(name);
}

result<space> space::open(const std::string& name) {
  auto path = names_directory / name;
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failed("there is no network namespace " + name);
  // A file that nothing is mounted on belongs to no namespace.
  if (ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET) return space(fd);
  close(fd);
  return error{errc::not_found, path.string() + " is no network namespace"};
}

void space::remove(const std::string& name) {
  auto path = names_directory / name;
  umount2(path.c_str(), MNT_DETACH);
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
}

space::space(space&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
space::~space() {
  if (fd_ >= 0) close(fd_);
}

result<int> spawn(const std::vector<std::string>& arguments, const space* where,
                  const std::filesystem::path& log, const std::filesystem::path& program) {
  if (!where) return spawn_here(arguments, log, program);
  return apart([&]() -> result<int> {
    if (setns(where->fd(), CLONE_NEWNET) != 0) return failed("cannot enter a network namespace");
    return spawn_here(arguments, log, program);
  });
}

result<int> run(const std::vector<std::string>& arguments, const space* where,
                const std::filesystem::path& log) {
  auto pid = spawn(arguments, where, log);
  if (!pid) return pid;
  int status = 0;
  while (waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool ended(int pid) { return waitpid(pid, nullptr, WNOHANG) == pid; }

void remember(int pid, const std::filesystem::path& file) {
  (void)tls::save_private(file, std::to_string(pid) + " " + look_at(pid).beginning);
}

int remembered(const std::filesystem::path& file) {
  auto [pid, ends] = found_by(file);
  return ends ? 0 : pid;
}

bool await_end(const std::filesystem::path& file, std::chrono::milliseconds patience) {
  auto [pid, ends] = found_by(file);
  return pid == 0 || has_ended(pid, patience);
}

void end(const std::filesystem::path& file, std::chrono::milliseconds patience) {
  constexpr std::chrono::seconds killed_within{1};
  auto pid = found_by(file).first;
  if (pid == 0) return;
  kill(pid, SIGTERM);
  if (!has_ended(pid, patience)) {
    kill(pid, SIGKILL);
    (void)has_ended(pid, killed_within);
  }
  waitpid(pid, nullptr, WNOHANG); // if it is our own child
  std::error_code ignored;
  std::filesystem::remove(file, ignored);
}

} // namespace troupe::clusters
