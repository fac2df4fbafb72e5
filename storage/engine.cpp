#include "storage/engine.hpp"

#include "messages/base/log.hpp"
#include "storage/transaction_codec.hpp"

#include <cstdlib>

namespace troupe::storage {

namespace {

constexpr uint64_t own_term = 1; // one member has no elections

uint64_t system_time_ms() {
  auto since = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(since).count());
}

[[noreturn]] void log_and_exit(const error& why) {
  log::error("storage", "the disk failed: stopping before anything is lost",
             {{"why", why.message}});
  std::_Exit(70);
}

} // namespace

engine::engine(engine_settings settings) : settings_{std::move(settings)}, live_{settings_.rings} {
  if (!settings_.wall_clock_ms) settings_.wall_clock_ms = system_time_ms;
  if (!settings_.stop_process) settings_.stop_process = log_and_exit;
}

result<std::unique_ptr<engine>> engine::open(engine_settings settings) {
  std::unique_ptr<engine> made{new engine{std::move(settings)}};
  if (auto loaded = made->load(); !loaded)
    return with_context(loaded.error(), "cannot open " + made->settings_.path);
  made->writer_ = std::thread{[e = made.get()] { e->write_batches(); }};
  return made;
}

result<void> engine::load() {
  auto opened = open_posix_directory(settings_.path);
  if (!opened) return opened.error();
  directory_ = std::move(*opened);
  auto replay = [this](const log_record& record) -> result<void> {
    if (!is_entry(record.kind)) return {};
    last_index_ = record.index;
    if (record.kind != record_kind::transaction) return {};
    auto decoded = decode(record.payload, settings_.seal.get());
    if (!decoded) return decoded.error();
    live_.apply(std::move(decoded->changes), record.term);
    return {};
  };
  auto log = wal::open(*directory_, settings_.log, settings_.wall_clock_ms(), replay);
  if (!log) return log.error();
  log_ = std::move(*log);
  live_.publish();
  return {};
}

engine::~engine() {
  {
    std::lock_guard lock{mutex_};
    closing_ = true;
  }
  wake_.notify_all();
  if (writer_.joinable()) writer_.join();
}

result<snapshot> engine::at(uint64_t revision) {
  auto now = current();
  if (revision == now.revision()) return now;
  return error{errc::expired, "too old resource version: " + std::to_string(revision)};
}

void engine::commit(transaction change, completion done) {
  if (auto checked = check(change); !checked) return done(checked.error());
  auto payload = encode(change, settings_.wall_clock_ms(), settings_.seal.get());
  if (!payload) return done(payload.error());
  bool idle;
  {
    std::unique_lock lock{mutex_};
    if (closing_ || queue_bytes_ + payload->size() > settings_.queue_bytes_max) {
      auto why = closing_ ? error{errc::unavailable, "the store is closing"}
                          : error{errc::too_many_requests, "too many writes are waiting"};
      lock.unlock();
      return done(std::move(why));
    }
    idle = queue_.empty();
    queue_bytes_ += payload->size();
    queue_.push_back({std::move(change), std::move(*payload), std::move(done)});
  }
  if (idle) wake_.notify_one();
}

/// The writer: while one batch is synced, the next one forms in the queue.
void engine::write_batches() {
  for (auto batch = take_batch(); !batch.empty(); batch = take_batch()) {
    if (auto durable = make_durable(batch); durable)
      apply_and_answer(batch);
    else
      for (auto& x : batch) x.done(durable.error());
  }
}

/// Waits for proposals and takes as many as one frame should hold. Empty: the engine closes.
std::vector<engine::proposal> engine::take_batch() {
  std::unique_lock lock{mutex_};
  wake_.wait(lock, [this] { return closing_ || !queue_.empty(); });
  size_t bytes = 0, count = 0;
  while (count < queue_.size() && (count == 0 || bytes < settings_.batch_bytes_max))
    bytes += queue_[count++].payload.size();
  queue_bytes_ -= bytes;
  if (count == queue_.size()) return std::exchange(queue_, {});
  auto end = queue_.begin() + static_cast<ptrdiff_t>(count);
  std::vector<proposal> batch{std::make_move_iterator(queue_.begin()),
                              std::make_move_iterator(end)};
  queue_.erase(queue_.begin(), end);
  return batch;
}

result<void> engine::make_durable(const std::vector<proposal>& batch) {
  std::vector<log_record> records;
  records.reserve(batch.size());
  for (auto index = last_index_; auto& x : batch)
    records.push_back({record_kind::transaction, ++index, own_term, x.payload});
  auto written = log_->append(records);
  if (!written && written.error().code == errc::storage_full) return written;
  if (written) written = log_->sync();
  if (!written) settings_.stop_process(written.error());
  last_index_ += batch.size();
  return written;
}

void engine::apply_and_answer(std::vector<proposal>& batch) {
  std::vector<outcome> outcomes;
  outcomes.reserve(batch.size());
  for (auto& x : batch) outcomes.push_back(live_.apply(std::move(x.change), own_term));
  live_.publish();
  for (size_t i = 0; i < batch.size(); ++i) batch[i].done(outcomes[i]);
}

} // namespace troupe::storage
