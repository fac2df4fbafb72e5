#include "actors/gateway/decoded.hpp"

#include <google/protobuf/arena.h>

#include <algorithm>
#include <array>
#include <mutex>

namespace troupe::gateway {

namespace {

using google::protobuf::Message;
using shared_message = std::shared_ptr<const Message>;

// How many are remembered: as many as change while the slowest of those who hear of changes has
// not had its turn. What is larger than most is not, so that the whole stays at a few megabytes.
constexpr size_t rows = 128, ways = 4;
constexpr size_t bytes_max = 16 * 1024;
constexpr size_t growth = 5; ///< of an object's bytes when they are decoded, roughly

/// A message and the memory it lies in, which is faster to fill and to give back as one piece.
struct holder {
  explicit holder(size_t bytes) : arena{options(bytes)} {}

  static google::protobuf::ArenaOptions options(size_t bytes) {
    google::protobuf::ArenaOptions out;
    out.start_block_size = std::clamp<size_t>(bytes * growth, 1'024, 64 * 1024);
    return out;
  }

  google::protobuf::Arena arena;
  Message* message = nullptr;
};

shared_message decode(const storage::entry& entry, const Message& prototype) {
  auto value = entry.value();
  auto made = std::make_shared<holder>(value.size());
  made->message = prototype.New(&made->arena);
  (void)made->message->ParsePartialFromArray(value.data(), static_cast<int>(value.size()));
  return {made, made->message};
}

/// Entries that were decoded lately; in each row the oldest gives way. Held entries keep their
/// addresses to themselves, so an address says which entry it is.
class memory {
public:
  shared_message find(const storage::entry& entry) {
    auto& r = row_of(entry);
    std::lock_guard lock{r.mutex};
    for (auto& known : r.known)
      if (known.of == &entry) return known.message;
    return {};
  }

  void keep(const storage::entry& entry, shared_message message) {
    auto& r = row_of(entry);
    auto give_way = slot{&entry, std::move(message)}; // destroyed after the lock is released
    std::lock_guard lock{r.mutex};
    for (auto& known : r.known)
      if (known.of == &entry) return;
    std::swap(r.known[r.next], give_way);
    r.next = (r.next + 1) % ways;
  }

private:
  struct slot {
    storage::entry_ptr of;
    shared_message message;
  };
  struct row {
    std::mutex mutex;
    std::array<slot, ways> known;
    size_t next = 0;
  };

  row& row_of(const storage::entry& entry) {
    constexpr uint64_t golden_ratio = 0x9e3779b97f4a7c15; // addresses differ in few bits
    auto address = reinterpret_cast<uintptr_t>(&entry);
    return all_[(address * golden_ratio) >> 57];
  }
  static_assert(rows == 1 << (64 - 57));

  std::array<row, rows> all_;
};

} // namespace

shared_message decoded(const storage::entry& entry, const Message& prototype) {
  static memory lately;
  if (auto known = lately.find(entry); known && known->GetDescriptor() == prototype.GetDescriptor())
    return known;
  auto made = decode(entry, prototype); // two who come at once do it twice
  if (entry.value().size() <= bytes_max) lately.keep(entry, made);
  return made;
}

} // namespace troupe::gateway
