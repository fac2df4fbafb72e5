// The half of a connection that moves bytes: reading, writing, waiting, deadlines, the end.
#include "messages/base/thread_buffer.hpp"
#include "net/http/connection.hpp"
#include "net/http/live_sink.hpp"

#include <boost/asio/post.hpp>

#include <array>

namespace troupe::http {

namespace {

/// Small pieces are gathered to as many TLS records as one system call should send.
constexpr size_t write_run_bytes = 64 * 1024;
constexpr size_t read_run_bytes = 16 * 1024;
/// Reads and writes in one go before others get their turn.
constexpr int runs_max = 64;
/// Read and thrown away while the last answer is delivered.
constexpr size_t linger_bytes_max = 4 * 1024 * 1024;

} // namespace

void connection::flush() {
  if (phase_ == phase::closed || phase_ == phase::handshake || write_armed_) return;
  thread_local thread_buffer<std::array<char, write_run_bytes>> own_scratch;
  auto& scratch = *own_scratch;
  uint64_t sent = 0;
  write_blocked_ = false;
  for (int run = 0; !out_.empty(); ++run) {
    if (run == runs_max) {
      write_blocked_ = true; // the socket is writable: waiting for that lets others run
      break;
    }
    const auto [state, count] = channel_.write(out_.front(scratch));
    if (state == tls::progress::done) {
      out_.consume(count);
      sent += count;
      continue;
    }
    if (state == tls::progress::want_write || state == tls::progress::want_read) {
      write_blocked_ = true;
      break;
    }
    return close(gone::left);
  }
  outbox_bytes.store(out_.size(), std::memory_order_relaxed);
  if (sent) {
    home_->counters.bytes_out.fetch_add(sent, std::memory_order_relaxed);
    if (!out_.empty()) write_progress_ = now_ns();
  }
  if (out_.empty() && sink_) {
    const auto keep = sink_;
    keep->drained();
  }
}

bool connection::wants_read() const {
  switch (phase_) {
  case phase::idle:
  case phase::head:
    return !peer_ended_ && !close_after_ && out_.size() <= bounds().pipeline_queue_bytes_max;
  case phase::body: // of the last request, too
    return !peer_ended_ && out_.size() <= bounds().pipeline_queue_bytes_max;
  case phase::handshake: return !write_blocked_;
  case phase::handling:
  case phase::streaming:
    return !peer_ended_ && in_.size() - in_used_ < bounds().read_ahead_bytes_max;
  case phase::upgraded: return !peer_ended_ && sink_ && sink_->wants_data();
  case phase::lingering: return true;
  case phase::closed: return false;
  }
  return false;
}

void connection::arm() {
  if (!read_armed_ && wants_read()) {
    read_armed_ = true;
    auto resume = [self = shared_from_this()](boost::system::error_code failure) {
      self->read_armed_ = false;
      if (!failure) self->on_readable();
    };
    if (channel_.has_pending()) {
      asio::post(socket_.get_executor(), [resume] { resume({}); });
    } else {
      socket_.async_wait(socket::wait_read, std::move(resume));
    }
  }
  if (!write_armed_ && write_blocked_) {
    write_armed_ = true;
    socket_.async_wait(socket::wait_write,
                       [self = shared_from_this()](boost::system::error_code failure) {
                         self->write_armed_ = self->write_blocked_ = false;
                         if (!failure && self->phase_ != phase::closed) self->settle();
                       });
    if (write_progress_ == 0) write_progress_ = now_ns();
  }
  if (out_.empty()) write_progress_ = 0;
  arm_deadline();
}

void connection::arm_deadline() {
  auto at = phase_deadline_;
  if (write_progress_ != 0)
    at = write_progress_ + std::chrono::nanoseconds{bounds().write_stall}.count();
  deadline.store(at, std::memory_order_relaxed);
  if (at != no_deadline) home_->watch(at);
}

void connection::on_readable() {
  if (phase_ == phase::closed) return;
  if (phase_ == phase::handshake) return settle();
  thread_local thread_buffer<std::array<char, read_run_bytes>> own_scratch;
  auto& scratch = *own_scratch;
  uint64_t received = 0;
  for (int run = 0; run < runs_max && wants_read(); ++run) {
    const auto [state, count] = channel_.read(scratch);
    if (state == tls::progress::done) {
      received += count;
      take_in({scratch.data(), count});
      if (phase_ == phase::closed) return;
      // A short read has emptied the socket; asking it again would only cost a system call.
      if (count < scratch.size() && !channel_.has_pending()) break;
      if (phase_ != phase::upgraded && phase_ != phase::lingering && in_.size() > read_run_bytes)
        break;
      continue;
    }
    if (state == tls::progress::end)
      on_end();
    else if (state == tls::progress::failed)
      close(gone::left);
    break;
  }
  home_->counters.bytes_in.fetch_add(received, std::memory_order_relaxed);
  if (phase_ != phase::closed) settle();
}

void connection::take_in(std::string_view data) {
  if (phase_ == phase::lingering) {
    lingered_bytes_ += data.size();
    if (lingered_bytes_ > linger_bytes_max) close(gone::finished);
  } else if (phase_ == phase::upgraded && sink_) {
    const auto keep = sink_;
    keep->deliver(data);
  } else {
    in_.append(data);
  }
}

/// The client will send nothing more.
void connection::on_end() {
  peer_ended_ = true;
  switch (phase_) {
  case phase::handling:
    // It may have closed only its own side, so the answer is still tried.
    if (auto call = std::exchange(on_gone_, nullptr)) call(gone::left);
    break;
  case phase::idle:
    if (!out_.empty()) {
      close_after_ = true;
      break;
    }
    [[fallthrough]];
  default: close(gone::left);
  }
}

void connection::linger() {
  if (peer_ended_ || home_->stopping) return close(gone::finished);
  channel_.say_goodbye();
  set_phase(phase::lingering, bounds().linger);
}

void connection::expire() {
  if (deadline.load(std::memory_order_relaxed) > now_ns() || phase_ == phase::closed) return;
  if (write_progress_ != 0) {
    home_->counters.slow_readers_dropped.fetch_add(1, std::memory_order_relaxed);
    return close(gone::too_slow);
  }
  if (phase_ == phase::head || phase_ == phase::body) {
    home_->counters.requests_timed_out.fetch_add(1, std::memory_order_relaxed);
    refuse({408, phase_ == phase::head ? "the headers took too long" : "the body took too long"});
    return settle();
  }
  close(gone::left);
}

void connection::stop() {
  switch (phase_) {
  case phase::streaming: {
    // A whole answer as far as it goes: the client comes back to another server.
    const auto to = std::exchange(sink_, nullptr);
    close_after_ = true;
    if (!to->discards && version_minor_ == 1) out_.push_last_chunk();
    finish_turn();
    return to->closed(gone::server_stopping);
  }
  case phase::body:
  case phase::handling: close_after_ = true; return;
  case phase::idle:
    close_after_ = true;
    if (!out_.empty()) return;
    [[fallthrough]];
  default: close(gone::server_stopping);
  }
}

void connection::close(gone why) {
  if (phase_ == phase::closed) return;
  if (phase_ != phase::handshake) channel_.say_goodbye();
  set_phase(phase::closed);
  deadline.store(no_deadline, std::memory_order_relaxed);
  const auto self = shared_from_this();
  boost::system::error_code ignored;
  socket_.close(ignored);
  channel_.reset();
  out_.clear();
  outbox_bytes.store(0, std::memory_order_relaxed);
  in_ = {};
  in_used_ = 0;
  request_.reset();
  decoder_.reset();
  home_->forget(*this);
  tell_gone(why);
}

} // namespace troupe::http
