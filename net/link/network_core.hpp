// What the links of one network share. Internal to net/link.
#pragma once

#include "net/link/tcp_connection.hpp"

#include <condition_variable>
#include <map>
#include <random>
#include <set>
#include <thread>

namespace troupe::link {

/// A peer that is kept dialed.
struct destination {
  std::string host;
  uint16_t port = 0;
  std::string name;
  std::chrono::milliseconds delay;
  std::unique_ptr<asio::steady_timer> pause;
  std::unique_ptr<asio::ip::tcp::resolver> names;

  std::string text() const { return host + ":" + std::to_string(port); }
  std::atomic<bool> unwanted{false};
};

struct network::core : std::enable_shared_from_this<network::core> {
  core(network_settings chosen, on_link call)
      : settings{std::move(chosen)}, up{std::move(call)}, chance{settings.seed} {}

  void accept();
  void dial(const std::shared_ptr<destination>& to);
  void connect(const std::shared_ptr<destination>& to,
               const asio::ip::tcp::resolver::results_type& places);
  void failed(const std::shared_ptr<destination>& to, std::string_view why);
  void redial(const std::shared_ptr<destination>& to);
  void adopt(socket peer, const std::string& name, std::function<void()> over);
  /// True if `who` may be up; ends an older link of the same peer.
  bool admit(const std::shared_ptr<tcp_connection>& who);
  void forget(const std::shared_ptr<tcp_connection>& who);

  network_settings settings;
  on_link up;
  asio::io_context io;
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  asio::ip::tcp::acceptor acceptor{io};
  asio::steady_timer accept_pause{io};
  std::vector<std::thread> threads;
  std::atomic<bool> stopping{false};
  std::atomic<bool> stopped{false};

  mutable std::mutex mutex; ///< for what follows
  std::condition_variable emptied;
  std::shared_ptr<const tls::context> server_tls, client_tls;
  std::set<std::shared_ptr<tcp_connection>> all;
  std::map<std::string, std::shared_ptr<tcp_connection>> accepted_by_name;
  std::vector<std::shared_ptr<destination>> destinations;
  std::vector<std::weak_ptr<socket>> attempts; ///< to connect, those under way among them
  std::mt19937_64 chance;
  uint64_t generation = 0;
  network_counters counters;
};

} // namespace troupe::link
