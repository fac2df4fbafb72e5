#include "net/http/live_sink.hpp"

#include "net/http/connection_run.hpp"

namespace troupe::http {

template<class Callback, class... Values> void live_sink::invoke(Callback& slot, Values... values) {
  // The call may replace itself or close the stream, so it runs outside its slot.
  auto call = std::move(slot);
  slot = nullptr;
  if (!call) return;
  call(values...);
  if (!slot && !why_) slot = std::move(call);
}

void live_sink::schedule(std::unique_lock<std::mutex> lock) {
  if (scheduled_) return;
  scheduled_ = true;
  lock.unlock();
  to_->wake(shared_from_this());
}

void live_sink::serve() { to_->serve(*this); }

bool live_sink::write(bytes data) {
  std::unique_lock lock{mutex_};
  if (closed_ || ended_) return false;
  const auto waiting = pending_bytes_.fetch_add(data->size()) + data->size() + to_->outbox_bytes;
  if (waiting > to_->bounds().stream_queue_bytes_max) {
    ended_ = asked_.too_slow = true;
    asked_.data.clear();
    schedule(std::move(lock));
    return false;
  }
  asked_.data.push_back(std::move(data));
  schedule(std::move(lock));
  return true;
}

void live_sink::finish() {
  std::unique_lock lock{mutex_};
  if (closed_ || ended_) return;
  ended_ = asked_.finish = true;
  schedule(std::move(lock));
}

void live_sink::abort() {
  std::unique_lock lock{mutex_};
  if (closed_ || ended_) return;
  ended_ = asked_.abort = true;
  schedule(std::move(lock));
}

size_t live_sink::queued_bytes() const { return pending_bytes_ + to_->outbox_bytes; }

void live_sink::on_drained(std::function<void()> call) {
  to_->run([self = shared_from_this(), call = std::move(call)]() mutable {
    if (!self->why_) self->on_drained_ = std::move(call);
  });
}

void live_sink::on_closed(std::function<void(gone)> call) {
  to_->run([self = shared_from_this(), call = std::move(call)]() mutable {
    if (self->why_)
      call(*self->why_);
    else
      self->on_closed_ = std::move(call);
  });
}

void live_sink::on_data(std::function<void(std::string_view)> call) {
  to_->run([self = shared_from_this(), call = std::move(call)]() mutable {
    if (self->why_) return;
    self->on_data_ = std::move(call);
    self->to_->serve(*self);
  });
}

void live_sink::read(bool wanted) {
  to_->run([self = shared_from_this(), wanted] {
    self->reading_ = wanted;
    if (wanted) self->to_->serve(*self);
  });
}

void live_sink::limit_time(std::optional<std::chrono::milliseconds> time) {
  to_->run([self = shared_from_this(), time] { self->to_->limit_time(*self, time); });
}

live_sink::batch live_sink::take() {
  const std::lock_guard lock{mutex_};
  scheduled_ = false;
  pending_bytes_ = 0;
  return std::exchange(asked_, {});
}

void live_sink::closed(gone why) {
  {
    const std::lock_guard lock{mutex_};
    if (closed_) return;
    closed_ = true;
    asked_ = {};
    pending_bytes_ = 0;
  }
  why_ = why;
  on_data_ = nullptr;
  on_drained_ = nullptr;
  if (auto call = std::exchange(on_closed_, nullptr)) call(why);
}

void live_sink::drained() {
  if (std::exchange(pushed, false)) invoke(on_drained_);
}

void live_sink::deliver(std::string_view data) { invoke(on_data_, data); }

} // namespace troupe::http
