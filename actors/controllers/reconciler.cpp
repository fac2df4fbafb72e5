#include "actors/controllers/reconciler.hpp"

#include "actors/insight/trace.hpp"
#include "messages/base/log.hpp"

#include <algorithm>

namespace troupe::controllers {

using std::chrono::milliseconds;

namespace {

constexpr size_t looks_per_turn = 256; // then others have their turn on this thread
constexpr milliseconds back_off_min{20};
constexpr milliseconds back_off_max{120'000};
constexpr milliseconds back_off_logged{5'000};

} // namespace

void round::again_at(timestamp when) {
  auto left = (when.seconds - at.seconds) * 1000 + (when.nanos - at.nanos) / 1'000'000 + 1;
  again_after(milliseconds{std::max<int64_t>(left, 1)});
}

const schema::kind& built_in(std::string_view group, std::string_view version,
                             std::string_view plural) {
  return *schema::registry::built_in()->by_resource(group, version, plural);
}

reconciler::reconciler(controller_actor::pointer self, environment given, std::string name,
                       std::string event_source)
    : self{self}, given{std::move(given)}, name_{std::move(name)},
      events_{this->given, event_source.empty() ? name_ : std::move(event_source)} {}

void reconciler::listen(const schema::kind& kind, heard tell) {
  sources_.push_back({&kind, std::move(tell), {}});
}

void reconciler::mark(std::string_view key) {
  auto& s = subjects_[std::string(key)];
  if (std::exchange(s.queued, true)) return;
  queue_.emplace_back(key);
}

void reconciler::mark_after(std::string_view key, milliseconds delay) {
  auto& s = subjects_[std::string(key)];
  auto due = self->clock().now() + delay;
  if (s.due && *s.due <= due) return;
  s.due = due; // an alarm for a later moment finds nothing due
  alarms_.emplace(due, key);
  arm();
}

void reconciler::arm() {
  if (alarms_.empty()) return;
  auto first = alarms_.begin()->first;
  if (armed_ && *armed_ <= first) return;
  armed_ = first;
  auto delay = std::max(first - self->clock().now(), caf::actor_clock::duration_type{1});
  self->delayed_send(self, delay, resync_atom_v, true);
}

void reconciler::alarm() {
  armed_.reset();
  auto now = self->clock().now();
  while (!alarms_.empty() && alarms_.begin()->first <= now) {
    auto [when, key] = *alarms_.begin();
    alarms_.erase(alarms_.begin());
    auto hit = subjects_.find(key);
    if (hit == subjects_.end() || hit->second.due != when) continue;
    hit->second.due.reset();
    mark(key);
  }
  arm();
  wake();
}

void reconciler::wake() {
  decltype(inbox::done) done;
  {
    std::lock_guard lock{inbox_->mutex};
    done.swap(inbox_->done);
  }
  hear(); // after taking what is done: its changes are heard before the next look
  for (auto& [key, outcome] : done) settle(key, outcome);
  auto now = given.store->current();
  size_t looks = 0;
  for (auto left = queue_.size(); left > 0; --left) {
    auto key = std::move(queue_.front());
    queue_.pop_front();
    if (subjects_[key].under_way > 0) {
      queue_.push_back(std::move(key)); // its turn comes when its transactions are done
      continue;
    }
    subjects_[key].queued = false;
    look(key, now);
    if (++looks < looks_per_turn) continue;
    self->send(self, resync_atom_v);
    break;
  }
  events_.publish(now);
}

void reconciler::hear() {
  std::vector<storage::event_ptr> events;
  for (auto& s : sources_) {
    if (!s.watch) return begin_again();
    events.clear();
    if (!s.watch->read(events)) return begin_again();
    if (trace::on()) trace::heard(given.name, events);
    for (auto& e : events) s.tell({e->now, e->what == storage::event::kind::erase, e->before});
  }
}

/// The first time, or too far behind: everything there is, and from there on its changes.
void reconciler::begin_again() {
  forget();
  auto now = given.store->current();
  std::vector<storage::event_ptr> events;
  for (auto& s : sources_) {
    storage::watch_options options;
    options.resource = gateway::prefix_of(*s.kind);
    options.resource.pop_back();
    options.after_revision = now.revision();
    options.wake = [self = controller_actor{self}] { caf::anon_send(self, resync_atom_v); };
    s.watch.reset();
    auto made = given.store->subscribe(std::move(options));
    if (!made) {
      log::error("controllers", "cannot follow a resource; trying again",
                 {{"controller", name_}, {"why", made.error().message}});
      self->delayed_send(self, back_off_logged, resync_atom_v, true);
      return;
    }
    s.watch.emplace(std::move(*made));
    for (auto& entry : now.list(gateway::prefix_of(*s.kind))) s.tell({&entry});
    events.clear();
    (void)s.watch->read(events); // arms it
    for (auto& e : events) s.tell({e->now, e->what == storage::event::kind::erase, e->before});
  }
}

void reconciler::look(const std::string& key, const storage::snapshot& now) {
  round r{key,         now,
          given.now(), {*given.api, name_, now},
          events_,     [&](storage::transaction part) { commit(key, std::move(part)); }};
  reconcile(r);
  if (r.again) mark_after(key, *r.again);
  if (r.failure)
    back_off(key, &*r.failure);
  else if (r.write.empty() && subjects_[key].under_way == 0)
    subjects_[key].failures = 0;
  r.send();
  tidy(key);
}

void reconciler::commit(const std::string& key, storage::transaction tx) {
  ++subjects_[key].under_way;
  given.store->commit(std::move(tx), [self = controller_actor{self}, inbox = inbox_,
                                      key](result<storage::outcome> done) {
    {
      std::lock_guard lock{inbox->mutex};
      inbox->done.emplace_back(key, std::move(done));
    }
    caf::anon_send(self, resync_atom_v);
  });
}

void reconciler::settle(const std::string& key, const result<storage::outcome>& done) {
  auto& s = subjects_[key];
  --s.under_way;
  if (!done) {
    auto why = done.error();
    return back_off(key, &why);
  }
  if (done->refused) return back_off(key, nullptr); // somebody else was faster: look again
  if (!s.due) s.failures = 0;
  tidy(key);
}

void reconciler::back_off(const std::string& key, const error* why) {
  constexpr int doublings_max = 13;
  auto& s = subjects_[key];
  auto delay = std::min(back_off_min * (1 << std::min(s.failures, doublings_max)), back_off_max);
  ++s.failures;
  delay += milliseconds{given.random() % static_cast<uint64_t>(delay.count() / 4 + 1)};
  if (why && delay >= back_off_logged)
    log::warn("controllers", "an object cannot be brought to its desired state; trying again",
              {{"controller", name_}, {"object", key}, {"why", why->message}});
  mark_after(key, delay);
}

void reconciler::tidy(const std::string& key) {
  if (auto hit = subjects_.find(key); hit != subjects_.end() && hit->second.idle())
    subjects_.erase(hit);
}

} // namespace troupe::controllers
