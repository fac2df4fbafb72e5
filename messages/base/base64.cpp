#include "messages/base/base64.hpp"

#include <array>
#include <cstdint>

namespace troupe::base64 {

namespace {

constexpr char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr char url_safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<int8_t, 256> reversed(const char* alphabet) {
  std::array<int8_t, 256> table{};
  for (auto& entry : table) entry = -1;
  for (int8_t i = 0; i < 64; ++i) table[static_cast<unsigned char>(alphabet[i])] = i;
  return table;
}

constexpr auto standard_reversed = reversed(standard);
constexpr auto url_safe_reversed = reversed(url_safe);

void encode(std::string& out, std::string_view bytes, const char* alphabet, bool padded) {
  auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(bytes[i])); };
  size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    auto word = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    for (int shift = 18; shift >= 0; shift -= 6) out += alphabet[word >> shift & 63];
  }
  auto rest = bytes.size() - i;
  if (rest == 0) return;
  auto word = byte(i) << 16 | (rest == 2 ? byte(i + 1) << 8 : 0);
  out += alphabet[word >> 18];
  out += alphabet[word >> 12 & 63];
  if (rest == 2) out += alphabet[word >> 6 & 63];
  if (padded) out.append(3 - rest, '=');
}

std::optional<std::string> decode(std::string_view text, const std::array<int8_t, 256>& table,
                                  bool padded) {
  std::string out;
  out.reserve(text.size() / 4 * 3 + 3);
  uint32_t word = 0;
  int count = 0, padding = 0;
  for (auto c : text) {
    if (c == '\n' || c == '\r') continue;
    if (c == '=') {
      if (++padding > 2) return {};
      continue;
    }
    auto bits = table[static_cast<unsigned char>(c)];
    if (bits < 0 || padding > 0) return {};
    word = word << 6 | static_cast<uint32_t>(bits);
    if (++count % 4 == 0)
      for (int shift = 16; shift >= 0; shift -= 8) out += static_cast<char>(word >> shift & 255);
  }
  auto rest = count % 4;
  if (rest == 1 || (padded ? (count + padding) % 4 != 0 : padding != 0)) return {};
  if (rest == 2) out += static_cast<char>(word >> 4 & 255);
  if (rest == 3) {
    out += static_cast<char>(word >> 10 & 255);
    out += static_cast<char>(word >> 2 & 255);
  }
  return out;
}

} // namespace

void encode(std::string& out, std::string_view bytes) { encode(out, bytes, standard, true); }

std::string encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  encode(out, bytes);
  return out;
}

std::optional<std::string> decode(std::string_view text) {
  return decode(text, standard_reversed, true);
}

std::string encode_url(std::string_view bytes) {
  std::string out;
  encode(out, bytes, url_safe, false);
  return out;
}

std::optional<std::string> decode_url(std::string_view text) {
  return decode(text, url_safe_reversed, false);
}

} // namespace troupe::base64
