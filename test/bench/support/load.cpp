#include "test/bench/support/load.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

namespace troupe::bench {

namespace {

double own_cpu_seconds() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  const auto seconds = [](timeval t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(use.ru_utime) + seconds(use.ru_stime);
}

/// What all processes together have used of the machine, and what its host gave to others.
double busy_seconds() {
  std::ifstream in("/proc/stat");
  std::string word;
  in >> word;
  double all = 0;
  for (int i = 0; i < 8; ++i) {
    constexpr int idle = 3, waiting = 4;
    double ticks = 0;
    in >> ticks;
    if (i != idle && i != waiting) all += ticks;
  }
  return all / static_cast<double>(sysconf(_SC_CLK_TCK));
}

} // namespace

double seconds_since(steady::time_point start) {
  return std::chrono::duration<double>(steady::now() - start).count();
}

meter::meter(const trial_server& of)
    : of_{of}, server_{of.cpu_seconds()}, own_{own_cpu_seconds()}, busy_{busy_seconds()} {}

void meter::print(double operations, double seconds) const {
  const auto server = server_seconds(), own = own_cpu_seconds() - own_;
  std::printf("server CPU %.1f us each, client CPU %.1f us each, others %.1f cores\n",
              server / operations * 1e6, own / operations * 1e6,
              std::max(0.0, busy_seconds() - busy_ - server - own) / seconds);
}

clients connect(const trial_server& to, int count) {
  clients out;
  for (int i = 0; i < count; ++i) out.push_back(std::make_unique<load_client>(to.port, to.tls));
  return out;
}

std::string request(const char* method, const std::string& path, const std::string& body,
                    const char* type) {
  auto out = std::string(method) + " " + path +
             " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + "Bearer " + admin_token +
             "\r\nUser-Agent: kubectl/v1.33.0\r\nAccept: application/json\r\n";
  if (!body.empty())
    out += std::string("Content-Type: ") + type +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  return out + "\r\n" + body;
}

void want(std::string_view answer, std::string_view status) {
  if (answer.substr(9, 3) == status) return;
  throw std::runtime_error("an answer is not " + std::string(status) + ": " +
                           std::string(answer.substr(0, 600)));
}

selector::selector(const clients& of) {
  for (size_t i = 0; i < of.size(); ++i) {
    epoll_event wanted{.events = EPOLLIN, .data = {.u64 = i}};
    ::epoll_ctl(poll_, EPOLL_CTL_ADD, of[i]->descriptor(), &wanted);
  }
}

selector::~selector() { ::close(poll_); }

std::vector<double> answer_all(const clients& all, const std::vector<std::string>& texts,
                               const char* status) {
  std::vector<double> took;
  took.reserve(texts.size());
  std::vector<steady::time_point> begun(all.size());
  size_t next = 0;
  const auto send = [&](size_t by) {
    if (next == texts.size()) return;
    begun[by] = steady::now();
    all[by]->send(texts[next++]);
  };
  selector ready{all};
  for (size_t i = 0; i < all.size(); ++i) send(i);
  while (took.size() < texts.size())
    ready.wait([&](size_t by) {
      want(all[by]->answer(), status);
      took.push_back(seconds_since(begun[by]));
      send(by);
    });
  return took;
}

} // namespace troupe::bench
