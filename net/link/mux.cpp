#include "net/link/mux.hpp"

#include <algorithm>
#include <utility>

namespace troupe::link {

namespace {

// The frame's head, little end first: u32 bytes of body, u8 kind, u8 stream, u16 flags. Permanent.
constexpr uint16_t flag_more = 1;      ///< the message goes on in the next data frame of its stream
constexpr uint32_t magic = 0x4c505254; // "TRPL"
constexpr size_t hello_bytes = 4 + 2 + 2 + 8 + 4 * stream_count;
/// Small enough that a message on another stream does not wait long behind it.
constexpr size_t data_frame_bytes = 16 * 1024;
constexpr uint64_t credit_max = uint64_t{1} << 40;
constexpr size_t partial_kept_max = 1 << 20;

template<class Number> void put(std::string& into, Number value) {
  for (size_t i = 0; i < sizeof value; ++i)
    into.push_back(static_cast<char>(static_cast<uint64_t>(value) >> (8 * i)));
}

template<class Number> Number get(std::string_view from, size_t at) {
  uint64_t out = 0;
  for (size_t i = 0; i < sizeof(Number); ++i)
    out |= static_cast<uint64_t>(static_cast<uint8_t>(from[at + i])) << (8 * i);
  return static_cast<Number>(out);
}

} // namespace

mux::mux(const mux_settings& settings, time_point now)
    : settings_{settings}, started_{now}, heard_{now} {
  for (size_t on = 0; on < stream_count; ++on) in_[on].allowed = settings_.window_bytes[on];
  put_hello();
}

void mux::put_frame(std::string& into, kind what, uint8_t on, uint16_t flags,
                    std::string_view body) {
  char head[frame_head_bytes];
  const auto size = static_cast<uint32_t>(body.size());
  for (size_t i = 0; i < 4; ++i) head[i] = static_cast<char>(size >> (8 * i));
  head[4] = static_cast<char>(what);
  head[5] = static_cast<char>(on);
  head[6] = static_cast<char>(flags);
  head[7] = static_cast<char>(flags >> 8);
  into.append(head, sizeof head);
  into.append(body);
}

void mux::put_hello() {
  std::string body;
  put(body, magic);
  put(body, settings_.version_min);
  put(body, settings_.version_max);
  put(body, settings_.generation);
  for (const auto window : settings_.window_bytes) put(body, window);
  put_frame(control_, kind::hello, 0, 0, body);
}

// ---- what goes out ------------------------------------------------------------------------------

bool mux::send(stream on, payload message) {
  auto& to = out_[index(on)];
  const auto size = message->size();
  if (size > settings_.message_bytes_max ||
      (to.queued_bytes != 0 && to.queued_bytes + size > settings_.queue_bytes_max[index(on)]))
    return false;
  to.queued_bytes += size;
  to.queue.push_back(std::move(message));
  return true;
}

bool mux::may_send(size_t on) const {
  const auto& from = out_[on];
  return ready_ && !from.queue.empty() && (from.credit > 0 || from.queue.front()->empty());
}

bool mux::has_output() const {
  if (!control_.empty()) return true;
  for (size_t on = 0; on < stream_count; ++on)
    if (may_send(on)) return true;
  return false;
}

bool mux::put_data(std::string& into, size_t on) {
  if (!may_send(on)) return false;
  auto& from = out_[on];
  const auto left = std::string_view{*from.queue.front()}.substr(from.offset);
  const auto piece = left.substr(0, std::min<uint64_t>(data_frame_bytes, from.credit));
  const bool more = piece.size() < left.size();
  put_frame(into, kind::data, static_cast<uint8_t>(on), more ? flag_more : 0, piece);
  from.credit -= piece.size();
  from.queued_bytes -= piece.size();
  from.offset += piece.size();
  if (!more) {
    from.queue.pop_front();
    from.offset = 0;
  }
  return true;
}

void mux::fill(std::string& into, size_t bytes_max) {
  into += control_;
  control_.clear();
  // Each stream with something to say gets one frame's worth of bytes in its turn.
  for (size_t idle = 0; idle < stream_count && into.size() < bytes_max;) {
    const auto start = into.size();
    while (into.size() < bytes_max && into.size() - start < data_frame_bytes &&
           put_data(into, turn_)) {
    }
    idle = into.size() == start ? idle + 1 : 0;
    turn_ = (turn_ + 1) % stream_count;
  }
}

void mux::taken(stream on, size_t bytes) {
  auto& from = in_[index(on)];
  const auto count = std::min<uint64_t>(bytes, from.owed);
  from.owed -= count;
  give_back(index(on), count);
}

void mux::give_back(size_t on, uint64_t bytes) {
  auto& from = in_[on];
  from.to_return += bytes;
  if (from.to_return < settings_.window_bytes[on] / 4) return;
  from.allowed += from.to_return;
  std::string body;
  put(body, from.to_return);
  put_frame(control_, kind::credit, static_cast<uint8_t>(on), 0, body);
  from.to_return = 0;
}

// ---- what comes in ------------------------------------------------------------------------------

std::optional<std::string_view> mux::feed(std::string_view bytes, time_point now, mux_events& to) {
  if (!bytes.empty()) {
    heard_ = now;
    ping_sent_ = false;
  }
  while (!bytes.empty()) {
    // A frame that lies whole in `bytes` is read where it is; only a torn one is copied.
    const bool torn = !buffer_.empty();
    if (torn && buffer_.size() < frame_head_bytes) {
      const auto n = std::min(bytes.size(), frame_head_bytes - buffer_.size());
      buffer_.append(bytes.substr(0, n));
      bytes.remove_prefix(n);
      if (buffer_.size() < frame_head_bytes) return {};
    }
    const auto from = torn ? std::string_view{buffer_} : bytes;
    if (from.size() < frame_head_bytes) {
      buffer_.assign(from);
      return {};
    }
    const auto size = get<uint32_t>(from, 0);
    if (size > frame_payload_bytes_max) return "a frame larger than the protocol allows";
    const auto whole = frame_head_bytes + size;
    if (torn) {
      const auto n = std::min(bytes.size(), whole - buffer_.size());
      buffer_.append(bytes.substr(0, n));
      bytes.remove_prefix(n);
      if (buffer_.size() < whole) return {};
    } else if (from.size() < whole) {
      buffer_.assign(from);
      return {};
    }
    const auto frame = torn ? std::string_view{buffer_} : bytes.substr(0, whole);
    if (const auto bad =
            take_frame(frame.substr(0, frame_head_bytes), frame.substr(frame_head_bytes), to))
      return bad;
    if (torn)
      buffer_.clear();
    else
      bytes.remove_prefix(whole);
  }
  return {};
}

std::optional<std::string_view> mux::take_frame(std::string_view head, std::string_view body,
                                                mux_events& to) {
  const auto what = static_cast<kind>(head[4]);
  const auto on = static_cast<size_t>(static_cast<uint8_t>(head[5]));
  const auto flags = get<uint16_t>(head, 6);
  if (!ready_ && what != kind::hello) return "something before the hello";
  switch (what) {
  case kind::hello: return take_hello(body, to);
  case kind::data:
    if (on >= stream_count) return "data on a stream that does not exist";
    return take_data(on, flags & flag_more, body, to);
  case kind::credit:
    if (on >= stream_count) return "credit for a stream that does not exist";
    return take_credit(on, body);
  case kind::ping:
    // One answer is enough for any number of questions: a flood of them costs nothing.
    if (control_.size() < frame_payload_bytes_max) put_frame(control_, kind::pong, 0, 0, {});
    return {};
  case kind::pong: return {};
  }
  return "a frame of an unknown kind";
}

std::optional<std::string_view> mux::take_hello(std::string_view body, mux_events& to) {
  if (ready_) return "a second hello";
  // A newer version may say more; what this one knows comes first.
  if (body.size() < hello_bytes || get<uint32_t>(body, 0) != magic) return "not a hello";
  const auto their_min = get<uint16_t>(body, 4), their_max = get<uint16_t>(body, 6);
  const auto version = std::min(their_max, settings_.version_max);
  if (version < their_min || version < settings_.version_min)
    return "no version of the protocol is spoken by both sides";
  for (size_t on = 0; on < stream_count; ++on) out_[on].credit = get<uint32_t>(body, 16 + 4 * on);
  ready_ = true;
  to.on_ready({version, get<uint64_t>(body, 8)});
  return {};
}

std::optional<std::string_view> mux::take_data(size_t on, bool more, std::string_view body,
                                               mux_events& to) {
  auto& from = in_[on];
  if (body.size() > from.allowed) return "more data than there was credit for";
  from.allowed -= body.size();
  if (from.partial.size() + body.size() > settings_.message_bytes_max)
    return "a message larger than the protocol allows";
  if (more && body.empty()) return "an empty piece of a message";
  if (more) {
    from.partial.append(body);
    // Pieces are bounded by the message: holding their credit back could block a large message.
    give_back(on, body.size());
    return {};
  }
  if (settings_.taken_at_once[on])
    give_back(on, body.size());
  else
    from.owed += body.size();
  if (from.partial.empty()) {
    to.on_message(static_cast<stream>(on), body);
  } else {
    from.partial.append(body);
    to.on_message(static_cast<stream>(on), from.partial);
    from.partial.clear(); // its room serves the next one, until it is calm
    if (from.partial.capacity() > partial_kept_max) std::string().swap(from.partial);
  }
  return {};
}

std::optional<std::string_view> mux::take_credit(size_t on, std::string_view body) {
  if (body.size() != 8) return "a malformed credit";
  auto& to = out_[on];
  const auto more = get<uint64_t>(body, 0);
  if (more > credit_max || to.credit + more > credit_max) return "more credit than there can be";
  to.credit += more;
  return {};
}

// ---- time ---------------------------------------------------------------------------------------

std::optional<std::string_view> mux::tick(time_point now) {
  if (!ready_) {
    if (now - started_ >= settings_.hello_within) return "no hello in time";
    return {};
  }
  if (now - heard_ >= settings_.dead_after) return "nothing was heard for too long";
  if (now - heard_ >= settings_.ping_after && !ping_sent_) {
    put_frame(control_, kind::ping, 0, 0, {});
    ping_sent_ = true;
    for (auto& from : in_)
      if (from.partial.empty()) std::string().swap(from.partial);
  }
  return {};
}

time_point mux::next_tick() const {
  if (!ready_) return started_ + settings_.hello_within;
  return heard_ + (ping_sent_ ? settings_.dead_after : settings_.ping_after);
}

} // namespace troupe::link
