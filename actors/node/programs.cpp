#include "actors/node/programs.hpp"

#include "actors/node/files.hpp"

#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <initializer_list>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

extern char** environ;

namespace troupe::node {

namespace {

/// What a child begins with: which files, which signals.
class start_plan {
public:
  start_plan() {
    posix_spawn_file_actions_init(&files_);
    posix_spawnattr_init(&how_);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&how_, &none);
    posix_spawnattr_setsigdefault(&how_, &all);
    posix_spawnattr_setflags(&how_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~start_plan() {
    posix_spawn_file_actions_destroy(&files_);
    posix_spawnattr_destroy(&how_);
  }
  void put(int fd, int as) { posix_spawn_file_actions_adddup2(&files_, fd, as); }
  void close_from(int first) { posix_spawn_file_actions_addclosefrom_np(&files_, first); }

  result<pid_t> start(const std::vector<std::string>& words,
                      const std::vector<std::string>& more_environment) {
    std::vector<char*> argv, env;
    for (auto& w : words) argv.push_back(const_cast<char*>(w.c_str()));
    argv.push_back(nullptr);
    for (auto& e : more_environment) env.push_back(const_cast<char*>(e.c_str()));
    for (auto e = environ; *e; ++e) env.push_back(*e);
    env.push_back(nullptr);
    pid_t pid = 0;
    if (int bad = posix_spawnp(&pid, argv[0], &files_, &how_, argv.data(), env.data())) {
      errno = bad;
      return system_error("run", words[0]);
    }
    return pid;
  }

private:
  posix_spawn_file_actions_t files_;
  posix_spawnattr_t how_;
};

} // namespace

result<program_result> run_program(const std::vector<std::string>& words,
                                   std::chrono::milliseconds patience,
                                   const std::vector<std::string>& more_environment,
                                   const std::function<void(std::string_view)>& heard) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC)) return system_error("make a pipe for", words[0]);
  descriptor ours(ends[0]), theirs(ends[1]), nothing(open("/dev/null", O_RDWR | O_CLOEXEC));
  start_plan plan;
  plan.put(nothing.get(), 0);
  plan.put(theirs.get(), 1);
  plan.put(theirs.get(), 2);
  plan.close_from(3);
  auto pid = plan.start(words, more_environment);
  if (!pid) return pid.error();
  theirs.reset();
  program_result out;
  auto end = std::chrono::steady_clock::now() + patience;
  bool late = false;
  for (;;) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    pollfd wait{ours.get(), POLLIN, 0};
    if (left.count() <= 0 || poll(&wait, 1, static_cast<int>(left.count())) == 0) {
      late = true;
      kill(*pid, SIGKILL);
      break;
    }
    char chunk[4096];
    auto n = read(ours.get(), chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    if (heard) heard({chunk, static_cast<size_t>(n)});
    auto room = program_output_max - std::min(program_output_max, out.output.size());
    out.output.append(chunk, std::min(static_cast<size_t>(n), room));
  }
  int status = 0;
  while (waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (late)
    return error{errc::timeout, words[0] + " has not ended within " +
                                    std::to_string(patience.count()) + " ms: " + out.output};
  out.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return out;
}

result<detaching> detaching::start(const std::vector<std::string>& words, int fd) {
  descriptor nothing(open("/dev/null", O_RDWR | O_CLOEXEC));
  // Above 3, so that putting it there clears its close-on-exec mark.
  descriptor high(fcntl(fd, F_DUPFD_CLOEXEC, 10));
  start_plan plan;
  for (int as : {0, 1, 2}) plan.put(nothing.get(), as);
  plan.put(high.get(), 3);
  plan.close_from(4);
  auto pid = plan.start(words, {});
  if (!pid) return pid.error();
  return detaching(words[0], *pid);
}

result<void> detaching::finish() {
  auto pid = std::exchange(pid_, 0);
  if (pid == 0) return {};
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0) return error{errc::internal, name_ + " did not start"};
  return {};
}

} // namespace troupe::node
