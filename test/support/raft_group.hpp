// A group of Raft cores with a network and disks that do what a test says, step by step. Checks
// after every step that there is one leader a term and that what was applied never changes.
#pragma once

#include "actors/raft/codec.hpp"
#include "actors/raft/core.hpp"

#include <functional>
#include <map>
#include <set>
#include <stdexcept>

namespace troupe::test {

class raft_group {
public:
  struct node {
    std::unique_ptr<raft::core> core; ///< null: it is down
    // What its disk holds.
    raft::hard_state state;
    raft::membership members; ///< at the base
    raft::entry_log log;
    // What its state machine holds.
    std::vector<raft::entry> applied;
    std::vector<raft::output::answered_read> reads;
    std::vector<raft::output::wanted_chunk> wanted;
    std::vector<raft::snapshot_chunk> chunks;
    bool disk_stuck = false;
    std::deque<raft::output> disk_queue;
  };

  explicit raft_group(size_t voters, raft::core_settings settings = {}, uint64_t seed = 1);

  node& at(raft::member_id id) { return nodes_.at(id); }
  raft::core& core(raft::member_id id) { return *nodes_.at(id).core; }

  void start(raft::member_id id);
  void crash(raft::member_id id);
  void restart(raft::member_id id) { crash(id), start(id); }
  /// Adds a machine that knows the group and belongs to it once a change says so.
  void add_machine(raft::member_id id);

  void tick(raft::member_id id);
  void tick_all(size_t times = 1);
  /// Delivers until nothing is under way.
  void settle();
  void step(raft::message x);
  void campaign(raft::member_id id);
  uint64_t propose(raft::member_id id, std::string payload);
  void unstick_disk(raft::member_id id);

  /// Loses messages from `from` to `to`; both ways between a member and all others.
  void cut(raft::member_id from, raft::member_id to) { cuts_.insert({from, to}); }
  void isolate(raft::member_id id);
  void heal() { cuts_.clear(); }

  /// The one member that leads in the highest term, or nobody.
  raft::member_id leader() const;
  /// Ticks until there is one.
  raft::member_id elect();

  std::function<bool(const raft::message&)> drop_if;
  std::vector<raft::message> dropped;
  std::deque<raft::message> network;

private:
  void flush(raft::member_id id);
  void write(raft::member_id id, raft::output x);
  void check(raft::member_id id);

  raft::core_settings settings_;
  uint64_t seed_;
  std::map<raft::member_id, node> nodes_;
  std::set<std::pair<raft::member_id, raft::member_id>> cuts_;
  std::map<uint64_t, raft::member_id> leader_of_term_;
  std::map<uint64_t, std::pair<uint64_t, std::string>> applied_everywhere_;
};

} // namespace troupe::test
