// The RAFT actor: drives a replica by messages, ticks and a disk thread. It decides nothing: see
// core.hpp for the decisions and replica.hpp for their order.
#pragma once

#include "actors/raft/clocks.hpp"
#include "actors/raft/group.hpp"
#include "actors/store/forwarding.hpp"
#include "actors/store/replicated_store.hpp"
#include "messages/interfaces.hpp"
#include "storage/low_water.hpp"
#include "storage/worker.hpp"

namespace troupe::cluster {
class CommitRequest;
class WallClock;
} // namespace troupe::cluster

namespace troupe {

struct raft_settings {
  std::chrono::milliseconds tick{40};
  /// A thread of its own for the disk, so that messages flow while it syncs. Without, jobs are done
  /// in place: right for a single member, and for simulations.
  bool disk_thread = true;
  forwarding::settings forward = {};
  /// Sends a cluster.PeerMessage to a member, as well as the LINK can.
  std::function<void(uint64_t to, std::string bytes)> send;
  /// Called on the actor's thread when this member begins or ceases to lead, with the term.
  std::function<void(bool leads, uint64_t term)> leadership_changed;
  /// Called on the actor's thread when the members or their leader are others than before.
  std::function<void(const raft::group_view&)> group_changed;
  /// What the wall clock says; none: clocks are not compared.
  std::function<int64_t()> wall_ms;
  /// How many servers can be reached, this one too.
  std::function<size_t()> reachable;
};

/// What a RAFT actor is given: opened first, so that a member that cannot start says why.
struct raft_member {
  std::unique_ptr<storage::directory> directory;
  std::unique_ptr<raft::replica> replica;
  std::shared_ptr<request_queue> queue;
  std::shared_ptr<replicated_store> store; ///< what everybody else uses
  /// Whom the replica turns to: nobody, until the actor is there.
  std::shared_ptr<raft::replica_hooks> outside;
  std::shared_ptr<raft::group> group = std::make_shared<raft::group>();
  std::unique_ptr<storage::worker> background; ///< checkpoints and snapshots
  std::unique_ptr<storage::worker> segments;   ///< the log's next segment
};

/// Opens a member's data directory and replays it.
result<std::shared_ptr<raft_member>> open_member(raft::replica_settings settings,
                                                 const std::string& path,
                                                 size_t queue_bytes_max = 64u << 20);

struct raft_state {
  using pointer = raft_actor::stateful_pointer<raft_state>;
  static inline constexpr const char* name = "raft";

  explicit raft_state(pointer self) : self{self} {}
  ~raft_state();
  raft_actor::behavior_type make_behavior();

  void hear(uint64_t from, const std::string& bytes);
  void take_requests();
  void take_writes(std::vector<raft::replica::proposal> writes);
  void refuse_when_full(std::vector<raft::replica::proposal>& writes);
  void commit_for(uint64_t from, cluster::CommitRequest request);
  void pass_on();
  void work();
  void finish_job();
  void tick();
  void arm();
  void catch_up();
  void role_changed();
  void post(uint64_t to, const std::string& bytes) const { settings.send(to, bytes); }
  caf::result<caf::unit_t> change(const raft::membership_change& wanted);

  // The group's door.
  raft::group_view view() const;
  void wish(raft::group_wish what, raft::group::answer done);
  void wish_here(const raft::group_wish& what, raft::group::answer done);
  void wish_for(uint64_t from, uint64_t id, const raft::group_wish& what);
  void answered(uint64_t id, result<uint64_t> outcome);
  void tick_wishes();
  void promote();
  void compare_clocks();
  void heard_clock(uint64_t from, const cluster::WallClock& said);
  void note_clock(int64_t ahead_ms);
  void note_group();
  std::string why_no_leader() const;

  struct held_wish {
    raft::group_wish what;
    raft::group::answer done;
    uint64_t until_tick = 0;
  };
  struct waiting_wish {
    raft::group_wish what;
    raft::group::answer done;
    uint64_t until_tick = 0;
    uint64_t sent_to = 0;
  };
  void send_wish(uint64_t id, waiting_wish& x);
  struct seen_group {
    uint64_t members_index = 0, term = 0, leader = 0;
    bool agreed = false;
    bool operator==(const seen_group&) const = default;
  };

  pointer self;
  raft_settings settings;
  storage::low_water low_water;
  std::shared_ptr<raft_member> member;
  std::unique_ptr<forwarding> forward;
  haste disk_hurry;
  std::unique_ptr<storage::worker> disk;
  std::optional<raft::replica::disk_job> job; ///< the disk's while `busy`
  std::optional<error> job_failed;
  bool working = false;
  bool ticking = false; ///< the clock matters
  bool armed = false;   ///< a tick is under way
  bool led = false;
  uint64_t ticks = 0;
  std::map<uint64_t, waiting_wish> wishes; ///< that the leader was asked for
  std::deque<held_wish> held_wishes;       ///< on the leader: another change is not finished yet
  uint64_t next_wish = 1;
  raft::clock_book clocks;
  bool clock_off = false;
  std::optional<seen_group> seen;
  caf::actor_clock::time_point last_tick;
};

raft_actor::behavior_type raft_member_actor(raft_actor::stateful_pointer<raft_state> self,
                                            std::shared_ptr<raft_member> member,
                                            raft_settings settings);

} // namespace troupe
