// Signed tokens (JWS, compact form, RS256): made and verified with OpenSSL. What the claims say
// is for others to judge; here a token is only genuine or not.
#pragma once

#include "messages/base/error.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::tls {

/// A token longer than this is not looked at.
constexpr size_t token_bytes_max = 64 * 1024;

/// The keys of one issuer: the newest signs, all of them verify, so that keys can be replaced without
/// breaking tokens that are out there. Immutable once made; any thread.
class token_keys {
public:
  /// From private keys in PEM, the newest first.
  static result<std::shared_ptr<const token_keys>> load(const std::vector<std::string>& keys_pem);
  ~token_keys();
  token_keys(const token_keys&) = delete;

  /// A token over `claims`, a JSON object.
  result<std::string> sign(std::string_view claims) const;
  /// The claims of a token that one of the keys signed. Every other algorithm is refused, whatever the
  /// header says; unauthorized if anything is wrong.
  result<std::string> verify(std::string_view token) const;
  /// The public keys as a JWKS document.
  std::string jwks() const;

private:
  struct key;
  token_keys() = default;
  std::vector<std::unique_ptr<key>> keys_;
};

/// A new RSA private key in PEM, for tokens.
result<std::string> make_token_key();

} // namespace troupe::tls
