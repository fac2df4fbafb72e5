#include "storage/engine.hpp"

#include "messages/base/log.hpp"
#include "storage/backup.hpp"
#include "storage/opening.hpp"
#include "storage/transaction_codec.hpp"

#include <algorithm>
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

engine::engine(engine_settings settings)
    : settings_{std::move(settings)}, live_{settings_.rings}, low_water_{
                                                                  settings_.low_water_bytes} {
  if (!settings_.wall_clock_ms) settings_.wall_clock_ms = system_time_ms;
  if (!settings_.stop_process) settings_.stop_process = log_and_exit;
}

result<std::unique_ptr<engine>> engine::open(engine_settings settings) {
  std::unique_ptr<engine> made{new engine{std::move(settings)}};
  if (auto loaded = made->load(); !loaded)
    return with_context(loaded.error(), "cannot open " + made->settings_.path);
  made->upkeep_.emplace([kept = made->checkpoint_] { kept->rest(); });
  made->segments_.emplace();
  if (made->checkpoint_due_) made->upkeep_->post([e = made.get()] { e->write_checkpoint(); });
  made->writer_ = std::thread{[e = made.get()] { e->write_batches(); }};
  return made;
}

result<void> engine::load() {
  auto mark = opening::begin(settings_.path, settings_.seal);
  if (!mark) return mark.error();
  auto opened = open_posix_directory(settings_.path);
  if (!opened) return opened.error();
  directory_ = std::move(*opened);
  auto kept = lmdb_checkpoint::open(settings_.path + "/state.mdb", settings_.seal, settings_.lmdb);
  if (!kept) return kept.error();
  checkpoint_ = std::move(*kept);
  keeper_ = std::make_unique<keeper>(checkpoint_, settings_.keep);
  auto loaded = checkpoint_->load();
  if (!loaded) return loaded.error();
  last_index_ = loaded->meta.position.index;
  live_.reset(std::move(loaded->contents));
  keeper_->reset(live_.current(), std::move(loaded->meta));
  auto log = wal::open(*directory_, settings_.log, settings_.wall_clock_ms(),
                       [this](const log_record& record) { return replay(record); });
  if (!log) return log.error();
  log_ = std::move(*log);
  care_ = std::make_unique<caretaker>(checkpoint_, *keeper_, *log_, settings_.wall_clock_ms,
                                      settings_.care);
  publish(unpublished_bytes_, settings_.wall_clock_ms());
  return {};
}

/// Applies one record of the log's tail; what the checkpoint already has is passed over.
result<void> engine::replay(const log_record& record) {
  constexpr size_t publish_bytes = 1u << 20;
  if (!is_entry(record.kind) || record.index <= last_index_) return {};
  if (record.index != last_index_ + 1)
    return error{errc::corrupt, "the log continues at " + std::to_string(record.index) +
                                    " and the checkpoint ends at " + std::to_string(last_index_)};
  last_index_ = record.index;
  if (record.kind != record_kind::transaction) return {};
  auto decoded = decode(record.payload, settings_.seal.get());
  if (!decoded) return decoded.error();
  live_.apply(std::move(decoded->changes), record.term);
  unpublished_bytes_ += record.payload.size();
  if (unpublished_bytes_ >= publish_bytes)
    publish(std::exchange(unpublished_bytes_, 0), decoded->time_ms);
  return {};
}

engine::~engine() {
  {
    std::lock_guard lock{mutex_};
    closing_ = true;
  }
  wake_.notify_all();
  if (writer_.joinable()) writer_.join();
  segments_.reset();
  if (upkeep_) upkeep_->post([this] { write_checkpoint(); });
  upkeep_.reset();
}

result<snapshot> engine::at(uint64_t revision) { return keeper_->at(revision); }

result<void> engine::save(const std::string& path) const {
  return save_backup_file(current(), settings_.wall_clock_ms(), settings_.seal.get(), path);
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
    refuse_when_full(batch);
    if (batch.empty()) continue;
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

/// Below the low-water mark, and while checkpoints cannot keep up, only deletions pass.
void engine::refuse_when_full(std::vector<proposal>& batch) {
  if (!low_water_.full(*directory_, keeper_->behind())) return;
  auto refused =
      std::ranges::stable_partition(batch, [](auto& x) { return low_water::passes(x.change); });
  for (auto& x : refused) x.done(low_water::refusal());
  batch.erase(refused.begin(), refused.end());
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
  size_t bytes = 0;
  for (auto& x : batch) {
    bytes += x.payload.size();
    outcomes.push_back(live_.apply(std::move(x.change), own_term));
  }
  publish(bytes, settings_.wall_clock_ms());
  for (size_t i = 0; i < batch.size(); ++i) batch[i].done(outcomes[i]);
  prepare_segment();
}

/// Shows what was applied, and lets the keeper know.
void engine::publish(size_t bytes, uint64_t time_ms) {
  if (bytes == 0) return;
  published_batch batch{live_.publish(), {last_index_, own_term}, 0, time_ms, bytes};
  auto now = live_.current();
  batch.revision = now.revision();
  auto due = keeper_->note(std::move(batch), std::move(now));
  if (due && upkeep_)
    upkeep_->post([this] { write_checkpoint(); });
  else
    checkpoint_due_ = checkpoint_due_ || due;
}

void engine::write_checkpoint() {
  auto written = care_->write_checkpoint();
  if (written) return;
  if (written.error().code != errc::storage_full) settings_.stop_process(written.error());
  log::warn("storage", "no room for a checkpoint: trying again later",
            {{"why", written.error().message}});
}

/// Has the log's next segment allocated while there is room in this one.
void engine::prepare_segment() {
  if (segment_done_.exchange(false)) segment_asked_ = false;
  if (segment_asked_ || !log_->wants_next()) return;
  segment_asked_ = true;
  segments_->post([this] {
    if (auto done = log_->prepare_next(); !done)
      log::warn("storage", "no room for the next log segment", {{"why", done.error().message}});
    segment_done_ = true;
  });
}

} // namespace troupe::storage
