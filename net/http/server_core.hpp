// What the connections of one server share: settings, threads, counters, who is connected, and the
// one timer that looks after everybody's deadlines. Internal to net/http.
#pragma once

#include "net/http/server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include <atomic>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>
#include <unordered_map>

namespace troupe::http {

namespace asio = boost::asio;
using strand = asio::strand<asio::io_context::executor_type>;
using socket = asio::basic_stream_socket<asio::ip::tcp, strand>;
using steady = std::chrono::steady_clock;

class connection;
class live_sink;
using connection_list = std::list<std::shared_ptr<connection>>;

inline constexpr int64_t no_deadline = INT64_MAX;

inline int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(steady::now().time_since_epoch())
      .count();
}

/// Counters touched for every answer or read, by whichever thread.
struct live_counters {
  static constexpr int status_min = 100;
  static constexpr int status_end = 600;

  void count(method verb, int status) {
    if (status < status_min || status >= status_end) return;
    answers[static_cast<size_t>(verb)][static_cast<size_t>(status - status_min)].fetch_add(
        1, std::memory_order_relaxed);
  }

  std::atomic<uint64_t> answers[method_count][status_end - status_min] = {};
  std::atomic<uint64_t> refused_by_gate{0}, connections_total{0}, connections_refused{0};
  std::atomic<uint64_t> handshakes_failed{0}, requests_timed_out{0}, slow_readers_dropped{0};
  std::atomic<uint64_t> bytes_in{0}, bytes_out{0};
};

struct server::core : std::enable_shared_from_this<server::core> {
  explicit core(server_settings chosen);

  result<void> start();
  void stop();
  void accept();
  void take(socket peer);
  /// Called by a connection that has closed, on its own strand.
  void forget(connection& who);
  /// Serves `sink` soon, on its connection's strand. Waking ten thousand watchers costs their
  /// writer one list entry each, and one event loop call for all.
  void wake(std::shared_ptr<live_sink> sink);
  void serve_woken();
  /// Makes sure the timer fires by `deadline`.
  void watch(int64_t deadline);
  void sweep();
  std::shared_ptr<const tls::context> tls_now() const;

  server_settings settings;
  live_counters counters;
  std::atomic<uint64_t> last_request_id{0};
  std::atomic<bool> stopping{false};
  std::atomic<bool> stopped{false};

  asio::io_context io;
  asio::ip::tcp::acceptor acceptor{io};
  asio::steady_timer accept_pause{io};
  asio::steady_timer sweeper{io};
  std::atomic<int64_t> sweep_at{no_deadline};
  std::vector<std::thread> threads;
  uint16_t port = 0;

  std::mutex woken_mutex; ///< for the list
  std::vector<std::shared_ptr<live_sink>> woken;

  mutable std::mutex mutex; ///< for what follows
  std::condition_variable emptied;
  std::shared_ptr<const tls::context> tls;
  connection_list connections;
  std::unordered_map<std::string, size_t> per_ip;
};

} // namespace troupe::http
