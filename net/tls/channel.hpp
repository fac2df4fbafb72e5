// Bytes over one non-blocking socket, plain or TLS, without waiting: every call does what it can
// now and says what it needs. The socket belongs to the caller, and so does the waiting.
#pragma once

#include "net/tls/context.hpp"
#include "net/tls/peer.hpp"

#include <optional>
#include <span>
#include <string_view>

struct ssl_st;

namespace troupe::tls {

struct traffic_secrets;

enum class progress : uint8_t {
  done,       ///< some bytes went through, or the handshake is complete
  want_read,  ///< call again when the socket is readable
  want_write, ///< call again when the socket is writable
  end,        ///< the peer has closed its side
  failed,     ///< the connection is of no more use
};

struct outcome {
  progress state = progress::failed;
  size_t bytes = 0;
};

class channel {
public:
  /// A plain channel over `socket`.
  explicit channel(int socket);
  /// A TLS channel; `server_name` is sent and checked by clients. `settings` is kept alive.
  channel(int socket, const context& settings, const std::string& server_name = {});
  ~channel();
  channel(channel&& other) noexcept;
  channel& operator=(channel&&) = delete;

  /// Frees what TLS holds; nothing but destruction may follow.
  void reset();
  bool encrypted() const { return ssl_ != nullptr || records_ != nullptr; }

  outcome handshake();
  outcome read(std::span<char> into);
  /// Writes a prefix of `bytes`. After want_write the next call must start with the same bytes;
  /// more may follow them.
  outcome write(std::string_view bytes);
  /// True if bytes are buffered that waiting on the socket would not report.
  bool has_pending() const;
  /// Tells the peer that nothing more will be sent, as far as that is possible at once.
  void say_goodbye();

  /// The peer's certificate, once the handshake is done. To be asked once.
  std::optional<peer_certificate> peer();
  /// Why the handshake failed, for people.
  const std::string& failure() const { return failure_; }

private:
  struct own_records;
  outcome judge_tls(int returned);
  void take_over();
  outcome read_records(std::span<char> into);
  outcome write_records(std::string_view bytes);
  outcome send_pending();

  int socket_;
  ssl_st* ssl_ = nullptr;
  bool starved_ = false; ///< what is buffered is only part of a record
  std::string failure_;
  std::unique_ptr<traffic_secrets> secrets_; ///< during a server's handshake
  std::unique_ptr<own_records> records_;     ///< after it, where we keep the records ourselves
  std::optional<peer_certificate> peer_;     ///< noted when OpenSSL's object was let go
};

} // namespace troupe::tls
