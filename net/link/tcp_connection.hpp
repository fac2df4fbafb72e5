// One link over TCP: moves bytes between a socket and a mux. Runs on its strand; send() and the
// like may be called from anywhere. A message that is sent after a pause leaves from the thread of
// its sender. Internal to net/link.
#pragma once

#include "net/link/network.hpp"
#include "net/tls/channel.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include <atomic>
#include <mutex>
#include <vector>

namespace troupe::link {

namespace asio = boost::asio;
using strand = asio::strand<asio::io_context::executor_type>;
using socket = asio::basic_stream_socket<asio::ip::tcp, strand>;
using timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, strand>;

class tcp_connection : public connection,
                       public std::enable_shared_from_this<tcp_connection>,
                       private mux_events {
public:
  /// `server_name` is checked by the side that dials; the other side leaves it empty.
  tcp_connection(std::shared_ptr<network::core> home, socket to, const tls::context& tls,
                 const std::string& server_name, uint64_t generation);

  void start();
  /// Called when everything is over, whether or not the link was ever up.
  std::function<void()> on_over;
  const bool dialed;

  const identity& peer() const override { return peer_; }
  uint64_t generation() const override { return hello_.generation; }
  uint16_t version() const override { return hello_.version; }
  bool send(stream on, payload message) override;
  void taken(stream on, size_t bytes) override;
  size_t queued_bytes(stream on) const override;
  void run(std::function<void()> call) override;
  void close() override;
  void close_because(std::string why);

private:
  void pump();
  void shake_hands();
  void read();
  bool write();
  bool send_now();
  void arm();
  void arm_timer();
  void end(std::string_view why);
  void collect();
  void schedule();
  template<class Call> void post(Call call);
  template<class Call> void in_turn(Call call);
  void on_ready(const hello& from_peer) override;
  void on_message(stream on, std::string_view message) override;

  /// Whoever moves bytes: the strand, or a sender who finds it idle. Guards all but the inbox. A
  /// sender only tries to take it: who has it may be waiting for him.
  std::mutex turn_;
  time_point written_{}; ///< when bytes were last written

  const std::string peer_name_; ///< that its certificate must carry, if it was dialed
  std::shared_ptr<network::core> home_;
  socket socket_;
  timer timer_;
  tls::channel channel_;
  mux mux_;
  identity peer_;
  hello hello_;
  callbacks calls_;

  bool secure_ = false, up_ = false, over_ = false;
  bool read_armed_ = false, write_armed_ = false, write_blocked_ = false, timer_armed_ = false;
  time_point started_ = std::chrono::steady_clock::now();
  std::string out_;
  size_t out_used_ = 0;

  std::mutex mutex_; ///< for the inbox
  std::vector<std::pair<stream, payload>> inbox_;
  std::array<size_t, stream_count> taken_{};
  std::array<std::atomic<size_t>, stream_count> inbox_bytes_{};
  std::array<std::atomic<size_t>, stream_count> mux_bytes_{};
  bool scheduled_ = false;
  std::atomic<bool> down_{false};
};

} // namespace troupe::link
