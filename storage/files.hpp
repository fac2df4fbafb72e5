// The one door to a disk: the few file operations that storage needs, as an interface, so that
// simulations can tear, lose and flip what is written. posix_directory is the real thing.
#pragma once

#include "messages/base/error.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::storage {

/// An open file. One thread at a time.
class file {
public:
  virtual ~file() = default;

  virtual result<uint64_t> size() const = 0;
  /// Reads up to `size` bytes; fewer only at the end of the file.
  virtual result<std::string> read(uint64_t offset, size_t size) const = 0;
  /// Writes all of `bytes`, or fails: errc::storage_full when the disk has no room.
  virtual result<void> write(uint64_t offset, std::string_view bytes) = 0;
  /// Makes what was written durable. After a failure nobody knows what the disk holds: stop.
  virtual result<void> sync() = 0;
};

/// Long reading that nobody waits for calls this between its pieces, with the bytes read since. It
/// takes the time that a gentle pace needs; false: stop.
using pacer = std::function<bool(size_t bytes)>;

/// What long reading says that was told to stop.
inline error stopped_reading() { return {errc::unavailable, "stopped before the end"}; }

/// A directory of plain files. Names become durable with sync().
class directory {
public:
  virtual ~directory() = default;

  virtual result<std::vector<std::string>> list() const = 0;
  /// Opens for reading and writing; `create` makes a new file and fails if there is one.
  virtual result<std::unique_ptr<file>> open(const std::string& name, bool create) = 0;
  virtual result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual result<void> remove(const std::string& name) = 0;
  virtual result<void> sync() = 0;
  /// Bytes that can still be written, and bytes in all.
  struct space {
    uint64_t free_bytes = 0;
    uint64_t total_bytes = 0;
  };
  virtual result<space> room() const = 0;
};

/// Whether a directory is for one opener at a time, in all processes: a data directory is.
enum class sharing : uint8_t { exclusive, shared };

/// Opens (and creates, mode 0700) a directory of the real file system. Opened exclusively, it
/// refuses remote and overlay file systems, whose locks and syncs do not keep their word, and fails
/// with errc::conflict when somebody has it open.
result<std::unique_ptr<directory>> open_posix_directory(const std::string& path,
                                                        sharing how = sharing::exclusive);

} // namespace troupe::storage
