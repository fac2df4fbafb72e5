// A disk in memory that behaves as badly as real ones may: what was not synced is lost or torn by
// sectors in a crash, bits rot, syncs fail, room runs out. Everything from a seed.
#pragma once

#include "storage/files.hpp"

#include <map>
#include <memory>
#include <random>

namespace troupe::test {

/// Thrown out of an operation in the middle of which the power fails: call crash() then.
struct power_failure {};

/// The disk outlives the directory objects that look at it, as a disk outlives processes.
class fake_disk {
public:
  explicit fake_disk(uint64_t seed) : random_{seed} {}

  std::unique_ptr<storage::directory> open();

  /// The power fails: of each write since the last sync, some sectors reach the disk and some do
  /// not; names that were not synced may be lost.
  void crash();

  /// Flips one random bit among the bytes [from, to) of `name`.
  void rot(const std::string& name, size_t from, size_t to);

  std::string& bytes(const std::string& name) { return files_.at(name)->now; }
  std::vector<std::string> names() const;

  uint64_t free_bytes = uint64_t{1} << 40;
  bool ignore_sync = false; ///< a disk (or a program) that lies about syncs
  bool fail_next_sync = false;
  uint64_t power_fails_in = 0;      ///< operations; 0: it does not
  bool misdirect_next_read = false; ///< it returns what lies elsewhere
  bool misdirected = false;         ///< a note for the test: what was read may be wrong
  uint64_t syncs = 0;
  uint64_t written_bytes = 0;

private:
  friend class fake_file;
  friend class fake_directory;

  struct contents {
    std::string now;     ///< what reads see
    std::string durable; ///< what surely survives
    bool dirty = false;
    bool name_durable = false;
  };

  void operate();

  std::mt19937_64 random_;
  std::map<std::string, std::shared_ptr<contents>> files_;
  std::map<std::string, std::shared_ptr<contents>> durable_names_;
};

} // namespace troupe::test
