#include "net/dataplane/netlink.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utility>

namespace troupe::dataplane {

namespace {

constexpr size_t receive_bytes = 64 * 1024;
constexpr int buffer_bytes = 16 << 20;     // thousands of answers may be under way
constexpr size_t talk_bytes_max = 1 << 20; // more goes in several pieces

size_t padded(size_t n) { return (n + 3) & ~size_t{3}; }

error failure(const std::string& what, int code) {
  return {errc::internal, "cannot " + what + ": " + strerror(code)};
}

std::string bytes_of(const auto& x) {
  return std::string(reinterpret_cast<const char*>(&x), sizeof x);
}

} // namespace

void netlink_batch::begin(uint16_t type, uint16_t flags, std::string_view header,
                          std::string what) {
  message_ = bytes_.size();
  nlmsghdr head{0, type, static_cast<uint16_t>(flags | NLM_F_REQUEST), 0, 0};
  bytes_.append(reinterpret_cast<const char*>(&head), sizeof head);
  bytes_.append(header);
  bytes_.resize(message_ + padded(bytes_.size() - message_));
  what_.push_back(std::move(what));
}

void netlink_batch::end() {
  auto length = static_cast<uint32_t>(bytes_.size() - message_);
  memcpy(&bytes_[message_], &length, sizeof length);
}

void netlink_batch::put(uint16_t attribute, std::string_view bytes) {
  nlattr head{static_cast<uint16_t>(NLA_HDRLEN + bytes.size()), attribute};
  bytes_.append(reinterpret_cast<const char*>(&head), sizeof head);
  bytes_.append(bytes);
  bytes_.append(padded(bytes.size()) - bytes.size(), '\0');
}

void netlink_batch::put_text(uint16_t attribute, std::string_view text) {
  put(attribute, std::string(text) + '\0');
}
void netlink_batch::put_u8(uint16_t attribute, uint8_t v) { put(attribute, bytes_of(v)); }
void netlink_batch::put_u16(uint16_t attribute, uint16_t v) { put(attribute, bytes_of(v)); }
void netlink_batch::put_u32(uint16_t attribute, uint32_t v) { put(attribute, bytes_of(v)); }
void netlink_batch::put_be16(uint16_t attribute, uint16_t v) { put_u16(attribute, htons(v)); }
void netlink_batch::put_be32(uint16_t attribute, uint32_t v) { put_u32(attribute, htonl(v)); }
void netlink_batch::put_be64(uint16_t attribute, uint64_t v) {
  put(attribute, bytes_of(htobe64(v)));
}

size_t netlink_batch::open(uint16_t attribute, bool flagged) {
  auto mark = bytes_.size();
  nlattr head{0, static_cast<uint16_t>(attribute | (flagged ? NLA_F_NESTED : 0))};
  bytes_.append(reinterpret_cast<const char*>(&head), sizeof head);
  return mark;
}

void netlink_batch::close(size_t mark) {
  auto length = static_cast<uint16_t>(bytes_.size() - mark);
  memcpy(&bytes_[mark], &length, sizeof length);
}

netlink_socket::netlink_socket(netlink_socket&& other) noexcept
    : fd_{std::exchange(other.fd_, -1)}, sequence_{other.sequence_} {}

netlink_socket& netlink_socket::operator=(netlink_socket&& other) noexcept {
  std::swap(fd_, other.fd_);
  sequence_ = other.sequence_;
  return *this;
}

netlink_socket::~netlink_socket() {
  if (fd_ >= 0) close(fd_);
}

result<netlink_socket> netlink_socket::open(int protocol) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (fd < 0) return failure("open a netlink socket", errno);
  netlink_socket made(fd);
  sockaddr_nl self{};
  self.nl_family = AF_NETLINK;
  if (bind(fd, reinterpret_cast<sockaddr*>(&self), sizeof self) < 0)
    return failure("bind a netlink socket", errno);
  // Best effort: without the right to force it, the ordinary limit holds.
  for (int option : {SO_SNDBUFFORCE, SO_RCVBUFFORCE})
    setsockopt(fd, SOL_SOCKET, option, &buffer_bytes, sizeof buffer_bytes);
  int one = 1;
  setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof one); // answers without the question
  return made;
}

result<netlink_socket> netlink_socket::open_in(int protocol, int netns_fd) {
  int home = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  if (home < 0) return failure("open the network namespace of this thread", errno);
  if (setns(netns_fd, CLONE_NEWNET) < 0) {
    auto code = errno;
    ::close(home);
    return failure("enter a network namespace", code);
  }
  auto made = open(protocol);
  // A thread that cannot come home must not do anything else.
  if (setns(home, CLONE_NEWNET) < 0) abort();
  ::close(home);
  return made;
}

result<void> netlink_socket::send(std::string_view bytes) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  auto sent = sendto(fd_, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&kernel),
                     sizeof kernel);
  if (sent != static_cast<ssize_t>(bytes.size())) return failure("send to the kernel", errno);
  return {};
}

result<std::string_view> netlink_socket::receive() {
  buffer_.resize(receive_bytes);
  for (;;) {
    auto got = recv(fd_, buffer_.data(), buffer_.size(), 0);
    if (got >= 0) return std::string_view(buffer_.data(), static_cast<size_t>(got));
    if (errno != EINTR) return failure("hear from the kernel", errno);
  }
}

result<void> netlink_socket::talk(netlink_batch& batch, const std::function<bool(int)>& forgive) {
  auto& bytes = batch.bytes_;
  size_t at = 0, done = 0;
  result<void> outcome;
  while (at < bytes.size()) {
    // As many messages as go in one piece.
    size_t end = at;
    uint32_t first = sequence_ + 1;
    size_t expected = 0;
    while (end < bytes.size() && end - at < talk_bytes_max) {
      nlmsghdr head;
      memcpy(&head, &bytes[end], sizeof head);
      head.nlmsg_flags |= NLM_F_ACK;
      head.nlmsg_seq = ++sequence_;
      memcpy(&bytes[end], &head, sizeof head);
      end += padded(head.nlmsg_len);
      ++expected;
    }
    if (auto sent = send(std::string_view(bytes).substr(at, end - at)); !sent) return sent;
    while (expected > 0) {
      auto got = receive();
      if (!got) return got.error();
      for (auto rest = *got; rest.size() >= sizeof(nlmsghdr);) {
        nlmsghdr head;
        memcpy(&head, rest.data(), sizeof head);
        if (head.nlmsg_len < sizeof head || head.nlmsg_len > rest.size()) break;
        if (head.nlmsg_type == NLMSG_ERROR && head.nlmsg_seq >= first) {
          int code;
          memcpy(&code, rest.data() + sizeof head, sizeof code);
          --expected;
          auto which = done + (head.nlmsg_seq - first);
          if (code != 0 && outcome && !(forgive && forgive(-code)) && which < batch.what_.size())
            outcome = failure(batch.what_[which], -code);
        }
        rest.remove_prefix(std::min(padded(head.nlmsg_len), rest.size()));
      }
    }
    done += sequence_ - first + 1;
    at = end;
  }
  batch = {};
  return outcome;
}

result<void> netlink_socket::commit(netlink_batch& batch) {
  if (batch.empty()) return {};
  netlink_batch marked;
  nfgenmsg mark{AF_UNSPEC, NFNETLINK_V0, htons(NFNL_SUBSYS_NFTABLES)};
  marked.begin(NFNL_MSG_BATCH_BEGIN, 0, bytes_of(mark), "begin a transaction");
  marked.end();
  auto begin_size = marked.bytes_.size();
  marked.bytes_ += batch.bytes_;
  marked.begin(NFNL_MSG_BATCH_END, 0, bytes_of(mark), "end a transaction");
  marked.end();
  // The last message of ours asks for the answer; before it, only failures are told.
  size_t at = begin_size, last = begin_size;
  uint32_t first = sequence_ + 1;
  {
    nlmsghdr head;
    memcpy(&head, &marked.bytes_[0], sizeof head);
    head.nlmsg_seq = sequence_ + 1;
    memcpy(&marked.bytes_[0], &head, sizeof head);
  }
  for (size_t i = 0; i < batch.what_.size(); ++i) {
    nlmsghdr head;
    memcpy(&head, &marked.bytes_[at], sizeof head);
    head.nlmsg_seq = ++sequence_;
    memcpy(&marked.bytes_[at], &head, sizeof head);
    last = at;
    at += padded(head.nlmsg_len);
  }
  nlmsghdr head;
  memcpy(&head, &marked.bytes_[last], sizeof head);
  head.nlmsg_flags |= NLM_F_ACK;
  memcpy(&marked.bytes_[last], &head, sizeof head);
  auto last_sequence = sequence_;
  memcpy(&head, &marked.bytes_[at], sizeof head);
  head.nlmsg_seq = ++sequence_;
  memcpy(&marked.bytes_[at], &head, sizeof head);

  if (auto sent = send(marked.bytes_); !sent) return sent;
  for (;;) {
    auto got = receive();
    if (!got) return got.error();
    for (auto rest = *got; rest.size() >= sizeof(nlmsghdr);) {
      memcpy(&head, rest.data(), sizeof head);
      if (head.nlmsg_len < sizeof head || head.nlmsg_len > rest.size()) break;
      if (head.nlmsg_type == NLMSG_ERROR && head.nlmsg_seq >= first &&
          head.nlmsg_seq <= last_sequence) {
        int code;
        memcpy(&code, rest.data() + sizeof head, sizeof code);
        auto what = batch.what_[head.nlmsg_seq - first];
        batch = {};
        if (code != 0) return drain(failure(what, -code));
        return {};
      }
      rest.remove_prefix(std::min(padded(head.nlmsg_len), rest.size()));
    }
  }
}

error netlink_socket::drain(error first) {
  // More failures of the same transaction may follow: nobody must take them for an answer.
  buffer_.resize(receive_bytes);
  while (recv(fd_, buffer_.data(), buffer_.size(), MSG_DONTWAIT) > 0) {
  }
  return first;
}

result<void> netlink_socket::ask(netlink_batch& request, bool dump,
                                 const std::function<void(uint16_t, std::string_view)>& each) {
  nlmsghdr head;
  memcpy(&head, &request.bytes_[0], sizeof head);
  head.nlmsg_flags |= dump ? NLM_F_DUMP : NLM_F_ACK;
  head.nlmsg_seq = ++sequence_;
  memcpy(&request.bytes_[0], &head, sizeof head);
  auto what = request.what_[0];
  if (auto sent = send(request.bytes_); !sent) return sent;
  request = {};
  for (;;) {
    auto got = receive();
    if (!got) return got.error();
    for (auto rest = *got; rest.size() >= sizeof(nlmsghdr);) {
      memcpy(&head, rest.data(), sizeof head);
      if (head.nlmsg_len < sizeof head || head.nlmsg_len > rest.size()) break;
      if (head.nlmsg_seq == sequence_) {
        if (head.nlmsg_type == NLMSG_DONE) return {};
        if (head.nlmsg_type == NLMSG_ERROR) {
          int code;
          memcpy(&code, rest.data() + sizeof head, sizeof code);
          if (code != 0) return failure(what, -code);
          return {};
        }
        each(head.nlmsg_type, rest.substr(sizeof head, head.nlmsg_len - sizeof head));
      }
      rest.remove_prefix(std::min(padded(head.nlmsg_len), rest.size()));
    }
  }
}

void walk_attributes(std::string_view bytes,
                     const std::function<void(uint16_t, std::string_view)>& visit) {
  while (bytes.size() >= sizeof(nlattr)) {
    nlattr head;
    memcpy(&head, bytes.data(), sizeof head);
    if (head.nla_len < sizeof head || head.nla_len > bytes.size()) return;
    visit(head.nla_type & NLA_TYPE_MASK, bytes.substr(sizeof head, head.nla_len - sizeof head));
    bytes.remove_prefix(std::min(padded(head.nla_len), bytes.size()));
  }
}

} // namespace troupe::dataplane
