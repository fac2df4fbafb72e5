// An object and all that is there because of it: what it owns, what those own, and the events about
// any of them. Grows as they are met.
#pragma once

#include "messages/schema/kind.hpp"
#include "storage/snapshot.hpp"

#include <optional>
#include <set>
#include <string>

namespace troupe::insight {

/// More are not followed.
inline constexpr size_t kin_max = 10'000;

class kin {
public:
  /// Begins with the object that is stored at `key`, which need not be there yet.
  kin(std::string key, const storage::snapshot& now);

  /// Whether the object at `key` belongs to them, as a message has it (null: as it is stored).
  bool takes(std::string_view key, const storage::entry* object, const storage::snapshot& now,
             const schema::registry& kinds);

private:
  bool belongs(const storage::entry& object, const storage::snapshot& now,
               const schema::registry& kinds, int generations) const;
  void add(std::string_view key, const storage::entry* object);

  std::set<std::string, std::less<>> keys_, uids_;
};

} // namespace troupe::insight
