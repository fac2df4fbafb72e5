// The loop: waits for children, connections and what processes write. Started by the NODE AGENT
// with the pod's directory as argument and a listening socket as descriptor 3.
#include "bin/shim/shim.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <initializer_list>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace troupe::shim {

uint64_t wall_nanos() {
  timespec t{};
  clock_gettime(CLOCK_REALTIME, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(t.tv_nsec);
}

long long start_time_of(pid_t pid) {
  char name[32], text[1024] = {};
  snprintf(name, sizeof name, "/proc/%d/stat", pid);
  int fd = open(name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  if (read(fd, text, sizeof text - 1) < 0) text[0] = 0;
  close(fd);
  const char* at = strrchr(text, ')'); // the name may hold anything
  for (int field = 2; at && field < 22; ++field) at = strchr(at + 1, ' ');
  return at ? atoll(at + 1) : 0;
}

void write_file(const char* name, const char* text) {
  char fresh[256];
  snprintf(fresh, sizeof fresh, "%s.new", name);
  int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return;
  bool ok = write(fd, text, strlen(text)) == static_cast<ssize_t>(strlen(text));
  close(fd);
  if (ok) rename(fresh, name); // whole or not at all
}

void set_nonblocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

namespace {

constexpr int listener = 3;

/// What a polled descriptor stands for.
struct source {
  enum { signals, door, connection, out, err, in } what;
  int index;
};

pollfd polled[2 + connections_max + 3 * processes_max];
source sources[2 + connections_max + 3 * processes_max];
nfds_t polled_count;

void poll_for(int fd, short events, source of) {
  if (fd < 0) return;
  polled[polled_count] = {fd, events, 0};
  sources[polled_count++] = of;
}

int terminal_input(const process& p) { return p.tty ? p.out : p.in; }

void gather(int signals) {
  polled_count = 0;
  poll_for(signals, POLLIN, {source::signals, 0});
  poll_for(listener, POLLIN, {source::door, 0});
  for (int i = 0; i < static_cast<int>(connections_max); ++i) {
    auto& c = connections[i];
    short wanted = c.held ? 0 : POLLIN; // no more stdin until this has been taken
    if (c.unsent) wanted |= POLLOUT;
    poll_for(c.fd, wanted, {source::connection, i});
    if (c.held && c.process >= 0)
      poll_for(terminal_input(processes[c.process]), POLLOUT, {source::in, i});
  }
  for (int i = 0; i < static_cast<int>(processes_max); ++i) {
    auto& p = processes[i];
    if (p.is != state::running || stuck(p)) continue;
    poll_for(p.out, POLLIN, {source::out, i});
    poll_for(p.err, POLLIN, {source::err, i});
  }
}

void serve(const source& s, short events, int signals) {
  if (s.what == source::signals) {
    signalfd_siginfo got;
    while (read(signals, &got, sizeof got) > 0) {
    }
    reap();
  } else if (s.what == source::door) {
    accept_connection(listener);
  } else if (s.what == source::connection && connections[s.index].fd >= 0) {
    if (connections[s.index].unsent && (events & POLLOUT)) flush_unsent(s.index);
    if (events & (POLLIN | POLLHUP | POLLERR))
      connections[s.index].held ? close_connection(s.index) : read_connection(s.index);
  } else if (s.what == source::out || s.what == source::err) {
    if (processes[s.index].is == state::running) drain(s.index, s.what == source::err);
  } else if (s.what == source::in) {
    flush_stdin(s.index);
  }
}

[[noreturn]] void loop(int signals) {
  for (;;) {
    gather(signals);
    if (poll(polled, polled_count, -1) < 0 && errno != EINTR) abort();
    for (nfds_t i = 0; i < polled_count; ++i)
      if (polled[i].revents) serve(sources[i], polled[i].revents, signals);
  }
}

int open_signals() {
  sigset_t all;
  sigemptyset(&all);
  // A signal to the shim must not end a pod: only SIGKILL does, and only the shim.
  for (int s : {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE})
    sigaddset(&all, s);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  return signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
}

int run(const char* directory) {
  if (chdir(directory)) return perror(directory), 1;
  if (fork() > 0) _exit(0); // whoever started us waits for this only
  setsid();
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  fcntl(listener, F_SETFD, FD_CLOEXEC);
  umask(0);
  int signals = open_signals();
  char text[64];
  snprintf(text, sizeof text, "%d %lld\n", getpid(), start_time_of(getpid()));
  write_file("shim", text);
  loop(signals);
}

} // namespace

} // namespace troupe::shim

int main(int argc, char** argv) {
  if (argc != 2) {
    fputs("troupe-shim is started by Troupe, with a pod's directory and a socket\n", stderr);
    return 2;
  }
  return troupe::shim::run(argv[1]);
}
