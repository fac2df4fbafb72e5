#include "net/streams/websocket.hpp"

#include "net/streams/base64.hpp"

#include <openssl/evp.h>

#include <algorithm>

namespace troupe::streams {

namespace {

constexpr std::string_view magic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::string_view bearer_prefix = "base64url.bearer.authorization.k8s.io.";
constexpr size_t control_bytes_max = 125;

std::string accept_value(std::string_view key) {
  const auto text = std::string{key}.append(magic);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha1(), nullptr);
  return base64_encoded({reinterpret_cast<const char*>(digest), size});
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const size_t more = c < 0x80 ? 0 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
    if ((c >= 0x80 && c < 0xc2) || c > 0xf4 || i + more >= text.size()) return false;
    for (size_t k = 1; k <= more; ++k)
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    const auto second = more ? static_cast<unsigned char>(text[i + 1]) : 0;
    if ((c == 0xe0 && second < 0xa0) || (c == 0xed && second > 0x9f) ||
        (c == 0xf0 && second < 0x90) || (c == 0xf4 && second > 0x8f))
      return false;
    i += more + 1;
  }
  return true;
}

bool may_be_sent(uint16_t code) {
  return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
         (code >= 3000 && code <= 4999);
}

} // namespace

bool wants_websocket(const http::request& in) {
  return http::has_token(in.header("Upgrade"), "websocket");
}

std::vector<std::string> offered_protocols(const http::request& in) {
  std::vector<std::string> out;
  for (auto line : in.headers("Sec-WebSocket-Protocol"))
    while (!line.empty()) {
      const auto comma = line.find(',');
      if (const auto one = trimmed(line.substr(0, comma)); !one.empty()) out.emplace_back(one);
      line.remove_prefix(comma == line.npos ? line.size() : comma + 1);
    }
  return out;
}

result<std::optional<std::string>> bearer_token(const http::request& in) {
  std::optional<std::string> out;
  for (const auto& protocol : offered_protocols(in)) {
    if (!protocol.starts_with(bearer_prefix)) continue;
    const auto token = base64url_decoded(std::string_view{protocol}.substr(bearer_prefix.size()));
    if (!token || token->empty() || out)
      return error{errc::bad_request, "a malformed bearer token among the WebSocket subprotocols"};
    out = *token;
  }
  return out;
}

result<websocket_handshake> shake_hands(const http::request& in,
                                        const std::vector<std::string_view>& protocols) {
  const auto refuse = [](std::string_view why) {
    return error{errc::bad_request, "not a WebSocket handshake: " + std::string{why}};
  };
  if (in.verb() != http::method::get) return refuse("the method is not GET");
  if (!wants_websocket(in)) return refuse("Upgrade does not name websocket");
  if (!http::has_token(in.header("Connection"), "upgrade"))
    return refuse("Connection does not name upgrade");
  if (in.header("Sec-WebSocket-Version") != "13") return refuse("only version 13 is spoken here");
  const auto key = base64_decoded(in.header("Sec-WebSocket-Key"));
  if (!key || key->size() != 16) return refuse("a malformed Sec-WebSocket-Key");
  websocket_handshake out;
  auto offered = offered_protocols(in);
  std::erase_if(offered, [](const std::string& one) { return one.starts_with(bearer_prefix); });
  const auto chosen = std::ranges::find_if(offered, [&](const std::string& one) {
    return std::ranges::find(protocols, one) != protocols.end();
  });
  if (chosen != offered.end())
    out.protocol = *chosen;
  else if (!offered.empty())
    return refuse("none of the subprotocols is spoken here");
  out.headers = {{"Upgrade", "websocket"},
                 {"Connection", "Upgrade"},
                 {"Sec-WebSocket-Accept", accept_value(in.header("Sec-WebSocket-Key"))}};
  if (!out.protocol.empty()) out.headers.emplace_back("Sec-WebSocket-Protocol", out.protocol);
  return out;
}

std::string frame(opcode kind, std::string_view payload) {
  std::string out;
  out.reserve(payload.size() + 10);
  out.push_back(static_cast<char>(0x80 | static_cast<uint8_t>(kind)));
  const auto size = payload.size();
  const auto put = [&](int bytes) {
    for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(size >> (8 * i)));
  };
  if (size < 126) {
    out.push_back(static_cast<char>(size));
  } else if (size <= 0xffff) {
    out.push_back(126);
    put(2);
  } else {
    out.push_back(127);
    put(8);
  }
  out.append(payload);
  return out;
}

std::string close_payload(uint16_t code, std::string_view reason) {
  std::string out{static_cast<char>(code >> 8), static_cast<char>(code)};
  return out.append(reason.substr(0, control_bytes_max - 2));
}

std::optional<websocket_decoder::violation> websocket_decoder::read_head() {
  const auto byte = [this](size_t i) { return static_cast<uint8_t>(head_[i]); };
  if (head_.size() == 2) {
    if (byte(0) & 0x70) return violation{1002, "a reserved bit is set"};
    if (!(byte(1) & 0x80)) return violation{1002, "a client's frame is not masked"};
    const auto length = byte(1) & 0x7f;
    head_size_ = 6u + (length == 126 ? 2 : length == 127 ? 8 : 0);
  }
  if (head_.size() < head_size_) return {};
  fin_ = byte(0) & 0x80;
  kind_ = static_cast<opcode>(byte(0) & 0x0f);
  left_ = byte(1) & 0x7f;
  const size_t extra = head_size_ - 6;
  if (extra) left_ = 0;
  for (size_t i = 0; i < extra; ++i) left_ = left_ << 8 | byte(2 + i);
  std::copy_n(head_.end() - 4, 4, mask_);
  mask_at_ = 0;
  head_.clear();
  head_size_ = 2;
  in_payload_ = true;
  if ((extra == 2 && left_ < 126) || (extra == 8 && (left_ <= 0xffff || left_ >> 63)))
    return violation{1002, "a length that is not in its shortest form"};
  switch (kind_) {
  case opcode::close:
  case opcode::ping:
  case opcode::pong:
    if (!fin_ || left_ > control_bytes_max) return violation{1002, "a malformed control frame"};
    control_.clear();
    return {};
  case opcode::continuation:
    if (!message_kind_) return violation{1002, "a continuation of nothing"};
    break;
  case opcode::text:
  case opcode::binary:
    if (message_kind_) return violation{1002, "a message inside a message"};
    message_kind_ = kind_;
    message_.clear();
    break;
  default: return violation{1002, "an unknown opcode"};
  }
  if (message_.size() + left_ > message_bytes_max_)
    return violation{1009, "a message larger than the server accepts"};
  return {};
}

std::optional<websocket_decoder::violation> websocket_decoder::finish_frame(events& to) {
  in_payload_ = false;
  switch (kind_) {
  case opcode::ping: to.on_ping(control_); return {};
  case opcode::pong: return {};
  case opcode::close: {
    closed_ = true;
    uint16_t code = 1005;
    if (control_.size() == 1) return violation{1002, "a malformed close frame"};
    if (control_.size() >= 2) {
      code = static_cast<uint16_t>(static_cast<uint8_t>(control_[0]) << 8 |
                                   static_cast<uint8_t>(control_[1]));
      if (!may_be_sent(code)) return violation{1002, "a close code that may not be sent"};
      if (!is_utf8(std::string_view{control_}.substr(2)))
        return violation{1007, "a close reason that is not UTF-8"};
    }
    to.on_close(code);
    return {};
  }
  default: break;
  }
  if (!fin_) return {};
  const bool text = *message_kind_ == opcode::text;
  message_kind_.reset();
  if (text && !is_utf8(message_)) return violation{1007, "a text message that is not UTF-8"};
  to.on_message(text, message_);
  // A large message does not keep its memory.
  if (message_.capacity() > 4096) std::string().swap(message_);
  message_.clear();
  return {};
}

std::optional<websocket_decoder::violation> websocket_decoder::feed(std::string_view bytes,
                                                                    events& to) {
  while (!closed_ && (!bytes.empty() || (in_payload_ && left_ == 0))) {
    if (!in_payload_) {
      head_.push_back(bytes.front());
      bytes.remove_prefix(1);
      if (head_.size() >= head_size_)
        if (const auto bad = read_head()) return bad;
      continue;
    }
    const auto n = std::min<uint64_t>(left_, bytes.size());
    auto& into = static_cast<uint8_t>(kind_) >= 8 ? control_ : message_;
    const auto start = into.size();
    into.append(bytes.substr(0, n));
    for (size_t i = start; i < into.size(); ++i) into[i] = static_cast<char>(into[i] ^ mask_[mask_at_++ & 3]);
    bytes.remove_prefix(n);
    left_ -= n;
    if (left_ == 0)
      if (const auto bad = finish_frame(to)) return bad;
  }
  return {};
}

} // namespace troupe::streams
