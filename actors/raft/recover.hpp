// The way out when the majority of a group is lost for good: one member's data becomes a group of
// its own, with everything that it has. Nothing else may have the data open.
#pragma once

#include "actors/raft/replica.hpp"

namespace troupe::raft {

struct recovered {
  membership before;
  uint64_t last_index = 0;
  uint64_t uncommitted = 0; ///< entries that nobody knows to have been acknowledged
};

/// What is in the data directory at `path`; changes nothing.
result<recovered> inspect(const std::string& path, member_id self,
                          std::shared_ptr<const storage::sealer> seal);

/// Makes `self` the only member. Every entry that this member has counts from then on, committed or
/// not; what only others had is lost.
result<recovered> make_only_member(const std::string& path, member_id self,
                                   std::shared_ptr<const storage::sealer> seal);

} // namespace troupe::raft
