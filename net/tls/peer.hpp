// Who is at the other end of a TLS connection, as far as its certificate says.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

struct x509_st;

namespace troupe::tls {

/// A certificate the peer presented and proved to hold the key of.
struct peer_certificate {
  std::string common_name;
  std::vector<std::string> organizations;
  std::vector<std::string> dns_names;
  std::string fingerprint_sha256; ///< of the DER form, 64 lower-case hexadecimal digits
  int64_t not_after_seconds = 0;  ///< since 1970, UTC
  bool client_auth = false;       ///< may be used to authenticate a client
  bool server_auth = false;       ///< may be used to authenticate a server
  bool verified = false;          ///< chains to a trusted CA and is in its time
  std::string why_not;            ///< when not verified: the reason

  bool operator==(const peer_certificate&) const = default;
};

/// Reads what `certificate` says; `verified` stays false.
peer_certificate describe(x509_st* certificate);

} // namespace troupe::tls
