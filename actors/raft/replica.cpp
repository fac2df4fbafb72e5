// Persist, then send, then apply; see replica.hpp.
#include "actors/raft/replica.hpp"

#include "actors/raft/codec.hpp"
#include "storage/transaction_codec.hpp"

#include <algorithm>

namespace troupe::raft {

namespace {

using storage::log_record;

constexpr size_t asked_reads_max = 100'000;

/// What the log holds beyond the checkpoint, as it is replayed.
struct replayed {
  hard_state state;
  entry_log entries;

  result<void> take(const log_record& x) {
    if (x.kind == record_kind::hard_state) {
      auto decoded = decode_hard_state(x.payload);
      if (!decoded) return decoded.error();
      state = *decoded;
      return {};
    }
    if (x.kind == record_kind::base) {
      // The install of a snapshot was finished: what was logged before is of another history.
      if (x.index == entries.base_index()) entries = {x.index, x.term};
      return {};
    }
    if (!storage::is_entry(x.kind)) return error{errc::corrupt, "a log record of unknown kind"};
    if (x.index <= entries.base_index()) {
      entries.truncate(entries.base_index() + 1); // it replaced everything that was logged after it
      return {};
    }
    if (x.index > entries.last_index() + 1)
      return error{errc::corrupt, "the log continues at " + std::to_string(x.index) + " after " +
                                      std::to_string(entries.last_index())};
    if (x.kind == record_kind::membership)
      if (auto checked = decode_membership(x.payload); !checked) return checked.error();
    entries.truncate(x.index);
    entries.append({x.index, x.term, x.kind, std::make_shared<const std::string>(x.payload)});
    return {};
  }
};

error lost_leadership() {
  return {errc::unavailable, "leadership was lost: the write may or may not have happened"};
}

} // namespace

replica::replica(replica_settings settings, replica_hooks hooks, storage::directory& in,
                 std::shared_ptr<storage::checkpoint> kept)
    : settings_{std::move(settings)}, hooks_{std::move(hooks)}, directory_{in},
      checkpoint_{std::move(kept)}, live_{settings_.rings} {}

result<std::unique_ptr<replica>> replica::open(replica_settings settings, replica_hooks hooks,
                                               storage::directory& in,
                                               std::shared_ptr<storage::checkpoint> kept) {
  std::unique_ptr<replica> made{
      new replica{std::move(settings), std::move(hooks), in, std::move(kept)}};
  if (auto loaded = made->load(); !loaded) return loaded.error();
  // Alone, there is nobody to wait for.
  if (made->core_->members().voters() == 1) made->core_->campaign();
  made->carry_out();
  return made;
}

result<void> replica::load() {
  keeper_ = std::make_unique<storage::keeper>(checkpoint_, settings_.keep);
  auto kept = checkpoint_->load();
  if (!kept) return kept.error();
  auto& meta = kept->meta;
  if (meta.agreement.empty() && meta.position.index == 0 && settings_.bootstrap.voters() > 0) {
    meta.agreement = encode(settings_.bootstrap);
    if (auto done = checkpoint_->replace({}, meta); !done) return done;
  }
  membership members = settings_.bootstrap;
  if (!meta.agreement.empty()) {
    auto decoded = decode_membership(meta.agreement);
    if (!decoded) return decoded.error();
    members = std::move(*decoded);
  }
  replayed tail{{}, entry_log{meta.position.index, meta.position.term}};
  auto log = storage::wal::open(directory_, settings_.log, settings_.seed,
                                [&](const log_record& x) { return tail.take(x); });
  if (!log) return log.error();
  log_ = std::move(*log);
  tail.state.term = std::max({tail.state.term, meta.position.term, tail.entries.last_term()});
  applied_ = meta.position.index;
  applied_term_ = meta.position.term;
  live_.reset(std::move(kept->contents));
  keeper_->reset(live_.current(), meta);
  care_ = std::make_unique<storage::caretaker>(checkpoint_, *keeper_, *log_,
                                               settings_.wall_clock_ms, settings_.care);
  core_ = std::make_unique<core>(
      settings_.self, settings_.core,
      restored{tail.state, std::move(members), std::move(tail.entries), applied_}, settings_.seed);
  return {};
}

void replica::commit(std::vector<proposal> batch) {
  std::vector<proposal> not_taken;
  for (auto& x : batch) {
    auto index = core_->propose(record_kind::transaction, x.payload);
    if (index)
      waiting_.emplace(*index, waiting_commit{core_->term(), std::move(x)});
    else if (index.error().code == errc::not_leader && x.mark != 0)
      not_taken.push_back(std::move(x));
    else
      x.done(index.error());
  }
  if (!not_taken.empty()) hooks_.returned(std::move(not_taken), 0);
  carry_out();
}

void replica::commit_encoded(std::string payload, completion done) {
  auto decoded = storage::decode(payload, settings_.seal.get());
  if (!decoded) return done(decoded.error());
  std::vector<proposal> batch;
  batch.push_back({std::move(decoded->changes),
                   std::make_shared<const std::string>(std::move(payload)), std::move(done)});
  commit(std::move(batch));
}

void replica::linearize(std::function<void(result<void>)> ready) {
  if (asked_reads_.size() + waiting_reads_.size() >= asked_reads_max)
    return ready(error{errc::too_many_requests, "too many reads are waiting"});
  auto id = next_read_++;
  asked_reads_.emplace(id, std::move(ready));
  core_->read(id);
  carry_out();
}

result<void> replica::change(const membership_change& wanted, completion done) {
  auto index = core_->change(wanted);
  if (index && done)
    waiting_.emplace(*index, waiting_commit{core_->term(), {{}, {}, std::move(done)}});
  carry_out();
  if (!index) return index.error();
  return {};
}

result<void> replica::transfer(member_id to) {
  auto done = core_->transfer(to);
  carry_out();
  return done;
}

/// Takes the core's outputs until there are no more: what may leave leaves, the rest waits in
/// order.
void replica::carry_out() {
  if (std::exchange(carrying_out_, true)) return; // a callback called us: the loop goes on
  for (auto out = core_->take_output(); !out.empty(); out = core_->take_output()) {
    for (auto& x : out.early) hooks_.send(std::move(x));
    out.early.clear();
    for (auto& x : out.reads) {
      auto asked = asked_reads_.extract(x.id);
      if (asked.empty()) continue;
      if (x.failed)
        asked.mapped()(error{errc::unavailable, hooks_.why_no_leader()});
      else
        waiting_reads_.push_back({x.index, std::move(asked.mapped())});
    }
    for (auto& x : std::exchange(out.wanted_chunks, {})) send_chunk(x);
    apply(std::exchange(out.committed, {}));
    if (out.must_persist() || !out.arrived_chunks.empty() || disk_busy_ || !to_disk_.empty())
      to_disk_.push_back(std::move(out));
    else
      for (auto& x : out.messages) hooks_.send(std::move(x));
  }
  carrying_out_ = false;
  answer_reads();
  note_role();
}

/// Proposals of a leader that no longer leads have an open end, unless they are committed already:
/// those will be applied here and answered then, whoever leads.
void replica::note_role() {
  auto now = core_->current_role();
  if (now == role_seen_ && core_->leader() == leader_seen_) return;
  auto led = std::exchange(role_seen_, now) == role::leader;
  leader_seen_ = core_->leader();
  if (led && now != role::leader) {
    std::vector<waiting_commit> lost;
    for (auto at = waiting_.begin(); at != waiting_.end();) {
      if (at->first <= core_->commit_index()) {
        ++at;
        continue;
      }
      lost.push_back(std::move(at->second));
      at = waiting_.erase(at);
    }
    give_back(std::move(lost));
  }
  hooks_.role_changed();
}

/// Proposals whose end this member will not see as their leader.
void replica::give_back(std::vector<waiting_commit> lost) {
  std::map<uint64_t, std::vector<proposal>> by_term;
  for (auto& x : lost)
    if (x.what.mark != 0)
      by_term[x.term].push_back(std::move(x.what));
    else
      x.what.done(lost_leadership());
  for (auto& [term, all] : by_term) hooks_.returned(std::move(all), term);
}

void replica::apply(std::vector<entry> entries) {
  if (entries.empty()) return;
  size_t bytes = 0;
  uint64_t latest_term = applied_term_;
  std::string agreement;
  std::vector<std::pair<completion, storage::outcome>> answers;
  std::vector<waiting_commit> lost;
  for (auto& x : entries) {
    auto outcome = apply_one(x);
    applied_ = x.index;
    latest_term = x.term;
    bytes += x.bytes();
    if (x.kind == record_kind::membership) agreement = *x.payload;
    if (auto asked = waiting_.extract(x.index); !asked.empty()) {
      if (asked.mapped().term == x.term)
        answers.emplace_back(std::move(asked.mapped().what.done), outcome);
      else
        lost.push_back(std::move(asked.mapped()));
    }
    if (on_applied) on_applied(x, outcome);
  }
  auto newer = latest_term > std::exchange(applied_term_, latest_term);
  publish(bytes, std::move(agreement));
  // Alone, nobody will ask for these again: who joins later gets a snapshot.
  if (core_->members().members.size() == 1) core_->compact(applied_);
  for (auto& [done, answer] : answers) done(std::move(answer));
  give_back(std::move(lost));
  if (newer) hooks_.settled(latest_term);
}

/// Applies one entry; our own proposals need not be decoded again.
storage::outcome replica::apply_one(const entry& x) {
  if (x.kind != record_kind::transaction) return {live_.working().revision, {}};
  if (auto own = waiting_.find(x.index); own != waiting_.end() && own->second.term == x.term)
    return live_.apply(std::move(own->second.what.change), x.term);
  auto decoded = storage::decode(*x.payload, settings_.seal.get());
  // Every replica must come to the same end: one that cannot read what was agreed may not go on.
  if (!decoded) {
    hooks_.stop_process(with_context(decoded.error(), "entry " + std::to_string(x.index)));
    return {live_.working().revision, {}};
  }
  auto outcome = live_.apply(std::move(decoded->changes), x.term);
  if (decoded->mark != 0) hooks_.applied(decoded->mark, outcome);
  return outcome;
}

void replica::publish(size_t bytes, std::string agreement) {
  storage::published_batch batch{
      live_.publish(), {applied_, applied_term_}, 0, settings_.wall_clock_ms(),
      bytes,           std::move(agreement)};
  auto now = live_.current();
  batch.revision = now.revision();
  if (keeper_->note(std::move(batch), std::move(now))) write_checkpoint();
}

void replica::write_checkpoint() {
  hooks_.background([this, alive = std::weak_ptr{alive_}] {
    auto written = care_->write_checkpoint();
    if (!written && written.error().code != errc::storage_full)
      return hooks_.stop_process(written.error());
    if (!written) return;
    hooks_.later([this, alive, index = written->index] {
      if (alive.expired()) return;
      auto kept = core_->members().members.size() > 1 ? settings_.entries_kept : 0;
      if (index > kept) core_->compact(index - kept);
    });
  });
}

void replica::answer_reads() {
  std::vector<std::function<void(result<void>)>> ready;
  std::erase_if(waiting_reads_, [&](auto& x) {
    if (x.index > applied_) return false;
    ready.push_back(std::move(x.ready));
    return true;
  });
  for (auto& x : ready) x({});
}

// -- the disk
// ---------------------------------------------------------------------------------------

std::optional<replica::disk_job> replica::next_job() {
  if (disk_busy_ || to_disk_.empty()) return {};
  disk_busy_ = true;
  disk_job job;
  size_t bytes = 0;
  while (!to_disk_.empty() && bytes < settings_.disk_batch_bytes_max) {
    for (auto& x : to_disk_.front().entries) bytes += x.bytes();
    auto last = !to_disk_.front().arrived_chunks.empty(); // at most one install a job
    job.outputs.push_back(std::move(to_disk_.front()));
    to_disk_.pop_front();
    if (last) break;
  }
  return job;
}

result<void> replica::run(disk_job& job) {
  std::vector<log_record> records;
  std::string state_bytes;
  for (auto& x : job.outputs) {
    for (auto& e : x.entries)
      records.push_back({e.kind, e.index, e.term, e.payload ? *e.payload : std::string_view{}});
    if (x.state) state_bytes = encode(*x.state);
  }
  if (!state_bytes.empty()) records.push_back({record_kind::hard_state, 0, 0, state_bytes});
  if (!records.empty()) {
    if (auto done = log_->append(records); !done) return done;
    if (!bug_skip_sync)
      if (auto done = log_->sync(); !done) return done;
  }
  for (auto& x : job.outputs)
    for (auto& chunk : x.arrived_chunks)
      if (auto done = take_chunk(job, chunk); !done) return done;
  return {};
}

void replica::finish(disk_job job) {
  disk_busy_ = false;
  for (auto& x : job.outputs) {
    for (auto& y : x.messages) hooks_.send(std::move(y));
    if (x.mark) core_->persisted(x.mark);
  }
  if (job.installed) {
    applied_ = job.installed_meta.index;
    applied_term_ = job.installed_meta.term;
    live_.reset(std::move(*job.installed));
    keeper_->reset(live_.current(), checkpoint_meta_of(job.installed_meta));
    core_->installed(job.installed_meta, true);
    hooks_.skipped(applied_term_);
  } else if (job.install_failed) {
    core_->installed(job.installed_meta, false);
  }
  if (log_->wants_next())
    hooks_.allocate([this] { (void)log_->prepare_next(); }); // append() allocates if this failed
  carry_out();
}

} // namespace troupe::raft
