// One thread and a virtual clock for all actors of a test: whose turn it is next is drawn from the
// seed, time goes on when nobody has anything to do, and whatever a seed has led to it leads to
// again. An hour of waiting passes in as long as what happens in it takes.
#pragma once

#include "actors/client/subscription.hpp"
#include "messages/base/time.hpp"

#include <caf/scheduler/test_coordinator.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <vector>

namespace troupe::client {

using std::chrono::nanoseconds;

class test_stage {
public:
  explicit test_stage(uint64_t seed);

  caf::actor_system& system() { return system_; }

  /// `call` happens after this time, between the turns of actors.
  void at(nanoseconds delay, std::function<void()> call);
  /// Nothing of that happens any more.
  void call_off() { agenda_.clear(); }
  /// Somebody who is no actor has turns as well, when he is ready and while the seat is held.
  using seat = std::shared_ptr<void>;
  [[nodiscard]] seat join(std::function<bool()> ready, std::function<void()> turn);

  /// Lets everybody act for this time.
  void run(nanoseconds time);
  /// The same until something holds, which is asked after every turn. False if it did not within
  /// that time.
  bool run_until(const std::function<bool()>& holds, nanoseconds time_max);
  /// One turn of somebody, or the time passes to when one is due; false if nobody ever is. For who
  /// waits in the midst of a turn.
  bool step();
  /// The clock of the actors stands still for everybody and then is that much later.
  void leap(nanoseconds by);
  /// What the wall clock shows changes, in either direction.
  void shift_wall(std::chrono::seconds by) { wall_shift_ += by; }

  nanoseconds now() { return clock().now().time_since_epoch(); }
  /// The same without leaps: the time in which somebody could have acted.
  nanoseconds played() { return now() - leapt_; }
  timestamp wall();
  /// Chance, as those who act are given it.
  uint64_t draw() { return chance_(); }
  uint64_t turns() const { return turns_; }

private:
  struct config : caf::actor_system_config {
    config();
  };

  caf::scheduler::test_coordinator& coordinator() {
    return static_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
  }
  caf::detail::test_actor_clock& clock() { return coordinator().clock(); }
  void let_pass(nanoseconds time) { clock().current_time += time; }
  /// When something is due next; nothing if never.
  std::optional<nanoseconds> next_due();
  void fire_due();
  /// Lets somebody act; false if nobody has anything to do.
  bool turn();

  config config_;
  caf::actor_system system_;
  std::mt19937_64 order_, chance_;
  std::multimap<nanoseconds, std::function<void()>> agenda_;
  struct player {
    std::function<bool()> ready;
    std::function<void()> turn;
  };
  std::vector<player*> ready_ones();

  std::vector<std::weak_ptr<player>> players_;
  nanoseconds wall_shift_{0}, leapt_{0};
  uint64_t turns_ = 0;
};

} // namespace troupe::client
