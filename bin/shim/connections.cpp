// What the NODE AGENT asks for, word by word, and the streams of exec and attach.
#include "bin/shim/shim.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace troupe::shim {

connection connections[connections_max];

namespace {

constexpr int words_max = 4096;

void answer_failed(int index, const char* request, const char* why) {
  const char* words[] = {"failed", request, "0", why};
  send_words(index, 4, words);
}

void copy_text(char* to, size_t room, const char* from) { snprintf(to, room, "%s", from); }

process with_flags(const char* flags) {
  process p;
  p.tty = strchr(flags, 't') != nullptr;
  p.wants_in = strchr(flags, 'i') != nullptr;
  p.once = strchr(flags, '1') != nullptr;
  return p;
}

/// Names the socket by which the runtime hands over a terminal. The agent cannot know which name is
/// free: it says console.sock, and how the runtime gets there.
const char* choose_console(char** words, int count) {
  static unsigned serial = 0;
  static char name[32], path[64];
  snprintf(name, sizeof name, "console.%u", ++serial % 1000);
  for (int i = 1; i < count; ++i) {
    if (strcmp(words[i - 1], "--console-socket") != 0) continue;
    auto slash = strrchr(words[i], '/');
    auto way = slash ? static_cast<int>(slash + 1 - words[i]) : 0;
    snprintf(path, sizeof path, "%.*s%s", way, words[i], name);
    words[i] = path;
  }
  return name;
}

// run REQUEST ID FLAGS LOG LOG_BYTES LOG_FILES ARGV...
void run(int index, char** words, int count) {
  if (count < 8) return answer_failed(index, "0", "too few words");
  if (strlen(words[2]) > id_bytes_max || strchr(words[2], '/'))
    return answer_failed(index, words[1], "not a container id");
  if (find_process(words[2]) >= 0) return answer_failed(index, words[1], "it runs already");
  process p = with_flags(words[3]);
  p.container = true;
  p.asked_by = index;
  copy_text(p.request, sizeof p.request, words[1]);
  copy_text(p.id, sizeof p.id, words[2]);
  open_log(p.log, words[4], strtoull(words[5], nullptr, 10), atoi(words[6]));
  auto console = choose_console(words + 7, count - 7);
  if (start_process(p, words + 7, console) < 0) {
    close_log(p.log);
    answer_failed(index, words[1], "no process can be started");
  }
}

void kill_process(int index, char** words, int count) {
  if (count < 4) return answer_failed(index, "0", "too few words");
  int which = find_process(words[2]);
  auto& p = processes[which < 0 ? 0 : which];
  // Only a child that has not been waited for is sure to be the one that is meant.
  if (which >= 0 && p.is == state::running) kill(p.pid, atoi(words[3]));
  const char* answer[] = {"killed", words[1]};
  send_words(index, 2, answer);
}

void pause(int index, char** words, int count) {
  if (count < 2) return answer_failed(index, "0", "too few words");
  int pid = start_pause();
  if (pid < 0) return answer_failed(index, words[1], strerror(errno));
  char text[64];
  snprintf(text, sizeof text, "%d %lld 0\n", pid, start_time_of(pid));
  write_file("pause.run", text);
  snprintf(text, sizeof text, "%d", pid);
  const char* answer[] = {"ran", words[1], text};
  send_words(index, 3, answer);
}

// exec FLAGS ROWS COLUMNS PIDFILE ARGV...
void exec(int index, char** words, int count) {
  if (count < 6) return send_stream(index, stream_failed, "too few words", 13);
  process p = with_flags(words[1]);
  p.asked_by = index;
  p.rows = atoi(words[2]);
  p.columns = atoi(words[3]);
  copy_text(p.id, sizeof p.id, words[4]); // PIDFILE is ID.pid
  auto console = choose_console(words + 5, count - 5);
  int which = start_process(p, words + 5, console);
  if (which < 0) return send_stream(index, stream_failed, "no process can be started", 25);
  connections[index].process = which;
}

// attach FLAGS ID
void attach(int index, char** words, int count) {
  int which = count < 3 ? -1 : find_process(words[2]);
  if (which < 0 || processes[which].is == state::ended)
    return send_stream(index, stream_failed, "the container does not run", 26);
  connections[index].process = which;
  connections[index].attached = true;
  send_stream(index, stream_started, nullptr, 0);
}

void quit() {
  for (auto& p : processes)
    if (p.is != state::unused) return;
  unlink("shim");
  _exit(0);
}

void hear_words(int index, char* data, size_t size) {
  static char* words[words_max + 1];
  int count = 0;
  for (size_t at = 0; at < size && count < words_max; at += strlen(data + at) + 1)
    words[count++] = data + at;
  words[count] = nullptr;
  if (count == 0) return;
  if (strcmp(words[0], "run") == 0) return run(index, words, count);
  if (strcmp(words[0], "kill") == 0) return kill_process(index, words, count);
  if (strcmp(words[0], "pause") == 0) return pause(index, words, count);
  if (strcmp(words[0], "exec") == 0) return exec(index, words, count);
  if (strcmp(words[0], "attach") == 0) return attach(index, words, count);
  if (strcmp(words[0], "quit") == 0) return quit();
  if (strcmp(words[0], "watch") == 0) {
    connections[index].watches = true;
    const char* answer[] = {"watching"};
    return send_words(index, 1, answer);
  }
  answer_failed(index, count > 1 ? words[1] : "0", "unknown word");
}

int stdin_of(const process& p) { return p.tty ? p.out : p.in; }

void hear_stream(int index, char* data, size_t size) {
  auto& c = connections[index];
  auto& p = processes[c.process];
  if (data[0] == stream_stdin && size == 1) {
    if (p.tty && p.out >= 0 && !c.attached) {
      char end_of_file = 4;
      if (write(p.out, &end_of_file, 1) < 0) return;
    } else if (p.in >= 0 && (!c.attached || p.once)) {
      close(p.in);
      p.in = -1;
    }
  } else if (data[0] == stream_stdin) {
    c.held = static_cast<char*>(malloc(size - 1));
    if (!c.held) return;
    memcpy(c.held, data + 1, size - 1);
    c.held_at = 0;
    c.held_size = size - 1;
    flush_stdin(index);
  } else if (data[0] == stream_resize && p.tty) {
    winsize to{};
    unsigned rows = 0, columns = 0;
    if (sscanf(data + 1, "%u %u", &rows, &columns) != 2) return;
    p.rows = static_cast<int>(rows);
    p.columns = static_cast<int>(columns);
    if (p.out < 0) return; // set when its terminal comes
    to.ws_row = static_cast<unsigned short>(rows);
    to.ws_col = static_cast<unsigned short>(columns);
    ioctl(p.out, TIOCSWINSZ, &to);
  } else if (data[0] == stream_signal && p.is == state::running && !c.attached) {
    kill(p.pid, atoi(data + 1));
  }
}

} // namespace

void flush_stdin(int index) {
  auto& c = connections[index];
  if (c.process >= 0 && processes[c.process].tty && processes[c.process].is == state::starting)
    return; // its terminal is still to come
  int fd = c.process >= 0 ? stdin_of(processes[c.process]) : -1;
  while (c.held && fd >= 0 && c.held_at < c.held_size) {
    ssize_t n = write(fd, c.held + c.held_at, c.held_size - c.held_at);
    if (n < 0 && errno == EAGAIN) return; // the loop tells when there is room
    if (n <= 0) break;
    c.held_at += static_cast<size_t>(n);
  }
  free(c.held);
  c.held = nullptr;
}

void accept_connection(int listener) {
  int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  for (auto& c : connections)
    if (c.fd < 0) {
      c = {};
      c.fd = fd;
      return;
    }
  close(fd);
}

void read_connection(int index) {
  static char message[message_bytes_max + 1];
  auto& c = connections[index];
  ssize_t n = recv(c.fd, message, message_bytes_max, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return close_connection(index);
  message[n] = 0;
  if (c.process >= 0)
    hear_stream(index, message, static_cast<size_t>(n));
  else
    hear_words(index, message, static_cast<size_t>(n));
}

void close_connection(int index) {
  auto& c = connections[index];
  if (c.fd >= 0) close(c.fd);
  free(c.held);
  free(c.unsent);
  int which = c.process;
  bool attached = c.attached;
  c = {};
  for (auto& p : processes)
    if (p.is != state::unused && p.asked_by == index) p.asked_by = -1;
  if (which < 0) return;
  auto& p = processes[which];
  // Who ran a command is gone: its stdin ends, a terminal hangs up. A container only loses a
  // listener.
  if (!attached || p.once) {
    if (p.in >= 0) close(p.in);
    p.in = -1;
  }
  if (!attached && p.tty && p.out >= 0) {
    close(p.out);
    p.out = -1;
  }
}

bool send_message(int index, const void* data, size_t size) {
  auto& c = connections[index];
  if (c.fd < 0) return false;
  if (send(c.fd, data, size, MSG_NOSIGNAL) >= 0) return true;
  if (errno == EAGAIN && c.process >= 0 && !c.attached && !c.unsent) {
    // Nothing of an exec is lost: this waits for room, and its process is not read until then.
    c.unsent = static_cast<char*>(malloc(size));
    if (c.unsent) memcpy(c.unsent, data, c.unsent_size = size);
    return false;
  }
  shutdown(c.fd, SHUT_RDWR); // gone, or attached and too slow
  return false;
}

void flush_unsent(int index) {
  auto& c = connections[index];
  if (send(c.fd, c.unsent, c.unsent_size, MSG_NOSIGNAL) < 0 && errno == EAGAIN) return;
  free(c.unsent);
  c.unsent = nullptr;
  if (c.process >= 0 && processes[c.process].is == state::ended) finish(c.process);
}

void send_words(int index, int count, const char* const* words) {
  static char message[8192];
  size_t size = 0;
  for (int i = 0; i < count; ++i) {
    size_t n = strlen(words[i]) + 1;
    if (size + n > sizeof message) break;
    memcpy(message + size, words[i], n);
    size += n;
  }
  send_message(index, message, size);
}

void send_stream(int index, char kind, const void* data, size_t size) {
  static char message[chunk_bytes_max + 1];
  message[0] = kind;
  if (size) memcpy(message + 1, data, size);
  send_message(index, message, size + 1);
}

void tell_exit(const process& of) {
  char code[16], signal[16], nanos[32];
  bool killed = (of.status & 0x7f) != 0;
  snprintf(code, sizeof code, "%d", killed ? 128 + (of.status & 0x7f) : (of.status >> 8) & 0xff);
  snprintf(signal, sizeof signal, "%d", killed ? of.status & 0x7f : 0);
  snprintf(nanos, sizeof nanos, "%llu", static_cast<unsigned long long>(wall_nanos()));
  const char* words[] = {"exited", of.id, code, signal, nanos};
  for (size_t c = 0; c < connections_max; ++c)
    if (connections[c].fd >= 0 && connections[c].watches) send_words(static_cast<int>(c), 5, words);
}

} // namespace troupe::shim
