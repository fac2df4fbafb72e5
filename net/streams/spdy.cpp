#include "net/streams/spdy.hpp"

#include <algorithm>

namespace troupe::streams {

namespace {

// Permanent numbers of SPDY/3.1.
constexpr uint16_t version = 3;
constexpr uint16_t syn_stream = 1, syn_reply = 2, rst_stream = 3, settings = 4, ping = 6,
                   goaway = 7, headers_frame = 8, window_update = 9;
constexpr uint8_t flag_fin = 1;
constexpr uint32_t protocol_error = 1, refused_stream = 3, cancel = 5, flow_control_error = 7;
constexpr uint32_t setting_initial_window = 7;
constexpr size_t frame_head_bytes = 8;
constexpr size_t data_frame_bytes = 32 * 1024;

std::string be32(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
          static_cast<char>(value >> 8), static_cast<char>(value)};
}

} // namespace

uint32_t spdy_engine::number(size_t at) const {
  uint32_t out = 0;
  for (size_t i = at; i < at + 4; ++i) out = out << 8 | static_cast<uint8_t>(payload_[i]);
  return out;
}

void spdy_engine::fail(std::string_view why, engine_events& to) {
  over_ = true;
  send_control(goaway, 0, be32(last_opened_) + be32(protocol_error));
  to.on_finish(why);
}

// ---- what comes in ------------------------------------------------------------------------------

bool spdy_engine::read_head() {
  const auto byte = [this](size_t i) { return static_cast<uint8_t>(head_[i]); };
  flags_ = byte(4);
  left_ = static_cast<uint32_t>(byte(5)) << 16 | static_cast<uint32_t>(byte(6)) << 8 | byte(7);
  is_data_ = !(byte(0) & 0x80);
  const bool known_version = is_data_ || (byte(0) == 0x80 && byte(1) == version);
  data_lane_ = is_data_
                   ? static_cast<uint32_t>(byte(0)) << 24 | static_cast<uint32_t>(byte(1)) << 16 |
                         static_cast<uint32_t>(byte(2)) << 8 | byte(3)
                   : 0;
  type_ = static_cast<uint16_t>(byte(2) << 8 | byte(3));
  head_.clear();
  payload_.clear();
  in_frame_ = true;
  return known_version && (is_data_ || left_ <= spdy_control_bytes_max);
}

void spdy_engine::feed(std::string_view bytes, engine_events& to) {
  while (!over_ && !bytes.empty()) {
    if (!in_frame_) {
      const auto n = std::min(bytes.size(), frame_head_bytes - head_.size());
      head_.append(bytes.substr(0, n));
      bytes.remove_prefix(n);
      if (head_.size() < frame_head_bytes) return;
      if (!read_head()) return fail("a SPDY frame of an unknown version or too large", to);
    }
    const auto piece = bytes.substr(0, left_);
    bytes.remove_prefix(piece.size());
    left_ -= static_cast<uint32_t>(piece.size());
    if (is_data_) {
      take_data(piece, to);
      if (left_ == 0 && (flags_ & flag_fin) && !over_) end_lane(data_lane_, to);
    } else {
      payload_.append(piece);
      if (left_ == 0) control_frame(to);
    }
    if (left_ == 0) in_frame_ = false;
  }
}

void spdy_engine::take_data(std::string_view data, engine_events& to) {
  const auto at = lanes_.find(data_lane_);
  if (at == lanes_.end() || at->second.they_finished) {
    // Data may cross our reset on the way; data for what never was is a mistake.
    if (data_lane_ > last_opened_ || data_lane_ % 2 == 0)
      fail("data for a stream never opened", to);
    return;
  }
  if (data.empty()) return;
  at->second.taken += static_cast<int64_t>(data.size());
  if (at->second.taken >= spdy_window_bytes / 2) {
    send_control(window_update, 0,
                 be32(data_lane_) + be32(static_cast<uint32_t>(at->second.taken)));
    at->second.taken = 0;
  }
  to.on_data(data_lane_, data);
}

void spdy_engine::control_frame(engine_events& to) {
  const auto shorter_than = [&](size_t bytes) {
    if (payload_.size() >= bytes) return false;
    fail("a SPDY control frame that is too short", to);
    return true;
  };
  switch (type_) {
  case syn_stream: return open_lane(to);
  case syn_reply:
  case headers_frame: {
    if (shorter_than(4)) return;
    // The history of the compression is shared: even headers nobody needs are read.
    if (!inflater_.unfold(std::string_view{payload_}.substr(4)))
      return fail("a malformed SPDY header block", to);
    if (flags_ & flag_fin) end_lane(number(0) & 0x7fffffff, to);
    return;
  }
  case rst_stream: {
    if (shorter_than(8)) return;
    const auto at = lanes_.find(number(0) & 0x7fffffff);
    if (at == lanes_.end()) return;
    held_bytes_ -= at->second.held.size();
    const auto which = at->first;
    lanes_.erase(at);
    return to.on_reset(which);
  }
  case settings: return apply_settings();
  case ping:
    if (shorter_than(4)) return;
    if (number(0) % 2 == 1) send_control(ping, 0, payload_.substr(0, 4));
    return;
  case goaway: over_ = true; return to.on_finish({});
  case window_update:
    if (shorter_than(8)) return;
    return widen(number(0) & 0x7fffffff, number(4) & 0x7fffffff);
  default: return; // unknown control frames are ignored, as the protocol asks
  }
}

void spdy_engine::open_lane(engine_events& to) {
  if (payload_.size() < 10) return fail("a SYN_STREAM that is too short", to);
  const auto which = number(0) & 0x7fffffff;
  const auto headers = inflater_.unfold(std::string_view{payload_}.substr(10));
  if (!headers) return fail("a malformed SPDY header block", to);
  if (which % 2 == 0 || which <= last_opened_)
    return fail("a SPDY stream with a number it may not have", to);
  last_opened_ = which;
  if (lanes_.size() >= spdy_lanes_max) return send_reset(which, refused_stream);
  lanes_[which].window = initial_window_;
  send_control(syn_reply, 0, be32(which) + deflater_.fold({}));
  to.on_open(which, *headers);
  if (flags_ & flag_fin) end_lane(which, to);
}

void spdy_engine::apply_settings() {
  if (payload_.size() < 4) return;
  const auto count = number(0);
  for (size_t i = 0, at = 4; i < count && at + 8 <= payload_.size(); ++i, at += 8) {
    if ((number(at) & 0xffffff) != setting_initial_window) continue;
    const auto size = static_cast<int64_t>(number(at + 4) & 0x7fffffff);
    windows_count_ = true;
    for (auto& [which, state] : lanes_) {
      state.window += size - initial_window_;
      send_held(which, state);
    }
    initial_window_ = size;
  }
}

void spdy_engine::widen(lane which, uint32_t delta) {
  windows_count_ = true;
  const auto at = lanes_.find(which);
  if (at == lanes_.end()) return;
  at->second.window += delta;
  if (at->second.window > INT32_MAX) {
    held_bytes_ -= at->second.held.size();
    lanes_.erase(at);
    return send_reset(which, flow_control_error);
  }
  send_held(which, at->second);
  forget_if_done(at);
}

void spdy_engine::end_lane(lane which, engine_events& to) {
  const auto at = lanes_.find(which);
  if (at == lanes_.end() || at->second.they_finished) return;
  at->second.they_finished = true;
  forget_if_done(at);
  to.on_end(which);
}

void spdy_engine::forget_if_done(lanes::iterator at) {
  if (at->second.they_finished && at->second.we_finished) lanes_.erase(at);
}

// ---- what goes out ------------------------------------------------------------------------------

void spdy_engine::write(lane which, std::string_view data) {
  const auto at = lanes_.find(which);
  if (over_ || at == lanes_.end() || at->second.we_finished || at->second.finish_when_sent) return;
  at->second.held.append(data);
  held_bytes_ += data.size();
  send_held(which, at->second);
}

void spdy_engine::send_held(lane which, lane_state& state) {
  if (over_ || state.we_finished) return;
  // Kubernetes' clients never update windows; to them the window is the connection's own.
  const auto room = windows_count_ ? std::max<int64_t>(state.window, 0) : INT64_MAX;
  const auto n =
      static_cast<size_t>(std::min<uint64_t>(static_cast<uint64_t>(room), state.held.size()));
  for (size_t at = 0; at < n; at += data_frame_bytes)
    send_data(which, std::string_view{state.held}.substr(at, std::min(data_frame_bytes, n - at)),
              false);
  state.window -= static_cast<int64_t>(n);
  held_bytes_ -= n;
  state.held.erase(0, n);
  if (!state.finish_when_sent || !state.held.empty()) return;
  state.we_finished = true;
  send_data(which, {}, true);
}

void spdy_engine::finish(lane which) {
  const auto at = lanes_.find(which);
  if (over_ || at == lanes_.end() || at->second.we_finished) return;
  at->second.finish_when_sent = true;
  send_held(which, at->second);
  forget_if_done(at);
}

void spdy_engine::reset(lane which) {
  const auto at = lanes_.find(which);
  if (over_ || at == lanes_.end()) return;
  held_bytes_ -= at->second.held.size();
  lanes_.erase(at);
  send_reset(which, cancel);
}

void spdy_engine::close() {
  if (std::exchange(over_, true)) return;
  send_control(goaway, 0, be32(last_opened_) + be32(0));
}

void spdy_engine::send_data(lane which, std::string_view data, bool last) {
  output_ += be32(which & 0x7fffffff);
  output_ += be32((last ? uint32_t{flag_fin} << 24 : 0) | static_cast<uint32_t>(data.size()));
  output_ += data;
}

void spdy_engine::send_reset(lane which, uint32_t status) {
  send_control(rst_stream, 0, be32(which) + be32(status));
}

void spdy_engine::send_control(uint16_t type, uint8_t flags, std::string_view payload) {
  output_ += be32(uint32_t{0x8000u | version} << 16 | type);
  output_ += be32(uint32_t{flags} << 24 | static_cast<uint32_t>(payload.size()));
  output_ += payload;
}

} // namespace troupe::streams
