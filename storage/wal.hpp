// The write-ahead log: segments of frames, one frame and one sync a batch. Opening it replays what
// is durable, cuts a torn tail, and refuses a log that is damaged before its end.
#pragma once

#include "storage/files.hpp"
#include "storage/log_record.hpp"

#include <functional>
#include <map>
#include <mutex>

namespace troupe::storage {

struct wal_settings {
  uint64_t first_segment_bytes = 4u << 20; ///< small, so that a first start is quick
  uint64_t segment_bytes = 64u << 20;      ///< segments double until they have this size
};

/// The file of segment `number`.
std::string segment_name(uint64_t number);

/// append() and sync() belong to one thread; prepare_next() and drop_through() may be called from
/// another at the same time.
class wal {
public:
  /// Called for every record, oldest first. A failure ends the replay and is passed on.
  using visitor = std::function<result<void>(const log_record&)>;

  /// Opens the log in `in` and replays it, or begins a new one with `log_id` when there is none.
  static result<std::unique_ptr<wal>> open(directory& in, wal_settings settings, uint64_t log_id,
                                           const visitor& replay);

  /// Writes one batch as one frame. errc::storage_full leaves the log as it was.
  result<void> append(std::span<const log_record> batch);

  /// Makes every appended batch durable. After a failure nothing is known: the process must stop.
  result<void> sync();

  /// Allocates the segment after the current one, so that append() need not. Idempotent.
  result<void> prepare_next();

  /// Whether the current segment is more than half full and the next is not ready.
  bool wants_next() const;

  /// Removes segments whose entries all have an index up to `index`, never the current one.
  result<void> drop_through(uint64_t index);

  /// Reads the closed segments again: errc::corrupt tells which one is damaged and where. Any
  /// thread.
  result<void> check(const pacer& pace) const;

  uint64_t id() const { return log_id_; }
  /// Bytes written since the log was opened.
  uint64_t appended_bytes() const { return appended_bytes_; }
  size_t segments() const;

private:
  struct segment {
    std::unique_ptr<file> data;
    uint64_t bytes = 0;      ///< allocated
    uint64_t last_index = 0; ///< greatest index of an entry in it
  };

  wal(directory& in, wal_settings settings, uint64_t log_id);

  result<void> replay(const std::vector<uint64_t>& numbers, const visitor& visit);
  result<void> replay_segment(uint64_t number, std::string_view bytes, const visitor& visit);
  result<void> check_segment(uint64_t number, std::optional<uint64_t>& next_batch,
                             const pacer& pace) const;
  result<void> check_tail(uint64_t number, std::string_view bytes) const;
  result<void> cut_tail(segment& of, std::string_view bytes);
  result<void> allocate(uint64_t number, uint64_t bytes);
  result<void> advance(uint64_t wanted_bytes);
  void note(segment& in, const log_record& record);

  directory& in_;
  const wal_settings settings_;
  uint64_t log_id_;

  mutable std::mutex mutex_; ///< guards the list of segments, not what is in them
  std::mutex allocating_;
  std::map<uint64_t, segment> segments_;
  uint64_t current_ = 0;      ///< number of the segment that is written
  segment* active_ = nullptr; ///< the same; nodes of the map stay where they are
  uint64_t offset_ = segment_header_bytes;
  uint64_t next_batch_ = 1;
  uint64_t appended_bytes_ = 0;
  std::optional<log_record> hard_state_; ///< the last one, repeated at the start of each segment
  std::string hard_state_bytes_;
  std::string buffer_;
};

} // namespace troupe::storage
