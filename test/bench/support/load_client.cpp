#include "test/bench/support/load_client.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <stdexcept>

namespace troupe::bench {

namespace {

constexpr time_t patience_seconds = 20;
constexpr size_t buffer_bytes = 256 * 1024;

int connected(uint16_t port) {
  const auto fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
    throw std::runtime_error{"cannot connect"};
  const int one = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  const timeval patience{patience_seconds, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return fd;
}

/// One for all clients of a thread, as no answer is kept.
thread_local std::array<char, buffer_bytes> buffer;

size_t length_in(std::string_view head) {
  const auto at = head.find("Content-Length: ");
  if (at == head.npos) throw std::runtime_error{"an answer without a length"};
  return static_cast<size_t>(std::strtoull(head.data() + at + 16, nullptr, 10));
}

} // namespace

load_client::load_client(uint16_t port, std::shared_ptr<const tls::context> tls)
    : fd_{connected(port)}, tls_{std::move(tls)}, channel_{fd_, *tls_, "localhost"} {
  if (channel_.handshake().state != tls::progress::done)
    throw std::runtime_error{"no TLS: " + channel_.failure()};
}

load_client::~load_client() { ::close(fd_); }

void load_client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto [state, n] = channel_.write(bytes);
    if (state != tls::progress::done) throw std::runtime_error{"cannot send"};
    bytes.remove_prefix(n);
  }
}

void load_client::fill() {
  if (filled_ == buffer.size()) throw std::runtime_error{"an answer is too long to be kept"};
  const auto [state, n] = channel_.read({buffer.data() + filled_, buffer.size() - filled_});
  if (state == tls::progress::want_read) throw std::runtime_error{"nothing came in time"};
  if (state != tls::progress::done) throw std::runtime_error{"closed by the server"};
  filled_ += n;
}

std::string_view load_client::answer() {
  filled_ = 0;
  size_t head_end = 0, whole = 0;
  do {
    fill();
    const std::string_view seen{buffer.data(), filled_};
    if (head_end != 0) continue;
    const auto at = seen.find("\r\n\r\n");
    if (at == seen.npos) continue;
    head_end = at + 4;
    whole = head_end + length_in(seen.substr(0, head_end));
  } while (head_end == 0 || filled_ < whole);
  return {buffer.data(), filled_};
}

size_t load_client::drop_answer() {
  filled_ = 0;
  begin_stream();
  const std::string_view head{buffer.data(), filled_};
  const bool chunked = head.find("Transfer-Encoding: chunked") != head.npos;
  const auto whole = chunked ? 0 : head.find("\r\n\r\n") + 4 + length_in(head);
  constexpr std::string_view end = "0\r\n\r\n";
  size_t total = filled_;
  std::string tail{head.substr(head.size() - std::min(head.size(), end.size()))};
  while (chunked ? tail != end : total < whole) {
    filled_ = 0;
    fill();
    total += filled_;
    tail.append(buffer.data() + filled_ - std::min(filled_, end.size()),
                std::min(filled_, end.size()));
    tail.erase(0, tail.size() - end.size());
  }
  return total;
}

void load_client::begin_stream() {
  filled_ = 0;
  do fill();
  while (std::string_view{buffer.data(), filled_}.find("\r\n\r\n") == std::string_view::npos);
}

size_t load_client::events() {
  filled_ = 0;
  fill();
  // An event ends with "}\n"; its strings hold no line breaks, and framing none behind a brace.
  size_t ended = 0;
  const char* const begin = buffer.data();
  const char* const end = begin + filled_;
  for (auto at = begin;
       (at = static_cast<const char*>(std::memchr(at, '\n', static_cast<size_t>(end - at)))) !=
       nullptr;
       ++at)
    ended += (at == begin ? last_ : at[-1]) == '}';
  last_ = end[-1];
  return ended;
}

} // namespace troupe::bench
