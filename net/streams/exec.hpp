// exec and attach as the node sees them: standard streams, terminal sizes and an exit status,
// whatever the client speaks.
#pragma once

#include "net/http/responder.hpp"
#include "net/streams/protocol.hpp"
#include "net/streams/session.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace troupe::streams {

/// Which streams a request asks for.
struct exec_streams {
  bool in = false;
  bool out = false;
  bool err = false;
  bool tty = false;
};

/// Reads stdin, stdout, stderr and tty from the query; as upstream, a terminal has no stderr and at
/// least one stream must be asked for.
result<exec_streams> read_exec_streams(const http::query& query);

/// The Status that ends a session: success for 0, else the exit code as its cause.
std::string exit_status(int code);
/// The Status of a command that could not run.
std::string failure_status(std::string_view message);

/// How long a SPDY client may take to open its streams.
inline constexpr std::chrono::seconds stream_opening_time{30};

/// One running exec or attach. Any thread.
class exec_session : public std::enable_shared_from_this<exec_session> {
public:
  struct callbacks {
    std::function<void(std::string_view)> on_stdin;
    std::function<void()> on_stdin_end;
    std::function<void(int width, int height)> on_resize;
    /// Once: the client is gone or has been served; kill what it started where that is wanted.
    std::function<void()> on_closed;
    std::function<void()> on_drained;
  };

  /// Answers 101 and calls `ready` on the connection's thread once every stream is there; the
  /// callbacks it returns are used from then on.
  using on_ready = std::function<callbacks(std::shared_ptr<exec_session>)>;
  static void start(http::responder reply, const protocol& chosen, exec_streams wanted,
                    on_ready ready);

  void write_stdout(std::string_view data) { write(kind::out, data); }
  void write_stderr(std::string_view data) { write(kind::err, data); }
  /// Ends the session with the command's exit code, after everything written.
  void exit(int code);
  /// Ends the session with an error.
  void fail(std::string_view message);
  size_t queued_bytes() const { return session_->queued_bytes(); }
  /// Stops or resumes the flow of stdin.
  void read(bool wanted) { session_->read(wanted); }

private:
  enum class kind : uint8_t { in, out, err, status, resize };

  exec_session(const protocol& chosen, exec_streams wanted, on_ready ready);
  void begin(http::duplex over);
  void opened(lane which, const http::header_list& headers);
  void check_ready();
  void arrived(lane which, std::string_view data);
  void ended(lane which);
  void take_size(std::string_view data);
  void write(kind to, std::string_view data);
  void end(std::string_view status, std::string_view plain);
  bool wants(kind what) const;

  protocol chosen_;
  exec_streams wanted_;
  on_ready ready_;
  std::shared_ptr<callbacks> calls_; ///< shared, because a call may end the session
  std::shared_ptr<session> session_;
  std::map<kind, lane> lanes_; ///< complete before `ready`, constant after it
  bool is_ready_ = false;
  std::string size_text_;
};

} // namespace troupe::streams
