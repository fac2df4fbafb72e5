// DNS messages as bytes (RFC 1035, EDNS from RFC 6891): strict reading of queries, writing of
// answers with compressed names, truncation to what the client takes. Pure and bounded.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace troupe::dns {

inline constexpr size_t name_bytes_max = 255;
inline constexpr size_t label_bytes_max = 63;
inline constexpr size_t udp_bytes_plain = 512;  ///< for clients without EDNS
inline constexpr size_t udp_bytes_max = 1232;   ///< fits every path without fragments
inline constexpr size_t query_bytes_max = 1232; ///< more is refused unread
inline constexpr size_t message_bytes_max = 65'535;

// Numbers of the protocol (permanent).
enum class type : uint16_t {
  a = 1,
  ns = 2,
  cname = 5,
  soa = 6,
  ptr = 12,
  txt = 16,
  aaaa = 28,
  srv = 33,
  opt = 41,
  any = 255
};
enum class code : uint8_t {
  ok = 0,
  format_error = 1,
  server_failure = 2,
  no_such_name = 3,
  not_implemented = 4,
  refused = 5,
  bad_version = 16
};

/// A name in lower case, without the dot at its end; the root is empty.
using name = std::string;

struct question {
  dns::name name;
  type kind = type::a;

  bool operator==(const question&) const = default;
};

/// A query that can be answered.
struct query {
  uint16_t id = 0;
  bool recursion_desired = false;
  question asked;
  std::string name_as_sent; ///< its upper case is kept in the answer (0x20 of careful resolvers)
  bool edns = false;
  size_t udp_bytes = udp_bytes_plain; ///< the largest answer that the client takes over UDP
};

/// Why there is no query: the answer that must be sent, or silence.
struct not_a_query {
  std::string answer; ///< empty: do not answer (a response, or too short to have an id)
};

std::variant<query, not_a_query> read_query(std::string_view bytes);

struct srv {
  uint16_t priority = 0, weight = 0, port = 0;
  name target;
};
struct soa {
  name server, mailbox;
  uint32_t serial = 0, refresh = 0, retry = 0, expire = 0, minimum = 0;
};

/// One resource record.
struct record {
  dns::name name;
  uint32_t ttl_seconds = 0;
  /// A, AAAA, SRV, SOA; a name by its type; TXT.
  struct a {
    std::array<uint8_t, 4> address;
  };
  struct aaaa {
    std::array<uint8_t, 16> address;
  };
  struct name_data {
    type kind; ///< CNAME, PTR or NS
    dns::name target;
  };
  struct txt {
    std::string text;
  };
  std::variant<a, aaaa, srv, soa, name_data, txt> data;
};

struct answer {
  dns::code code = code::ok;
  bool authoritative = true;
  bool recursion_available = false;
  std::vector<record> answers;
  std::vector<record> authority; ///< the SOA of a negative answer
  std::vector<record> additional;
};

/// The answer's bytes. What does not fit `bytes_max` is left out, whole records at a time; if an
/// answer had to be, the truncation bit says so and the client comes back over TCP.
std::string write_answer(const query& to, const answer& what, size_t bytes_max);

/// The name of `text` ("Web.default.svc."), or nothing if it is none.
std::optional<name> read_name(std::string_view text);

} // namespace troupe::dns
