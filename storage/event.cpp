#include "storage/event.hpp"

#include <array>

namespace troupe::storage {

/// A few mutexes for all events: an event should not pay 40 bytes for a lock it rarely takes.
std::mutex& event::attachment_mutex() const {
  static std::array<std::mutex, 16> shared;
  return shared[reinterpret_cast<uintptr_t>(this) / 64 % shared.size()];
}

} // namespace troupe::storage
