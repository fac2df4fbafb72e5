// Load on a server: many connections with one request under way each, and what both sides use of
// the machine meanwhile.
#pragma once

#include "test/bench/support/load_client.hpp"
#include "test/bench/support/trial_server.hpp"

#include <sys/epoll.h>

#include <array>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace troupe::bench {

using steady = std::chrono::steady_clock;

double seconds_since(steady::time_point start);

/// What both sides use of the machine while something is measured, and what is left to them.
class meter {
public:
  explicit meter(const trial_server& of);
  double seconds() const { return seconds_since(start_); }
  double server_seconds() const { return of_.cpu_seconds() - server_; }

  /// The end of a line: what each of `operations` cost, and how many cores others were using.
  void print(double operations, double seconds) const;

private:
  const trial_server& of_;
  double server_, own_, busy_;
  steady::time_point start_ = steady::now();
};

using clients = std::vector<std::unique_ptr<load_client>>;

clients connect(const trial_server& to, int count);

std::string request(const char* method, const std::string& path, const std::string& body = {},
                    const char* type = "application/json");

/// Throws unless the answer has that status.
void want(std::string_view answer, std::string_view status);

/// Tells which clients have something to read.
class selector {
public:
  explicit selector(const clients& of);
  ~selector();
  selector(const selector&) = delete;

  /// Calls `use` with the number of each client that is ready, once at least one is.
  template<class Use> void wait(Use use) {
    constexpr int patience_ms = 20'000;
    std::array<epoll_event, 64> ready;
    const auto count = ::epoll_wait(poll_, ready.data(), ready.size(), patience_ms);
    if (count <= 0) throw std::runtime_error("nothing came");
    for (int i = 0; i < count; ++i) use(ready[static_cast<size_t>(i)].data.u64);
  }

private:
  const int poll_ = ::epoll_create1(EPOLL_CLOEXEC);
};

/// `texts` over `all` at once: each connection has one under way, and sends the next when it is
/// answered with `status`. Returns how long each took, in seconds.
std::vector<double> answer_all(const clients& all, const std::vector<std::string>& texts,
                               const char* status);

} // namespace troupe::bench
