// `troupe exec`, `troupe attach` and `troupe cp`: commands in containers, and files by way of them.
#include "bin/verbs/channel.hpp"
#include "bin/verbs/verbs.hpp"

#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <thread>
#include <unistd.h>

extern char** environ;

namespace troupe::verbs {

namespace {

error bad(std::string why) { return {errc::bad_request, std::move(why)}; }

enum : int {
  in_channel = 0,
  out_channel = 1,
  err_channel = 2,
  status_channel = 3,
  size_channel = 4
};

/// The terminal passes every key on while this lives.
class raw_terminal {
public:
  raw_terminal() {
    if (tcgetattr(STDIN_FILENO, &old_) != 0) return;
    auto raw = old_;
    cfmakeraw(&raw);
    changed_ = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
  }
  ~raw_terminal() {
    if (changed_) tcsetattr(STDIN_FILENO, TCSANOW, &old_);
  }

private:
  termios old_{};
  bool changed_ = false;
};

std::atomic<bool> resized{false};

void send_size(channel_session& to) {
  winsize size{};
  if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
    to.write(size_channel, "{\"Width\":" + std::to_string(size.ws_col) +
                               ",\"Height\":" + std::to_string(size.ws_row) + "}");
}

bool write_all(int fd, std::string_view data) {
  while (!data.empty()) {
    auto n = ::write(fd, data.data(), data.size());
    if (n < 0 && errno != EINTR && errno != EAGAIN) return false;
    if (n > 0) data.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

struct streams {
  int in = -1, out = STDOUT_FILENO, err = STDERR_FILENO;
  bool tty = false;
};

/// Runs until the far side ends; its exit code.
int converse(session& s, const std::string& path, const streams& with) {
  std::mutex mutex;
  std::string status;
  auto opened =
      channel_session::open(s, path, "v5.channel.k8s.io", [&](int channel, std::string_view data) {
        if (channel == out_channel) write_all(with.out, data);
        if (channel == err_channel) write_all(with.err, data);
        if (channel == status_channel) {
          std::lock_guard lock{mutex};
          status += data;
        }
      });
  if (!opened) return s.fail(opened.error());
  auto& over = **opened;
  std::unique_ptr<raw_terminal> raw;
  struct sigaction before {};
  if (with.tty && isatty(STDIN_FILENO)) {
    raw = std::make_unique<raw_terminal>();
    struct sigaction act {};
    act.sa_handler = [](int) { resized = true; };
    sigaction(SIGWINCH, &act, &before);
    send_size(over);
  }
  int wake[2] = {-1, -1};
  if (pipe(wake) != 0) return s.fail({errc::internal, "no pipe"});
  std::thread reader([&] {
    char buffer[16 * 1024];
    if (with.in < 0) return;
    for (;;) {
      pollfd ready[2] = {{with.in, POLLIN, 0}, {wake[0], POLLIN, 0}};
      auto n = poll(ready, 2, -1);
      if (resized.exchange(false)) send_size(over);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 || ready[1].revents) return;
      auto count = ::read(with.in, buffer, sizeof buffer);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return over.finish(in_channel);
      if (!over.write(in_channel, {buffer, static_cast<size_t>(count)})) return;
    }
  });
  while (!over.wait(std::chrono::milliseconds{200}))
    if (s.interrupted()) over.close();
  (void)!::write(wake[1], "x", 1);
  reader.join();
  close(wake[0]);
  close(wake[1]);
  raw.reset();
  if (with.tty && isatty(STDIN_FILENO)) sigaction(SIGWINCH, &before, nullptr);
  std::lock_guard lock{mutex};
  auto code = exit_code_of(status);
  if (!code) return s.interrupted() ? done : s.fail(code.error());
  if (*code != 0 && !with.tty)
    s.complain("command terminated with exit code " + std::to_string(*code));
  return *code;
}

std::string exec_path(const target& pod, const std::string& container, const streams& with,
                      const std::vector<std::string>& command, const char* sub = "exec") {
  auto path = pod.path(sub) + "?stdout=true";
  if (!container.empty()) path += "&container=" + escaped(container);
  if (with.in >= 0) path += "&stdin=true";
  if (with.tty)
    path += "&tty=true";
  else
    path += "&stderr=true";
  for (auto& word : command) path += "&command=" + escaped(word);
  return path;
}

int run_exec(session& s, const arguments& given) {
  auto words = given.words;
  auto command = given.behind;
  if (!given.split && words.size() > 1) {
    command.assign(words.begin() + 1, words.end());
    words.resize(1);
  }
  if (words.size() != 1 || command.empty())
    return s.fail(bad("write exec POD -- COMMAND [ARGUMENTS]"));
  auto pod = find_pod(s, words[0]);
  if (!pod) return s.fail(pod.error());
  streams with;
  if (given.has("stdin")) with.in = STDIN_FILENO;
  with.tty = given.has("tty") && isatty(STDIN_FILENO);
  if (given.has("tty") && !with.tty)
    s.complain("Unable to use a TTY - input is not a terminal or the right kind of file");
  return converse(s, exec_path(*pod, given.get("container"), with, command), with);
}

int run_attach(session& s, const arguments& given) {
  if (given.words.size() != 1) return s.fail(bad("write attach POD"));
  auto pod = find_pod(s, given.words[0]);
  if (!pod) return s.fail(pod.error());
  streams with;
  if (given.has("stdin")) with.in = STDIN_FILENO;
  with.tty = given.has("tty") && isatty(STDIN_FILENO);
  return converse(s, exec_path(*pod, given.get("container"), with, {}, "attach"), with);
}

/// "shop/web-1:/etc/motd" as its pod and path; no pod for a file of this machine.
struct place {
  std::string pod, path;
};

place read_place(const std::string& text) {
  auto colon = text.find(':');
  if (colon == text.npos || text.starts_with('/') || text.starts_with('.')) return {{}, text};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

std::string folder_of(const std::string& path) {
  auto slash = path.rfind('/');
  return slash == path.npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_of(const std::string& path) {
  auto slash = path.rfind('/');
  return slash == path.npos ? path : path.substr(slash + 1);
}

pid_t spawn_tar(const std::vector<std::string>& words, int in, int out) {
  std::vector<char*> argv;
  for (auto& w : words) argv.push_back(const_cast<char*>(w.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (in >= 0) posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  if (out >= 0) posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  pid_t child = -1;
  if (posix_spawnp(&child, "tar", &actions, nullptr, argv.data(), environ) != 0) child = -1;
  posix_spawn_file_actions_destroy(&actions);
  return child;
}

int run_cp(session& s, const arguments& given) {
  if (given.words.size() != 2) return s.fail(bad("write cp FROM TO, one of them as POD:PATH"));
  auto from = read_place(given.words[0]), to = read_place(given.words[1]);
  if (from.pod.empty() == to.pod.empty())
    return s.fail(bad("one of the two must be in a pod (POD:PATH), the other on this machine"));
  auto name = from.pod.empty() ? to.pod : from.pod;
  if (auto slash = name.find('/'); slash != name.npos && name.find('/', slash + 1) == name.npos) {
    s.use_namespace(name.substr(0, slash)); // kubectl's NAMESPACE/POD
    name = name.substr(slash + 1);
  }
  auto pod = find_pod(s, name);
  if (!pod) return s.fail(pod.error());
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return s.fail({errc::internal, "no pipe"});
  bool upload = from.pod.empty();
  // tar writes names below the folder; the far side gives the last one its new name.
  auto wanted = name_of(to.path), base = name_of(from.path);
  auto folder = folder_of(to.path);
  if (to.path.ends_with('/') || wanted.empty()) {
    wanted = base;
    folder = to.path.empty() ? "." : to.path;
  }
  std::string rename = "s,^" + base + "," + wanted + ",";
  streams with;
  pid_t tar = -1;
  int code;
  if (upload) {
    tar = spawn_tar({"tar", "cf", "-", "-C", folder_of(from.path), "--transform", rename, base}, -1,
                    ends[1]);
    close(ends[1]);
    with.in = ends[0];
    code = converse(
        s, exec_path(*pod, given.get("container"), with, {"tar", "xmf", "-", "-C", folder}), with);
  } else {
    // What comes from a pod must not leave the folder that was named: tar strips leading slashes
    // and refuses "..".
    tar = spawn_tar({"tar", "xf", "-", "-C", folder, "--no-same-owner", "--transform", rename},
                    ends[0], -1);
    close(ends[0]);
    with.out = ends[1];
    code = converse(s,
                    exec_path(*pod, given.get("container"), with,
                              {"tar", "cf", "-", "-C", folder_of(from.path), base}),
                    with);
    close(ends[1]);
    ends[1] = -1;
  }
  int status = 0;
  if (tar > 0) waitpid(tar, &status, 0);
  if (upload) close(ends[0]);
  if (tar < 0) return s.fail({errc::not_found, "cp needs tar on this machine"});
  if (code == 127 || code == 126) return s.fail(bad("cp needs tar in the container"));
  if (code == done && status != 0) return s.fail({errc::internal, "tar failed"});
  return code;
}

const std::vector<flag> exec_flags{{"stdin", 'i', "", "pass this program's input on"},
                                   {"tty", 't', "", "as a terminal"},
                                   {"container", 'c', "NAME", "which of the pod's containers"}};

} // namespace

const verb exec_verb{"exec",
                     "Pods",
                     "run a command in a container",
                     "POD|TYPE/NAME [-c CONTAINER] [-it] -- COMMAND [ARGUMENTS]",
                     exec_flags,
                     "exec web-1 -- date\nexec -it deployment/web -- sh",
                     run_exec};
const verb attach_verb{"attach",
                       "Pods",
                       "join a running container's input and output",
                       "POD|TYPE/NAME [-c CONTAINER] [-it]",
                       exec_flags,
                       "attach -it web-1",
                       run_attach};
const verb cp_verb{"cp",
                   "Pods",
                   "copy files to and from containers",
                   "FROM TO (one as POD:PATH)",
                   {{"container", 'c', "NAME", "which of the pod's containers"}},
                   "cp notes.txt web-1:/tmp/\ncp web-1:/var/log/app.log app.log",
                   run_cp};

} // namespace troupe::verbs
