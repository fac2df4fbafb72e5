// The link between two processes over loopback: small messages, bulk bytes, round trips; and the
// round trip of a bare TLS echo between the same two processes, to compare with.
#include "net/link/network.hpp"
#include "net/tls/channel.hpp"
#include "test/net/support/box.hpp"
#include "test/net/support/raw_client.hpp"
#include "test/net/support/test_authority.hpp"

#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

using namespace troupe;
using namespace troupe::link;
using clock_type = std::chrono::steady_clock;

namespace {

constexpr int small_count = 1'000'000;
constexpr size_t small_bytes = 100;
constexpr size_t bulk_bytes = size_t{3} << 30;
constexpr size_t bulk_piece = 256 * 1024;
constexpr int round_trips = 20'000;

tls::credentials member(const char* name) {
  return test::authority().credentials(
      test::authority().issue(name, {.client = true, .server = true}));
}

double seconds_since(clock_type::time_point start) {
  return std::chrono::duration<double>(clock_type::now() - start).count();
}

double median_us(std::vector<double>& all) {
  std::ranges::nth_element(all, all.begin() + static_cast<ptrdiff_t>(all.size() / 2));
  return all[all.size() / 2] * 1e6;
}

/// Answers every raft message with itself, and every million messages and the end of bulk with a
/// word.
int serve_link(int port_pipe) {
  std::atomic<uint64_t> count{0}, bytes{0};
  test::box<bool> over;
  network net{{.who = member("server")}, [&](std::shared_ptr<connection> made) {
                connection::callbacks calls;
                calls.on_message = [&, made](stream on, std::string_view message) {
                  if (on == stream::raft)
                    made->send(on, std::make_shared<const std::string>(message));
                  if (on == stream::messages && ++count == small_count)
                    made->send(on, std::make_shared<const std::string>("all"));
                  if (on == stream::bulk) {
                    made->taken(on, message.size());
                    if ((bytes += message.size()) == bulk_bytes)
                      made->send(on, std::make_shared<const std::string>("all"));
                  }
                };
                calls.on_down = [&](std::string_view) { over.put(true); };
                return calls;
              }};
  const auto port = net.listen("127.0.0.1", 0);
  if (!port || ::write(port_pipe, &*port, 2) != 2) return 1;
  for (;;) try {
      over.take();
      return 0;
    } catch (const std::runtime_error&) { /* still measuring */
    }
}

void bench_link() {
  int ends[2];
  if (::pipe(ends) != 0) std::abort();
  test::authority();
  const auto child = ::fork();
  if (child == 0) std::_Exit(serve_link(ends[1]));
  uint16_t port = 0;
  if (::read(ends[0], &port, 2) != 2) std::abort();
  test::box<std::shared_ptr<connection>> ups;
  test::box<bool> answers;
  network net{{.who = member("client")}, [&](std::shared_ptr<connection> made) {
                connection::callbacks calls;
                calls.on_message = [&](stream, std::string_view) { answers.put(true); };
                ups.put(std::move(made));
                return calls;
              }};
  if (!net.dial("127.0.0.1", port, "server")) std::abort();
  const auto to = ups.take();
  const auto wait = [&] {
    for (;;) try {
        answers.take();
        return;
      } catch (const std::runtime_error&) { /* slow, not dead */
      }
  };
  const auto small = std::make_shared<const std::string>(small_bytes, 's');
  auto start = clock_type::now();
  for (int i = 0; i < small_count; ++i)
    while (!to->send(stream::messages, small)) std::this_thread::yield();
  wait();
  std::printf("messages of %zu bytes: %.0f/s\n", small_bytes, small_count / seconds_since(start));
  const auto piece = std::make_shared<const std::string>(bulk_piece, 'b');
  start = clock_type::now();
  for (size_t sent = 0; sent < bulk_bytes; sent += bulk_piece)
    while (!to->send(stream::bulk, piece))
      std::this_thread::sleep_for(std::chrono::microseconds{200});
  wait();
  std::printf("bulk: %.0f MB/s\n", static_cast<double>(bulk_bytes) / 1e6 / seconds_since(start));
  std::vector<double> times;
  for (int i = 0; i < round_trips; ++i) {
    start = clock_type::now();
    to->send(stream::raft, small);
    wait();
    times.push_back(seconds_since(start));
  }
  std::printf("round trip: p50 %.1f us\n", median_us(times));
  to->close();
  ::waitpid(child, nullptr, 0);
}

/// A blocking TLS echo with nothing around it.
void bench_echo() {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  if (::bind(listener, reinterpret_cast<sockaddr*>(&at), size) != 0 || ::listen(listener, 1) != 0)
    std::abort();
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size);
  const auto child = ::fork();
  if (child == 0) {
    const int fd = ::accept(listener, nullptr, nullptr);
    const int one = 1;
    ::setsockopt(fd, IPPROTO_TCP, 1, &one, sizeof one);
    const auto context = *tls::context::make(tls::style::mutual_server, member("server"));
    tls::channel channel{fd, *context};
    char buffer[1024];
    while (channel.handshake().state != tls::progress::done) {
    }
    for (;;) {
      const auto got = channel.read(buffer);
      if (got.state != tls::progress::done) std::_Exit(0);
      channel.write({buffer, got.bytes});
    }
  }
  test::raw_client client{ntohs(at.sin_port),
                          *tls::context::make(tls::style::mutual_client, member("client"))};
  const std::string small(small_bytes, 's');
  std::vector<double> times;
  for (int i = 0; i < round_trips; ++i) {
    const auto start = clock_type::now();
    client.send(small);
    client.exactly(small_bytes);
    times.push_back(seconds_since(start));
  }
  std::printf("bare TLS echo: p50 %.1f us\n", median_us(times));
  ::kill(child, SIGTERM);
  ::waitpid(child, nullptr, 0);
}

} // namespace

int main() {
  bench_link();
  bench_echo();
}
