#include "net/tls/context.hpp"

#include "net/tls/openssl.hpp"
#include "net/tls/traffic_secrets.hpp"

#include <openssl/err.h>

namespace troupe::tls {

namespace {

constexpr auto tls12_ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr auto tls13_ciphers =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr int chain_depth_max = 5;

bool is_server(style kind) { return kind == style::public_server || kind == style::mutual_server; }
bool is_mutual(style kind) { return kind == style::mutual_server || kind == style::mutual_client; }

/// Takes http/1.1 when it is offered. A client that offers only something else may go on: it is
/// told so in HTTP, which is clearer than an alert.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* offered, unsigned offered_size, void*) {
  static constexpr std::string_view ours = "http/1.1";
  for (unsigned i = 0; i + 1 <= offered_size; i += 1u + offered[i]) {
    const unsigned size = offered[i];
    if (i + 1 + size > offered_size) break;
    if (std::string_view(reinterpret_cast<const char*>(offered + i + 1), size) != ours) continue;
    *out = offered + i + 1;
    *out_size = static_cast<unsigned char>(size);
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

/// Notes the traffic secrets of connections that ask for them (tls/channel): the label, the
/// client's random and the secret, in hexadecimal.
void note_secret(const SSL* ssl, const char* line) {
  if (auto* secrets = static_cast<traffic_secrets*>(SSL_get_app_data(ssl))) secrets->note(line);
}

/// Lets the handshake go on whatever the certificate is; SSL_get_verify_result keeps the verdict.
int judge_later(int, X509_STORE_CTX*) { return 1; }

result<void> show(SSL_CTX* ctx, const credentials& who) {
  auto chain = read_certificates(who.certificate_chain_pem);
  if (!chain) return chain.error();
  auto key = read_key(who.key_pem);
  if (!key) return key.error();
  if (SSL_CTX_use_certificate(ctx, chain->front().get()) != 1 ||
      SSL_CTX_use_PrivateKey(ctx, key->get()) != 1 || SSL_CTX_check_private_key(ctx) != 1)
    return openssl_error("the certificate and its private key cannot be used together");
  for (size_t i = 1; i < chain->size(); ++i)
    if (SSL_CTX_add1_chain_cert(ctx, (*chain)[i].get()) != 1)
      return openssl_error("cannot use the certificate chain");
  return {};
}

result<void> trust(SSL_CTX* ctx, const std::string& pem, bool tell_peers) {
  auto roots = read_certificates(pem);
  if (!roots) return with_context(roots.error(), "trusted CA");
  for (const auto& root : *roots) {
    // A CA that is listed twice is no mistake worth stopping for.
    X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), root.get());
    ERR_clear_error();
    if (tell_peers) SSL_CTX_add_client_CA(ctx, root.get());
  }
  return {};
}

void bound(SSL_CTX* ctx, style kind) {
  SSL_CTX_set_min_proto_version(ctx, is_mutual(kind) ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                               SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
  // Buffers are held only while bytes are in them: ten thousand idle watches must be cheap.
  SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(ctx, 0);
  SSL_CTX_set_read_ahead(ctx, 1);
  SSL_CTX_set_cipher_list(ctx, tls12_ciphers);
  SSL_CTX_set_ciphersuites(ctx, tls13_ciphers);
  SSL_CTX_set_verify_depth(ctx, chain_depth_max);
}

} // namespace

result<std::shared_ptr<const context>> context::make(style kind, const credentials& who) {
  ssl_ctx_ptr ctx{SSL_CTX_new(is_server(kind) ? TLS_server_method() : TLS_client_method())};
  if (!ctx) return openssl_error("cannot make a TLS context");
  bound(ctx.get(), kind);
  if (kind != style::public_client || !who.certificate_chain_pem.empty()) {
    if (auto shown = show(ctx.get(), who); !shown) return shown.error();
  }
  if (!who.trusted_ca_pem.empty()) {
    if (auto done = trust(ctx.get(), who.trusted_ca_pem, is_server(kind)); !done)
      return done.error();
  } else if (kind != style::public_server) {
    return error{errc::invalid, "a CA to verify the other side with is missing"};
  }
  if (kind == style::public_server) {
    SSL_CTX_set_alpn_select_cb(ctx.get(), choose_protocol, nullptr);
    SSL_CTX_set_keylog_callback(ctx.get(), note_secret);
    if (!who.trusted_ca_pem.empty())
      SSL_CTX_set_verify(ctx.get(), SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE, judge_later);
  } else {
    SSL_CTX_set_verify(ctx.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return std::shared_ptr<const context>{new context{kind, ctx.release()}};
}

context::~context() { SSL_CTX_free(native_); }

} // namespace troupe::tls
