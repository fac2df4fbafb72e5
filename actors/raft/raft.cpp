#include "actors/raft/raft.hpp"

#include "actors/raft/codec.hpp"
#include "messages/base/log.hpp"
#include "messages/cluster/peer.pb.h"
#include "storage/lmdb_checkpoint.hpp"
#include "storage/opening.hpp"

#include <random>

namespace troupe {

namespace {

constexpr size_t peer_message_bytes_max = 64u << 20;

[[noreturn]] void stop_process(const error& why) {
  log::error("raft", "stopping before anything is lost", {{"why", why.message}});
  std::_Exit(70);
}

/// A RaftMessage's bytes as a PeerMessage's: field 1, without encoding it again.
std::string wrapped(char tag, std::string_view body) {
  std::string out{tag};
  for (auto n = body.size();; n >>= 7) {
    out.push_back(static_cast<char>(n > 127 ? (n & 127) | 128 : n));
    if (n <= 127) break;
  }
  out += body;
  return out;
}
constexpr char raft_tag = 0x0a, request_tag = 0x12, answer_tag = 0x1a;
constexpr uint64_t clock_ticks = 25; ///< between two looks at the clocks

errc code_of(uint32_t wire) {
  return wire > static_cast<uint32_t>(errc::not_leader) + 1 ? errc::unavailable
                                                            : static_cast<errc>(wire - 1);
}

/// Before there is a RAFT actor, and after it.
raft::replica_hooks nobody_outside() {
  raft::replica_hooks out;
  out.send = [](raft::message) {};
  out.later = [](std::function<void()>) {};
  return out;
}

/// Hooks that ask whoever is in `outside` at that time.
raft::replica_hooks passed_on(const std::shared_ptr<raft::replica_hooks>& outside) {
  raft::replica_hooks out;
  out.send = [outside](raft::message x) { outside->send(std::move(x)); };
  out.later = [outside](auto job) { outside->later(std::move(job)); };
  out.role_changed = [outside] { outside->role_changed(); };
  out.applied = [outside](auto mark, auto& outcome) { outside->applied(mark, outcome); };
  out.returned = [outside](auto all, auto term) { outside->returned(std::move(all), term); };
  out.settled = [outside](auto term) { outside->settled(term); };
  out.skipped = [outside](auto term) { outside->skipped(term); };
  out.why_no_leader = [outside] { return outside->why_no_leader(); };
  return out;
}

caf::error refused(const error& why) {
  return caf::make_error(caf::sec::runtime_error, why.message);
}

} // namespace

result<std::shared_ptr<raft_member>> open_member(raft::replica_settings settings,
                                                 const std::string& path, size_t queue_bytes_max) {
  auto made = std::make_shared<raft_member>();
  auto mark = storage::opening::begin(path, settings.seal);
  if (!mark) return mark.error();
  auto opened = storage::open_posix_directory(path);
  if (!opened) return opened.error();
  made->directory = std::move(*opened);
  auto kept = storage::lmdb_checkpoint::open(path + "/state.mdb", settings.seal);
  if (!kept) return kept.error();
  made->outside = std::make_shared<raft::replica_hooks>(nobody_outside());
  std::shared_ptr<storage::checkpoint> file = std::move(*kept);
  made->background = std::make_unique<storage::worker>([file] { file->rest(); });
  made->segments = std::make_unique<storage::worker>();
  auto hooks = passed_on(made->outside);
  hooks.background = [worker = made->background.get()](auto job) { worker->post(std::move(job)); };
  hooks.allocate = [worker = made->segments.get()](auto job) { worker->post(std::move(job)); };
  hooks.stop_process = stop_process;
  auto seal = settings.seal;
  auto clock = settings.wall_clock_ms;
  auto first_mark = std::mt19937_64{settings.seed}();
  auto replica =
      raft::replica::open(std::move(settings), std::move(hooks), *made->directory, std::move(file));
  if (!replica) return with_context(replica.error(), "cannot open " + path);
  made->replica = std::move(*replica);
  made->queue = std::make_shared<request_queue>(queue_bytes_max);
  made->store =
      std::make_shared<replicated_store>(*made->replica, made->queue, seal, clock, first_mark);
  return made;
}

raft_actor::behavior_type raft_member_actor(raft_state::pointer self,
                                            std::shared_ptr<raft_member> member,
                                            raft_settings settings) {
  auto& state = self->state;
  state.settings = std::move(settings);
  state.member = std::move(member);
  return state.make_behavior();
}

raft_state::~raft_state() {
  if (!member) return;
  member->group->serve(nullptr);
  member->queue->close();
  disk.reset();                        // its job is finished first
  *member->outside = nobody_outside(); // the queue is closed: no other thread calls it any more
  member->outside->why_no_leader = [] { return std::string("this server is ending"); };
  constexpr const char* why = "this server is ending: ask another one";
  if (forward) forward->give_up(why);
  for (auto& [_, x] : wishes) x.done(error{errc::unavailable, why});
  for (auto& x : held_wishes) x.done(error{errc::unavailable, why});
}

raft_actor::behavior_type raft_state::make_behavior() {
  forward = std::make_unique<forwarding>(settings.forward);
  if (settings.disk_thread) disk = std::make_unique<storage::worker>();
  auto handle = caf::actor_cast<raft_actor>(self);
  member->queue->set_wake([handle] { caf::anon_send(handle, asked_atom_v); });
  auto& outside = *member->outside;
  outside.send = [this](raft::message x) { post(x.to, wrapped(raft_tag, raft::encode(x))); };
  outside.role_changed = [this] { role_changed(); };
  // Work of other threads comes back through the queue of requests: as a read that is ready at
  // once.
  outside.later = [queue = member->queue](std::function<void()> job) {
    queue->push_job(std::move(job));
  };
  outside.why_no_leader = [this] { return why_no_leader(); };
  outside.applied = [this](uint64_t mark, const storage::outcome& x) {
    forward->answered(mark, x, member->store->current().revision());
  };
  outside.returned = [this](auto all, uint64_t term) {
    forward->take_back(std::move(all), term, ticks);
  };
  outside.settled = [this](uint64_t term) {
    forward->settled(term);
    pass_on();
  };
  outside.skipped = [this](uint64_t term) { forward->skipped(term); };
  raft::group::actor door;
  door.post = [queue = member->queue](auto job) { queue->push_job(std::move(job)); };
  door.carry_out = [this](auto what, auto done) { wish(std::move(what), std::move(done)); };
  door.view = [this] { return view(); };
  member->group->serve(std::make_shared<const raft::group::actor>(std::move(door)));
  role_changed();
  work();
  return {
      [this](heard_atom, uint64_t from, const std::string& bytes) { hear(from, bytes); },
      [this](asked_atom) { take_requests(); },
      [this](written_atom) {
        finish_job();
        member->queue->hurry().lower(haste::writing);
        work();
      },
      [this](elapsed_atom) { tick(); },
      [this](member_atom, uint64_t id, std::string address) {
        return change({raft::membership_change::kind::add_learner, id, std::move(address)});
      },
      [this](promote_atom, uint64_t id) {
        return change({raft::membership_change::kind::promote, id});
      },
      [this](remove_atom, uint64_t id) {
        return change({raft::membership_change::kind::remove, id});
      },
      [this](transfer_atom, uint64_t id) -> caf::result<caf::unit_t> {
        auto done = member->replica->transfer(id);
        work();
        if (!done) return refused(done.error());
        return caf::unit;
      },
  };
}

caf::result<caf::unit_t> raft_state::change(const raft::membership_change& wanted) {
  auto done = member->replica->change(wanted);
  work();
  if (!done) return refused(done.error());
  return caf::unit;
}

/// A peer speaks for itself only: `from` is what its certificate says.
void raft_state::hear(uint64_t from, const std::string& bytes) {
  cluster::PeerMessage heard;
  if (bytes.size() > peer_message_bytes_max || !heard.ParseFromString(bytes)) return;
  if (heard.has_raft()) {
    auto x = raft::decode_message(heard.raft());
    if (x && x->from == from && x->to == member->replica->agreement().self())
      member->replica->receive(std::move(*x));
  } else if (heard.has_commit_request()) {
    commit_for(from, std::move(*heard.mutable_commit_request()));
  } else if (heard.has_commit_answer()) {
    uint64_t id = 0;
    auto outcome = decode_answer(heard.commit_answer().SerializeAsString(), id);
    forward->answered(id, std::move(outcome), member->store->current().revision());
  } else if (heard.has_wall_clock()) {
    heard_clock(from, heard.wall_clock());
  } else if (heard.has_group_wish()) {
    auto& x = heard.group_wish();
    wish_for(from, x.id(),
             {static_cast<raft::group_wish::kind>(x.kind()), x.member(), x.address(), x.api()});
  } else if (heard.has_group_answer()) {
    auto& x = heard.group_answer();
    if (x.error() == 0)
      answered(x.id(), x.member());
    else
      answered(x.id(), error{code_of(x.error()), x.message()});
  }
  work();
}

/// A follower passes a write on to us. Once we have been overtaken it sees for itself what became
/// of it.
void raft_state::commit_for(uint64_t from, cluster::CommitRequest request) {
  auto& agreement = member->replica->agreement();
  auto leads = [&agreement, term = request.term()] {
    return agreement.current_role() == raft::role::leader && agreement.term() == term;
  };
  auto answer = [this, from, id = request.id()](const result<storage::outcome>& x) {
    post(from, wrapped(answer_tag, encode_answer(id, x)));
  };
  if (!leads()) return answer(error{errc::not_leader, "the leader has changed"});
  auto answer_if_sure = [leads, answer](const result<storage::outcome>& x) {
    if (x || leads()) answer(x);
  };
  member->replica->commit_encoded(std::move(*request.mutable_transaction()), answer_if_sure);
}

void raft_state::take_requests() {
  catch_up();
  auto batch = member->queue->take();
  for (auto& job : batch.jobs) job();
  for (auto& x : batch.reads) member->replica->linearize(std::move(x));
  take_writes(std::move(batch.writes));
  work();
}

void raft_state::take_writes(std::vector<raft::replica::proposal> writes) {
  if (writes.empty()) return;
  if (member->replica->agreement().current_role() == raft::role::leader) {
    refuse_when_full(writes);
    return member->replica->commit(std::move(writes));
  }
  for (auto& x : writes) forward->add(std::move(x), ticks);
  pass_on();
}

/// What was held goes to the leader, or is proposed here.
void raft_state::pass_on() {
  auto& agreement = member->replica->agreement();
  if (!forward->has_unsent() || agreement.leader() == raft::nobody) return;
  if (agreement.current_role() == raft::role::leader) return take_writes(forward->take_held());
  for (auto& x : forward->take_unsent(agreement.term())) {
    cluster::CommitRequest request;
    request.set_id(x.mark);
    request.set_transaction(*x.transaction);
    request.set_term(agreement.term());
    post(agreement.leader(), wrapped(request_tag, request.SerializeAsString()));
  }
}

/// The leader speaks for the group: what it accepts, everybody must store.
void raft_state::refuse_when_full(std::vector<raft::replica::proposal>& writes) {
  if (!low_water.full(*member->directory, member->replica->past().behind())) return;
  std::erase_if(writes, [](auto& x) {
    if (storage::low_water::passes(x.change)) return false;
    x.done(storage::low_water::refusal());
    return true;
  });
}

void raft_state::role_changed() {
  auto& agreement = member->replica->agreement();
  auto leads = agreement.current_role() == raft::role::leader;
  if (leads != std::exchange(led, leads) && settings.leadership_changed)
    settings.leadership_changed(leads, agreement.term());
  pass_on();
}

/// Gives the disk its next job, and the clock its next tick.
void raft_state::work() {
  if (working) return;
  for (auto next = member->replica->next_job(); next; next = member->replica->next_job()) {
    working = true;
    job = std::move(next);
    // Alone, nobody waits for us to be reachable: a second thread would only cost a handover.
    if (!disk || !member->replica->agreement().needs_ticks()) {
      member->queue->hurry().raise(haste::writing);
      if (auto done = member->replica->run(*job); !done) job_failed = done.error();
      finish_job();
      member->queue->hurry().lower(haste::writing);
      continue;
    }
    disk->post([this, handle = caf::actor_cast<raft_actor>(self)] {
      disk_hurry.of_this_thread();
      if (!job->brings_state()) disk_hurry.raise(haste::writing);
      if (auto done = member->replica->run(*job); !done) job_failed = done.error();
      member->queue->hurry().raise(haste::writing);
      caf::anon_send(handle, written_atom_v);
      disk_hurry.lower(haste::writing);
    });
    break;
  }
  if (!working) member->queue->rest();
  forward->reached(member->store->current().revision());
  note_group();
  arm();
}

void raft_state::finish_job() {
  working = false;
  if (job_failed) stop_process(*job_failed);
  auto done = std::move(*job);
  job.reset();
  member->replica->finish(std::move(done));
}

void raft_state::arm() {
  auto idle = !member->replica->agreement().needs_ticks() && forward->idle();
  if (idle) ticking = false;
  if (armed || idle) return;
  if (!std::exchange(ticking, true)) last_tick = self->clock().now();
  armed = true;
  self->delayed_send(self, settings.tick, elapsed_atom_v);
}

void raft_state::tick() {
  armed = false;
  catch_up();
  promote();
  tick_wishes();
  pass_on();
  work();
}

/// Ticks as many times as the clock says: a process that was stopped knows at once that time
/// passed, before it answers a read.
void raft_state::catch_up() {
  constexpr int ticks_max = 100;
  if (!ticking) return;
  auto now = self->clock().now();
  for (int i = 0; i < ticks_max && now - last_tick >= settings.tick; ++i) {
    last_tick += settings.tick;
    if (++ticks % clock_ticks == 0) compare_clocks();
    if (member->replica->agreement().needs_ticks()) member->replica->tick();
  }
  if (now - last_tick >= settings.tick) last_tick = now;
  forward->tick(ticks, [this] { return why_no_leader(); });
}

} // namespace troupe
