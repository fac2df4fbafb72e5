#include "actors/client/test_stage.hpp"

#include <algorithm>

namespace troupe::client {

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

test_stage::config::config() {
  client::add_message_types(*this);
  set("scheduler.policy", caf::atom("testing"));
}

test_stage::test_stage(uint64_t seed) : system_{config_}, order_{seed}, chance_{seed + 1} {}

void test_stage::at(nanoseconds delay, std::function<void()> call) {
  agenda_.emplace(now() + delay, std::move(call));
}

test_stage::seat test_stage::join(std::function<bool()> ready, std::function<void()> turn) {
  auto made = std::make_shared<player>(player{std::move(ready), std::move(turn)});
  players_.push_back(made);
  return made;
}

std::vector<test_stage::player*> test_stage::ready_ones() {
  std::vector<player*> out;
  std::erase_if(players_, [](auto& each) { return each.expired(); });
  for (auto& each : players_)
    if (auto p = each.lock(); p->ready()) out.push_back(p.get());
  return out;
}

timestamp test_stage::wall() {
  auto past = now() + wall_shift_;
  auto seconds = std::chrono::floor<std::chrono::seconds>(past);
  return {wall_begins + seconds.count(), static_cast<int32_t>((past - seconds).count())};
}

std::optional<nanoseconds> test_stage::next_due() {
  std::optional<nanoseconds> first;
  auto& timers = schedule_of::look(clock());
  if (!timers.empty()) first = timers.begin()->first.time_since_epoch();
  if (!agenda_.empty() && (!first || agenda_.begin()->first < *first))
    first = agenda_.begin()->first;
  return first;
}

void test_stage::fire_due() {
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

bool test_stage::turn() {
  auto& jobs = coordinator().jobs;
  auto others = ready_ones();
  if (jobs.size() + others.size() == 0) return false;
  ++turns_;
  auto pick = order_() % (jobs.size() + others.size());
  if (pick >= jobs.size()) {
    others[pick - jobs.size()]->turn();
  } else {
    auto chosen = jobs.begin() + static_cast<std::ptrdiff_t>(pick);
    std::rotate(jobs.begin(), chosen, chosen + 1);
    coordinator().run_once();
  }
  let_pass(nanoseconds{order_() % turn_nanos_max});
  return true;
}

void test_stage::run(nanoseconds time) {
  (void)run_until([] { return false; }, time);
}

bool test_stage::run_until(const std::function<bool()>& holds, nanoseconds time_max) {
  auto end = now() + time_max;
  while (!holds()) {
    if (now() >= end) return false;
    fire_due();
    if (turn()) continue;
    auto due = next_due();
    let_pass((due && *due < end ? std::max(*due, now()) : end) - now());
  }
  return true;
}

bool test_stage::step() {
  fire_due();
  if (turn()) return true;
  auto due = next_due();
  if (!due) return false;
  let_pass(std::max(*due, now()) - now());
  return true;
}

void test_stage::leap(nanoseconds by) {
  let_pass(by);
  leapt_ += by;
}

} // namespace troupe::client
