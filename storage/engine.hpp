// The store of one member on its own: a data directory, a log with group commit, the state in
// memory and its snapshots in LMDB. See store.hpp for how to use it.
#pragma once

#include "storage/live_state.hpp"
#include "storage/sealer.hpp"
#include "storage/store.hpp"
#include "storage/wal.hpp"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <thread>

namespace troupe::storage {

struct engine_settings {
  std::string path; ///< the data directory; created when missing
  wal_settings log = {};
  ring_limits rings = {};
  size_t queue_bytes_max = 64u << 20; ///< of transactions that wait; then errc::too_many_requests
  size_t batch_bytes_max = 8u << 20;  ///< of one frame of the log
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
  void linearize(std::function<void(result<void>)> ready) override { ready({}); }

private:
  struct proposal {
    transaction change;
    std::string payload;
    completion done;
  };

  explicit engine(engine_settings settings);

  result<void> load();
  void write_batches();
  std::vector<proposal> take_batch();
  result<void> make_durable(const std::vector<proposal>& batch);
  void apply_and_answer(std::vector<proposal>& batch);

  engine_settings settings_;
  std::unique_ptr<directory> directory_;
  std::unique_ptr<wal> log_;
  live_state live_;
  uint64_t last_index_ = 0;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<proposal> queue_;
  size_t queue_bytes_ = 0;
  bool closing_ = false;
  std::thread writer_;
};

} // namespace troupe::storage
