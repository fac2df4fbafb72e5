// One member of the replicated store without its threads: the core's outputs carried out on the
// log, the state and the checkpoint, in the order that keeps promises. The RAFT actor drives it in
// real life, a simulation drives it in a test.
#pragma once

#include "actors/raft/core.hpp"
#include "storage/caretaker.hpp"
#include "storage/live_state.hpp"
#include "storage/sealer.hpp"
#include "storage/store.hpp"

#include <functional>
#include <unordered_map>

namespace troupe::raft {

struct replica_settings {
  member_id self = nobody;
  membership bootstrap = {}; ///< of a new group; empty: wait until a leader adds us
  core_settings core = {};
  storage::wal_settings log = {};
  storage::ring_limits rings = {};
  storage::keeper_settings keep = {};
  storage::care_settings care = {};
  size_t chunk_bytes = 512u << 10;        ///< of a snapshot under way to a follower
  size_t disk_batch_bytes_max = 8u << 20; ///< of one frame of the log
  uint64_t entries_kept = 5'000; ///< in memory behind the checkpoint, for followers that are slow
  std::shared_ptr<const storage::sealer> seal;
  std::function<uint64_t()> wall_clock_ms;
  uint64_t seed = 1;
};

/// A transaction on its way into the log.
struct proposal {
  storage::transaction change;
  payload_ptr payload; ///< encoded already, which any thread can do
  storage::store::completion done;
  uint64_t mark = 0; ///< the one in `payload`
};

/// What the outside does for a replica.
struct replica_hooks {
  std::function<void(message)> send;                     ///< to a peer, as well as the network can
  std::function<void(std::function<void()>)> background; ///< runs long work beside everything else
  std::function<void(std::function<void()>)> allocate;   ///< the same, and not behind the former
  std::function<void(std::function<void()>)> later;      ///< runs on the replica's thread again
  std::function<void(const error&)> stop_process;        ///< the disk broke its word
  std::function<void()> role_changed = [] {};
  /// A marked transaction of somebody else's was applied, and this came of it.
  std::function<void(uint64_t mark, const storage::outcome&)> applied =
      [](uint64_t, const storage::outcome&) {};
  /// Marked proposals that this member cannot answer any more: it made them as the leader of
  /// `term`, and leads no more; 0: it did not make them. They show up in `applied` or never.
  std::function<void(std::vector<proposal>, uint64_t term)> returned = [](std::vector<proposal>,
                                                                          uint64_t) {};
  /// Whatever was proposed in an earlier term and is not applied by now never will be.
  std::function<void(uint64_t term)> settled = [](uint64_t) {};
  /// Entries up to this term were taken in as a snapshot: nobody has seen them one by one.
  std::function<void(uint64_t term)> skipped = [](uint64_t) {};
  /// What clients hear while nobody leads.
  std::function<std::string()> why_no_leader = [] {
    return std::string("there is no leader that can answer");
  };
};

/// All calls on one thread at a time, but run(), which may be on another.
class replica {
public:
  using completion = storage::store::completion;

  /// `in` and `kept` must outlive it.
  static result<std::unique_ptr<replica>> open(replica_settings settings, replica_hooks hooks,
                                               storage::directory& in,
                                               std::shared_ptr<storage::checkpoint> kept);

  void tick() { core_->tick(), carry_out(); }
  void receive(message heard) { core_->step(std::move(heard)), carry_out(); }

  using proposal = raft::proposal;
  void commit(std::vector<proposal> batch);
  /// The same for a transaction that somebody else encoded: it is checked first.
  void commit_encoded(std::string payload, completion done);

  /// Calls `ready` when current() shows everything acknowledged before this call.
  void linearize(std::function<void(result<void>)> ready);

  /// `done` hears when the change is committed, or that leadership was lost before.
  result<void> change(const membership_change& wanted, completion done = {});
  result<void> transfer(member_id to);

  // -- the disk -----------------------------------------------------------------------------------

  /// What one write and one sync make durable.
  struct disk_job {
    std::vector<output> outputs;
    /// Whether pieces of a whole state are in it: that may take long.
    bool brings_state() const { return !outputs.back().arrived_chunks.empty(); }
    std::optional<storage::state> installed; ///< filled by run(): a snapshot that is complete
    snapshot_meta installed_meta;
    bool install_failed = false;
  };
  /// The next job, if there is something to do and none is under way.
  std::optional<disk_job> next_job();
  /// Does the job. May run on another thread while everything else goes on.
  result<void> run(disk_job& job);
  /// The job is done: sends what depended on it, applies what is committed.
  void finish(disk_job job);

  // -- what is known ------------------------------------------------------------------------------
  const core& agreement() const { return *core_; }
  storage::live_state& live() { return live_; }
  storage::keeper& past() { return *keeper_; }
  storage::caretaker& care() { return *care_; }
  uint64_t applied_index() const { return applied_; }
  size_t waiting() const { return waiting_.size(); }

  /// Hook of tests: sees every entry as it is applied.
  std::function<void(const entry&, const storage::outcome&)> on_applied;
  bool bug_skip_sync = false; ///< a seeded bug, for tests that show the checkers catch it

private:
  struct waiting_commit {
    uint64_t term = 0;
    proposal what;
  };
  struct waiting_read {
    uint64_t index = 0;
    std::function<void(result<void>)> ready;
  };
  struct outgoing_snapshot {
    snapshot_meta meta;
    std::shared_ptr<const std::string> bytes; ///< null while it is being made
  };

  replica(replica_settings settings, replica_hooks hooks, storage::directory& in,
          std::shared_ptr<storage::checkpoint> kept);

  result<void> load();
  void carry_out();
  void note_role();
  void give_back(std::vector<waiting_commit> lost);
  void apply(std::vector<entry> entries);
  storage::outcome apply_one(const entry& x);
  void answer_reads();
  void publish(size_t bytes, std::string agreement);
  void write_checkpoint();
  void send_chunk(const output::wanted_chunk& wanted);
  void make_snapshot();
  static storage::checkpoint_meta checkpoint_meta_of(const snapshot_meta& x);
  result<void> take_chunk(disk_job& job, const snapshot_chunk& chunk);
  result<void> install(disk_job& job, const snapshot_chunk& last);

  replica_settings settings_;
  replica_hooks hooks_;
  storage::directory& directory_;
  std::shared_ptr<storage::checkpoint> checkpoint_;
  std::unique_ptr<storage::wal> log_;
  std::unique_ptr<core> core_;
  storage::live_state live_;
  std::unique_ptr<storage::keeper> keeper_;
  std::unique_ptr<storage::caretaker> care_;

  std::deque<output> to_disk_;
  bool disk_busy_ = false;
  bool carrying_out_ = false;
  uint64_t applied_ = 0;
  uint64_t applied_term_ = 0;
  role role_seen_ = role::follower;
  member_id leader_seen_ = nobody;
  std::unordered_map<uint64_t, waiting_commit> waiting_; ///< by index
  std::unordered_map<uint64_t, std::function<void(result<void>)>> asked_reads_;
  std::vector<waiting_read> waiting_reads_;
  uint64_t next_read_ = 1;
  std::optional<outgoing_snapshot> outgoing_;
  std::unique_ptr<storage::file> incoming_; ///< the disk's side only
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace troupe::raft
