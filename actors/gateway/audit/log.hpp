// The audit log's file: events are queued by whoever answers requests, and written as lines by a
// thread of its own. Nobody waits for it: what does not fit is dropped and counted.
#pragma once

#include "actors/gateway/audit/event.hpp"

#include <condition_variable>
#include <atomic>
#include <deque>
#include <mutex>
#include <thread>

namespace troupe::gateway {

struct audit_settings {
  std::string path; ///< "-": standard output
  audit_policy policy;
  uint64_t file_bytes_max = 100 * 1024 * 1024; ///< then another file begins
  unsigned backups_max = 10;                   ///< older files are deleted; 0 keeps all
  unsigned backup_days_max = 0;                ///< files older than this are deleted; 0 keeps all
  size_t queue_bytes_max = 64 * 1024 * 1024;
};

class audit_log {
public:
  static result<std::shared_ptr<audit_log>> open(audit_settings given);
  ~audit_log(); ///< writes what is queued
  audit_log(const audit_log&) = delete;
  audit_log& operator=(const audit_log&) = delete;

  const audit_policy& policy() const { return given_.policy; }
  /// Any thread; never waits for the disk.
  void put(audit_event event);

  uint64_t written() const { return written_; }
  uint64_t dropped() const { return dropped_; }

private:
  explicit audit_log(audit_settings given) : given_{std::move(given)} {}
  result<void> open_file();
  void run();
  void write(std::string_view lines);
  void rotate();
  void delete_old();
  void complain(std::string_view what);

  audit_settings given_;
  int file_ = -1;
  uint64_t file_bytes_ = 0;
  std::atomic<uint64_t> written_{0}, dropped_{0};
  int64_t complained_at_ = 0; ///< the writer's own

  std::mutex mutex_; ///< for what follows
  std::condition_variable some_;
  std::deque<audit_event> queue_;
  size_t queue_bytes_ = 0;
  bool closing_ = false;
  std::thread writer_;
};

} // namespace troupe::gateway
