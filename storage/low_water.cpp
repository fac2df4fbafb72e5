#include "storage/low_water.hpp"

#include "messages/base/log.hpp"

#include <algorithm>

namespace troupe::storage {

bool low_water::full(const directory& where, bool behind) {
  auto room = where.room();
  auto mark = mark_bytes_;
  if (room && mark == 0)
    mark = std::min((uint64_t{64} << 20) + room->total_bytes / 20, uint64_t{1} << 30);
  auto full = (room && room->free_bytes < mark) || behind;
  if (full != std::exchange(full_, full))
    log::warn("storage",
              full ? "the disk is nearly full: refusing writes that need room"
                   : "the disk has room again: accepting writes",
              {{"free_bytes", room ? room->free_bytes : 0}, {"low_water_bytes", mark}});
  return full;
}

bool low_water::passes(const transaction& x) {
  return x.frees_space ||
         std::ranges::all_of(x.mutations, [](auto& y) { return y.what == mutation::kind::erase; });
}

error low_water::refusal() {
  return {errc::storage_full,
          "the store's disk is nearly full: free some room; reads and deletions "
          "work, and writes will again by themselves"};
}

} // namespace troupe::storage
