// troupe-hello: what the built-in image holds. A static program for first steps and tests: serves
// HTTP and says who it is, sleeps, writes, ends as it is told.
#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <initializer_list>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

constexpr const char* usage = R"(Usage: hello [WORD [ARGUMENTS]]

  serve [PORT]       answers HTTP on a port (8080) with the pod's name; the default
                     /healthz /env /headers /exit?CODE /fail make it answer otherwise
  sleep [SECONDS]    waits, for good without a number
  exit CODE          ends at once
  print TEXT...      writes a line
  cat FILE...        writes files
  eat MEGABYTES      takes memory and waits
)";

int stop_pipe[2];
bool failing = false;

void on_signal(int) { (void)!write(stop_pipe[1], "x", 1); }

void catch_signals() {
  if (pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK)) exit(1);
  struct sigaction how {};
  how.sa_handler = on_signal;
  for (int s : {SIGTERM, SIGINT}) sigaction(s, &how, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

void reply(int to, int status, const char* text) {
  char out[8192];
  int n = snprintf(out, sizeof out,
                   "HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                   "Connection: close\r\n\r\n%s",
                   status, status == 200 ? "OK" : "Trouble", strlen(text), text);
  (void)!write(
      to, out,
      static_cast<size_t>(n < static_cast<int>(sizeof out) ? n : static_cast<int>(sizeof out) - 1));
}

void answer(int client) {
  char head[4096] = {};
  pollfd wait{client, POLLIN, 0};
  if (poll(&wait, 1, 5000) <= 0 || read(client, head, sizeof head - 1) <= 0) return;
  char path[256] = "/";
  sscanf(head, "%*s %255s", path);
  char text[4096];
  if (strncmp(path, "/exit?", 6) == 0) exit(atoi(path + 6));
  if (strcmp(path, "/fail") == 0) failing = true;
  if (strcmp(path, "/recover") == 0) failing = false;
  if (strcmp(path, "/healthz") == 0)
    return reply(client, failing ? 503 : 200, failing ? "failing\n" : "ok\n");
  if (strcmp(path, "/headers") == 0) return reply(client, 200, head);
  if (strcmp(path, "/env") == 0) {
    size_t at = 0;
    for (auto e = environ; *e && at + strlen(*e) + 2 < sizeof text; ++e)
      at += static_cast<size_t>(snprintf(text + at, sizeof text - at, "%s\n", *e));
    return reply(client, 200, text);
  }
  char name[256] = {};
  gethostname(name, sizeof name - 1);
  snprintf(text, sizeof text, "Hello from %s\n", name);
  reply(client, 200, text);
}

int serve(int port) {
  int listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int off = 0, on = 1;
  sockaddr_in6 any6{};
  any6.sin6_family = AF_INET6;
  any6.sin6_port = htons(static_cast<uint16_t>(port));
  if (listener >= 0) {
    setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  }
  if (listener < 0 || bind(listener, reinterpret_cast<sockaddr*>(&any6), sizeof any6)) {
    // A machine without IPv6.
    if (listener >= 0) close(listener);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_port = htons(static_cast<uint16_t>(port));
    if (bind(listener, reinterpret_cast<sockaddr*>(&any), sizeof any)) return perror("bind"), 1;
  }
  if (listen(listener, 128)) return perror("listen"), 1;
  printf("hello: serving on port %d\n", port);
  fflush(stdout);
  for (;;) {
    pollfd wait[2] = {{listener, POLLIN, 0}, {stop_pipe[0], POLLIN, 0}};
    if (poll(wait, 2, -1) < 0 && errno != EINTR) return 1;
    // Whoever is connected already is answered before the end.
    if (wait[1].revents && !wait[0].revents) return puts("hello: told to stop"), 0;
    if (!wait[0].revents) continue;
    int client = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    answer(client);
    close(client);
  }
}

int wait_for(int seconds) {
  pollfd wait{stop_pipe[0], POLLIN, 0};
  poll(&wait, 1, seconds < 0 ? -1 : seconds * 1000);
  return 0;
}

int cat(int count, char** files) {
  char chunk[4096];
  for (int i = 0; i < count; ++i) {
    int fd = open(files[i], O_RDONLY | O_CLOEXEC);
    if (fd < 0) return perror(files[i]), 1;
    for (ssize_t n; (n = read(fd, chunk, sizeof chunk)) > 0;)
      (void)!write(1, chunk, static_cast<size_t>(n));
    close(fd);
  }
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  catch_signals();
  const char* word = argc > 1 ? argv[1] : "serve";
  const char* value = argc > 2 ? argv[2] : nullptr;
  if (strcmp(word, "serve") == 0) return serve(value ? atoi(value) : 8080);
  if (strcmp(word, "sleep") == 0) return wait_for(value ? atoi(value) : -1);
  if (strcmp(word, "exit") == 0) return value ? atoi(value) : 0;
  if (strcmp(word, "cat") == 0) return cat(argc - 2, argv + 2);
  if (strcmp(word, "print") == 0) {
    for (int i = 2; i < argc; ++i) printf("%s%s", argv[i], i + 1 < argc ? " " : "");
    return puts(""), 0;
  }
  if (strcmp(word, "eat") == 0) {
    size_t bytes = (value ? strtoul(value, nullptr, 10) : 64) << 20;
    volatile char* at = static_cast<char*>(malloc(bytes));
    for (size_t i = 0; at && i < bytes; i += 4096) at[i] = 1; // a page is taken when it is written
    return wait_for(-1);
  }
  fputs(usage, stderr);
  return 2;
}
