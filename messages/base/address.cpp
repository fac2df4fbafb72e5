#include "messages/base/address.hpp"

#include <algorithm>
#include <cstdio>

namespace troupe {

namespace {

/// A decimal number without leading zeros, at most `max`.
std::optional<int> number(std::string_view text, int max) {
  if (text.empty() || text.size() > 3 || (text.size() > 1 && text[0] == '0')) return {};
  int value = 0;
  for (auto c : text) {
    if (c < '0' || c > '9') return {};
    value = value * 10 + (c - '0');
  }
  if (value > max) return {};
  return value;
}

bool parse_v4(std::string_view text, uint8_t* out) {
  for (int i = 0; i < 4; ++i) {
    auto dot = text.find('.');
    if ((dot == text.npos) != (i == 3)) return false;
    auto part = number(text.substr(0, dot), 255);
    if (!part) return false;
    out[i] = static_cast<uint8_t>(*part);
    if (i < 3) text.remove_prefix(dot + 1);
  }
  return true;
}

std::optional<int> hex_group(std::string_view text) {
  if (text.empty() || text.size() > 4) return {};
  int value = 0;
  for (auto c : text) {
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    if (digit < 0) return {};
    value = value * 16 + digit;
  }
  return value;
}

/// Groups joined by colons into `out`; the number of bytes, or -1.
int parse_groups(std::string_view text, uint8_t* out, int room) {
  int size = 0;
  if (text.empty()) return 0;
  while (true) {
    auto colon = text.find(':');
    auto part = text.substr(0, colon);
    if (colon == text.npos && part.find('.') != part.npos)
      return size + 4 <= room && parse_v4(part, out + size) ? size + 4 : -1;
    auto group = hex_group(part);
    if (!group || size + 2 > room) return -1;
    out[size++] = static_cast<uint8_t>(*group >> 8);
    out[size++] = static_cast<uint8_t>(*group & 0xff);
    if (colon == text.npos) return size;
    text.remove_prefix(colon + 1);
  }
}

bool parse_v6(std::string_view text, uint8_t* out) {
  auto gap = text.find("::");
  if (gap == text.npos) return parse_groups(text, out, 16) == 16;
  if (text.substr(0, gap).find('.') != text.npos) return false;
  auto head = parse_groups(text.substr(0, gap), out, 16);
  uint8_t tail[16];
  auto size = parse_groups(text.substr(gap + 2), tail, 16);
  if (head < 0 || size < 0 || head + size > 14) return false;
  std::copy(tail, tail + size, out + 16 - size);
  return true;
}

} // namespace

std::optional<address> address::parse(std::string_view text) {
  address a;
  a.v6 = text.find(':') != text.npos;
  if (text.size() > 45) return {};
  if (a.v6 ? parse_v6(text, a.bytes.data()) : parse_v4(text, a.bytes.data())) return a;
  return {};
}

std::string address::text() const {
  char buffer[48];
  if (!v6) {
    snprintf(buffer, sizeof buffer, "%d.%d.%d.%d", bytes[0], bytes[1], bytes[2], bytes[3]);
    return buffer;
  }
  if (mapped()) {
    snprintf(buffer, sizeof buffer, "::ffff:%d.%d.%d.%d", bytes[12], bytes[13], bytes[14],
             bytes[15]);
    return buffer;
  }
  // The longest run of at least two zero groups becomes "::".
  int best = -1, best_size = 1;
  for (int i = 0; i < 8; ++i) {
    int n = 0;
    while (i + n < 8 && bytes[2 * (i + n)] == 0 && bytes[2 * (i + n) + 1] == 0) ++n;
    if (n > best_size) best = i, best_size = n;
  }
  std::string out;
  for (int i = 0; i < 8; ++i) {
    if (i == best) {
      out += "::";
      i += best_size - 1;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    snprintf(buffer, sizeof buffer, "%x", bytes[2 * i] << 8 | bytes[2 * i + 1]);
    out += buffer;
  }
  return out;
}

bool address::mapped() const {
  return v6 && std::all_of(bytes.begin(), bytes.begin() + 10, [](auto b) { return b == 0; }) &&
         bytes[10] == 0xff && bytes[11] == 0xff;
}

bool address::unspecified() const {
  return std::all_of(bytes.begin(), bytes.end(), [](auto b) { return b == 0; });
}

bool address::loopback() const {
  if (!v6) return bytes[0] == 127;
  if (mapped()) return bytes[12] == 127;
  return std::all_of(bytes.begin(), bytes.end() - 1, [](auto b) { return b == 0; }) &&
         bytes[15] == 1;
}

bool address::link_local() const {
  if (!v6) return bytes[0] == 169 && bytes[1] == 254;
  if (mapped()) return bytes[12] == 169 && bytes[13] == 254;
  return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

bool address::multicast() const { return v6 ? bytes[0] == 0xff : (bytes[0] & 0xf0) == 0xe0; }

bool address::link_local_multicast() const {
  if (!v6) return bytes[0] == 224 && bytes[1] == 0 && bytes[2] == 0;
  return bytes[0] == 0xff && (bytes[1] & 0x0f) == 0x02;
}

std::optional<network> network::parse(std::string_view text) {
  auto slash = text.find('/');
  if (slash == text.npos) return {};
  auto base = address::parse(text.substr(0, slash));
  if (!base) return {};
  auto bits = number(text.substr(slash + 1), base->v6 ? 128 : 32);
  if (!bits) return {};
  network n{*base, *bits, false};
  for (int i = 0; i < (base->v6 ? 16 : 4); ++i) {
    auto kept = std::clamp(n.bits - 8 * i, 0, 8);
    auto mask = static_cast<uint8_t>(0xff00 >> kept);
    if (n.base.bytes[i] & static_cast<uint8_t>(~mask)) n.host_bits = true;
    n.base.bytes[i] &= mask;
  }
  return n;
}

std::string network::text() const { return base.text() + "/" + std::to_string(bits); }

bool network::contains(const address& a) const {
  if (a.v6 != base.v6) return false;
  for (int i = 0; i * 8 < bits; ++i) {
    auto mask = static_cast<uint8_t>(0xff00 >> std::min(bits - 8 * i, 8));
    if ((a.bytes[i] & mask) != base.bytes[i]) return false;
  }
  return true;
}

bool network::strictly_contains(const network& inner) const {
  return contains(inner.base) && inner.bits > bits;
}

} // namespace troupe
