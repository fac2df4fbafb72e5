#include "test/bench/proxy/dns_load.hpp"

#include "actors/network/dns_zone.hpp"

#include <arpa/inet.h>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace troupe::bench {

namespace {

using clock = std::chrono::steady_clock;

double cpu_seconds() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  auto of = [](const timeval& t) { return static_cast<double>(t.tv_sec) + t.tv_usec / 1e6; };
  return of(use.ru_utime) + of(use.ru_stime);
}

/// One question for an address record, in the wire's form.
std::string question(uint16_t id, const std::string& name) {
  std::string out{static_cast<char>(id >> 8), static_cast<char>(id), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  for (size_t at = 0; at < name.size();) {
    auto end = std::min(name.find('.', at), name.size());
    out += static_cast<char>(end - at);
    out += name.substr(at, end - at);
    at = end + 1;
  }
  return out + std::string("\0\0\1\0\1", 5);
}

/// Keeps `window` questions under way; returns the number of answers.
uint64_t ask(uint16_t port, int services, double seconds) {
  constexpr int window = 64;
  int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(s, reinterpret_cast<sockaddr*>(&to), sizeof to) < 0) return 0;
  std::vector<std::string> asked;
  for (int i = 0; i < 1024; ++i)
    asked.push_back(question(static_cast<uint16_t>(i), "service-" + std::to_string(i % services) +
                                                           ".default.svc.cluster.local"));
  std::vector<mmsghdr> out(window), in(window);
  std::vector<iovec> out_parts(window), in_parts(window);
  std::vector<char> room(window * 512);
  for (int i = 0; i < window; ++i) {
    in_parts[i] = {room.data() + i * 512, 512};
    in[i].msg_hdr.msg_iov = &in_parts[i];
    in[i].msg_hdr.msg_iovlen = 1;
    out[i].msg_hdr.msg_iov = &out_parts[i];
    out[i].msg_hdr.msg_iovlen = 1;
  }
  uint64_t answers = 0;
  size_t next = 0;
  int under_way = 0;
  auto end = clock::now() + std::chrono::duration<double>(seconds);
  while (clock::now() < end) {
    int fresh = window - under_way;
    for (int i = 0; i < fresh; ++i) {
      auto& q = asked[next++ % asked.size()];
      out_parts[i] = {q.data(), q.size()};
    }
    if (fresh > 0) under_way += std::max(0, sendmmsg(s, out.data(), fresh, 0));
    pollfd wait{s, POLLIN, 0};
    if (poll(&wait, 1, 100) == 0) under_way = 0; // lost
    int got = recvmmsg(s, in.data(), window, MSG_DONTWAIT, nullptr);
    if (got > 0) {
      answers += static_cast<uint64_t>(got);
      under_way = std::max(0, under_way - got);
    }
  }
  close(s);
  return answers;
}

} // namespace

void dns_load(int services, double seconds) {
  network_of_pods::dns_zone zone("cluster.local");
  for (int i = 0; i < services; ++i) {
    k8s::core::v1::Service s;
    auto name = "service-" + std::to_string(i);
    s.mutable_metadata()->set_name(name);
    s.mutable_metadata()->set_namespace_("default");
    s.mutable_spec()->set_cluster_ip("10." + std::to_string(96 + i / 65536) + "." +
                                     std::to_string(i / 256 % 256) + "." + std::to_string(i % 256));
    s.mutable_spec()->add_ports()->set_port(80);
    zone.put("default/" + name, &s, {});
  }
  auto server = dns::server::start(
      {.own = *address::parse("127.0.0.1"),
       .port = 0,
       .resolve = [&](const dns::question& asked) { return zone.resolve(asked); },
       .random = [] { return uint64_t{4}; }});
  if (!server) return void(printf("no name server: %s\n", server.error().message.c_str()));
  auto before = cpu_seconds();
  auto begun = clock::now();
  int said[2];
  if (pipe(said) < 0) return;
  auto child = fork();
  if (child == 0) {
    auto n = ask((*server)->port(), services, seconds);
    (void)!write(said[1], &n, sizeof n);
    _exit(0);
  }
  uint64_t answers = 0;
  (void)!read(said[0], &answers, sizeof answers);
  waitpid(child, nullptr, 0);
  auto cpu = cpu_seconds() - before;
  auto wall = std::chrono::duration<double>(clock::now() - begun).count();
  printf("DNS, %d services: %.0f answers/s, %.2f us of CPU each: %.0f/s a core\n", services,
         static_cast<double>(answers) / wall, cpu / static_cast<double>(answers) * 1e6,
         static_cast<double>(answers) / cpu);
}

} // namespace troupe::bench
