// Signed tokens (JWS compact form, RS256 and ES256) for service accounts: sign, verify against
// several keys, publish the public ones as a JWKS. What a token claims is the caller's business.
#pragma once

#include "messages/base/error.hpp"

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::tls {

inline constexpr size_t token_bytes_max = 64 * 1024;
inline constexpr int rsa_bits_min = 2048;

/// A key that signs (private) or only verifies (public). Its algorithm follows from its kind and is
/// never taken from a token. Immutable; any thread.
class token_key {
public:
  /// From PEM: RSA of at least 2048 bits, or EC P-256.
  static result<token_key> load(std::string_view pem);

  /// The key's id: SHA-256 of the public key's DER form, base64url, as upstream.
  const std::string& id() const;
  std::string_view algorithm() const; ///< RS256 or ES256
  bool can_sign() const;
  /// The public half, PEM.
  std::string public_pem() const;

  /// A token that carries `payload` (JSON). Fails without a private key.
  result<std::string> sign(std::string_view payload) const;

private:
  friend class token_verifier;
  struct state;
  std::shared_ptr<const state> state_;
};

/// Knows the keys that tokens may be signed with; old ones stay while their tokens live.
class token_verifier {
public:
  explicit token_verifier(std::vector<token_key> keys) : keys_{std::move(keys)} {}

  /// The payload of `token` if one of the keys signed it. `unauthorized` otherwise, with a reason
  /// for the log, not for the client.
  result<std::string> verify(std::string_view token) const;
  /// The public keys as a JSON Web Key Set.
  std::string jwks() const;
  /// What the keys sign with, each algorithm once.
  std::set<std::string> algorithms() const;

private:
  std::vector<token_key> keys_;
};

/// The keys of one issuer: the newest signs, all of them verify, so that keys can be replaced
/// without breaking tokens that are out there. Immutable once made; any thread.
class token_keys {
public:
  /// From private keys in PEM, the newest first.
  static result<std::shared_ptr<const token_keys>> load(const std::vector<std::string>& keys_pem);

  /// A token over `claims`, a JSON object.
  result<std::string> sign(std::string_view claims) const { return newest_.sign(claims); }
  /// The claims of a token that one of the keys signed.
  result<std::string> verify(std::string_view token) const { return all_.verify(token); }
  std::string jwks() const { return all_.jwks(); }
  std::set<std::string> algorithms() const { return all_.algorithms(); }

private:
  token_keys(token_key newest, token_verifier all)
      : newest_{std::move(newest)}, all_{std::move(all)} {}

  token_key newest_;
  token_verifier all_;
};

/// A new private key in PEM, for tokens: EC P-256 (docs/decisions/0035-tokens-by-ecdsa.md).
result<std::string> make_token_key();

} // namespace troupe::tls
