#include "actors/store/replicated_store.hpp"

#include "storage/transaction_codec.hpp"

namespace troupe {

namespace {

error closing() { return {errc::unavailable, "the store is closing"}; }

} // namespace

void request_queue::set_wake(std::function<void()> marks) {
  {
    std::unique_lock lock{wake_mutex_};
    wake_ = std::move(marks);
  }
  std::unique_lock lock{mutex_};
  auto waits = !waiting_.empty();
  lock.unlock();
  if (waits) wake();
}

/// Nobody holds what the actor needs while it is woken: on a busy machine it may run in our place
/// at once, and we would go on only after everybody else.
void request_queue::wake() {
  std::shared_lock lock{wake_mutex_};
  if (wake_) wake_();
}

template<class List, class X>
void request_queue::add(std::unique_lock<std::mutex> lock, List& list, X x) {
  auto first = waiting_.empty();
  list.push_back(std::move(x));
  lock.unlock();
  if (first) wake();
}

void request_queue::push(raft::replica::proposal x) {
  std::unique_lock lock{mutex_};
  if (closed_ || bytes_ + x.payload->size() > bytes_max_) {
    auto why = closed_ ? closing() : error{errc::too_many_requests, "too many writes are waiting"};
    lock.unlock();
    return x.done(std::move(why));
  }
  bytes_ += x.payload->size();
  add(std::move(lock), waiting_.writes, std::move(x));
  haste_.ask(); // at worst too late, and then until the actor rests again
}

void request_queue::push(ready x) {
  std::unique_lock lock{mutex_};
  if (closed_ || waiting_.reads.size() >= reads_max) {
    auto why = closed_ ? closing() : error{errc::too_many_requests, "too many reads are waiting"};
    lock.unlock();
    return x(std::move(why));
  }
  add(std::move(lock), waiting_.reads, std::move(x));
}

void request_queue::push_job(std::function<void()> x) {
  std::unique_lock lock{mutex_};
  if (closed_) return;
  add(std::move(lock), waiting_.jobs, std::move(x));
}

request_queue::batch request_queue::take() {
  haste_.of_this_thread();
  std::lock_guard lock{mutex_};
  bytes_ = 0;
  return std::exchange(waiting_, {});
}

void request_queue::rest() {
  std::lock_guard lock{mutex_};
  if (waiting_.empty()) haste_.lower(haste::asked);
}

void request_queue::close() {
  {
    std::lock_guard lock{mutex_};
    closed_ = true;
  }
  {
    std::unique_lock lock{wake_mutex_};
    wake_ = nullptr; // whom it would wake has ended, and may be forgotten
  }
  auto left = take();
  for (auto& x : left.writes) x.done(closing());
  for (auto& x : left.reads) x(closing());
}

std::string clock_trouble(int64_t ahead_ms) {
  constexpr int64_t minute = 60'000, day = 24 * 60 * minute;
  auto by = std::abs(ahead_ms);
  auto far = by >= 2 * day ? std::to_string((by + day / 2) / day) + " days"
                           : std::to_string(by / minute) + " minutes";
  return "the clock of this server is " + far + (ahead_ms > 0 ? " ahead of" : " behind") +
         " those of the other servers: set it";
}

void replicated_store::linearize(std::function<void(result<void>)> ready) {
  if (auto ahead = clock_ahead_ms_.load(); ahead != 0)
    return ready(error{errc::unavailable, clock_trouble(ahead)});
  queue_->push(std::move(ready));
}

void replicated_store::commit(storage::transaction change, completion done) {
  if (auto checked = storage::check(change); !checked) return done(checked.error());
  auto mark = next_mark_.fetch_add(1);
  if (mark == 0) mark = next_mark_.fetch_add(1); // 0 is none
  auto payload = storage::encode(change, wall_clock_ms_(), seal_.get(), mark);
  if (!payload) return done(payload.error());
  queue_->push({std::move(change), std::make_shared<const std::string>(std::move(*payload)),
                std::move(done), mark});
}

} // namespace troupe
