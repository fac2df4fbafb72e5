// The Raft decision: messages, ticks and disk news in; what to persist, send and apply out. Pure:
// no clock, disk, network or thread, and chance comes from a seed. The paper is Ongaro's
// dissertation; "paper" below is Ongaro and Ousterhout, 2014.
#pragma once

#include "actors/raft/entry_log.hpp"
#include "messages/base/error.hpp"

#include <deque>
#include <random>
#include <set>

namespace troupe::raft {

struct core_settings {
  uint32_t election_ticks = 10; ///< a follower waits this long, and up to twice
  uint32_t heartbeat_ticks = 2;
  size_t message_bytes_max = 1u << 20;
  size_t messages_in_flight_max = 256;      ///< per follower
  size_t uncommitted_bytes_max = 64u << 20; ///< then proposals are refused
  uint64_t promotion_lag_max = 1'000;       ///< entries a learner may miss when promoted
  bool lease_reads = false; ///< answer reads within a lease instead of asking a quorum each time

  // Seeded bugs, for tests that show the checkers catch them.
  bool bug_commit_old_terms = false;
  bool bug_read_without_quorum = false;
};

/// What a member knows when it starts.
struct restored {
  hard_state state;
  membership members; ///< as of the log's base
  entry_log entries;
  uint64_t applied = 0;
};

/// What is to be done now, in this order: `early` messages may leave at once; `entries` and `state`
/// become durable, together or entries first; then `messages` may leave and persisted() is called.
struct output {
  std::vector<message> early;
  std::vector<entry> entries; ///< the first one replaces everything from its index on
  std::optional<hard_state> state;
  uint64_t mark = 0; ///< to hand to persisted(), when there was something to persist
  std::vector<message> messages;
  std::vector<entry> committed; ///< to apply, durable here already

  struct answered_read {
    uint64_t id = 0;
    uint64_t index = 0; ///< answer when this is applied
    bool failed = false;
  };
  std::vector<answered_read> reads;

  /// A follower needs the snapshot from `offset` on: answer with send_chunk().
  struct wanted_chunk {
    member_id to = nobody;
    uint64_t index = 0; ///< of the snapshot under way; 0: any that is new enough
    uint64_t offset = 0;
  };
  std::vector<wanted_chunk> wanted_chunks;
  std::vector<snapshot_chunk> arrived_chunks; ///< in order; after the last one call installed()

  bool must_persist() const { return !entries.empty() || state; }
  bool empty() const {
    return early.empty() && !must_persist() && messages.empty() && committed.empty() &&
           reads.empty() && wanted_chunks.empty() && arrived_chunks.empty();
  }
};

enum class role : uint8_t { follower, pre_candidate, candidate, leader };

struct membership_change {
  enum class kind : uint8_t { add_learner, promote, remove, move };
  kind what = kind::add_learner;
  member_id id = nobody;
  std::string address = {};
  std::string api = {};
};

class core {
public:
  core(member_id self, core_settings settings, restored from, uint64_t seed);

  // -- what happens -------------------------------------------------------------------------------
  void tick();
  void step(message heard);
  /// Everything of the output with this mark is durable.
  void persisted(uint64_t mark);
  /// The snapshot whose chunks arrived is installed, or could not be.
  void installed(const snapshot_meta& meta, bool fine);

  // -- what is asked ------------------------------------------------------------------------------
  /// The index the entry will have, if it is ever committed in the current term.
  result<uint64_t> propose(record_kind kind, payload_ptr payload);
  result<uint64_t> change(const membership_change& wanted);
  /// Answered in some later output: when `index` is applied, a read is linearizable.
  void read(uint64_t id);
  /// Hands leadership to `to` once it has everything.
  result<void> transfer(member_id to);
  /// Starts an election now. A single voter does so when it starts.
  void campaign();
  /// Forgets log entries up to `index`, of those that are applied: who needs them gets a snapshot.
  void compact(uint64_t index);
  void send_chunk(member_id to, snapshot_chunk chunk);

  output take_output();

  /// On the leader: a learner that has caught up, if a change can be proposed now; else nobody.
  member_id promotable() const;

  // -- what is known ------------------------------------------------------------------------------
  member_id self() const { return self_; }
  role current_role() const { return static_cast<role>(role_.index()); }
  member_id leader() const { return leader_; }
  uint64_t term() const { return state_.term; }
  uint64_t commit_index() const { return state_.commit; }
  const entry_log& entries() const { return log_; }
  const membership& members() const { return memberships_.back().members; }
  /// Where the newest membership is in the log, committed or not.
  uint64_t members_index() const { return memberships_.back().index; }
  /// The membership as of `index`, and as of the last compaction.
  const membership& members_at(uint64_t index) const;
  hard_state state() const { return state_; }
  /// Nothing will ever happen by ticks alone: a single voter that leads.
  bool needs_ticks() const;
  struct peer_status {
    uint64_t match = 0;
    bool active = false; ///< heard from lately
  };
  std::map<member_id, peer_status> peers() const;

private:
  /// How the leader sees one of the others.
  struct progress {
    enum class mode : uint8_t { probe, replicate, snapshot };
    mode how = mode::probe;
    uint64_t match = 0;
    uint64_t next = 1;
    bool probing = false;           ///< one message is under way and unanswered
    std::deque<uint64_t> in_flight; ///< last index of each message under way
    bool active = false;            ///< heard from since the last check of the quorum
    bool was_active = false;        ///< the same of the time before that
    uint64_t round = 0;             ///< of the last heartbeat it answered
    uint64_t snapshot_index = 0;
    uint64_t snapshot_offset = 0;
    uint32_t stalled_heartbeats = 0; ///< answered since the snapshot last moved on
  };
  struct waiting_read {
    uint64_t id = 0;
    member_id asked_by = nobody;
    uint64_t index = 0;
    uint64_t round = 0;
  };

  // The roles, in the order of enum role. What only a leader has, nobody else can hold.
  struct as_follower {};
  struct as_pre_candidate {
    std::map<member_id, bool> votes;
  };
  struct as_candidate {
    std::map<member_id, bool> votes;
  };
  struct as_leader {
    std::map<member_id, progress> others;
    uint64_t first_index = 0; ///< of its own term: its no-op
    uint64_t round = 0;
    std::deque<waiting_read> reads;
    std::deque<waiting_read> early_reads;                  ///< asked before the no-op was committed
    std::deque<std::pair<uint64_t, uint64_t>> round_ticks; ///< (round, tick it was sent at)
    uint64_t lease_until_tick = 0;
    uint32_t heartbeat_elapsed = 0;
    bool append_wanted = false; ///< proposals that no message has carried yet
    bool round_wanted = false;  ///< reads wait for a round that has not begun
    size_t uncommitted_bytes = 0;
    member_id transfer_to = nobody;
  };
  struct dated_membership {
    uint64_t index = 0;
    membership members;
  };
  struct pending_mark {
    uint64_t mark = 0;
    uint64_t last_index = 0;
    uint64_t last_term = 0;
    std::optional<hard_state> state;
  };
  struct incoming_snapshot {
    snapshot_meta meta;
    uint64_t offset = 0;
    bool complete = false;
  };

  // core.cpp: terms, roles, elections
  void become_follower(uint64_t term, member_id leader);
  void become_leader();
  void start_election(bool pre, bool transfer);
  void count_votes(const std::map<member_id, bool>& votes, bool pre);
  bool hears_leader() const;
  bool may_lead() const;
  bool higher_term(const message& heard);
  void lower_term(const message& heard);
  void on(const message& from, const vote_request& x);
  void on(const message& from, const vote_response& x);
  void on(const message& from, const timeout_now& x);
  void reset_timer();

  // core_follower.cpp: taking entries and snapshots
  void on(const message& from, append_request& x);
  void on(const message& from, const heartbeat& x);
  void on(const message& from, snapshot_chunk& x);
  bool installing() const { return incoming_ && incoming_->complete; }
  void refuse_append(const message& from, const append_request& x);
  void accept_entry(entry x);

  // core_leader.cpp: sending entries, commitment
  void on(const message& from, const append_response& x);
  void on(const message& from, const heartbeat_response& x);
  void on(const message& from, const snapshot_progress& x);
  void leader_tick();
  void broadcast_heartbeat();
  void broadcast_append();
  void send_append(member_id to, bool even_empty);
  void start_snapshot(member_id to, progress& x);
  bool check_quorum() const;
  void advance_commit();
  void after_commit();
  void follow_membership();
  bool change_allowed() const;
  bool caught_up(member_id learner) const;
  void finish_transfer(member_id to);
  entry append_own(record_kind kind, payload_ptr payload);

  // core_reads.cpp
  void on(const message& from, const read_request& x);
  void on(const message& from, const read_response& x);
  void begin_read(waiting_read x);
  void answer_reads();
  void answer(const waiting_read& x, bool failed);
  void fail_reads();
  bool lease_holds() const;
  void extend_lease();

  void send(member_id to, message_body body);
  void send_dated(member_id to, uint64_t term, message_body body);
  void send_early(member_id to, message_body body);
  void note_membership(const entry& x);
  uint64_t agreeing_index(uint64_t index, uint64_t term) const;
  as_leader* leading() { return std::get_if<as_leader>(&role_); }
  const as_leader* leading() const { return std::get_if<as_leader>(&role_); }

  const member_id self_;
  const core_settings settings_;
  std::mt19937_64 random_;

  hard_state state_;
  hard_state handed_state_; ///< the last one in an output
  hard_state durable_state_;
  entry_log log_;
  std::vector<dated_membership> memberships_; ///< the base, then those in the log
  uint64_t durable_index_ = 0;
  uint64_t handed_index_ = 0;  ///< entries up to here were in an output
  uint64_t applied_index_ = 0; ///< committed entries up to here were in an output
  uint64_t next_mark_ = 1;
  std::deque<pending_mark> pending_;

  std::variant<as_follower, as_pre_candidate, as_candidate, as_leader> role_;
  member_id leader_ = nobody;
  uint64_t ticks_ = 0;
  uint32_t elapsed_ = 0;
  uint32_t timeout_ticks_ = 0;
  std::optional<incoming_snapshot> incoming_;
  std::set<uint64_t> forwarded_reads_;
  output output_;
};

} // namespace troupe::raft
