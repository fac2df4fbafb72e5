#include "net/tls/channel.hpp"

#include "net/tls/openssl.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <sys/socket.h>

namespace troupe::tls {

namespace {

bool would_block(int code) { return code == EAGAIN || code == EWOULDBLOCK || code == EINTR; }

int descriptor_of(BIO* bio) {
  return static_cast<int>(reinterpret_cast<intptr_t>(BIO_get_data(bio)));
}

// OpenSSL's own socket BIO uses write(2), which raises SIGPIPE; this one does not.
int bio_write(BIO* bio, const char* data, int size) {
  const auto n = ::send(descriptor_of(bio), data, static_cast<size_t>(size), MSG_NOSIGNAL);
  BIO_clear_retry_flags(bio);
  if (n < 0 && would_block(errno)) BIO_set_retry_write(bio);
  return static_cast<int>(n);
}

int bio_read(BIO* bio, char* data, int size) {
  const auto n = ::recv(descriptor_of(bio), data, static_cast<size_t>(size), 0);
  BIO_clear_retry_flags(bio);
  if (n < 0 && would_block(errno)) BIO_set_retry_read(bio);
  if (n == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return static_cast<int>(n);
}

long bio_ctrl(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) ? 1 : 0;
  return 0;
}

BIO_METHOD* socket_bio() {
  static BIO_METHOD* const methods = [] {
    auto* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "troupe socket");
    BIO_meth_set_write(m, bio_write);
    BIO_meth_set_read(m, bio_read);
    BIO_meth_set_ctrl(m, bio_ctrl);
    return m;
  }();
  return methods;
}

} // namespace

channel::channel(int socket, const context& settings, const std::string& server_name)
    : socket_{socket}, ssl_{SSL_new(settings.native())} {
  if (!ssl_) throw std::bad_alloc{};
  auto* bio = BIO_new(socket_bio());
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<intptr_t>(socket)));
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  if (settings.kind() == style::public_server || settings.kind() == style::mutual_server) {
    SSL_set_accept_state(ssl_);
    return;
  }
  SSL_set_connect_state(ssl_);
  if (server_name.empty()) return;
  // An address is checked as an address and never sent as a server name.
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), server_name.c_str()) == 1) return;
  ERR_clear_error();
  SSL_set_tlsext_host_name(ssl_, server_name.c_str());
  SSL_set1_host(ssl_, server_name.c_str());
}

channel::~channel() { reset(); }

void channel::reset() { SSL_free(std::exchange(ssl_, nullptr)); }

channel::channel(channel&& other) noexcept
    : socket_{other.socket_}, ssl_{std::exchange(other.ssl_, nullptr)}, starved_{other.starved_},
      failure_{std::move(other.failure_)} {}

outcome channel::judge_tls(int returned) {
  switch (SSL_get_error(ssl_, returned)) {
  case SSL_ERROR_NONE: return {progress::done, 0};
  case SSL_ERROR_WANT_READ: return {progress::want_read, 0};
  case SSL_ERROR_WANT_WRITE: return {progress::want_write, 0};
  case SSL_ERROR_ZERO_RETURN: return {progress::end, 0};
  default: break;
  }
  const auto verdict = SSL_get_verify_result(ssl_);
  failure_ = openssl_error("TLS").message;
  if (verdict != X509_V_OK) {
    failure_ += ": ";
    failure_ += X509_verify_cert_error_string(verdict);
  }
  return {progress::failed, 0};
}

outcome channel::handshake() {
  if (!ssl_) return {progress::done, 0};
  ERR_clear_error();
  return judge_tls(SSL_do_handshake(ssl_));
}

outcome channel::read(std::span<char> into) {
  if (!ssl_) {
    const auto n = ::recv(socket_, into.data(), into.size(), 0);
    if (n > 0) return {progress::done, static_cast<size_t>(n)};
    if (n == 0) return {progress::end, 0};
    return {would_block(errno) ? progress::want_read : progress::failed, 0};
  }
  ERR_clear_error();
  size_t n = 0;
  const int ok = SSL_read_ex(ssl_, into.data(), into.size(), &n);
  const auto out = ok == 1 ? outcome{progress::done, n} : judge_tls(ok);
  starved_ = out.state == progress::want_read;
  return out;
}

outcome channel::write(std::string_view bytes) {
  if (!ssl_) {
    const auto n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n >= 0) return {progress::done, static_cast<size_t>(n)};
    return {would_block(errno) ? progress::want_write : progress::failed, 0};
  }
  ERR_clear_error();
  size_t n = 0;
  const int ok = SSL_write_ex(ssl_, bytes.data(), bytes.size(), &n);
  return ok == 1 ? outcome{progress::done, n} : judge_tls(ok);
}

bool channel::has_pending() const { return ssl_ && !starved_ && SSL_has_pending(ssl_) == 1; }

void channel::say_goodbye() {
  if (ssl_ && SSL_is_init_finished(ssl_)) {
    ERR_clear_error();
    SSL_shutdown(ssl_);
    ERR_clear_error();
  }
  ::shutdown(socket_, SHUT_WR);
}

std::optional<peer_certificate> channel::peer() const {
  auto* certificate = ssl_ ? SSL_get0_peer_certificate(ssl_) : nullptr;
  if (!certificate) return {};
  auto out = describe(certificate);
  const auto verdict = SSL_get_verify_result(ssl_);
  out.verified = verdict == X509_V_OK;
  if (!out.verified) out.why_not = X509_verify_cert_error_string(verdict);
  return out;
}

} // namespace troupe::tls
