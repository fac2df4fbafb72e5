// What two machines say to each other on one connection, as a machine without sockets or clocks:
// frames, several streams with credits, a handshake with versions, signs of life. Everything a peer
// can make grow has a limit, and breaking a rule ends the link.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::link {

/// The streams of a link, none of which can hold up another. Permanent numbers.
enum class stream : uint8_t {
  raft = 0,     ///< agreement between servers
  messages = 1, ///< between actors
  bulk = 2,     ///< logs, snapshots, exec: many bytes, taken as the receiver has room
};
inline constexpr size_t stream_count = 3;

using payload = std::shared_ptr<const std::string>;
using time_point = std::chrono::steady_clock::time_point;

inline constexpr size_t frame_head_bytes = 8;
inline constexpr size_t frame_payload_bytes_max =
    64 * 1024; ///< refused before anything is allocated
/// Of the protocol, that this program speaks; in a file of their own, so that a test can make a
/// program of the next version. Two neighbours share at least one.
extern const uint16_t version_oldest, version_newest;

struct mux_settings {
  /// Grows with every connection this process makes or takes; a newer one supersedes an older.
  uint64_t generation = 1;
  uint16_t version_min = version_oldest;
  uint16_t version_max = version_newest;
  /// What the peer may send on each stream before we have taken it in.
  std::array<uint32_t, stream_count> window_bytes{4u << 20, 4u << 20, 8u << 20};
  /// What may wait here on each stream before send() says no.
  std::array<size_t, stream_count> queue_bytes_max{32u << 20, 32u << 20, 8u << 20};
  /// Streams whose bytes are taken in as soon as they are delivered; for the others, call taken().
  std::array<bool, stream_count> taken_at_once{true, true, false};
  size_t message_bytes_max = 32u << 20;
  std::chrono::milliseconds hello_within{10'000};
  std::chrono::milliseconds ping_after{2'000}; ///< of silence from the peer
  std::chrono::milliseconds dead_after{6'000}; ///< of silence from the peer
};

/// What a peer said when the link came up.
struct hello {
  uint16_t version = 0; ///< the highest that both speak
  uint64_t generation = 0;
};

struct mux_events {
  virtual ~mux_events() = default;
  virtual void on_ready(const hello& from_peer) = 0;
  /// A whole message; the view is valid during the call.
  virtual void on_message(stream on, std::string_view message) = 0;
};

class mux {
public:
  mux(const mux_settings& settings, time_point now);

  /// Queues a message. False, and nothing happens, when the stream's queue is full or the message
  /// is too large.
  bool send(stream on, payload message);
  /// The receiver has taken in a message of `bytes` on a stream that is not taken at once.
  void taken(stream on, size_t bytes);
  size_t queued_bytes(stream on) const { return out_[index(on)].queued_bytes; }

  /// Takes in what has arrived. Returns what rule the peer broke, if it did.
  std::optional<std::string_view> feed(std::string_view bytes, time_point now, mux_events& to);
  /// Appends what may be sent now to `into`, at most about `bytes_max` of it, a fair share of each
  /// stream.
  void fill(std::string& into, size_t bytes_max);
  bool has_output() const;

  /// To be called at `next_tick()`. Returns why the link is dead, if it is.
  std::optional<std::string_view> tick(time_point now);
  time_point next_tick() const;
  bool ready() const { return ready_; }

private:
  enum class kind : uint8_t { hello = 1, data = 2, credit = 3, ping = 4, pong = 5 }; // permanent

  struct outgoing {
    std::deque<payload> queue;
    size_t offset = 0; ///< sent bytes of the first message
    size_t queued_bytes = 0;
    uint64_t credit = 0;
  };
  struct incoming {
    std::string partial; ///< of a message that came in several frames
    uint64_t allowed = 0;
    uint64_t to_return = 0;
    uint64_t owed = 0; ///< delivered, not yet taken
  };

  static size_t index(stream on) { return static_cast<size_t>(on); }
  void put_frame(std::string& into, kind what, uint8_t on, uint16_t flags, std::string_view body);
  void put_hello();
  bool put_data(std::string& into, size_t on);
  bool may_send(size_t on) const;
  void give_back(size_t on, uint64_t bytes);
  std::optional<std::string_view> take_frame(std::string_view head, std::string_view body,
                                             mux_events& to);
  std::optional<std::string_view> take_hello(std::string_view body, mux_events& to);
  std::optional<std::string_view> take_data(size_t on, bool more, std::string_view body,
                                            mux_events& to);
  std::optional<std::string_view> take_credit(size_t on, std::string_view body);

  mux_settings settings_;
  std::array<outgoing, stream_count> out_;
  std::array<incoming, stream_count> in_;
  size_t turn_ = 0;     ///< whose share comes next
  std::string control_; ///< frames that go before all data
  std::string buffer_;  ///< a frame that has not wholly come
  bool ready_ = false;
  bool ping_sent_ = false;
  time_point started_, heard_;
};

} // namespace troupe::link
