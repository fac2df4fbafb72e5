#include "net/dns/server.hpp"

#include "messages/base/thread_buffer.hpp"
#include "net/dns/reply.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <list>
#include <map>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <unordered_map>

namespace troupe::dns {

namespace {

using clock = std::chrono::steady_clock;

constexpr size_t batch = 64;  // packets in one system call
constexpr int rounds_max = 2; // through all other servers

error failure(const std::string& what) {
  return {errc::internal, "cannot " + what + ": " + strerror(errno)};
}

sockaddr_in socket_address(const address& ip, uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  memcpy(&out.sin_addr, ip.bytes.data(), 4);
  return out;
}

struct socket_fd {
  socket_fd() = default;
  explicit socket_fd(int fd) : fd{fd} {}
  socket_fd(socket_fd&& o) noexcept : fd{std::exchange(o.fd, -1)} {}
  socket_fd& operator=(socket_fd&& o) noexcept {
    std::swap(fd, o.fd);
    return *this;
  }
  ~socket_fd() {
    if (fd >= 0) close(fd);
  }
  int fd = -1;
};

} // namespace

/// The one thread. Everything below runs on it, but start and stop.
class server::loop {
public:
  explicit loop(server_settings given) : given_{std::move(given)} {}

  ~loop() {
    if (!thread_.joinable()) return;
    uint64_t one = 1;
    (void)!write(stop_.fd, &one, sizeof one);
    thread_.join();
  }

  result<void> start() {
    auto at = socket_address(given_.own, given_.port);
    udp_ = socket_fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (udp_.fd < 0) return failure("make a socket for DNS");
    if (bind(udp_.fd, reinterpret_cast<sockaddr*>(&at), sizeof at) < 0)
      return failure("listen for DNS at " + given_.own.text());
    socklen_t size = sizeof at;
    getsockname(udp_.fd, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
    tcp_ = socket_fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    int one = 1;
    setsockopt(tcp_.fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(tcp_.fd, reinterpret_cast<sockaddr*>(&at), sizeof at) < 0 || listen(tcp_.fd, 64) < 0)
      return failure("listen for DNS over TCP at " + given_.own.text());
    outward_ = socket_fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    stop_ = socket_fd(eventfd(0, EFD_CLOEXEC));
    epoll_ = socket_fd(epoll_create1(EPOLL_CLOEXEC));
    for (int fd : {udp_.fd, tcp_.fd, outward_.fd, stop_.fd}) watch(fd);
    thread_ = std::thread([this] { run(); });
    return {};
  }

  uint16_t port() const { return port_; }

private:
  /// Where an answer goes: a datagram's sender, or a connection.
  struct client {
    sockaddr_in from{};
    int connection = 0; ///< its number; 0 over UDP
  };

  struct pending {
    client to;
    query asked;
    std::vector<record> begun;
    question outward; ///< what others are asked
    size_t tried = 0;
    clock::time_point until;
  };

  struct cached {
    std::string packet;
    reply as_read;
    clock::time_point since;
  };

  struct connection {
    socket_fd socket;
    int number = 0;
    std::string in;
    clock::time_point until;
  };

  void watch(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll_.fd, EPOLL_CTL_ADD, fd, &event);
  }

  void run() {
    for (;;) {
      epoll_event events[batch];
      int count = epoll_wait(epoll_.fd, events, batch, patience());
      for (int i = 0; i < count; ++i) {
        int fd = events[i].data.fd;
        if (fd == stop_.fd) return;
        if (fd == udp_.fd)
          take_datagrams();
        else if (fd == tcp_.fd)
          take_connection();
        else if (fd == outward_.fd)
          take_replies();
        else
          take_stream(fd);
      }
      tidy();
    }
  }

  /// Milliseconds until something is due; -1 if nothing is.
  int patience() const {
    auto next = clock::time_point::max();
    for (auto& [_, p] : pending_) next = std::min(next, p.until);
    for (auto& [_, c] : connections_) next = std::min(next, c.until);
    if (next == clock::time_point::max()) return -1;
    auto wait = std::chrono::ceil<std::chrono::milliseconds>(next - clock::now()).count();
    return static_cast<int>(std::max<int64_t>(wait, 0));
  }

  void tidy() {
    auto now = clock::now();
    for (auto it = connections_.begin(); it != connections_.end();)
      it = it->second.until <= now ? connections_.erase(it) : std::next(it);
    std::vector<uint16_t> late;
    for (auto& [id, p] : pending_)
      if (p.until <= now) late.push_back(id);
    for (auto id : late) ask_next(id);
  }

  void take_datagrams() {
    thread_local thread_buffer<std::array<std::array<char, query_bytes_max + 1>, batch>>
        own_buffers;
    auto& buffers = *own_buffers;
    mmsghdr messages[batch];
    iovec parts[batch];
    sockaddr_in from[batch];
    for (size_t i = 0; i < batch; ++i) {
      parts[i] = {buffers[i].data(), buffers[i].size()};
      messages[i] = {};
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
      messages[i].msg_hdr.msg_name = &from[i];
      messages[i].msg_hdr.msg_namelen = sizeof from[i];
    }
    int count = recvmmsg(udp_.fd, messages, batch, 0, nullptr);
    for (int i = 0; i < count; ++i) take({buffers[i].data(), messages[i].msg_len}, {from[i], 0});
    flush();
  }

  void take(std::string_view bytes, const client& from) {
    auto read = read_query(bytes);
    if (auto no = std::get_if<not_a_query>(&read)) {
      if (!no->answer.empty()) send(from, std::move(no->answer));
      return;
    }
    auto& asked = std::get<query>(read);
    auto found = given_.resolve(asked.asked);
    if (auto known = std::get_if<answer>(&found)) {
      known->recursion_available = !given_.upstream.empty();
      return send(from, write_answer(asked, *known, room(asked, from)));
    }
    auto& else_where = std::get<referral>(found);
    ask(std::move(asked), from, {else_where.name, std::get<query>(read).asked.kind},
        std::move(else_where.begun));
  }

  static size_t room(const query& asked, const client& to) {
    return to.connection ? message_bytes_max : asked.udp_bytes;
  }

  void fail(const query& asked, const client& to, dns::code why) {
    answer no;
    no.code = why;
    no.authoritative = false;
    no.recursion_available = !given_.upstream.empty();
    send(to, write_answer(asked, no, room(asked, to)));
  }

  void ask(query asked, const client& from, question outward, std::vector<record> begun) {
    if (given_.upstream.empty()) return fail(asked, from, code::refused);
    if (begun.empty())
      if (auto hit = cache_.find(cache_key(asked)); hit != cache_.end()) {
        auto age =
            std::chrono::duration_cast<std::chrono::seconds>(clock::now() - hit->second.since)
                .count();
        if (static_cast<uint32_t>(age) < hit->second.as_read.ttl_seconds)
          return send(from, readdress(hit->second.packet, hit->second.as_read, asked,
                                      static_cast<uint32_t>(age)));
        cache_.erase(hit);
      }
    if (pending_.size() >= given_.pending_max) return fail(asked, from, code::server_failure);
    uint16_t id;
    do id = static_cast<uint16_t>(given_.random());
    while (pending_.contains(id));
    pending_[id] = {from, std::move(asked), std::move(begun), std::move(outward), 0, {}};
    ask_next(id);
  }

  void ask_next(uint16_t id) {
    auto& p = pending_[id];
    if (p.tried >= rounds_max * given_.upstream.size()) {
      auto lost = std::move(p);
      pending_.erase(id);
      fail(lost.asked, lost.to, code::server_failure);
      return flush();
    }
    auto at =
        socket_address(given_.upstream[p.tried++ % given_.upstream.size()], given_.upstream_port);
    p.until = clock::now() + given_.upstream_patience;
    auto packet =
        write_query(id, p.outward, p.begun.empty() ? p.asked.name_as_sent : "", p.asked.edns);
    (void)sendto(outward_.fd, packet.data(), packet.size(), 0, reinterpret_cast<sockaddr*>(&at),
                 sizeof at);
  }

  void take_replies() {
    char buffer[4096];
    for (size_t i = 0; i < batch; ++i) {
      sockaddr_in from{};
      socklen_t size = sizeof from;
      auto got = recvfrom(outward_.fd, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from),
                          &size);
      if (got < 0) break;
      take_reply({buffer, static_cast<size_t>(got)}, from);
    }
    flush();
  }

  void take_reply(std::string_view bytes, const sockaddr_in& from) {
    // Only what was asked, by whom it was asked.
    bool known = false;
    for (auto& u : given_.upstream) known = known || memcmp(&from.sin_addr, u.bytes.data(), 4) == 0;
    auto read = read_reply(bytes);
    if (!known || ntohs(from.sin_port) != given_.upstream_port || !read) return;
    auto hit = pending_.find(read->id);
    if (hit == pending_.end() || read->asked != hit->second.outward) return;
    auto p = std::move(hit->second);
    pending_.erase(hit);
    if (!p.begun.empty()) {
      answer whole;
      whole.code = read->code;
      whole.authoritative = false;
      whole.recursion_available = true;
      whole.answers = std::move(p.begun);
      for (auto& r : read->answers) whole.answers.push_back(std::move(r));
      return send(p.to, write_answer(p.asked, whole, room(p.asked, p.to)));
    }
    send(p.to, readdress(std::string(bytes), *read, p.asked, 0));
    bool lasting = read->code == code::ok || read->code == code::no_such_name;
    if (!lasting || read->truncated || read->ttl_seconds == 0) return;
    read->ttl_seconds = std::min(read->ttl_seconds, given_.cache_seconds_max);
    if (cache_.size() >= given_.cache_max) cache_.erase(cache_.begin());
    cache_[cache_key(p.asked)] = {std::string(bytes), std::move(*read), clock::now()};
  }

  static std::string cache_key(const query& asked) {
    return asked.asked.name + '/' + std::to_string(static_cast<int>(asked.asked.kind)) +
           (asked.edns ? "e" : "");
  }

  void send(const client& to, std::string packet) {
    if (to.connection) return send_stream(to.connection, packet);
    out_.push_back({to.from, std::move(packet)});
    if (out_.size() >= batch) flush();
  }

  void flush() {
    mmsghdr messages[batch];
    iovec parts[batch];
    size_t count = std::min(out_.size(), batch);
    for (size_t i = 0; i < count; ++i) {
      parts[i] = {out_[i].second.data(), out_[i].second.size()};
      messages[i] = {};
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
      messages[i].msg_hdr.msg_name = &out_[i].first;
      messages[i].msg_hdr.msg_namelen = sizeof out_[i].first;
    }
    // What does not go out now is lost, as datagrams are: clients ask again.
    for (size_t done = 0; done < count;) {
      int sent = sendmmsg(udp_.fd, messages + done, static_cast<unsigned>(count - done), 0);
      done += sent > 0 ? static_cast<size_t>(sent) : 1;
    }
    out_.clear();
  }

  void take_connection() {
    socket_fd s(accept4(tcp_.fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (s.fd < 0 || connections_.size() >= given_.connections_max) return;
    watch(s.fd);
    auto fd = s.fd;
    connections_[fd] = {std::move(s), ++connection_count_, {}, clock::now() + given_.idle_max};
  }

  void take_stream(int fd) {
    auto hit = connections_.find(fd);
    if (hit == connections_.end()) return;
    auto& c = hit->second;
    char buffer[2048];
    auto got = read(fd, buffer, sizeof buffer);
    if (got <= 0) {
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
      connections_.erase(hit);
      return;
    }
    c.in.append(buffer, static_cast<size_t>(got));
    c.until = clock::now() + given_.idle_max;
    auto number = c.number;
    for (;;) {
      auto still = connections_.find(fd);
      if (still == connections_.end() || still->second.number != number) return;
      auto& in = still->second.in;
      if (in.size() < 2) return;
      size_t size = static_cast<uint8_t>(in[0]) << 8 | static_cast<uint8_t>(in[1]);
      if (size > query_bytes_max) {
        connections_.erase(still);
        return;
      }
      if (in.size() < size + 2) return;
      auto packet = in.substr(2, size);
      in.erase(0, size + 2);
      take(packet, {{}, number});
    }
  }

  void send_stream(int number, const std::string& packet) {
    for (auto it = connections_.begin(); it != connections_.end(); ++it) {
      if (it->second.number != number) continue;
      std::string framed{static_cast<char>(packet.size() >> 8), static_cast<char>(packet.size())};
      framed += packet;
      // An answer fits an empty socket buffer; who does not read loses the connection.
      if (::send(it->first, framed.data(), framed.size(), MSG_NOSIGNAL) !=
          static_cast<ssize_t>(framed.size()))
        connections_.erase(it);
      return;
    }
  }

  server_settings given_;
  socket_fd udp_, tcp_, outward_, stop_, epoll_;
  uint16_t port_ = 0;
  std::vector<std::pair<sockaddr_in, std::string>> out_;
  std::unordered_map<uint16_t, pending> pending_;
  std::unordered_map<std::string, cached> cache_;
  std::map<int, connection> connections_;
  int connection_count_ = 0;
  std::thread thread_;
};

server::server(std::unique_ptr<loop> run) : loop_{std::move(run)} {}
server::~server() = default;
uint16_t server::port() const { return loop_->port(); }

result<std::unique_ptr<server>> server::start(server_settings given) {
  auto run = std::make_unique<loop>(std::move(given));
  if (auto started = run->start(); !started) return started.error();
  return std::unique_ptr<server>(new server(std::move(run)));
}

std::vector<address> upstream_of(std::string_view text) {
  constexpr size_t servers_max = 3;
  std::vector<address> out;
  while (!text.empty() && out.size() < servers_max) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    constexpr std::string_view word = "nameserver";
    if (!line.starts_with(word)) continue;
    line.remove_prefix(word.size());
    auto from = line.find_first_not_of(" \t");
    if (from == line.npos || from == 0) continue;
    line = line.substr(from);
    line = line.substr(0, line.find_first_of(" \t\r#;"));
    if (auto ip = address::parse(line); ip && !ip->v6) out.push_back(*ip);
  }
  return out;
}

} // namespace troupe::dns
