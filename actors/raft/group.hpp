// Who agrees: the members of a group as everybody may see them, and wishes about them. Any server
// takes a wish; the leader carries it out, one at a time.
#pragma once

#include "actors/raft/core.hpp"

#include <functional>
#include <memory>
#include <mutex>

namespace troupe::raft {

/// One wish. The numbers are permanent: servers pass wishes on.
struct group_wish {
  enum class kind : uint32_t {
    add = 1,      ///< a learner at an address, which will vote when it has caught up
    move = 2,     ///< a member is at another address now
    remove = 3,   ///< for good: its id is never given again
    transfer = 4, ///< it shall lead
  };
  kind what = kind::add;
  member_id id = nobody; ///< of a new one: given by the leader
  std::string address = {}, api = {};
};

/// What a member knows of its group.
struct group_view {
  member_id self = nobody, leader = nobody;
  uint64_t term = 0;
  membership members;
  uint64_t members_index = 0; ///< where in the log they stand
  bool agreed = false;        ///< that is committed and applied here: it stays
  uint64_t last_index = 0;
  std::map<member_id, core::peer_status> peers = {}; ///< on the leader only
};

/// What the leader may do about a wish: the change, or why not. Pure.
result<membership_change> decide(const group_wish& wish, const group_view& now);

/// Who should lead when the leader goes: of those that can vote and are there, who lags least;
/// nobody if this member does not lead or nobody can. Pure.
member_id heir(const group_view& now);

/// What to say while nobody leads: `reachable` counts this server, too.
std::string why_no_leader(const membership& members, size_t reachable);

/// A door to the RAFT actor for whoever is not an actor. Any thread.
class group {
public:
  using answer = std::function<void(result<uint64_t>)>; ///< the member that it was about

  /// Done when it is committed.
  void ask(group_wish wish, answer done);
  void look(std::function<void(group_view)> show);

  /// What the actor does for it, on its own thread; nothing before it runs and after it ended.
  struct actor {
    std::function<void(std::function<void()>)> post;
    std::function<void(group_wish, answer)> carry_out;
    std::function<group_view()> view;
  };
  void serve(std::shared_ptr<const actor> by);

private:
  std::shared_ptr<const actor> now() const;

  mutable std::mutex mutex_;
  std::shared_ptr<const actor> actor_;
};

} // namespace troupe::raft
