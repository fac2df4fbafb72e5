#include "net/streams/base64.hpp"

#include <array>
#include <cstdint>

namespace troupe::streams {

namespace {

constexpr std::string_view plain =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string encoded(std::string_view bytes, std::string_view alphabet, bool pad) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  uint32_t bits = 0;
  int have = 0;
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<uint8_t>(c);
    have += 8;
    while (have >= 6) {
      have -= 6;
      out.push_back(alphabet[bits >> have & 63]);
    }
  }
  if (have) out.push_back(alphabet[bits << (6 - have) & 63]);
  while (pad && out.size() % 4) out.push_back('=');
  return out;
}

constexpr std::array<int8_t, 256> reversed(std::string_view alphabet) {
  std::array<int8_t, 256> out{};
  out.fill(-1);
  for (size_t i = 0; i < alphabet.size(); ++i)
    out[static_cast<uint8_t>(alphabet[i])] = static_cast<int8_t>(i);
  return out;
}

std::optional<std::string> decoded(std::string_view text, const std::array<int8_t, 256>& values) {
  if (text.size() % 4 == 1) return {};
  std::string out;
  out.reserve(text.size() / 4 * 3 + 2);
  uint32_t bits = 0;
  int have = 0;
  for (const char c : text) {
    const auto value = values[static_cast<uint8_t>(c)];
    if (value < 0) return {};
    bits = bits << 6 | static_cast<uint32_t>(value);
    have += 6;
    if (have < 8) continue;
    have -= 8;
    out.push_back(static_cast<char>(bits >> have));
  }
  if (bits & ((1u << have) - 1)) return {}; // two texts for one meaning
  return out;
}

constexpr auto plain_values = reversed(plain);
constexpr auto url_values = reversed(url);

} // namespace

std::string base64_encoded(std::string_view bytes) { return encoded(bytes, plain, true); }
std::string base64url_encoded(std::string_view bytes) { return encoded(bytes, url, false); }

std::optional<std::string> base64_decoded(std::string_view text) {
  if (text.size() % 4) return {};
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  return decoded(text, plain_values);
}

std::optional<std::string> base64url_decoded(std::string_view text) {
  return decoded(text, url_values);
}

} // namespace troupe::streams
