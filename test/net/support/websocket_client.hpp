// The client's half of WebSocket, for tests: a handshake, masked frames, frames read back.
#pragma once

#include "test/net/support/raw_client.hpp"

#include <cstdint>
#include <utility>

namespace troupe::test {

inline std::string upgrade_request(const std::string& target, const std::string& protocols) {
  return "GET " + target +
         " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
         (protocols.empty() ? "" : "Sec-WebSocket-Protocol: " + protocols + "\r\n") + "\r\n";
}

/// A masked frame; `first` is its first byte (0x80 | opcode for a whole message).
inline std::string masked_frame(uint8_t first, const std::string& payload) {
  std::string out(1, static_cast<char>(first));
  const auto size = payload.size();
  if (size < 126) {
    out += static_cast<char>(0x80 | size);
  } else if (size <= 0xffff) {
    out += static_cast<char>(0xfe);
    out += {static_cast<char>(size >> 8), static_cast<char>(size)};
  } else {
    out += static_cast<char>(0xff);
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(size >> shift);
  }
  const char mask[] = {0x12, 0x34, 0x56, 0x78};
  out.append(mask, 4);
  for (size_t i = 0; i < size; ++i) out += static_cast<char>(payload[i] ^ mask[i & 3]);
  return out;
}

/// The next frame from the server: its first byte and its payload.
inline std::pair<uint8_t, std::string> read_frame(raw_client& from) {
  const auto head = from.exactly(2);
  size_t size = static_cast<uint8_t>(head[1]);
  const int more = size == 126 ? 2 : size == 127 ? 8 : 0;
  if (more) {
    size = 0;
    for (const char c : from.exactly(static_cast<size_t>(more)))
      size = size << 8 | static_cast<uint8_t>(c);
  }
  return {static_cast<uint8_t>(head[0]), from.exactly(size)};
}

} // namespace troupe::test
