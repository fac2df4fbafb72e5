// The pods that wait for a place: those to be looked at, the most important and oldest first; those
// that no node takes, until something happens that could help them; and those that have to wait a
// while because hope was in vain. Pure.
#pragma once

#include "actors/scheduler/filters.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <set>
#include <unordered_map>

namespace troupe::scheduler {

using moment = std::chrono::nanoseconds; ///< on the clock of whoever asks

constexpr std::chrono::milliseconds back_off_first{1'000};
constexpr std::chrono::milliseconds back_off_max{10'000};
/// Whoever waits in vain for so long is looked at again, so that what is told of it does not
/// expire.
constexpr std::chrono::minutes parked_max{30};

class pod_queue {
public:
  /// A pod that is new or has changed. One that waits for help stays where it is unless what it
  /// asks for has changed.
  void put(pod_ptr pod);
  void erase(std::string_view key);
  bool contains(std::string_view key) const { return all_.contains(std::string(key)); }
  size_t size() const { return all_.size(); }
  bool idle() const { return active_.empty(); }

  /// The next one to be looked at, or null. It is the caller's to settle: erase(), park(), retry().
  pod_ptr pop();
  /// No node takes it, for these reasons.
  void park(std::string_view key, filter_set reasons, moment now);
  /// It is to be looked at again as soon as `now` is over; nothing was wrong with it.
  void retry(std::string_view key, moment now);

  /// Visits one parked pod of each shape, and every one that has volumes of its own, with the
  /// reasons; those for which it returns true, and those like them, are looked at again.
  void help(const std::function<bool(const pod_facts&, filter_set)>& visit, moment now);
  /// Those whose time has come are looked at again. Returns when the next one's comes.
  std::optional<moment> wake(moment now);
  size_t parked() const { return parked_count_; }

private:
  enum class state : uint8_t { active, out, parked, backing_off };
  struct item {
    pod_ptr pod;
    uint64_t number = 0;
    int attempts = 0;
    filter_set reasons = 0;
    moment failed{0};
    moment due{0};
    state at = state::active;
  };
  using order = std::pair<int64_t, uint64_t>; ///< less important is greater; then age

  static order place(const item& i) { return {-int64_t{i.pod->form->priority}, i.number}; }
  void activate(item& i);
  void leave(item& i);
  void park(item& i);
  void after_back_off(item& i, moment now);

  std::unordered_map<std::string, item> all_;
  std::map<order, item*> active_;
  std::map<const shape*, std::map<order, item*>> parked_;
  size_t parked_count_ = 0;
  std::multimap<moment, item*> waiting_;
  std::set<std::pair<moment, item*>> told_; ///< parked ones, by when they were told why
  uint64_t numbers_ = 0;
};

} // namespace troupe::scheduler
