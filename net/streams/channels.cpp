#include "net/streams/channels.hpp"

#include "net/streams/base64.hpp"

namespace troupe::streams {

namespace {

constexpr uint8_t close_channel = 255;
/// Larger pieces are cut, so that every client's message limit is kept.
constexpr size_t message_bytes = 32 * 1024;

} // namespace

// ---- both kinds ---------------------------------------------------------------------------------

void websocket_engine::feed(std::string_view bytes, engine_events& to) {
  if (over_) return;
  to_ = &to;
  const auto bad = decoder_.feed(bytes, *this);
  if (bad && !over_) fail(bad->code, bad->why);
  to_ = nullptr;
}

void websocket_engine::send(opcode kind, std::string_view payload) {
  if (!over_) output_ += frame(kind, payload);
}

void websocket_engine::fail(uint16_t code, std::string_view why) {
  send(opcode::close, close_payload(code, why));
  over_ = true;
  if (to_) to_->on_finish(why);
}

void websocket_engine::close() {
  if (over_) return;
  before_close();
  send(opcode::close, close_payload(1000, {}));
  over_ = true;
}

void websocket_engine::on_message(bool text, std::string_view payload) {
  if (!over_) on_payload(text, payload, *to_);
}

void websocket_engine::on_ping(std::string_view payload) { send(opcode::pong, payload); }

void websocket_engine::on_close(uint16_t code) {
  // 1005 means that the client gave no code; it may not be sent back.
  send(opcode::close, close_payload(code == 1005 ? 1000 : code, {}));
  over_ = true;
  to_->on_finish({});
}

// ---- numbered channels --------------------------------------------------------------------------

void channel_engine::on_payload(bool, std::string_view payload, engine_events& to) {
  if (payload.empty()) return fail(1002, "a message without a channel");
  auto which = static_cast<uint8_t>(payload.front());
  payload.remove_prefix(1);
  if (!form_.base64) {
    if (form_.half_close && which == close_channel) {
      if (payload.size() != 1) return fail(1002, "a malformed close of a channel");
      return to.on_end(static_cast<uint8_t>(payload.front()));
    }
    return to.on_data(which, payload);
  }
  if (which < '0' || which > '9') return fail(1002, "a channel that is not a digit");
  const auto data = base64_decoded(payload);
  if (!data) return fail(1007, "a message that is not base64");
  to.on_data(which - '0', *data);
}

void channel_engine::write(lane which, std::string_view data) {
  if (which > 255 || ended_[which]) return;
  // An empty piece is sent too: it tells the client that the channel is there.
  do {
    const auto piece = data.substr(0, message_bytes);
    data.remove_prefix(piece.size());
    if (form_.base64)
      send(opcode::text, std::string(1, static_cast<char>('0' + which)) + base64_encoded(piece));
    else
      send(opcode::binary, std::string(1, static_cast<char>(which)).append(piece));
  } while (!data.empty());
}

void channel_engine::finish(lane which) {
  // Only clients may say that a channel is closed; to them the end of the session says it.
  if (which <= 255) ended_.set(which);
}

// ---- another engine inside ----------------------------------------------------------------------

void wrapped_engine::wrap() {
  const auto bytes = inner_->take_output();
  for (size_t at = 0; at < bytes.size(); at += message_bytes)
    send(opcode::binary, std::string_view{bytes}.substr(at, message_bytes));
}

void wrapped_engine::on_payload(bool, std::string_view payload, engine_events& to) {
  inner_->feed(payload, to);
  wrap();
}

void wrapped_engine::write(lane which, std::string_view data) {
  inner_->write(which, data);
  wrap();
}

void wrapped_engine::finish(lane which) {
  inner_->finish(which);
  wrap();
}

void wrapped_engine::reset(lane which) {
  inner_->reset(which);
  wrap();
}

void wrapped_engine::before_close() {
  inner_->close();
  wrap();
}

} // namespace troupe::streams
