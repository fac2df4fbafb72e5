// Talking to a pod's troupe-shim: one question and its answer, or a stream that lasts.
#pragma once

#include "messages/base/error.hpp"

#include <boost/asio/generic/seq_packet_protocol.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <chrono>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe::runtime {

/// Makes the socket in the pod's directory that a new shim inherits; returns its descriptor.
result<int> listen_for_shim(const std::filesystem::path& pod);

/// Asks and waits. Blocks; `timeout` or `unavailable` if no answer comes.
result<std::vector<std::string>> ask_shim(const std::filesystem::path& pod,
                                          const std::vector<std::string>& words,
                                          std::chrono::milliseconds patience);

/// A connection that stays: a watch for ends, an exec or an attach. Its callbacks run on the
/// context's thread; the functions may be called from any.
class shim_stream : public std::enable_shared_from_this<shim_stream> {
public:
  struct callbacks {
    /// One message: a byte that says what it is and its data, or words.
    std::function<void(std::string_view)> on_message;
    /// Once, and last.
    std::function<void()> on_closed;
  };

  static result<std::shared_ptr<shim_stream>> open(boost::asio::io_context& context,
                                                   const std::filesystem::path& pod,
                                                   const std::vector<std::string>& words,
                                                   callbacks calls);

  /// Sends one message of a stream; data of any size, in pieces.
  void send(char kind, std::string_view data);
  /// Stops or resumes reading.
  void read(bool wanted);
  void close();
  size_t queued_bytes() const { return queued_bytes_; }
  /// Calls once when no more than `bytes` wait to be sent; it may be at once.
  void on_room(size_t bytes, std::function<void()> call);

private:
  shim_stream(boost::asio::io_context& context, int fd, callbacks calls);
  void receive();
  void flush();
  void check_room();
  void end();

  boost::asio::io_context& context_;
  boost::asio::generic::seq_packet_protocol::socket socket_;
  callbacks calls_;
  std::deque<std::string> waiting_;
  std::atomic<size_t> queued_bytes_{0};
  size_t room_bytes_ = 0;
  std::function<void()> on_room_;
  bool sending_ = false, reading_ = true, receiving_ = false, closed_ = false;
  std::string buffer_;
  int in_flags_ = 0;
};

} // namespace troupe::runtime
