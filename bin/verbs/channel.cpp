#include "bin/verbs/channel.hpp"

#include <cstring>
#include <optional>

namespace troupe::verbs {

namespace {

constexpr size_t frame_bytes_max = 8u << 20;
constexpr size_t write_piece_bytes = 32 * 1024;
enum : uint8_t {
  op_continuation = 0,
  op_text = 1,
  op_binary = 2,
  op_close = 8,
  op_ping = 9,
  op_pong = 10
};

} // namespace

/// What arrives, put together.
struct channel_session::inbox {
  std::mutex mutex;
  std::condition_variable changed;
  int status = 0;
  bool over = false;
  std::string buffer, message, refusal;
  on_data hears;
  std::function<void(std::string)> pong;

  void feed(std::string_view piece) {
    buffer += piece;
    for (;;) {
      if (buffer.size() < 2) return;
      auto byte = [&](size_t i) { return static_cast<uint8_t>(buffer[i]); };
      bool fin = byte(0) & 0x80;
      auto op = static_cast<uint8_t>(byte(0) & 0x0f);
      uint64_t size = byte(1) & 0x7f;
      size_t head = 2;
      if (size >= 126) {
        size_t extra = size == 126 ? 2 : 8;
        if (buffer.size() < head + extra) return;
        size = 0;
        for (size_t i = 0; i < extra; ++i) size = size << 8 | byte(head + i);
        head += extra;
      }
      if (size > frame_bytes_max) return end();
      if (buffer.size() < head + size) return;
      auto payload = std::string_view(buffer).substr(head, size);
      if (op == op_close) return end();
      if (op == op_ping && pong) pong(std::string(payload));
      if (op <= op_binary) {
        message += payload;
        if (fin) {
          if (!message.empty() && hears)
            hears(static_cast<uint8_t>(message[0]), std::string_view(message).substr(1));
          message.clear();
        }
      }
      buffer.erase(0, head + size);
    }
  }

  void end() {
    std::lock_guard lock{mutex};
    over = true;
    changed.notify_all();
  }
};

result<std::shared_ptr<channel_session>>
channel_session::open(session& s, std::string target, std::string_view protocol, on_data hears) {
  auto to = s.cluster();
  if (!to) return to.error();
  auto made = std::make_shared<channel_session>();
  auto in = made->inbox_ = std::make_shared<inbox>();
  in->hears = std::move(hears);
  client::request what{"GET", std::move(target), s.identity_headers(), {}};
  for (auto& h : http::header_list{{"Connection", "Upgrade"},
                                   {"Upgrade", "websocket"},
                                   {"Sec-WebSocket-Version", "13"},
                                   {"Sec-WebSocket-Key", "dHJvdXBlIHRyb3VwZSB0cg=="},
                                   {"Sec-WebSocket-Protocol", std::string(protocol)}})
    what.headers.push_back(h);
  made->over_ = (*to)->ask(what, {.on_head =
                                      [in](int status, const http::header_list&) {
                                        std::lock_guard lock{in->mutex};
                                        in->status = status;
                                        in->changed.notify_all();
                                      },
                                  .on_data =
                                      [in](std::string_view piece) {
                                        if (in->status == 101)
                                          in->feed(piece);
                                        else
                                          in->refusal += piece;
                                      },
                                  .on_end = [in](bool) { in->end(); }});
  in->pong = [weak = std::weak_ptr(made)](std::string payload) {
    if (auto me = weak.lock()) me->send(op_pong, payload);
  };
  std::unique_lock lock{in->mutex};
  bool came =
      in->changed.wait_for(lock, s.patience(), [&] { return in->over || in->status == 101; });
  if (!came) return error{errc::timeout, "the cluster did not answer in time"};
  if (in->status != 101) return failure_of({in->status, {}, in->refusal});
  return made;
}

bool channel_session::send(uint8_t opcode, std::string_view payload) {
  std::lock_guard lock{mutex_};
  std::string frame;
  frame += static_cast<char>(0x80 | opcode);
  if (payload.size() < 126) {
    frame += static_cast<char>(0x80 | payload.size());
  } else {
    frame += static_cast<char>(0x80 | 126);
    frame += static_cast<char>(payload.size() >> 8);
    frame += static_cast<char>(payload.size() & 0xff);
  }
  mask_ = mask_ * 1664525 + 1013904223;
  char mask[4];
  std::memcpy(mask, &mask_, 4);
  frame.append(mask, 4);
  for (size_t i = 0; i < payload.size(); ++i) frame += static_cast<char>(payload[i] ^ mask[i % 4]);
  return over_->write(std::move(frame));
}

bool channel_session::write(int channel, std::string_view data) {
  do {
    std::string message(1, static_cast<char>(channel));
    message += data.substr(0, write_piece_bytes);
    data.remove_prefix(std::min(write_piece_bytes, data.size()));
    if (!send(op_binary, message)) return false;
  } while (!data.empty());
  return true;
}

void channel_session::finish(int channel) {
  std::string message(1, static_cast<char>(255));
  message += static_cast<char>(channel);
  send(op_binary, message);
}

void channel_session::close() {
  send(op_close, std::string("\x03\xe8", 2));
  over_->cancel();
}

bool channel_session::wait(std::chrono::milliseconds patience) {
  std::unique_lock lock{inbox_->mutex};
  return inbox_->changed.wait_for(lock, patience, [&] { return inbox_->over; });
}

result<int> exit_code_of(std::string_view status) {
  if (status.empty()) return error{errc::unavailable, "the session ended without a word"};
  auto read = json::parse(status);
  if (!read) return read.error();
  if (json::string_at(*read, {"status"}) == "Success") return 0;
  if (auto causes = json::find(*read, {"details", "causes"}); causes && causes->is_array())
    for (auto& c : causes->get_array())
      if (json::string_at(c, {"reason"}) == "ExitCode")
        return atoi(std::string(json::string_at(c, {"message"})).c_str());
  return error{errc::internal, std::string(json::string_at(*read, {"message"}))};
}

} // namespace troupe::verbs
