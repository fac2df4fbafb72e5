// Why an object is not what it should be: from the object down to what it is made of, ending in the
// one condition that is not met. Pure: from a snapshot to a story.
#pragma once

#include "messages/schema/kind.hpp"
#include "storage/snapshot.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace troupe::insight {

struct story {
  /// What is wrong, in one line; empty: it is what it should be.
  std::string verdict;
  /// What to do about it.
  std::string remedy;
  /// How it came to this: each an object and what can be said of it, from what was asked about down
  /// to the cause.
  struct step {
    std::string object; ///< "deployment/web"
    std::string text;
  };
  std::vector<step> chain;
};

story why(const storage::snapshot& now, const schema::registry& kinds, const schema::kind& kind,
          std::string_view ns, std::string_view name, int64_t now_seconds);

} // namespace troupe::insight
