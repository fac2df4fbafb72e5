#include "net/http/client.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

namespace troupe::http {

namespace {

error unreachable(const client_settings& whom, const std::string& why) {
  return {errc::unavailable,
          "cannot reach https://" + whom.host + ":" + std::to_string(whom.port) + ": " + why};
}

struct connection {
  ~connection() {
    if (tls) SSL_free(tls);
    if (context) SSL_CTX_free(context);
    if (fd >= 0) close(fd);
  }
  int fd = -1;
  SSL_CTX* context = nullptr;
  SSL* tls = nullptr;
};

result<int> dial(const client_settings& whom) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  auto port = std::to_string(whom.port);
  if (int failed = getaddrinfo(whom.host.c_str(), port.c_str(), &hints, &found))
    return unreachable(whom, gai_strerror(failed));
  std::string why = "no address";
  int fd = -1;
  for (auto at = found; at && fd < 0; at = at->ai_next) {
    fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) continue;
    timeval limit{static_cast<time_t>(whom.patience.count()), 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(fd, at->ai_addr, at->ai_addrlen) == 0) break;
    why = strerror(errno);
    close(fd);
    fd = -1;
  }
  freeaddrinfo(found);
  if (fd < 0) return unreachable(whom, why);
  return fd;
}

bool is_address(const std::string& text) {
  unsigned char out[16];
  return inet_pton(AF_INET, text.c_str(), out) == 1 || inet_pton(AF_INET6, text.c_str(), out) == 1;
}

BIO* memory_of(const std::string& text) {
  return BIO_new_mem_buf(text.data(), static_cast<int>(text.size()));
}

result<void> trust(connection& c, const client_settings& whom) {
  auto& who = whom.who;
  if (!who.certificate_chain_pem.empty()) {
    auto bio = memory_of(who.certificate_chain_pem);
    auto certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    bio = memory_of(who.key_pem);
    auto key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    bool taken = certificate && key && SSL_CTX_use_certificate(c.context, certificate) == 1 &&
                 SSL_CTX_use_PrivateKey(c.context, key) == 1;
    X509_free(certificate);
    EVP_PKEY_free(key);
    if (!taken) return error{errc::bad_request, "the client's certificate or key cannot be read"};
  }
  if (who.trusted_ca_pem.empty()) return {};
  auto bio = memory_of(who.trusted_ca_pem);
  auto store = SSL_CTX_get_cert_store(c.context);
  int count = 0;
  while (auto ca = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr)) {
    X509_STORE_add_cert(store, ca);
    X509_free(ca);
    ++count;
  }
  BIO_free(bio);
  ERR_clear_error();
  if (count == 0) return error{errc::bad_request, "the CA's certificate cannot be read"};
  SSL_CTX_set_verify(c.context, SSL_VERIFY_PEER, nullptr);
  return {};
}

result<void> open(connection& c, const client_settings& whom) {
  auto fd = dial(whom);
  if (!fd) return fd.error();
  c.fd = *fd;
  c.context = SSL_CTX_new(TLS_client_method());
  if (!c.context) return unreachable(whom, "no memory for TLS");
  SSL_CTX_set_min_proto_version(c.context, TLS1_2_VERSION);
  if (auto ready = trust(c, whom); !ready) return ready;
  c.tls = SSL_new(c.context);
  if (!c.tls) return unreachable(whom, "no memory for TLS");
  auto& name = whom.expected_name.empty() ? whom.host : whom.expected_name;
  if (is_address(name)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(c.tls), name.c_str());
  } else {
    SSL_set1_host(c.tls, name.c_str());
    SSL_set_tlsext_host_name(c.tls, name.c_str());
  }
  SSL_set_fd(c.tls, c.fd);
  if (SSL_connect(c.tls) == 1) return {};
  auto verdict = SSL_get_verify_result(c.tls);
  ERR_clear_error();
  if (verdict != X509_V_OK)
    return error{errc::unauthorized,
                 "the server at " + whom.host +
                     " is not the one that was meant: " + X509_verify_cert_error_string(verdict)};
  return unreachable(whom, "it does not speak TLS with us");
}

result<client_answer> understand(const client_settings& whom, const std::string& text) {
  auto end = text.find("\r\n\r\n");
  if (end == text.npos || !text.starts_with("HTTP/1.1 ") || text.size() < 12)
    return unreachable(whom, "its answer is no HTTP");
  client_answer out;
  std::from_chars(text.data() + 9, text.data() + 12, out.status);
  auto head = text.substr(0, end);
  std::transform(head.begin(), head.end(), head.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  auto body = std::string_view(text).substr(end + 4);
  if (head.find("transfer-encoding: chunked") == head.npos) {
    out.body = body;
    return out;
  }
  while (!body.empty()) {
    size_t size = 0;
    auto line = body.find("\r\n");
    if (line == body.npos) break;
    std::from_chars(body.data(), body.data() + line, size, 16);
    body.remove_prefix(line + 2);
    if (size == 0 || size > body.size()) break;
    out.body += body.substr(0, size);
    body.remove_prefix(std::min(size + 2, body.size()));
  }
  return out;
}

} // namespace

result<client_answer> ask(const client_settings& whom, const client_request& what) {
  connection c;
  if (auto opened = open(c, whom); !opened) return opened.error();
  std::string text = what.method + " " + what.target + " HTTP/1.1\r\nHost: " + whom.host +
                     "\r\nConnection: close\r\nUser-Agent: troupe\r\n";
  for (auto& [name, value] : what.headers) text += name + ": " + value + "\r\n";
  if (!what.body.empty() || what.method != "GET")
    text += "Content-Length: " + std::to_string(what.body.size()) + "\r\n";
  text += "\r\n" + what.body;
  for (size_t sent = 0; sent < text.size();) {
    int n = SSL_write(c.tls, text.data() + sent, static_cast<int>(text.size() - sent));
    if (n <= 0) return unreachable(whom, "the connection broke while asking");
    sent += static_cast<size_t>(n);
  }
  std::string answer;
  char buffer[16 * 1024];
  for (;;) {
    int n = SSL_read(c.tls, buffer, sizeof buffer);
    if (n <= 0) break;
    answer.append(buffer, static_cast<size_t>(n));
    if (answer.size() > whom.answer_bytes_max) return unreachable(whom, "its answer is too long");
  }
  ERR_clear_error();
  return understand(whom, answer);
}

result<std::pair<std::string, uint16_t>> split_url(std::string_view url) {
  auto bad = [&] {
    return error{errc::bad_request,
                 std::string(url) + " is no address of a server: write https://HOST:PORT"};
  };
  constexpr std::string_view scheme = "https://";
  if (url.starts_with(scheme)) url.remove_prefix(scheme.size());
  while (url.ends_with('/')) url.remove_suffix(1);
  if (url.empty() || url.find('/') != url.npos) return bad();
  uint16_t port = 443;
  auto colon = url.rfind(':');
  if (colon != url.npos && url.find(']', colon) == url.npos) {
    auto text = url.substr(colon + 1);
    auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (failed != std::errc{} || end != text.data() + text.size() || port == 0) return bad();
    url = url.substr(0, colon);
  }
  if (url.starts_with('[') && url.ends_with(']')) url = url.substr(1, url.size() - 2);
  if (url.empty()) return bad();
  return std::pair(std::string(url), port);
}

} // namespace troupe::http
