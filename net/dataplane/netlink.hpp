// Netlink: the way to tell the kernel what the network should be. Messages are built by hand in one
// buffer and sent together; every answer is read, and a failure names what failed.
#pragma once

#include "messages/base/error.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::dataplane {

/// Several netlink messages, one after another. What describes a message for its errors is given
/// when it begins.
class netlink_batch {
public:
  /// Begins a message; `header` is the fixed part that follows nlmsghdr.
  void begin(uint16_t type, uint16_t flags, std::string_view header, std::string what);
  void end();

  void put(uint16_t attribute, std::string_view bytes);
  void put_text(uint16_t attribute, std::string_view text); ///< with the NUL that the kernel wants
  void put_u8(uint16_t attribute, uint8_t v);
  void put_u16(uint16_t attribute, uint16_t v);
  void put_u32(uint16_t attribute, uint32_t v);
  void put_be16(uint16_t attribute, uint16_t v);
  void put_be32(uint16_t attribute, uint32_t v);
  void put_be64(uint16_t attribute, uint64_t v);
  /// Bytes without an attribute around them: a fixed part inside a nested one.
  void put_raw(std::string_view bytes) { bytes_.append(bytes); }
  /// Opens a nested attribute; close() gives it its length. `flagged`: with NLA_F_NESTED, as
  /// nf_tables wants it.
  size_t open(uint16_t attribute, bool flagged = true);
  void close(size_t mark);

  std::string_view bytes() const { return bytes_; }
  bool empty() const { return bytes_.empty(); }
  size_t size() const { return bytes_.size(); }
  uint32_t count() const { return static_cast<uint32_t>(what_.size()); }

private:
  friend class netlink_socket;

  std::string bytes_;
  size_t message_ = 0;            ///< where the open message begins
  std::vector<std::string> what_; ///< of each message, in order
};

/// One socket of one netlink protocol, in the network namespace where it was opened.
class netlink_socket {
public:
  netlink_socket() = default;
  netlink_socket(netlink_socket&& other) noexcept;
  netlink_socket& operator=(netlink_socket&& other) noexcept;
  ~netlink_socket();

  /// In the calling thread's namespace.
  static result<netlink_socket> open(int protocol);
  /// In the namespace behind a file descriptor or a path.
  static result<netlink_socket> open_in(int protocol, int netns_fd);

  /// Sends all messages, each with NLM_F_ACK, and waits for their answers. Returns the first
  /// failure, for which `forgive` says no.
  result<void> talk(netlink_batch& batch, const std::function<bool(int error)>& forgive = {});

  /// Sends one nf_tables transaction: `batch` between its begin and end marks. All or nothing.
  result<void> commit(netlink_batch& batch);

  /// Sends one request and calls `each` with the part behind nlmsghdr of every answer. A dump asks
  /// for all there is, anything else for one thing.
  result<void> ask(netlink_batch& request, bool dump,
                   const std::function<void(uint16_t type, std::string_view)>& each);

private:
  explicit netlink_socket(int fd) : fd_{fd} {}
  result<void> send(std::string_view bytes);
  result<std::string_view> receive();
  error drain(error first);

  int fd_ = -1;
  uint32_t sequence_ = 0;
  std::string buffer_;
};

/// Calls `visit(type, payload)` for each attribute in `bytes`; stops at what is malformed.
void walk_attributes(std::string_view bytes,
                     const std::function<void(uint16_t type, std::string_view payload)>& visit);

} // namespace troupe::dataplane
