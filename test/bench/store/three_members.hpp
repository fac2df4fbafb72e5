// Three members of a group in one process, with data directories and disk threads of their own.
#pragma once

#include "storage/store.hpp"

#include <functional>
#include <string>

namespace troupe::bench {

/// Starts three members below `folder`, waits for a leader, and runs `use` with the leader's store.
void with_three_members(const std::string& folder, const std::function<void(storage::store&)>& use);

} // namespace troupe::bench
