// Starting containers and commands by the runtime, hearing of their ends, and reading what they
// write.
#include "bin/shim/shim.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <initializer_list>
#include <linux/sched.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace troupe::shim {

process processes[processes_max];

namespace {

/// Ends that nobody has asked about yet: a container may end before its runtime command does.
struct orphan {
  pid_t pid;
  int status;
} orphans[64];
size_t next_orphan = 0;

void close_end(int& fd) {
  if (fd >= 0) close(fd);
  fd = -1;
}

bool make_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC) == 0; }

int listen_console(const char* name) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  snprintf(at.sun_path, sizeof at.sun_path, "%s", name);
  unlink(name);
  if (fd >= 0 && (bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) || listen(fd, 1)))
    close_end(fd);
  return fd;
}

/// The terminal that the runtime has sent.
int take_terminal(int console) {
  int from = accept4(console, nullptr, nullptr, SOCK_CLOEXEC);
  if (from < 0) return -1;
  char byte[64];
  char space[CMSG_SPACE(sizeof(int))];
  iovec part{byte, sizeof byte};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof space;
  int terminal = -1;
  if (recvmsg(from, &message, MSG_CMSG_CLOEXEC) >= 0)
    for (auto c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
      if (c->cmsg_type == SCM_RIGHTS) memcpy(&terminal, CMSG_DATA(c), sizeof terminal);
  close(from);
  return terminal;
}

[[noreturn]] void become_runtime(int in, int out, int err, char* const* argv) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  dup2(in, 0);
  dup2(out, 1);
  dup2(err, 2);
  syscall(SYS_close_range, 3, ~0u, 0); // nothing of ours may reach a container
  execvp(argv[0], argv);
  dprintf(2, "cannot run %s: %s", argv[0], strerror(errno));
  _exit(127);
}

pid_t read_pid(const process& p) {
  char name[id_bytes_max + 8];
  snprintf(name, sizeof name, "%s.pid", p.id);
  int fd = open(name, O_RDONLY | O_CLOEXEC);
  char text[32] = {};
  if (fd >= 0) {
    if (read(fd, text, sizeof text - 1) < 0) text[0] = 0;
    close(fd);
  }
  if (!p.container) unlink(name);
  return static_cast<pid_t>(atol(text));
}

void answer_failure(int index, int code, const char* text, size_t size) {
  auto& p = processes[index];
  if (p.asked_by < 0) return;
  if (!p.container) return send_stream(p.asked_by, stream_failed, text, size);
  char number[16];
  snprintf(number, sizeof number, "%d", code);
  char cut[2048];
  snprintf(cut, sizeof cut, "%.*s", static_cast<int>(size), text);
  const char* words[] = {"failed", p.request, number, cut};
  send_words(p.asked_by, 4, words);
}

void start_failed(int index, int status) {
  auto& p = processes[index];
  char text[2048];
  int from = p.err >= 0 ? p.err : p.out;
  ssize_t n = from >= 0 ? read(from, text, sizeof text) : 0;
  answer_failure(index, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), text,
                 n > 0 ? static_cast<size_t>(n) : 0);
  drop_process(index);
}

void started(int index) {
  auto& p = processes[index];
  p.is = state::running;
  if (p.tty) {
    close_end(p.out); // the runtime's own words
    close_end(p.err);
    p.out = take_terminal(p.console);
    close_end(p.console);
    if (p.out >= 0) set_nonblocking(p.out);
    if (p.rows) {
      winsize size{};
      size.ws_row = static_cast<unsigned short>(p.rows);
      size.ws_col = static_cast<unsigned short>(p.columns);
      ioctl(p.out, TIOCSWINSZ, &size);
    }
  }
  if (p.container) {
    char name[id_bytes_max + 8], text[96], pid[16];
    snprintf(name, sizeof name, "%s.run", p.id);
    snprintf(text, sizeof text, "%d %lld %llu\n", p.pid, start_time_of(p.pid),
             static_cast<unsigned long long>(wall_nanos()));
    write_file(name, text);
    snprintf(pid, sizeof pid, "%d", p.pid);
    const char* words[] = {"ran", p.request, pid};
    if (p.asked_by >= 0) send_words(p.asked_by, 3, words);
    p.asked_by = -1;
  } else if (p.asked_by >= 0) {
    send_stream(p.asked_by, stream_started, nullptr, 0);
  }
}

void ended(int index, int status) {
  processes[index].status = status;
  processes[index].is = state::ended;
  finish(index);
}

void runtime_ended(int index, int status) {
  auto& p = processes[index];
  p.runtime = 0;
  p.pid = read_pid(p);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || p.pid <= 0)
    return start_failed(index, status);
  started(index);
  for (auto& o : orphans)
    if (o.pid == p.pid) {
      o.pid = 0;
      return ended(index, o.status);
    }
}

} // namespace

int find_process(const char* id) {
  for (size_t i = 0; i < processes_max; ++i)
    if (processes[i].is != state::unused && processes[i].container &&
        strcmp(processes[i].id, id) == 0)
      return static_cast<int>(i);
  return -1;
}

int start_process(const process& what, char* const* argv, const char* console_name) {
  size_t i = 0;
  while (i < processes_max && processes[i].is != state::unused) ++i;
  if (i == processes_max) return -1;
  auto& p = processes[i];
  p = what;
  int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1};
  int none = open("/dev/null", O_RDWR | O_CLOEXEC);
  bool ok = none >= 0 && make_pipe(err);
  if (p.tty)
    ok = ok && (p.console = listen_console(console_name)) >= 0;
  else
    ok = ok && make_pipe(out) && (!p.wants_in || make_pipe(in));
  pid_t child = ok ? fork() : -1;
  if (child == 0)
    become_runtime(in[0] >= 0 ? in[0] : none, out[1] >= 0 ? out[1] : none, err[1], argv);
  close_end(none);
  close_end(in[0]);
  close_end(out[1]);
  close_end(err[1]);
  p.in = in[1];
  p.out = out[0];
  p.err = err[0];
  for (int fd : {p.in, p.out, p.err})
    if (fd >= 0) set_nonblocking(fd);
  if (child < 0) {
    drop_process(static_cast<int>(i));
    return -1;
  }
  p.runtime = child;
  p.is = state::starting;
  return static_cast<int>(i);
}

int start_pause() {
  // The first process of a namespace: everybody else in it may come and go, it only reaps.
  auto child = static_cast<pid_t>(
      syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (child != 0) return child;
  prctl(PR_SET_NAME, "pause");
  syscall(SYS_close_range, 0, ~0u, 0);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, nullptr);
  for (;;) {
    int got = 0;
    sigwait(&all, &got);
    if (got == SIGTERM || got == SIGINT) _exit(0);
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }
}

void reap() {
  int status = 0;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    bool known = false;
    for (size_t i = 0; i < processes_max && !known; ++i) {
      auto& p = processes[i];
      if (p.is == state::starting && p.runtime == pid)
        known = true, runtime_ended(static_cast<int>(i), status);
      else if (p.is == state::running && p.pid == pid)
        known = true, ended(static_cast<int>(i), status);
    }
    if (!known) orphans[next_orphan++ % 64] = {pid, status};
  }
}

bool stuck(const process& p) {
  return !p.container && p.asked_by >= 0 && connections[p.asked_by].unsent;
}

bool drain(int index, bool error_stream) {
  auto& p = processes[index];
  int& fd = error_stream ? p.err : p.out;
  if (fd < 0 || stuck(p)) return false;
  static char chunk[chunk_bytes_max];
  ssize_t n = read(fd, chunk, sizeof chunk);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  auto stream = error_stream ? "stderr" : "stdout";
  auto& line = error_stream ? p.err_line : p.out_line;
  if (n <= 0) { // everybody who could write has closed it
    if (p.container) end_log_line(p.log, line, stream);
    close_end(fd);
    return false;
  }
  auto size = static_cast<size_t>(n);
  if (p.container) write_log(p.log, line, stream, chunk, size);
  for (size_t c = 0; c < connections_max; ++c)
    if (connections[c].fd >= 0 && connections[c].process == index)
      send_stream(static_cast<int>(c), error_stream ? stream_stderr : stream_stdout, chunk, size);
  return true;
}

void finish(int index) {
  auto& p = processes[index];
  // Who does not read is waited for: finish() is called again when it has.
  for (bool error_stream : {false, true})
    while (drain(index, error_stream)) {
    }
  if (stuck(p)) return;
  int code = WIFEXITED(p.status) ? WEXITSTATUS(p.status) : 128 + WTERMSIG(p.status);
  char text[64];
  if (p.container) {
    char name[id_bytes_max + 8];
    end_log_line(p.log, p.out_line, "stdout");
    end_log_line(p.log, p.err_line, "stderr");
    snprintf(name, sizeof name, "%s.exit", p.id);
    snprintf(text, sizeof text, "%d %d %llu\n", code,
             WIFSIGNALED(p.status) ? WTERMSIG(p.status) : 0,
             static_cast<unsigned long long>(wall_nanos()));
    write_file(name, text);
    tell_exit(p);
  }
  int n = snprintf(text, sizeof text, "%d", code);
  for (size_t c = 0; c < connections_max; ++c)
    if (connections[c].fd >= 0 && connections[c].process == index) {
      send_stream(static_cast<int>(c), stream_exit, text, static_cast<size_t>(n));
      connections[c].process = -1;
    }
  drop_process(index);
}

void drop_process(int index) {
  auto& p = processes[index];
  close_end(p.in);
  close_end(p.out);
  close_end(p.err);
  close_end(p.console);
  free(p.out_line.held);
  free(p.err_line.held);
  close_log(p.log);
  for (size_t c = 0; c < connections_max; ++c)
    if (connections[c].process == index) connections[c].process = -1;
  p = {};
}

} // namespace troupe::shim
