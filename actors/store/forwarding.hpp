// Writes on a member that does not lead: passed on to the leader, held while there is none,
// answered when their effect is visible here. Pure bookkeeping: who sends and when time passes is
// said to it.
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

  /// Takes a write. Refused at once when too much is waiting.
  void add(proposal x, uint64_t tick);

  struct request {
    uint64_t id = 0;
    raft::payload_ptr transaction;
  };
  /// What can be sent now that the leader is known: each once.
  std::vector<request> take_unsent();
  /// What can be proposed here, because this member leads now.
  std::vector<proposal> take_held();

  /// The leader answered; the write is done when revision `applied` has reached its own.
  void answered(uint64_t id, result<storage::outcome> x, uint64_t applied);
  /// This member's state shows everything up to `revision`.
  void reached(uint64_t revision);
  /// The leader they were sent to leads no more: nobody knows what became of them.
  void lost_leader();
  /// Time has passed; `why_no_leader` says what those hear whom nobody could take.
  void tick(uint64_t now, const std::function<std::string()>& why_no_leader);

  bool idle() const { return waiting_.empty() && invisible_.empty(); }

private:
  struct waiting_write {
    proposal what;
    uint64_t tick = 0;
    bool sent = false;
  };

  void finish(uint64_t id, result<storage::outcome> x);

  const settings limits_;
  std::map<uint64_t, waiting_write> waiting_;
  std::multimap<uint64_t, std::pair<completion, storage::outcome>> invisible_; ///< by revision
  uint64_t next_id_ = 1;
  size_t bytes_ = 0;
};

} // namespace troupe
