#include "net/tls/channel.hpp"

#include "messages/base/thread_buffer.hpp"
#include "net/tls/openssl.hpp"
#include "net/tls/records.hpp"
#include "net/tls/traffic_secrets.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
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

struct channel::own_records {
  explicit own_records(record_layer made) : layer{std::move(made)} {}

  record_layer layer;
  std::string in;    ///< received, not yet a whole record
  std::string out;   ///< sealed, not yet sent
  size_t sent = 0;   ///< of it
  size_t sealed = 0; ///< plain bytes of the caller's in it
};

channel::channel(int socket) : socket_{socket} {}

channel::channel(int socket, const context& settings, const std::string& server_name)
    : socket_{socket}, ssl_{SSL_new(settings.native())} {
  if (!ssl_) throw std::bad_alloc{};
  auto* bio = BIO_new(socket_bio());
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<intptr_t>(socket)));
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  if (settings.kind() == style::public_server || settings.kind() == style::mutual_server) {
    SSL_set_accept_state(ssl_);
    if (settings.kind() == style::mutual_server) return;
    // Nothing behind the handshake may be read before the records are ours.
    secrets_ = std::make_unique<traffic_secrets>();
    SSL_set_app_data(ssl_, secrets_.get());
    SSL_set_read_ahead(ssl_, 0);
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

void channel::reset() {
  SSL_free(std::exchange(ssl_, nullptr));
  secrets_.reset();
  records_.reset();
}

channel::channel(channel&& other) noexcept
    : socket_{other.socket_}, ssl_{std::exchange(other.ssl_, nullptr)}, starved_{other.starved_},
      failure_{std::move(other.failure_)}, secrets_{std::move(other.secrets_)},
      records_{std::move(other.records_)}, peer_{std::move(other.peer_)} {}

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
  const auto out = judge_tls(SSL_do_handshake(ssl_));
  if (out.state == progress::done && secrets_) take_over();
  return out;
}

/// From here on the records are kept by ourselves, if this is TLS 1.3: OpenSSL's object is large.
void channel::take_over() {
  const auto secrets = std::move(secrets_);
  SSL_set_app_data(ssl_, nullptr);
  const auto* cipher = SSL_get_current_cipher(ssl_);
  const auto* known = SSL_version(ssl_) == TLS1_3_VERSION && cipher
                          ? find_suite(SSL_CIPHER_get_protocol_id(cipher))
                          : nullptr;
  if (!known || secrets->client.empty() || secrets->server.empty() || SSL_has_pending(ssl_) == 1) {
    SSL_set_read_ahead(ssl_, 1);
    return;
  }
  peer_ = peer();
  records_ = std::make_unique<own_records>(
      record_layer{*known, std::move(secrets->client), std::move(secrets->server)});
  SSL_free(std::exchange(ssl_, nullptr));
}

outcome channel::send_pending() {
  auto& r = *records_;
  while (r.sent < r.out.size()) {
    const auto n = ::send(socket_, r.out.data() + r.sent, r.out.size() - r.sent, MSG_NOSIGNAL);
    if (n < 0) return {would_block(errno) ? progress::want_write : progress::failed, 0};
    r.sent += static_cast<size_t>(n);
  }
  r.out = {};
  r.sent = 0;
  return {progress::done, std::exchange(r.sealed, 0)};
}

outcome channel::write_records(std::string_view bytes) {
  auto& r = *records_;
  if (!r.out.empty()) {
    // What is waiting starts with these bytes, or is a word of the protocol's own.
    const auto out = send_pending();
    if (out.state != progress::done || out.bytes != 0) return out;
  }
  thread_local std::string scratch;
  scratch.clear();
  const auto sealed = r.layer.seal(bytes, scratch);
  const auto n = ::send(socket_, scratch.data(), scratch.size(), MSG_NOSIGNAL);
  if (n < 0 && !would_block(errno)) return {progress::failed, 0};
  const auto sent = n < 0 ? 0 : static_cast<size_t>(n);
  if (sent == scratch.size()) return {progress::done, sealed};
  r.out.assign(scratch, sent);
  r.sealed = sealed;
  return {progress::want_write, 0};
}

outcome channel::read_records(std::span<char> into) {
  auto& r = *records_;
  thread_local thread_buffer<std::array<char, 2 * record_cipher_bytes_max>> own_received;
  auto& received = *own_received;
  thread_local std::string scratch;
  for (;;) {
    const auto [what, used, plain] = r.layer.open(r.in, scratch, r.out);
    r.in.erase(0, used);
    if (r.in.empty()) r.in = {};
    if (!r.out.empty() && r.sealed == 0 && send_pending().state == progress::failed)
      return {progress::failed, 0};
    switch (what) {
    case record_layer::event::data:
      if (plain.size() > into.size()) return {progress::failed, 0};
      std::copy(plain.begin(), plain.end(), into.begin());
      return {progress::done, plain.size()};
    case record_layer::event::nothing: continue;
    case record_layer::event::end: return {progress::end, 0};
    case record_layer::event::failed: return {progress::failed, 0};
    case record_layer::event::more: break;
    }
    const auto n = ::recv(socket_, received.data(), received.size(), 0);
    if (n == 0) return {progress::end, 0};
    if (n < 0) return {would_block(errno) ? progress::want_read : progress::failed, 0};
    r.in.append(received.data(), static_cast<size_t>(n));
  }
}

outcome channel::read(std::span<char> into) {
  if (records_) return read_records(into);
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
  if (records_) return write_records(bytes);
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

bool channel::has_pending() const {
  if (records_) return record_layer::has_record(records_->in);
  return ssl_ && !starved_ && SSL_has_pending(ssl_) == 1;
}

void channel::say_goodbye() {
  if (records_ && records_->out.empty()) {
    std::string goodbye;
    records_->layer.seal_goodbye(goodbye);
    ::send(socket_, goodbye.data(), goodbye.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  if (ssl_ && SSL_is_init_finished(ssl_)) {
    ERR_clear_error();
    SSL_shutdown(ssl_);
    ERR_clear_error();
  }
  ::shutdown(socket_, SHUT_WR);
}

std::optional<peer_certificate> channel::peer() {
  if (records_) return std::move(peer_);
  auto* certificate = ssl_ ? SSL_get0_peer_certificate(ssl_) : nullptr;
  if (!certificate) return {};
  auto out = describe(certificate);
  const auto verdict = SSL_get_verify_result(ssl_);
  out.verified = verdict == X509_V_OK;
  if (!out.verified) out.why_not = X509_verify_cert_error_string(verdict);
  return out;
}

} // namespace troupe::tls
