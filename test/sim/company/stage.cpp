#include "test/sim/company/stage.hpp"

#include <algorithm>

namespace troupe::sim {

namespace {

constexpr int64_t wall_begins = 1'800'000'000; // seconds since 1970
constexpr uint64_t turn_nanos_max = 40'000;

/// CAF's clock tells nobody when it is due next.
struct schedule_of : caf::detail::simple_actor_clock {
  static const auto& look(const caf::detail::simple_actor_clock& clock) {
    return clock.*&schedule_of::schedule_;
  }
};

} // namespace

stage::config::config() {
  add_message_types<caf::id_block::troupe>();
  set("scheduler.policy", caf::atom("testing"));
}

stage::stage(uint64_t seed) : system_{config_}, order_{seed}, chance_{seed + 1} {}

void stage::at(nanoseconds delay, std::function<void()> call) {
  agenda_.emplace(now() + delay, std::move(call));
}

void stage::join(std::function<bool()> ready, std::function<void()> turn) {
  ready_ = std::move(ready);
  other_turn_ = std::move(turn);
}

timestamp stage::wall() {
  auto past = now() + wall_shift_;
  auto seconds = std::chrono::floor<std::chrono::seconds>(past);
  return {wall_begins + seconds.count(), static_cast<int32_t>((past - seconds).count())};
}

std::optional<nanoseconds> stage::next_due() {
  std::optional<nanoseconds> first;
  auto& timers = schedule_of::look(clock());
  if (!timers.empty()) first = timers.begin()->first.time_since_epoch();
  if (!agenda_.empty() && (!first || agenda_.begin()->first < *first))
    first = agenda_.begin()->first;
  return first;
}

void stage::fire_due() {
  for (auto due = next_due(); due && *due <= now(); due = next_due()) {
    if (agenda_.empty() || agenda_.begin()->first > *due) {
      clock().trigger_timeout();
      continue;
    }
    auto call = std::move(agenda_.begin()->second);
    agenda_.erase(agenda_.begin());
    call();
  }
}

bool stage::turn() {
  auto& jobs = coordinator().jobs;
  auto others = ready_ && ready_() ? 1u : 0u;
  if (jobs.size() + others == 0) return false;
  ++turns_;
  auto pick = order_() % (jobs.size() + others);
  if (pick == jobs.size()) {
    other_turn_();
  } else {
    auto chosen = jobs.begin() + static_cast<std::ptrdiff_t>(pick);
    std::rotate(jobs.begin(), chosen, chosen + 1);
    coordinator().run_once();
  }
  let_pass(nanoseconds{order_() % turn_nanos_max});
  return true;
}

void stage::run(nanoseconds time) {
  auto end = now() + time;
  while (now() < end) {
    fire_due();
    if (turn()) continue;
    auto due = next_due();
    let_pass((due && *due < end ? std::max(*due, now()) : end) - now());
  }
}

void stage::leap(nanoseconds by) {
  let_pass(by);
  leapt_ += by;
}

} // namespace troupe::sim
