#include "test/sim/world.hpp"

#include "actors/raft/codec.hpp"
#include "storage/transaction_codec.hpp"

#include <algorithm>
#include <cstdio>

namespace troupe::sim {

namespace {

constexpr uint64_t tick_ms = 10;
constexpr storage::wal_settings small_log{.first_segment_bytes = 8u << 10,
                                          .segment_bytes = 16u << 10};

} // namespace

world::world(world_settings settings) : settings_{settings}, random_{settings.seed} {
  auto members = chance(0.3) ? 5u : 3u;
  for (raft::member_id id = 1; id <= members; ++id) first_members_.members[id] = {"m", true};
  first_members_.greatest_id = members;
  for (raft::member_id id = 1; id <= members; ++id) start(add_machine(true));
  clients_.resize(4);
}

void world::trace(const std::string& what) const {
  if (settings_.trace)
    std::printf("%6llu ms  %s\n", static_cast<unsigned long long>(now_ms_), what.c_str());
}

void world::at(uint64_t delay_ms, action what) {
  queue_.push_back({now_ms_ + delay_ms, next_number_++, std::move(what)});
  std::ranges::push_heap(queue_, std::greater{});
}

void world::at_machine(machine& where, uint64_t delay_ms, action what) {
  at(delay_ms, [this, &where, life = where.life, what = std::move(what)] {
    if (where.replica && where.life == life) guarded(where, what);
  });
}

/// Runs something on a machine, whose power may fail in the middle of it.
void world::guarded(machine& where, const action& what) {
  try {
    what();
    if (!where.replica) return;
    checker_.stands(where.id, where.replica->applied_index(),
                    where.replica->live().working().revision);
    pump(where);
  } catch (const test::power_failure&) {
    trace("power fails at " + std::to_string(where.id));
    crash(where);
  }
}

void world::run() {
  for (size_t i = 0; i < clients_.size(); ++i) at(pick(100), [this, i] { client_step(i); });
  at(200, [this] { fault(); });
  at(500, [this] { change_membership(); });
  at(settings_.duration_ms, [this] { heal(); });
  at(settings_.duration_ms + 5'000, [this] { converge(); });
  auto end = settings_.duration_ms + 5'000;
  while (!queue_.empty() && now_ms_ <= end) {
    std::ranges::pop_heap(queue_, std::greater{});
    auto next = std::move(queue_.back());
    queue_.pop_back();
    now_ms_ = next.time;
    ++events_run_;
    next.what();
  }
  checker_.linearizable(operations_);
}

// -- machines
// ---------------------------------------------------------------------------------------

world::machine& world::add_machine(bool bootstrap) {
  auto id = machines_.empty() ? 1 : machines_.rbegin()->first + 1;
  auto& x = *(machines_[id] = std::make_unique<machine>());
  x.id = id;
  x.disk = test::fake_disk{random_()};
  x.bootstrap = bootstrap;
  return x;
}

void world::start(machine& x) {
  ++x.life;
  x.directory = x.disk.open();
  raft::replica_settings settings;
  settings.self = x.id;
  if (x.bootstrap) settings.bootstrap = first_members_;
  settings.log = small_log;
  settings.keep.checkpoint_bytes = 4'000;
  settings.chunk_bytes = 300;
  settings.entries_kept = 20;
  settings.rings.events_max = 200;
  settings.core.promotion_lag_max = 20;
  settings.core.message_bytes_max = settings_.seed % 3 == 0 ? 2'000 : 1;
  settings.core.messages_in_flight_max = 8;
  settings.core.lease_reads = settings_.seed % 2 == 0;
  settings.core.bug_commit_old_terms = settings_.seeded == bug::commit_old_terms;
  settings.core.bug_read_without_quorum = settings_.seeded == bug::read_without_quorum;
  settings.wall_clock_ms = [this] { return now_ms_; };
  settings.seed = random_();
  raft::replica_hooks hooks;
  hooks.send = [this](raft::message m) { deliver(std::move(m)); };
  hooks.background = [this, &x](action job) { at_machine(x, 1 + pick(20), std::move(job)); };
  hooks.allocate = hooks.background;
  hooks.later = [this, &x](action job) { at_machine(x, 0, std::move(job)); };
  hooks.stop_process = [&x](const error&) {
    if (x.disk.names().empty()) return;
    throw test::power_failure{};
  };
  hooks.role_changed = [this, &x] {
    if (!settings_.trace || !x.replica) return;
    auto& core = x.replica->agreement();
    trace(std::to_string(x.id) + " has role " +
          std::to_string(static_cast<int>(core.current_role())) + " in term " +
          std::to_string(core.term()) + ", last " + std::to_string(core.entries().last_index()) +
          "/" + std::to_string(core.entries().last_term()) + ", commit " +
          std::to_string(core.commit_index()));
  };
  try {
    auto opened = raft::replica::open(std::move(settings), std::move(hooks), *x.directory, x.kept);
    if (!opened) {
      trace(std::to_string(x.id) + " refuses to start: " + opened.error().message);
      x.directory.reset();
      x.broken = opened.error().code == errc::corrupt && !x.disk.misdirected;
      x.disk.misdirected = false;
      return;
    }
    x.replica = std::move(*opened);
  } catch (const test::power_failure&) {
    x.disk.crash();
    return;
  }
  x.disk.misdirected = false;
  x.replica->bug_skip_sync = settings_.seeded == bug::skip_sync;
  x.replica->on_applied = [this, &x](const raft::entry& e, const storage::outcome& o) {
    checker_.applied(x.id, e, o);
  };
  trace("start " + std::to_string(x.id) + " at index " +
        std::to_string(x.replica->applied_index()));
  checker_.holds(x.id, x.replica->live().current());
  watch(x);
  at_machine(x, pick(tick_ms), [this, &x] { tick(x); });
  guarded(x, [] {});
}

void world::crash(machine& x) {
  trace("crash " + std::to_string(x.id));
  x.watching.reset();
  x.replica.reset();
  x.directory.reset();
  x.disk.crash();
}

void world::tick(machine& x) {
  x.replica->tick();
  if (x.replica->agreement().current_role() == raft::role::leader)
    checker_.leads(x.id, x.replica->agreement().term());
  check_watch(x);
  at_machine(x, tick_ms, [this, &x] { tick(x); });
}

/// Starts the machine's next disk job, if it may.
void world::pump(machine& x) {
  if (x.replica->agreement().current_role() == raft::role::leader)
    checker_.leads(x.id, x.replica->agreement().term());
  auto job = x.replica->next_job();
  if (!job) return;
  auto slow = faults_ && chance(0.02);
  auto shared = std::make_shared<raft::replica::disk_job>(std::move(*job));
  at_machine(x, slow ? pick(300) : pick(4), [this, &x, shared] {
    if (auto done = x.replica->run(*shared); !done) {
      trace("disk of " + std::to_string(x.id) + ": " + done.error().message);
      throw test::power_failure{}; // a failed sync ends the process
    }
    x.replica->finish(std::move(*shared));
  });
}

void world::deliver(raft::message m) {
  if (!machines_.contains(m.to)) return;
  auto bytes = std::make_shared<const std::string>(raft::encode(m));
  auto copies = faults_ && chance(0.02) ? 2 : 1;
  for (; copies > 0; --copies) {
    if (faults_ && chance(loss_)) continue;
    auto delay = chance(0.9) ? pick(4) : faults_ ? pick(80) : pick(10);
    at_machine(*machines_.at(m.to), delay, [this, bytes, from = m.from, to = m.to] {
      if (cuts_.contains({from, to})) return;
      auto decoded = raft::decode_message(*bytes);
      if (!decoded) throw violation{decoded.error().message};
      machines_.at(to)->replica->receive(std::move(*decoded));
    });
  }
}

// -- watchers
// ---------------------------------------------------------------------------------------

void world::watch(machine& x) {
  auto now = x.replica->live().current();
  auto made = x.replica->live().subscribe({.resource = "pods", .after_revision = now.revision()});
  if (!made) throw violation{"cannot watch from now: " + made.error().message};
  x.watching.emplace(std::move(*made));
  x.watched_after = now.revision();
  x.watched.clear();
}

void world::check_watch(machine& x) {
  auto heard = x.watching->read(x.watched);
  if (!heard) return watch(x); // expired: it lists again
  checker_.watched(x.id, "pods", x.watched_after, x.watching->progress(), x.watched);
  if (x.watched.size() < 100) return;
  x.watched_after = x.watching->progress();
  x.watched.clear();
}

// -- clients
// ----------------------------------------------------------------------------------------

world::machine* world::any_up() {
  std::vector<machine*> up;
  for (auto& [_, x] : machines_)
    if (x->replica && !x->removed) up.push_back(x.get());
  return up.empty() ? nullptr : up[pick(up.size())];
}

world::machine* world::leader() {
  machine* found = nullptr;
  for (auto& [_, x] : machines_)
    if (x->replica && x->replica->agreement().current_role() == raft::role::leader &&
        (!found || x->replica->agreement().term() > found->replica->agreement().term()))
      found = x.get();
  return found;
}

void world::client_step(size_t number) {
  at(1 + pick(40), [this, number] { client_step(number); });
  auto to = any_up();
  if (!to) return;
  if (chance(0.4)) return guarded(*to, [this, to] { read(*to); });
  // Mostly to whom that member takes for the leader.
  auto hint = to->replica->agreement().leader();
  if (machines_.contains(hint) && machines_.at(hint)->replica && chance(0.9))
    to = machines_.at(hint).get();
  guarded(*to, [this, number, to] { write(number, *to); });
}

void world::write(size_t number, machine& to) {
  operation x{operation::kind::write, operations_.size(), now_ms_};
  auto key = std::string(chance(0.7) ? "pods" : "nodes") + "/a/" + std::to_string(pick(12));
  storage::transaction change;
  auto& known = clients_[number].known;
  if (chance(0.3))
    change.require_absent(key);
  else if (chance(0.3))
    change.require_exists(key);
  else if (chance(0.6) && known.contains(key))
    change.require_revision(key, known[key]);
  auto value = "value " + std::to_string(x.number) + std::string(pick(60), '.');
  if (chance(0.2))
    change.erase(key);
  else
    change.put(key, value);
  if (chance(0.2)) change.put("pods/b/" + std::to_string(pick(4)), value);
  auto payload = storage::encode(change, now_ms_, nullptr);
  operations_.push_back(x);
  std::vector<raft::replica::proposal> batch;
  batch.push_back({std::move(change), std::make_shared<const std::string>(std::move(*payload)),
                   [this, number, key, op = x.number](result<storage::outcome> outcome) {
                     if (outcome)
                       clients_[number].known[key] = outcome->refused
                                                         ? outcome->refused->current_revision
                                                         : outcome->revision;
                     finish(op, std::move(outcome));
                   }});
  to.replica->commit(std::move(batch));
}

void world::finish(size_t number, result<storage::outcome> outcome) {
  auto& x = operations_[number];
  x.completed_at = now_ms_;
  if (!outcome) return;
  x.known = true;
  x.outcome = *outcome;
}

void world::read(machine& where) {
  operation x{operation::kind::read, operations_.size(), now_ms_};
  x.read_key = "pods/a/" + std::to_string(pick(12));
  operations_.push_back(x);
  where.replica->linearize([this, &where, life = where.life, op = x.number](result<void> ready) {
    auto& x = operations_[op];
    x.completed_at = now_ms_;
    if (!ready || !where.replica || where.life != life) return;
    auto now = where.replica->live().current();
    auto found = now.get(x.read_key);
    x.known = true;
    x.read_revision = now.revision();
    if (found) x.read_value = found->value();
  });
}

// -- faults
// -----------------------------------------------------------------------------------------

void world::fault() {
  if (!faults_) return;
  at(20 + pick(200), [this] { fault(); });
  auto down = std::ranges::count_if(machines_, [](auto& x) { return !x.second->replica; });
  auto x = any_up();
  auto majority_up = x && down * 2 + 2 < static_cast<ptrdiff_t>(machines_.size());
  switch (pick(14)) {
  case 0:
  case 1: // a crash, sometimes of several at once
    if (!x) return;
    crash(*x);
    if (chance(0.3))
      for (auto& [_, y] : machines_)
        if (y->replica && chance(0.5)) crash(*y);
    return;
  case 2: // the power fails within the next operations on its disk
    if (x) x->disk.power_fails_in = 1 + pick(12);
    return;
  case 3:
    if (x) x->disk.fail_next_sync = true;
    return;
  case 4: // one-way cuts
    for (auto& [a, _] : machines_)
      for (auto& [b, _] : machines_)
        if (a != b && chance(0.25)) cuts_.insert({a, b});
    return;
  case 5: // one is alone
    if (!x) return;
    for (auto& [other, _] : machines_) cuts_.insert({x->id, other}), cuts_.insert({other, x->id});
    trace("isolate " + std::to_string(x->id));
    return;
  case 6:
  case 7: cuts_.clear(); return;
  case 8: loss_ = chance(0.5) ? 0.02 : 0.3; return;
  case 9: // a bit rots on a disk that is not in use; once, and never on two machines
    for (auto& [_, y] : machines_) {
      if (y->replica || !majority_up || y->disk.names().empty()) continue;
      if (chance(0.5)) {
        y->disk.misdirect_next_read = y->disk.misdirected = true;
        return;
      }
      if (rotten_ != raft::nobody || !leader()) continue;
      if (leader()->replica->agreement().members().voters() < 3) continue;
      auto name = y->disk.names().front();
      auto used = y->disk.bytes(name).find_last_not_of('\0');
      if (used == std::string::npos || used < 600) continue;
      y->disk.rot(name, 512, used);
      rotten_ = y->id;
      trace("a bit rots at " + std::to_string(y->id));
      return;
    }
    return;
  case 10:
  case 11:
  case 12: depose(); return;
  case 13:
    if (x && majority_up) read_again(*x);
    return;
  }
}

/// A running member reads its disk again, of which a bit may have rotted: then it heals itself, or
/// says that it could not, because what was there is not agreed on yet.
void world::read_again(machine& x) {
  auto names = x.disk.names();
  std::erase_if(names, [](auto& name) { return !name.starts_with("log-"); });
  auto used = [&](size_t i) { return x.disk.bytes(names[i]).find_last_not_of('\0') + 1; };
  auto closed = names.size() > 1 && used(1) > storage::segment_header_bytes;
  auto may_rot = closed && rotten_ == raft::nobody && leader() &&
                 leader()->replica->agreement().members().voters() >= 3;
  auto rots = may_rot && chance(0.5);
  if (rots) {
    x.disk.rot(names[0], storage::segment_header_bytes, used(0));
    trace("a bit rots under " + std::to_string(x.id));
  }
  guarded(x, [this, &x, rots] {
    auto report = x.replica->care().check([](size_t) { return true; });
    if (!report) throw violation{"a check did not end: " + report.error().message};
    if (!report->damage.empty() && !rots) throw violation{"found sound: " + report->damage};
    if (!report->damage.empty() && !report->healed) rotten_ = x.id;
    healed_ += report->healed;
  });
}

/// The schedule of figure 8: a leader reaches only one follower, writes, and goes down; the next
/// one does not know of it; then it comes back.
void world::depose() {
  auto x = leader();
  if (!x) return;
  cuts_.clear();
  auto friendly = machines_.begin();
  std::advance(friendly, pick(machines_.size()));
  for (auto& [other, _] : machines_)
    if (other != x->id && other != friendly->first) cuts_.insert({x->id, other});
  trace("depose " + std::to_string(x->id));
  for (size_t i = 0; i < clients_.size(); ++i)
    guarded(*x, [this, i, x] {
      if (x->replica) write(i, *x);
    });
  at(5 + pick(40), [this, x] {
    if (x->replica && faults_) crash(*x);
    cuts_.clear();
  });
  at(60 + pick(250), [this, x] {
    if (!x->replica && !x->broken) start(*x);
  });
}

void world::change_membership() {
  if (!faults_) return;
  at(100 + pick(600), [this] { change_membership(); });
  for (auto& [_, x] : machines_) // what crashed starts again now and then
    if (!x->replica && !x->broken && !x->removed && chance(0.7)) start(*x);
  auto at_leader = leader();
  if (!at_leader || chance(0.5)) return;
  auto& members = at_leader->replica->agreement().members();
  std::vector<raft::member_id> learners, voters;
  for (auto& [id, x] : members.members) (x.voter ? voters : learners).push_back(id);
  using change = raft::membership_change;
  guarded(*at_leader, [&] {
    if (!learners.empty())
      (void)at_leader->replica->change({change::kind::promote, learners[pick(learners.size())]});
    else if (members.votes(rotten_)) // its group must not shrink around it
      (void)at_leader->replica->change({change::kind::remove, rotten_});
    else if (voters.size() > 3 || (voters.size() == 3 && chance(0.2)))
      (void)at_leader->replica->change({change::kind::remove, voters[pick(voters.size())]});
    else if (machines_.size() < 8 && members.greatest_id >= machines_.rbegin()->first) {
      auto& fresh = add_machine(false);
      start(fresh);
      (void)at_leader->replica->change({change::kind::add_learner, fresh.id, "m"});
    } else if (voters.size() > 1)
      (void)at_leader->replica->transfer(voters[pick(voters.size())]);
  });
}

void world::heal() {
  trace("heal");
  faults_ = false;
  cuts_.clear();
  loss_ = 0;
  for (auto& [_, x] : machines_) {
    x->disk.power_fails_in = 0;
    x->disk.fail_next_sync = x->disk.misdirect_next_read = x->disk.misdirected = false;
    if (!x->replica && !x->broken) start(*x);
  }
}

/// All faults are over for a while: one leads, and everybody who belongs has everything.
void world::converge() {
  for (auto& [id, x] : machines_) {
    if (!x->replica) continue;
    auto& core = x->replica->agreement();
    std::string voters;
    for (auto& [member, y] : core.members().members)
      voters += " " + std::to_string(member) + (y.voter ? "" : "(learner)");
    trace(std::to_string(id) + ": role " + std::to_string(static_cast<int>(core.current_role())) +
          " term " + std::to_string(core.term()) + " last " +
          std::to_string(core.entries().last_index()) + "/" +
          std::to_string(core.entries().last_term()) + " commit " +
          std::to_string(core.commit_index()) + " members" + voters);
  }
  auto at_leader = leader();
  auto& machines = machines_;
  if (!at_leader) {
    // Only a majority that can come back owes us progress.
    throw violation{"nobody leads after everything healed"};
  }
  auto& members = at_leader->replica->agreement().members();
  for (auto& [id, _] : members.members) {
    if (!machines.contains(id) || machines.at(id)->broken) continue;
    auto& x = *machines.at(id);
    if (!x.replica) throw violation{"member " + std::to_string(id) + " did not come back"};
    if (x.replica->applied_index() + 50 < at_leader->replica->applied_index())
      throw violation{"member " + std::to_string(id) + " did not catch up"};
    checker_.holds(id, x.replica->live().current());
    check_watch(x);
  }
}

} // namespace troupe::sim
