#include "test/bench/store/etcd_load.hpp"

#include "test/bench/store/clock.hpp"

#include <arpa/inet.h>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <netinet/tcp.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <unordered_map>

namespace troupe::bench {

namespace {

/// One HTTP/2 connection that keeps `window` puts under way.
class connection {
public:
  connection(uint16_t port, unsigned window, unsigned value_bytes)
      : window_{window}, value_(value_bytes, 'v') {
    fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
    int one = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) std::perror("connect");
    out_ = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    frame(4, 0, 0, {});                                 // SETTINGS
    frame(8, 0, 0, std::string("\x7f\xff\x00\x00", 4)); // a large window for answers
  }
  ~connection() { ::close(fd_); }

  void run(double seconds, const std::string& name) {
    auto begin = steady::now();
    while (seconds_since(begin) < seconds) {
      while (begun_.size() < window_ && send_window_ > static_cast<int64_t>(value_.size()) + 100)
        put(name);
      flush();
      receive();
    }
  }

  std::vector<double> latencies_us;

private:
  void frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view body) {
    auto n = body.size();
    const char head[9] = {static_cast<char>(n >> 16),
                          static_cast<char>(n >> 8),
                          static_cast<char>(n),
                          static_cast<char>(type),
                          static_cast<char>(flags),
                          static_cast<char>(stream >> 24),
                          static_cast<char>(stream >> 16),
                          static_cast<char>(stream >> 8),
                          static_cast<char>(stream)};
    out_.append(head, 9).append(body);
  }

  static void header(std::string& to, std::string_view name, std::string_view value) {
    to.push_back('\0'); // literal, not indexed
    to.push_back(static_cast<char>(name.size()));
    to += name;
    to.push_back(static_cast<char>(value.size()));
    to += value;
  }

  static void field(std::string& to, char tag, std::string_view bytes) {
    to.push_back(tag);
    for (auto n = bytes.size();; n >>= 7) {
      to.push_back(static_cast<char>(n > 127 ? (n & 127) | 128 : n));
      if (n <= 127) break;
    }
    to += bytes;
  }

  void put(const std::string& name) {
    std::string headers;
    header(headers, ":method", "POST");
    header(headers, ":scheme", "http");
    header(headers, ":path", "/etcdserverpb.KV/Put");
    header(headers, ":authority", "localhost");
    header(headers, "content-type", "application/grpc");
    header(headers, "te", "trailers");
    frame(1, 4, stream_, headers);
    std::string request;
    field(request, 0x0a, name + std::to_string(stream_));
    field(request, 0x12, value_);
    auto n = request.size();
    std::string body{'\0', static_cast<char>(n >> 24), static_cast<char>(n >> 16),
                     static_cast<char>(n >> 8), static_cast<char>(n)};
    body += request;
    frame(0, 1, stream_, body);
    send_window_ -= static_cast<int64_t>(body.size());
    begun_[stream_] = steady::now();
    stream_ += 2;
  }

  void flush() {
    for (size_t at = 0; at < out_.size();) {
      auto n = ::send(fd_, out_.data() + at, out_.size() - at, MSG_NOSIGNAL);
      if (n <= 0) return void(std::perror("send to etcd"));
      at += static_cast<size_t>(n);
    }
    out_.clear();
  }

  void receive() {
    char part[65536];
    auto n = ::recv(fd_, part, sizeof part, 0);
    if (n <= 0) return void(std::perror("receive from etcd"));
    in_.append(part, static_cast<size_t>(n));
    size_t at = 0;
    auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(in_[at + i])); };
    while (in_.size() - at >= 9) {
      auto size = byte(0) << 16 | byte(1) << 8 | byte(2);
      if (in_.size() - at < 9 + size) break;
      auto type = byte(3), flags = byte(4);
      auto stream = (byte(5) & 127) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8);
      if (type == 8 && stream == 0)
        send_window_ += byte(9) << 24 | byte(10) << 16 | byte(11) << 8 | byte(12);
      if (type == 4 && (flags & 1) == 0) frame(4, 1, 0, {});
      if (type == 6 && (flags & 1) == 0) frame(6, 1, 0, std::string_view{in_}.substr(at + 9, 8));
      if (type == 1 && (flags & 1) != 0)
        if (auto x = begun_.find(stream); x != begun_.end()) {
          latencies_us.push_back(seconds_since(x->second) * 1e6);
          begun_.erase(x);
        }
      at += 9 + size;
    }
    in_.erase(0, at);
  }

  int fd_ = -1;
  unsigned window_;
  std::string value_;
  std::string out_, in_;
  uint32_t stream_ = 1;
  int64_t send_window_ = 65535;
  std::unordered_map<uint32_t, steady::time_point> begun_;
};

} // namespace

etcd_figures load_etcd(uint16_t port, unsigned clients, unsigned connections, unsigned value_bytes,
                       double seconds) {
  std::vector<double> all;
  std::mutex mutex;
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < connections; ++i)
      threads.emplace_back([&, i] {
        connection c{port, std::max(1u, clients / connections), value_bytes};
        c.run(seconds, "bench-" + std::to_string(i) + "-");
        std::lock_guard lock{mutex};
        all.insert(all.end(), c.latencies_us.begin(), c.latencies_us.end());
      });
  }
  auto count = static_cast<double>(all.size());
  return {count / seconds, percentile(all, 0.5)};
}

} // namespace troupe::bench
