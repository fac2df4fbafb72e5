#include "net/dns/reply.hpp"

#include <algorithm>
#include <limits>

namespace troupe::dns {

namespace {

constexpr size_t head_bytes = 12;
constexpr uint16_t flag_response = 0x8000, flag_truncated = 0x0200, flag_recursion_desired = 0x0100,
                   class_in = 1;
constexpr int pointers_max = 32;  // followed in one name
constexpr int records_max = 1000; // in one reply

uint16_t get16(std::string_view from, size_t at) {
  return static_cast<uint16_t>(static_cast<uint8_t>(from[at]) << 8 |
                               static_cast<uint8_t>(from[at + 1]));
}

uint32_t get32(std::string_view from, size_t at) {
  return uint32_t{get16(from, at)} << 16 | get16(from, at + 2);
}

void put16(std::string& out, size_t value) {
  out.push_back(static_cast<char>(value >> 8));
  out.push_back(static_cast<char>(value));
}

/// Reads a name that may point to earlier ones, and moves behind it. Lower case.
std::optional<name> take_name(std::string_view bytes, size_t& at) {
  name out;
  size_t here = at, wire = 1;
  bool jumped = false;
  for (int pointers = 0;;) {
    if (here >= bytes.size()) return {};
    size_t size = static_cast<uint8_t>(bytes[here]);
    if ((size & 0xc0) == 0xc0) {
      if (here + 1 >= bytes.size() || ++pointers > pointers_max) return {};
      if (!jumped) at = here + 2;
      jumped = true;
      auto to = size_t{get16(bytes, here) & 0x3fffu};
      if (to >= here) return {}; // only backwards: it ends
      here = to;
      continue;
    }
    ++here;
    if (size == 0) break;
    wire += size + 1;
    if (size > label_bytes_max || wire > name_bytes_max || here + size > bytes.size()) return {};
    if (!out.empty()) out += '.';
    for (char c : bytes.substr(here, size))
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    here += size;
  }
  if (!jumped) at = here;
  return out;
}

} // namespace

std::string write_query(uint16_t id, const question& asked, std::string_view name_as_sent,
                        bool edns) {
  std::string out;
  put16(out, id);
  put16(out, flag_recursion_desired);
  put16(out, 1);
  put16(out, 0);
  put16(out, 0);
  put16(out, edns ? 1 : 0);
  auto rest = name_as_sent.empty() ? std::string_view{asked.name} : name_as_sent;
  while (!rest.empty()) {
    auto dot = std::min(rest.find('.'), rest.size());
    out.push_back(static_cast<char>(dot));
    out.append(rest.substr(0, dot));
    rest.remove_prefix(std::min(dot + 1, rest.size()));
  }
  out.push_back('\0');
  put16(out, static_cast<uint16_t>(asked.kind));
  put16(out, class_in);
  if (edns) {
    out.push_back('\0');
    put16(out, static_cast<uint16_t>(type::opt));
    put16(out, udp_bytes_max);
    out.append(6, '\0');
  }
  return out;
}

std::optional<reply> read_reply(std::string_view bytes) {
  if (bytes.size() < head_bytes || get16(bytes, 4) != 1) return {};
  auto flags = get16(bytes, 2);
  if (!(flags & flag_response)) return {};
  reply out;
  out.id = get16(bytes, 0);
  out.code = static_cast<code>(flags & 15);
  out.truncated = flags & flag_truncated;
  size_t at = head_bytes;
  auto asked = take_name(bytes, at);
  if (!asked || at + 4 > bytes.size()) return {};
  out.asked = {*asked, static_cast<type>(get16(bytes, at))};
  at += 4;
  auto least = std::numeric_limits<uint32_t>::max();
  int count = get16(bytes, 6) + get16(bytes, 8) + get16(bytes, 10);
  if (count > records_max) return {};
  for (int i = 0; i < count; ++i) {
    auto owner = take_name(bytes, at);
    if (!owner || at + 10 > bytes.size()) return {};
    auto kind = static_cast<type>(get16(bytes, at));
    auto ttl = get32(bytes, at + 4);
    size_t size = get16(bytes, at + 8);
    auto data = at + 10;
    if (data + size > bytes.size()) return {};
    if (kind != type::opt) {
      out.ttl_places.push_back(at + 4);
      least = std::min(least, ttl);
    }
    if (i < get16(bytes, 6)) {
      record r{*owner, ttl, {}};
      bool known = true;
      if (kind == type::a && size == 4) {
        record::a a;
        std::copy_n(bytes.begin() + data, 4, a.address.begin());
        r.data = a;
      } else if (kind == type::aaaa && size == 16) {
        record::aaaa a;
        std::copy_n(bytes.begin() + data, 16, a.address.begin());
        r.data = a;
      } else if (kind == type::cname) {
        size_t inner = data;
        auto target = take_name(bytes, inner);
        if (!target) return {};
        r.data = record::name_data{type::cname, *target};
      } else {
        known = false;
      }
      if (known) out.answers.push_back(std::move(r));
    }
    at = data + size;
  }
  if (!out.ttl_places.empty()) out.ttl_seconds = least;
  return out;
}

std::string readdress(std::string packet, const reply& as_read, const query& to,
                      uint32_t age_seconds) {
  packet[0] = static_cast<char>(to.id >> 8);
  packet[1] = static_cast<char>(to.id);
  // The client's own spelling, letter by letter: both are the same name.
  size_t at = head_bytes;
  for (char c : to.name_as_sent) {
    ++at;
    if (c != '.' && at < packet.size()) packet[at] = c;
  }
  for (auto place : as_read.ttl_places) {
    auto ttl = get32(packet, place);
    ttl = ttl > age_seconds ? ttl - age_seconds : 0;
    for (int i = 0; i < 4; ++i) packet[place + i] = static_cast<char>(ttl >> (24 - 8 * i));
  }
  return packet;
}

} // namespace troupe::dns
