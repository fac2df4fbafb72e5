// How far the wall clocks of a group's members are apart, as the leader hears it. Which clock is
// right nobody knows; which one is alone can be told, if most of the others agree.
#pragma once

#include "actors/raft/message.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace troupe::raft {

class clock_book {
public:
  /// Further apart, clocks do not agree: certificates and tokens are judged differently by them.
  static constexpr int64_t apart_max_ms = 5 * 60'000;

  void clear() { ahead_.clear(); }
  /// By how much a member's clock is ahead of one's own.
  void heard(member_id who, int64_t ahead_ms) { ahead_[who] = ahead_ms; }

  /// By how much the clock of `who` is ahead of those of most members that were heard; 0 if it is
  /// one of them. Nothing if it was not heard, or if no majority agrees.
  std::optional<int64_t> ahead(member_id who) const {
    auto own = ahead_.find(who);
    if (own == ahead_.end()) return {};
    std::vector<int64_t> all;
    for (auto& [_, x] : ahead_) all.push_back(x);
    std::sort(all.begin(), all.end());
    auto middle = all[all.size() / 2];
    auto agrees = [&](int64_t x) { return std::abs(x - middle) <= apart_max_ms; };
    auto agreed = static_cast<size_t>(std::count_if(all.begin(), all.end(), agrees));
    if (agreed * 2 <= all.size()) return {};
    return agrees(own->second) ? 0 : own->second - middle;
  }

private:
  std::map<member_id, int64_t> ahead_;
};

} // namespace troupe::raft
