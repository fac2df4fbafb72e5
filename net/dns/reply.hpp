// What other name servers say: a question for them, and their reply judged, dated and read as far
// as we need it. Pure and bounded: a reply is as hostile as any other packet.
#pragma once

#include "net/dns/message.hpp"

namespace troupe::dns {

/// The packet that asks another server.
std::string write_query(uint16_t id, const question& asked, std::string_view name_as_sent,
                        bool edns);

struct reply {
  uint16_t id = 0;
  question asked;
  dns::code code = dns::code::ok;
  bool truncated = false;
  uint32_t ttl_seconds = 0;       ///< the least of its records; 0: do not keep it
  std::vector<size_t> ttl_places; ///< where in the packet the times stand
  std::vector<record> answers;    ///< A, AAAA and aliases of the answer section
};

/// Nothing if the bytes are no reply to one question.
std::optional<reply> read_reply(std::string_view bytes);

/// The packet as the answer to a client's own query, `age_seconds` later.
std::string readdress(std::string packet, const reply& as_read, const query& to,
                      uint32_t age_seconds);

} // namespace troupe::dns
