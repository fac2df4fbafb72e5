// A small certificate authority: makes a CA, issues server and client certificates (EC P-256),
// signs requests made elsewhere. Time is an argument; nothing here reads a clock or a file.
#pragma once

#include "messages/base/error.hpp"
#include "net/tls/peer.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::tls {

using wall_time = std::chrono::sys_seconds;

/// A certificate (PEM, the leaf first) and its private key (PEM, PKCS#8).
struct key_pair {
  std::string certificate_pem;
  std::string key_pem;

  bool operator==(const key_pair&) const = default;
};

/// What a certificate may be used for.
struct usages {
  bool client = false;
  bool server = false;
};

/// What a certificate is to say.
struct certificate_spec {
  std::string common_name;
  std::vector<std::string> organizations;
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses; ///< textual, v4 or v6
  usages use;
  wall_time not_before;
  wall_time not_after;
};

/// Certificates are dated back by this much, for clocks that are late.
inline constexpr std::chrono::minutes backdate{5};

/// A new self-signed CA.
result<key_pair> make_authority(const std::string& common_name, wall_time now,
                                std::chrono::days life);
/// A new key, and a certificate for it signed by `authority`.
result<key_pair> issue(const key_pair& authority, const certificate_spec& spec);

/// A new private key (EC P-256), PEM.
result<std::string> make_key();
/// A new RSA key, PEM: slow to make, for the tokens of clients that know nothing else.
result<std::string> make_rsa_key(int bits = 2048);
/// A certificate signing request for `key_pem`; usages and times of `spec` are not part of it.
result<std::string> make_request(const std::string& key_pem, const certificate_spec& spec);

/// What a signing request asks for; its own signature has been checked.
struct signing_request {
  std::string common_name;
  std::vector<std::string> organizations;
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
  bool other_names = false; ///< e-mail, URI or other names that are not listed here
};
result<signing_request> read_request(std::string_view request_pem);

/// Signs the key of `request_pem` with what `spec` says; nothing else of the request is taken over.
result<std::string> sign_request(const key_pair& authority, std::string_view request_pem,
                                 const certificate_spec& spec);

/// Whether the key is one, and the first certificate's.
result<void> verify_pair(const key_pair& pair);
/// What the first certificate in `pem` says; `verified` is false.
result<peer_certificate> read_certificate(std::string_view pem);
/// Whether the first certificate in `pem` chains to `trusted_pem` at `now`, for `use`.
result<void> verify_certificate(std::string_view pem, std::string_view trusted_pem, wall_time now,
                                usages use);

} // namespace troupe::tls
