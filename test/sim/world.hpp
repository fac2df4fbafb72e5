// Many members in one thread on a virtual clock: machines with fake disks, links that delay, lose,
// repeat and cut, clients, crashes and changes of membership, all from one seed.
#pragma once

#include "test/sim/checkers.hpp"
#include "test/support/fake_disk.hpp"
#include "test/support/memory_checkpoint.hpp"

#include <queue>
#include <random>
#include <set>

namespace troupe::sim {

enum class bug : uint8_t { none, skip_sync, commit_old_terms, read_without_quorum };

struct world_settings {
  uint64_t seed = 1;
  bug seeded = bug::none;
  uint64_t duration_ms = 3'000; ///< with faults; then everything heals and must converge
  bool trace = false;
};

class world {
public:
  explicit world(world_settings settings);

  /// Runs to the end. Throws violation.
  void run();

  uint64_t events() const { return events_run_; }
  uint64_t commits() const { return checker_.entries(); }
  /// How often a member wrote damage over from memory.
  uint64_t healed() const { return healed_; }

private:
  struct machine {
    raft::member_id id = 0;
    test::fake_disk disk{0};
    std::shared_ptr<test::memory_checkpoint> kept = std::make_shared<test::memory_checkpoint>();
    std::unique_ptr<storage::directory> directory;
    std::unique_ptr<raft::replica> replica; ///< null: it is down
    uint64_t life = 0;
    bool broken = false;  ///< its disk is damaged, and it said so: it stays down
    bool removed = false; ///< from the group
    bool bootstrap = false;
    std::optional<storage::watch> watching;
    uint64_t watched_after = 0;
    std::vector<storage::event_ptr> watched;
  };
  struct client {
    std::map<std::string, uint64_t> known; ///< revisions it has seen
  };
  using action = std::function<void()>;

  void at(uint64_t delay_ms, action what);
  /// The same, forgotten if the machine dies before.
  void at_machine(machine& where, uint64_t delay_ms, action what);
  void guarded(machine& where, const action& what);
  bool chance(double p) { return std::uniform_real_distribution<>{}(random_) < p; }
  uint64_t pick(uint64_t below) { return random_() % below; }
  void trace(const std::string& what) const;

  machine& add_machine(bool bootstrap);
  void start(machine& x);
  void crash(machine& x);
  void tick(machine& x);
  void pump(machine& x);
  void deliver(raft::message x);
  void watch(machine& x);
  void check_watch(machine& x);

  void client_step(size_t number);
  void finish(size_t operation, result<storage::outcome> outcome);
  void write(size_t number, machine& to);
  void read(machine& at);
  machine* any_up();
  machine* leader();

  void fault();
  void depose();
  void read_again(machine& x);
  void change_membership();
  void heal();
  void converge();

  world_settings settings_;
  std::mt19937_64 random_;
  uint64_t now_ms_ = 0;
  uint64_t events_run_ = 0;
  uint64_t healed_ = 0;
  struct scheduled {
    uint64_t time;
    uint64_t number;
    action what;
    bool operator>(const scheduled& x) const {
      return time != x.time ? time > x.time : number > x.number;
    }
  };
  std::vector<scheduled> queue_; ///< a heap
  uint64_t next_number_ = 0;

  std::map<raft::member_id, std::unique_ptr<machine>> machines_;
  raft::membership first_members_;
  std::set<std::pair<raft::member_id, raft::member_id>> cuts_;
  double loss_ = 0.02;
  bool faults_ = true;
  raft::member_id rotten_ = raft::nobody; ///< the one machine whose disk may be damaged
  std::vector<client> clients_;
  std::vector<operation> operations_;
  history_checker checker_;
};

} // namespace troupe::sim
