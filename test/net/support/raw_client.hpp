// A client that sends exactly the bytes it is told, over plain TCP or TLS, and reads what comes
// back with a deadline. For tests of what a well-behaved client would never send.
#pragma once

#include "net/tls/channel.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

namespace troupe::test {

class raw_client {
public:
  static constexpr int patience_ms = 10'000;

  explicit raw_client(uint16_t port, std::shared_ptr<const tls::context> tls = nullptr,
                      int receive_buffer_bytes = 0)
      : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}, tls_{std::move(tls)} {
    if (receive_buffer_bytes)
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
      throw std::runtime_error{"cannot connect"};
    const int one = 1;
    ::setsockopt(fd_, IPPROTO_TCP, 1 /* TCP_NODELAY */, &one, sizeof one);
    channel_ = tls_ ? std::make_unique<tls::channel>(fd_, *tls_, "localhost")
                    : std::make_unique<tls::channel>(fd_);
    if (tls_) handshaken = channel_->handshake().state == tls::progress::done;
  }
  ~raw_client() { ::close(fd_); }
  raw_client(const raw_client&) = delete;
  raw_client& operator=(const raw_client&) = delete;

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto [state, n] = channel_->write(bytes);
      if (state != tls::progress::done) return; // the other side may have had enough
      bytes.remove_prefix(n);
    }
  }
  void half_close() { ::shutdown(fd_, SHUT_WR); }

  /// Reads some bytes; empty at the end of the connection. Throws when nothing comes.
  std::string some() {
    std::array<char, 16384> buffer;
    if (!channel_->has_pending()) {
      pollfd wait{fd_, POLLIN, 0};
      if (::poll(&wait, 1, patience_ms) != 1) throw std::runtime_error{"nothing came"};
    }
    const auto [state, n] = channel_->read(buffer);
    return state == tls::progress::done ? std::string(buffer.data(), n) : std::string{};
  }
  std::string until_close() {
    std::string out;
    for (auto piece = some(); !piece.empty(); piece = some()) out += piece;
    return out;
  }
  /// Reads until `mark` has come; what follows it stays for the next call.
  std::string until(std::string_view mark) {
    for (;;) {
      if (const auto at = left_.find(mark); at != left_.npos) {
        auto out = left_.substr(0, at + mark.size());
        left_.erase(0, at + mark.size());
        return out;
      }
      const auto piece = some();
      if (piece.empty()) throw std::runtime_error{"closed before: " + std::string{mark}};
      left_ += piece;
    }
  }
  /// One whole answer, with a Content-Length or in chunks.
  std::string answer() {
    auto head = until("\r\n\r\n");
    if (head.find("Transfer-Encoding: chunked") != head.npos) {
      auto out = std::move(head);
      for (size_t size = 1; size > 0;) {
        size = std::stoul(until("\r\n"), nullptr, 16);
        out += exactly(size);
        exactly(2);
      }
      return out;
    }
    const auto at = head.find("Content-Length: ");
    return at == head.npos ? head : head + exactly(std::stoul(head.substr(at + 16)));
  }
  std::string exactly(size_t count) {
    while (left_.size() < count) {
      const auto piece = some();
      if (piece.empty()) throw std::runtime_error{"closed too early"};
      left_ += piece;
    }
    auto out = left_.substr(0, count);
    left_.erase(0, count);
    return out;
  }
  bool closed_by_server() { return left_.empty() && some().empty(); }
  int descriptor() const { return fd_; }

  bool handshaken = true;

private:
  int fd_;
  std::shared_ptr<const tls::context> tls_;
  std::unique_ptr<tls::channel> channel_;
  std::string left_;
};

} // namespace troupe::test
