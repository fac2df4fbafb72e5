// How a handler answers: a responder for one request, which may become a stream of chunks or, after
// an upgrade, a raw two-way channel. Each is a movable handle usable from any thread.
#pragma once

#include "net/http/response.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

namespace troupe::http {

/// Why a client is not there any more.
enum class gone : uint8_t {
  finished,        ///< the answer is complete
  left,            ///< the client closed or broke the connection
  too_slow,        ///< more bytes waited than the limit allows, or none moved for too long
  server_stopping, ///< stop() was called
};

std::string_view to_string(gone why);

/// What a stream or channel is made of. Implemented by the server, and by fakes in tests.
/// Callbacks run on the connection's thread, `on_closed` exactly once and last.
class sink {
public:
  virtual ~sink() = default;
  virtual bool write(bytes data) = 0;
  virtual void finish() = 0;
  virtual void abort() = 0;
  virtual size_t queued_bytes() const = 0;
  virtual void on_drained(std::function<void()> call) = 0;
  virtual void on_closed(std::function<void(gone)> call) = 0;
  virtual void on_data(std::function<void(std::string_view)> call) = 0;
  virtual void read(bool wanted) = 0;
  virtual void limit_time(std::optional<std::chrono::milliseconds> time) = 0;
};

/// An answer whose body has no known end: a watch, a log. Dropping the handle without finish()
/// breaks the connection, so that the client does not take the part for the whole.
class stream {
public:
  stream() = default;
  explicit stream(std::shared_ptr<sink> to) : to_{std::move(to)} {}
  stream(stream&&) = default;
  stream& operator=(stream&& other) noexcept {
    if (to_) to_->abort();
    to_ = std::move(other.to_);
    return *this;
  }
  ~stream() {
    if (to_) to_->abort();
  }

  explicit operator bool() const { return to_ != nullptr; }
  /// Queues one piece; the bytes are shared, never copied. False once the client is gone.
  bool write(bytes data) { return to_ && to_->write(std::move(data)); }
  bool write(std::string data) { return write(share(std::move(data))); }
  /// Ends the answer; what is queued is still sent. The handle is empty afterwards.
  void finish() {
    if (auto to = std::move(to_)) to->finish();
  }
  /// Bytes that the client has not taken yet.
  size_t queued_bytes() const { return to_ ? to_->queued_bytes() : 0; }
  /// Called each time the queue has become empty.
  void on_drained(std::function<void()> call) { to_->on_drained(std::move(call)); }
  /// Called once, when nothing can be written any more.
  void on_closed(std::function<void(gone)> call) { to_->on_closed(std::move(call)); }

protected:
  std::shared_ptr<sink> to_;
};

/// A connection that has left HTTP: bytes both ways.
class duplex : public stream {
public:
  using stream::stream;
  /// Called with each piece that arrives, in order; the view is valid during the call. Nothing is
  /// read before this is set.
  void on_data(std::function<void(std::string_view)> call) { to_->on_data(std::move(call)); }
  /// Stops or resumes reading, so that a slow consumer slows the peer down.
  void read(bool wanted) { to_->read(wanted); }
  /// Ends the connection unless called again, with nothing, within `time`.
  void limit_time(std::optional<std::chrono::milliseconds> time) { to_->limit_time(time); }
  /// Hands the connection on to somebody who ends it himself; the handle is empty afterwards.
  std::shared_ptr<sink> release() { return std::move(to_); }
};

/// What a responder talks to. Implemented by the server, and by fakes in tests.
class exchange {
public:
  virtual ~exchange() = default;
  virtual void reply(response what) = 0;
  virtual std::shared_ptr<sink> open(int status, header_list headers, bool upgrade) = 0;
  virtual void on_gone(std::function<void(gone)> call) = 0;
  /// Runs `work` on the thread where the connection is served, or here if there is none.
  virtual void run(std::function<void()> work) { work(); }
};

/// Answers one request, once. Dropped unanswered, the client gets a 500.
class responder {
public:
  responder() = default;
  explicit responder(std::shared_ptr<exchange> to) : to_{std::move(to)} {}
  responder(responder&&) = default;
  responder& operator=(responder&& other) noexcept {
    give_up();
    to_ = std::move(other.to_);
    return *this;
  }
  ~responder() { give_up(); }

  explicit operator bool() const { return to_ != nullptr; }
  void reply(response what) {
    if (auto to = std::move(to_)) to->reply(std::move(what));
  }
  /// Starts an answer of unknown length.
  http::stream stream(int status, header_list headers) {
    auto to = std::move(to_);
    return to ? http::stream{to->open(status, std::move(headers), false)} : http::stream{};
  }
  /// Answers 101 with `headers` (Upgrade and Connection among them) and leaves HTTP.
  duplex upgrade(header_list headers) {
    auto to = std::move(to_);
    return to ? duplex{to->open(101, std::move(headers), true)} : duplex{};
  }
  /// Called if the client goes away before it is answered.
  void on_gone(std::function<void(gone)> call) {
    if (to_) to_->on_gone(std::move(call));
  }

  /// Runs `work`, which makes the answer, where it is sent from: whoever calls may have others to
  /// see to. Without a client it runs here.
  void run(std::function<void()> work) {
    if (auto to = to_)
      to->run(std::move(work));
    else
      work();
  }

  /// Hands the answering on to somebody who does it otherwise; the handle is empty afterwards.
  std::shared_ptr<exchange> release() { return std::move(to_); }

private:
  void give_up() {
    if (auto to = std::move(to_)) to->reply(plain_answer(500, "the request was not answered"));
  }

  std::shared_ptr<exchange> to_;
};

} // namespace troupe::http
