// Just enough of HTTP/2 and gRPC for one health question on one connection.
#include "actors/node/probes/prober.hpp"

#include <algorithm>

namespace troupe::node {

namespace {

enum frame : uint8_t { data = 0, headers = 1, reset = 3, settings = 4, ping = 6, goaway = 7 };
constexpr uint8_t flag_end_stream = 1, flag_ack = 1, flag_end_headers = 4, flag_padded = 8;
constexpr size_t frame_bytes_max = 1 << 16, message_bytes_max = 1 << 12;

std::string frame_of(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
  std::string out;
  auto n = payload.size();
  for (int shift : {16, 8, 0}) out += static_cast<char>(n >> shift & 0xff);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  for (int shift : {24, 16, 8, 0}) out += static_cast<char>(stream >> shift & 0xff);
  return out.append(payload);
}

/// A header as a literal that is not remembered, without Huffman coding.
void literal(std::string& to, std::string_view name, std::string_view value) {
  auto text = [&](std::string_view t) {
    size_t n = std::min<size_t>(t.size(), 126);
    to += static_cast<char>(n);
    to += t.substr(0, n);
  };
  to += '\0';
  text(name);
  text(value);
}

uint32_t number(std::string_view bytes) {
  uint32_t out = 0;
  for (unsigned char c : bytes) out = out << 8 | c;
  return out;
}

} // namespace

std::string grpc_request(const std::string& authority, const std::string& service) {
  std::string block;
  literal(block, ":method", "POST");
  literal(block, ":scheme", "http");
  literal(block, ":path", "/grpc.health.v1.Health/Check");
  literal(block, ":authority", authority);
  literal(block, "content-type", "application/grpc");
  literal(block, "te", "trailers");
  literal(block, "user-agent", "kube-probe/1.36");
  std::string message;
  if (!service.empty()) {
    auto n = std::min<size_t>(service.size(), 127);
    message = std::string("\x0a") + static_cast<char>(n) + service.substr(0, n);
  }
  std::string body(1, '\0');
  for (int shift : {24, 16, 8, 0}) body += static_cast<char>(message.size() >> shift & 0xff);
  body += message;
  return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame_of(settings, 0, 0, {}) +
         frame_of(headers, flag_end_headers, 1, block) + frame_of(data, flag_end_stream, 1, body);
}

std::string grpc_reply::feed(std::string_view bytes) {
  std::string out;
  buffer_.append(bytes);
  while (!over_ && buffer_.size() >= 9) {
    size_t size = number(std::string_view(buffer_).substr(0, 3));
    auto type = static_cast<uint8_t>(buffer_[3]), flags = static_cast<uint8_t>(buffer_[4]);
    if (size > frame_bytes_max) over_ = true;
    if (over_ || buffer_.size() < 9 + size) break;
    auto payload = buffer_.substr(9, size);
    buffer_.erase(0, 9 + size);
    if (type == settings && !(flags & flag_ack)) out += frame_of(settings, flag_ack, 0, {});
    if (type == ping && !(flags & flag_ack)) out += frame_of(ping, flag_ack, 0, payload);
    if (type == data) {
      if (flags & flag_padded && !payload.empty()) payload.erase(0, 1);
      message_ += payload;
      // One byte that says "not compressed", four of length, then field 1: the status.
      if (message_.size() >= 5 && message_[0] == 0) {
        auto length = number(std::string_view(message_).substr(1, 4));
        if (length == 0) serving_ = 0;
        if (length >= 2 && message_.size() >= 7 && message_[5] == 8)
          serving_ = static_cast<unsigned char>(message_[6]);
      }
      if (message_.size() > message_bytes_max) over_ = true;
    }
    bool ends = (type == data || type == headers) && (flags & flag_end_stream);
    if (ends || type == reset || type == goaway) over_ = true;
  }
  return out;
}

} // namespace troupe::node
