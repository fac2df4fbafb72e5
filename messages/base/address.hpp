// IP addresses and networks as values: parsed strictly (no leading zeros), compared, written
// canonically.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe {

/// An IPv4 or IPv6 address. IPv4 stands in the first four bytes.
struct address {
  std::array<uint8_t, 16> bytes{};
  bool v6 = false;

  static std::optional<address> parse(std::string_view text);
  /// "10.0.0.1", "2001:db8::1" (RFC 5952).
  std::string text() const;

  bool unspecified() const;
  bool loopback() const;
  bool link_local() const;
  bool multicast() const;
  bool link_local_multicast() const;
  /// Whether it is written as an IPv6 address but means an IPv4 one (::ffff:1.2.3.4).
  bool mapped() const;

  auto operator<=>(const address&) const = default;
};

/// "10.1.0.0/16": a prefix. Host bits may be set in what is parsed; `base` has them cleared.
struct network {
  address base;
  int bits = 0;
  bool host_bits = false; ///< bits behind the prefix were set in the text

  static std::optional<network> parse(std::string_view text);
  std::string text() const;
  bool contains(const address& a) const;
  /// Whether `inner` lies within this network and is smaller.
  bool strictly_contains(const network& inner) const;

  bool operator==(const network&) const = default;
};

} // namespace troupe
