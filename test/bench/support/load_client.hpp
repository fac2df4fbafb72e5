// A client that costs as little as a client can: it shares the machine with the server that it
// measures. Blocking, bytes are looked at where OpenSSL has put them, and nothing is parsed.
#pragma once

#include "net/tls/channel.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace troupe::bench {

class load_client {
public:
  load_client(uint16_t port, std::shared_ptr<const tls::context> tls);
  ~load_client();
  load_client(const load_client&) = delete;

  void send(std::string_view bytes);
  /// One whole answer with a Content-Length; valid until the next call.
  std::string_view answer();
  /// Reads a list to its end, in chunks or not, and keeps nothing; returns how many bytes came.
  size_t drop_answer();
  /// Reads to the end of the head of an answer that goes on.
  void begin_stream();
  /// Reads what has come of a watch and returns how many events ended in it.
  size_t events();
  /// Whether more can be taken without waiting for the socket.
  bool has_more() const { return channel_.has_pending(); }
  int descriptor() const { return fd_; }

private:
  /// Reads some bytes behind the `filled_` ones of the thread's buffer; throws at the end.
  void fill();

  int fd_;
  std::shared_ptr<const tls::context> tls_;
  tls::channel channel_;
  size_t filled_ = 0;
  char last_ = 0; ///< of the bytes that came before, in a watch
};

} // namespace troupe::bench
