// Objects that admission asks for again and again and that hardly ever change (a pod's account, the
// classes of priority), decoded once a thread instead of once a request.
#pragma once

#include "actors/gateway/object.hpp"

#include <array>
#include <memory>

namespace troupe::gateway {

/// What `entry` holds, or null if that is no `Object`. Immutable and shared.
template<class Object> std::shared_ptr<const Object> decoded(const storage::entry& entry) {
  struct slot {
    storage::entry_ptr of; // held, so that no other entry can get its address
    std::shared_ptr<const Object> object;
  };
  thread_local std::array<slot, 4> slots;
  thread_local size_t next = 0;
  for (auto& known : slots)
    if (known.of == &entry) return known.object;
  auto made = std::make_shared<Object>();
  if (!read_entry(entry, *made)) return {};
  slots[next] = {&entry, made};
  next = (next + 1) % slots.size();
  return made;
}

} // namespace troupe::gateway
