// Writes on a member that does not lead: passed on to the leader, held while there is none,
// answered when their effect is visible here. Pure bookkeeping: who sends and when time passes is
// said to it.
//
// A leader that is lost takes no write's fate with it. A write is sent for one term only, so that
// its entry can only be of that term; it is recognized by its mark when it is applied; and once an
// entry of a later term is applied, what was not seen never happened and is sent again.
#pragma once

#include "actors/raft/replica.hpp"

#include <map>
#include <vector>

namespace troupe {

/// Outcomes as a cluster.CommitAnswer says them.
std::string encode_answer(uint64_t id, const result<storage::outcome>& x);
result<storage::outcome> decode_answer(std::string_view bytes, uint64_t& id);

class forwarding {
public:
  using proposal = raft::replica::proposal;
  using completion = storage::store::completion;

  struct settings {
    uint64_t patience_ticks = 250; ///< then a write without an answer hears errc::timeout
    size_t bytes_max = 64u << 20;  ///< of what is held or under way
  };

  explicit forwarding(settings limits) : limits_{limits} {}

  /// Takes a write, which must be marked. Refused at once when too much is waiting.
  void add(proposal x, uint64_t tick);
  /// Takes back what this member proposed when it led in `term`; 0: it could not.
  void take_back(std::vector<proposal> all, uint64_t term, uint64_t tick);

  struct request {
    uint64_t mark = 0;
    raft::payload_ptr transaction;
  };
  bool has_unsent() const { return unsent_ > 0; }
  /// What can be sent to the leader of `term`.
  std::vector<request> take_unsent(uint64_t term);
  /// What can be proposed here, because this member leads now.
  std::vector<proposal> take_held();

  /// The leader answered, or the write was applied here; it is done when revision `visible` has
  /// reached its own.
  void answered(uint64_t mark, result<storage::outcome> x, uint64_t visible);
  /// This member's state shows everything up to `revision`.
  void reached(uint64_t revision);
  /// An entry of `term` was applied: what was sent in earlier ones and not seen never happened.
  void settled(uint64_t term);
  /// Entries up to `term` went by unseen: what was sent till then has an open end.
  void skipped(uint64_t term);
  /// Nobody will answer any more: all that wait hear why.
  void give_up(const std::string& why);
  /// Time has passed; `why_no_leader` says what those hear whom nobody could take.
  void tick(uint64_t now, const std::function<std::string()>& why_no_leader);

  bool idle() const { return waiting_.empty() && invisible_.empty(); }

private:
  struct waiting_write {
    proposal what;
    uint64_t tick = 0;
    uint64_t sent_in = 0; ///< the term; 0: not sent
    bool in_doubt = false;
  };

  void not_sent(waiting_write& x) { x.sent_in = 0, ++unsent_; }
  void finish(uint64_t mark, result<storage::outcome> x);
  waiting_write take(uint64_t mark);

  const settings limits_;
  std::map<uint64_t, waiting_write> waiting_;                                  ///< by mark
  std::multimap<uint64_t, std::pair<completion, storage::outcome>> invisible_; ///< by revision
  size_t unsent_ = 0;
  size_t bytes_ = 0;
  uint64_t settled_term_ = 0;
};

} // namespace troupe
