// The settings of one side of TLS: which certificate to show, whom to trust, which versions. Shared
// by all connections made from it; replacing it is how certificates are renewed while running.
#pragma once

#include "messages/base/error.hpp"

#include <memory>
#include <string>

struct ssl_ctx_st;

namespace troupe::tls {

/// A certificate with its key and the CAs that peers must chain to, all PEM.
struct credentials {
  std::string certificate_chain_pem;
  std::string key_pem;
  std::string trusted_ca_pem; ///< empty: peers cannot be verified
};

/// How strict a context is.
enum class style : uint8_t {
  /// A server for the world: TLS 1.2 and 1.3, the client's certificate is asked for and checked,
  /// but a bad or missing one does not end the handshake: the caller answers instead.
  public_server,
  /// Both sides of the link: TLS 1.3 only, both certificates needed and verified.
  mutual_server,
  mutual_client,
  /// A client of HTTPS servers: TLS 1.2 and 1.3, the server verified against the trusted CAs and by
  /// name; shows a certificate if it has one.
  public_client,
};

/// Immutable once made; any thread.
class context {
public:
  static result<std::shared_ptr<const context>> make(style kind, const credentials& who);
  ~context();
  context(const context&) = delete;
  context& operator=(const context&) = delete;

  ssl_ctx_st* native() const { return native_; }
  style kind() const { return kind_; }

private:
  context(style kind, ssl_ctx_st* native) : kind_{kind}, native_{native} {}

  style kind_;
  ssl_ctx_st* native_;
};

} // namespace troupe::tls
