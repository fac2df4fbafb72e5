// The store of one member on its own: a data directory, a log with group commit, the state in
// memory and its snapshots in LMDB. See store.hpp for how to use it.
#pragma once

#include "storage/caretaker.hpp"
#include "storage/live_state.hpp"
#include "storage/lmdb_checkpoint.hpp"
#include "storage/low_water.hpp"
#include "storage/sealer.hpp"
#include "storage/store.hpp"
#include "storage/wal.hpp"
#include "storage/worker.hpp"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <thread>

namespace troupe::storage {

struct engine_settings {
  std::string path; ///< the data directory; created when missing
  wal_settings log = {};
  ring_limits rings = {};
  keeper_settings keep = {};
  lmdb_settings lmdb = {};
  care_settings care = {};
  size_t queue_bytes_max = 64u << 20; ///< of transactions that wait; then errc::too_many_requests
  size_t batch_bytes_max = 8u << 20;  ///< of one frame of the log
  /// With less room than this on the disk, only what frees space is accepted. 0: 64 MiB + 5 % of
  /// the disk, at most 1 GiB.
  uint64_t low_water_bytes = 0;
  std::shared_ptr<const sealer> seal; ///< encryption at rest; null: none
  /// The wall clock in milliseconds, for retention and backups only.
  std::function<uint64_t()> wall_clock_ms;
  /// A disk that broke its word (a failed sync): must not return normally. Default: log and exit.
  std::function<void(const error&)> stop_process;
};

/// Opens, replays, serves; closing waits for what was accepted.
class engine final : public store {
public:
  static result<std::unique_ptr<engine>> open(engine_settings settings);
  ~engine() override;

  snapshot current() const override { return live_.current(); }
  result<snapshot> at(uint64_t revision) override;
  void commit(transaction change, completion done) override;
  result<watch> subscribe(watch_options options) override {
    return live_.subscribe(std::move(options));
  }
  result<std::vector<past_change>> history(std::string_view key, size_t changes_max) override {
    return keeper_->history(key, changes_max);
  }
  result<uint64_t> revision_at(uint64_t time_ms) override { return keeper_->revision_at(time_ms); }

  /// Writes a consistent backup of now to a new file, while everything goes on.
  result<void> save(const std::string& path) const;

  void linearize(std::function<void(result<void>)> ready) override { ready({}); }

  caretaker& care() { return *care_; }

private:
  struct proposal {
    transaction change;
    std::string payload;
    completion done;
  };

  explicit engine(engine_settings settings);

  result<void> load();
  result<void> replay(const log_record& record);
  void write_batches();
  std::vector<proposal> take_batch();
  void refuse_when_full(std::vector<proposal>& batch);
  result<void> make_durable(const std::vector<proposal>& batch);
  void apply_and_answer(std::vector<proposal>& batch);
  void publish(size_t bytes, uint64_t time_ms);
  void write_checkpoint();
  void prepare_segment();

  engine_settings settings_;
  std::unique_ptr<directory> directory_;
  std::unique_ptr<wal> log_;
  live_state live_;
  std::shared_ptr<checkpoint> checkpoint_;
  std::unique_ptr<keeper> keeper_;
  std::unique_ptr<caretaker> care_;
  uint64_t last_index_ = 0;
  size_t unpublished_bytes_ = 0;   ///< of replayed log
  std::optional<worker> upkeep_;   ///< writes checkpoints
  std::optional<worker> segments_; ///< allocates the log's next segment, which may not wait for one
  low_water low_water_;
  bool segment_asked_ = false; ///< the next segment is being allocated; the writer's own

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<proposal> queue_;
  size_t queue_bytes_ = 0;
  bool closing_ = false;
  std::thread writer_;
  std::atomic<bool> segment_done_ = false;
};

} // namespace troupe::storage
