#include "net/link/tcp_connection.hpp"

#include "messages/base/log.hpp"
#include "messages/base/thread_buffer.hpp"
#include "net/link/network_core.hpp"

#include <boost/asio/post.hpp>

#include <netinet/tcp.h>

namespace troupe::link {

namespace {

constexpr size_t read_run_bytes = 64 * 1024;
constexpr size_t write_run_bytes = 128 * 1024;
constexpr int runs_max = 32;
/// Bytes in the kernel that are not even sent yet: more would only make urgent messages wait.
constexpr int unsent_bytes_max = 256 * 1024;
/// Messages that follow each other faster are gathered by the strand: one record for many.
constexpr std::chrono::microseconds gather_within{5};

mux_settings with(mux_settings settings, uint64_t generation) {
  settings.generation = generation;
  return settings;
}

mux_settings unbounded(mux_settings settings) {
  // What waits is bounded by send(), which counts both queues.
  settings.queue_bytes_max.fill(SIZE_MAX / 2);
  return settings;
}

} // namespace

tcp_connection::tcp_connection(std::shared_ptr<network::core> home, socket to,
                               const tls::context& tls, const std::string& server_name,
                               uint64_t generation)
    : dialed{tls.kind() == tls::style::mutual_client},
      peer_name_{server_name}, home_{std::move(home)}, socket_{std::move(to)},
      timer_{socket_.get_executor()}, channel_{socket_.native_handle(), tls, server_name},
      mux_{unbounded(with(home_->settings.mux, generation)), std::chrono::steady_clock::now()} {
  const int one = 1;
  const int fd = socket_.native_handle();
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  ::setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes_max, sizeof unsent_bytes_max);
  boost::system::error_code ignored;
  socket_.non_blocking(true, ignored);
}

template<class Call> void tcp_connection::post(Call call) {
  if (!home_->stopped) asio::post(socket_.get_executor(), std::move(call));
}

/// Runs `call(*this)` on the strand, in turn with senders.
template<class Call> void tcp_connection::in_turn(Call call) {
  post([self = shared_from_this(), call = std::move(call)] {
    const std::lock_guard turn{self->turn_};
    call(*self);
  });
}

void tcp_connection::start() {
  in_turn([](auto& self) { self.pump(); });
}

// ---- from any thread ----------------------------------------------------------------------------

bool tcp_connection::send(stream on, payload message) {
  const auto at = static_cast<size_t>(on);
  const auto& settings = home_->settings.mux;
  const auto size = message->size();
  if (down_ || size > settings.message_bytes_max) return false;
  std::unique_lock lock{mutex_};
  const auto waiting = inbox_bytes_[at] + mux_bytes_[at];
  if (waiting != 0 && waiting + size > settings.queue_bytes_max[at]) return false;
  inbox_bytes_[at] += size;
  inbox_.emplace_back(on, std::move(message));
  if (std::exchange(scheduled_, true)) return true;
  lock.unlock();
  if (!send_now()) schedule();
  return true;
}

/// A handover to the strand takes longer than the rest of the way: after a pause, when nobody is
/// at work here, what was queued leaves at once. False if the strand must see to it.
bool tcp_connection::send_now() {
  if (socket_.get_executor().running_in_this_thread()) return false;
  const std::unique_lock turn{turn_, std::try_to_lock};
  if (!turn || !up_ || over_ || write_blocked_) return false;
  if (std::chrono::steady_clock::now() - written_ < gather_within) return false;
  collect();
  return write() && !write_blocked_; // a failure shows again on the strand
}

void tcp_connection::taken(stream on, size_t bytes) {
  std::unique_lock lock{mutex_};
  taken_[static_cast<size_t>(on)] += bytes;
  if (std::exchange(scheduled_, true)) return;
  lock.unlock();
  schedule();
}

void tcp_connection::schedule() {
  // Whatever runs on the strand ends with a pump.
  if (socket_.get_executor().running_in_this_thread()) return;
  in_turn([](auto& self) { self.pump(); });
}

size_t tcp_connection::queued_bytes(stream on) const {
  const auto at = static_cast<size_t>(on);
  return inbox_bytes_[at] + mux_bytes_[at];
}

void tcp_connection::run(std::function<void()> call) {
  in_turn([call = std::move(call)](auto& self) {
    call();
    self.pump(); // what the call wanted sent
  });
}

void tcp_connection::close() { close_because("closed on this side"); }

void tcp_connection::close_because(std::string why) {
  in_turn([why = std::move(why)](auto& self) { self.end(why); });
}

// ---- in turn ------------------------------------------------------------------------------------

void tcp_connection::collect() {
  std::vector<std::pair<stream, payload>> fresh;
  std::array<size_t, stream_count> room{};
  {
    const std::lock_guard lock{mutex_};
    scheduled_ = false;
    fresh.swap(inbox_);
    room = std::exchange(taken_, {});
    for (auto& bytes : inbox_bytes_) bytes = 0;
    for (const auto& [on, message] : fresh) mux_bytes_[static_cast<size_t>(on)] += message->size();
  }
  for (auto& [on, message] : fresh) mux_.send(on, std::move(message));
  for (size_t on = 0; on < stream_count; ++on)
    if (room[on]) mux_.taken(static_cast<stream>(on), room[on]);
}

void tcp_connection::pump() {
  if (over_) return;
  if (!secure_) shake_hands();
  if (over_ || !secure_) return;
  collect();
  if (!write()) return end("the connection broke");
  arm();
}

void tcp_connection::shake_hands() {
  const auto [state, _] = channel_.handshake();
  if (state == tls::progress::want_write) write_blocked_ = true;
  if (state == tls::progress::want_read || state == tls::progress::want_write) return arm();
  if (state != tls::progress::done) return end(channel_.failure());
  const auto certificate = channel_.peer();
  if (!certificate || !certificate->verified) return end("the peer's certificate is not trusted");
  peer_ = {certificate->common_name, certificate->organizations, certificate->fingerprint_sha256};
  if (home_->settings.allow && !home_->settings.allow(peer_))
    return end("the peer may not connect here");
  secure_ = true;
  timer_.cancel(); // from now on the mux says when
}

/// False if the connection is broken.
bool tcp_connection::write() {
  write_blocked_ = false;
  for (int run = 0; run < runs_max; ++run) {
    if (out_used_ == out_.size()) {
      out_.clear();
      out_used_ = 0;
      mux_.fill(out_, write_run_bytes);
      if (out_.empty()) {
        if (out_.capacity() > write_run_bytes / 4) std::string().swap(out_); // idle: no buffer
        break;
      }
    }
    written_ = std::chrono::steady_clock::now();
    while (out_used_ < out_.size()) {
      const auto [state, count] = channel_.write(std::string_view{out_}.substr(out_used_));
      if (state == tls::progress::done) {
        out_used_ += count;
        continue;
      }
      if (state != tls::progress::want_write && state != tls::progress::want_read) return false;
      write_blocked_ = true;
      break;
    }
    if (write_blocked_) break;
    if (run == runs_max - 1) write_blocked_ = true; // others get their turn first
  }
  for (size_t on = 0; on < stream_count; ++on)
    mux_bytes_[on] = mux_.queued_bytes(static_cast<stream>(on));
  return true;
}

void tcp_connection::read() {
  thread_local thread_buffer<std::array<char, read_run_bytes>> own_scratch;
  auto& scratch = *own_scratch;
  for (int run = 0; run < runs_max && !over_; ++run) {
    const auto [state, count] = channel_.read(scratch);
    if (state == tls::progress::want_read || state == tls::progress::want_write) break;
    if (state != tls::progress::done) return end("the peer closed the connection");
    const auto bad = mux_.feed({scratch.data(), count}, std::chrono::steady_clock::now(), *this);
    if (bad) {
      log::warn("link", "a peer broke the protocol", {{"peer", peer_.name}, {"what", *bad}});
      return end(*bad);
    }
    if (!channel_.has_pending() && count < 16 * 1024) break;
  }
}

void tcp_connection::arm() {
  if (!read_armed_ && !(write_blocked_ && !secure_)) {
    read_armed_ = true;
    auto resume = [self = shared_from_this()](boost::system::error_code failure) {
      const std::lock_guard turn{self->turn_};
      self->read_armed_ = false;
      if (failure || self->over_) return;
      if (self->secure_) self->read();
      self->pump();
    };
    if (secure_ && channel_.has_pending())
      asio::post(socket_.get_executor(), [resume] { resume({}); });
    else
      socket_.async_wait(socket::wait_read, std::move(resume));
  }
  if (!write_armed_ && write_blocked_) {
    write_armed_ = true;
    socket_.async_wait(socket::wait_write,
                       [self = shared_from_this()](boost::system::error_code failure) {
                         const std::lock_guard turn{self->turn_};
                         self->write_armed_ = self->write_blocked_ = false;
                         if (!failure) self->pump();
                       });
  }
  arm_timer();
}

void tcp_connection::arm_timer() {
  const auto due = secure_ ? mux_.next_tick() : started_ + home_->settings.handshake_within;
  if (timer_armed_) {
    // What is due earlier than what was waited for must not come too late.
    if (due < timer_.expiry()) timer_.cancel();
    return;
  }
  timer_armed_ = true;
  timer_.expires_at(due);
  timer_.async_wait([self = shared_from_this()](boost::system::error_code failure) {
    const std::lock_guard turn{self->turn_};
    self->timer_armed_ = false;
    if (self->over_) return;
    if (failure) return self->arm_timer(); // moved
    const auto now = std::chrono::steady_clock::now();
    if (!self->secure_ && now - self->started_ >= self->home_->settings.handshake_within)
      return self->end("the TLS handshake took too long");
    if (self->secure_)
      if (const auto dead = self->mux_.tick(now)) return self->end(*dead);
    self->pump();
  });
}

void tcp_connection::on_ready(const hello& from_peer) {
  hello_ = from_peer;
  if (!home_->admit(shared_from_this())) return end("an older connection than the present one");
  up_ = true;
  calls_ = home_->up(shared_from_this());
}

void tcp_connection::on_message(stream on, std::string_view message) {
  if (!over_ && calls_.on_message) calls_.on_message(on, message);
}

void tcp_connection::end(std::string_view why) {
  if (std::exchange(over_, true)) return;
  down_ = true;
  const auto self = shared_from_this();
  log::debug("link", "a link is down", {{"peer", peer_.name}, {"why", why}});
  if (secure_) channel_.say_goodbye();
  boost::system::error_code ignored;
  socket_.close(ignored);
  timer_.cancel();
  home_->forget(self);
  if (dialed && !up_ && home_->settings.dial_failed) home_->settings.dial_failed(peer_name_, why);
  const auto calls = std::exchange(calls_, {});
  if (up_ && calls.on_down) calls.on_down(why);
  if (const auto call = std::exchange(on_over, nullptr)) call();
}

} // namespace troupe::link
