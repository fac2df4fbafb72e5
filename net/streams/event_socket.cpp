#include "net/streams/event_socket.hpp"

#include "net/streams/websocket.hpp"

#include <mutex>

namespace troupe::streams {

namespace {

/// Clients have nothing to say on a watch.
constexpr size_t client_message_bytes_max = 4096;

} // namespace

struct event_socket::state : websocket_decoder::events {
  void arrived(std::string_view bytes) {
    const std::lock_guard lock{mutex};
    if (!over) return; // all has been said
    if (const auto bad = decoder.feed(bytes, *this)) say_goodbye(bad->code, bad->why);
  }
  void on_message(bool, std::string_view) override {}
  void on_ping(std::string_view payload) override { over.write(frame(opcode::pong, payload)); }
  void on_close(uint16_t) override { say_goodbye(1000, {}); }
  void say_goodbye(uint16_t code, std::string_view why) {
    over.write(frame(opcode::close, close_payload(code, why)));
    over.finish();
  }

  std::mutex mutex; ///< keeps a frame's head and its payload together
  http::duplex over;
  opcode kind = opcode::text;
  websocket_decoder decoder{client_message_bytes_max};
};

result<event_socket> event_socket::start(const http::request& in, http::responder& reply, bool text,
                                         callbacks calls) {
  // Events look the same whatever the subprotocol; the names are what browsers offer.
  auto done = shake_hands(in, {"base64.binary.k8s.io", "binary.k8s.io", "v4.channel.k8s.io"});
  if (!done) return done.error();
  event_socket out;
  out.state_ = std::make_shared<state>();
  out.state_->kind = text ? opcode::text : opcode::binary;
  auto& over = out.state_->over = reply.upgrade(std::move(done->headers));
  if (calls.on_closed) over.on_closed(std::move(calls.on_closed));
  if (calls.on_drained) over.on_drained(std::move(calls.on_drained));
  // Last, since what has arrived may end it. The callback keeps the state for as long as the
  // connection lives.
  over.on_data([to = out.state_](std::string_view bytes) { to->arrived(bytes); });
  return out;
}

event_socket& event_socket::operator=(event_socket&& other) noexcept {
  finish();
  state_ = std::move(other.state_);
  return *this;
}

event_socket::~event_socket() { finish(); }

bool event_socket::write(const http::bytes& event) {
  if (!state_) return false;
  // Only the head is made for this client.
  const auto size = event->size();
  std::string head(1, static_cast<char>(0x80 | static_cast<uint8_t>(state_->kind)));
  const int length_bytes = size < 126 ? 0 : size <= 0xffff ? 2 : 8;
  head += static_cast<char>(size < 126 ? size : size <= 0xffff ? 126 : 127);
  for (int i = length_bytes - 1; i >= 0; --i) head += static_cast<char>(size >> (8 * i));
  const std::lock_guard lock{state_->mutex};
  return state_->over.write(std::move(head)) && state_->over.write(event);
}

void event_socket::finish() {
  const auto to = std::exchange(state_, nullptr);
  if (!to) return;
  const std::lock_guard lock{to->mutex};
  to->say_goodbye(1000, {});
}

size_t event_socket::queued_bytes() const {
  if (!state_) return 0;
  const std::lock_guard lock{state_->mutex};
  return state_->over.queued_bytes();
}

} // namespace troupe::streams
