// An engine on a real connection: feeds it what arrives, sends what it says, and may be used from
// any thread. Callbacks run on the connection's thread, in order, and never under a lock.
#pragma once

#include "net/http/responder.hpp"
#include "net/streams/engine.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace troupe::streams {

class session : public std::enable_shared_from_this<session> {
public:
  struct callbacks {
    std::function<void(lane, const http::header_list&)> on_open;
    std::function<void(lane, std::string_view)> on_data;
    std::function<void(lane)> on_end;
    std::function<void(lane)> on_reset;
    /// Once, and last: the session or its connection is over.
    std::function<void(std::string_view why)> on_closed;
    /// Everything written has left.
    std::function<void()> on_drained;
  };

  /// Starts at once, with the callbacks that `prepare` returns. It may note the session and write
  /// to it: nothing is heard of the client before. The session lives as long as its connection.
  static std::shared_ptr<session>
  start(http::duplex over, std::unique_ptr<engine> with,
        const std::function<callbacks(const std::shared_ptr<session>&)>& prepare);
  ~session();

  void write(lane which, std::string_view data);
  void finish(lane which);
  void reset(lane which);
  /// Sends what is still to be sent, says goodbye and ends the connection.
  void close();
  /// Stops or resumes reading from the client, for all lanes together.
  void read(bool wanted);
  /// Bytes on their way to the client.
  size_t queued_bytes() const;
  /// Ends the connection unless limit_time({}) is called within `time`.
  void limit_time(std::optional<std::chrono::milliseconds> time);

private:
  struct recorder;
  session(http::duplex over, std::unique_ptr<engine> with);
  void arrived(std::string_view bytes);
  void send_locked();
  void closed(std::string_view why);

  mutable std::mutex mutex_; ///< for the engine, the channel's writing side and `closing_`
  std::unique_ptr<engine> engine_;
  const std::shared_ptr<http::sink> over_;
  bool closing_ = false;

  /// Connection's thread only. Shared, because a call may end the session it belongs to.
  std::shared_ptr<const callbacks> calls_;
  bool closed_ = false;
};

} // namespace troupe::streams
