// Terms, roles and elections; see core.hpp.
#include "actors/raft/core.hpp"

#include "actors/raft/codec.hpp"

#include <algorithm>

namespace troupe::raft {

core::core(member_id self, core_settings settings, restored from, uint64_t seed)
    : self_{self}, settings_{settings}, random_{seed}, state_{from.state},
      log_{std::move(from.entries)}, applied_index_{from.applied} {
  memberships_.push_back({log_.base_index(), std::move(from.members)});
  for (auto i = log_.base_index() + 1; i <= log_.last_index(); ++i) note_membership(log_.at(i));
  state_.commit = std::max(std::min(state_.commit, log_.last_index()), applied_index_);
  handed_state_ = durable_state_ = state_;
  durable_index_ = handed_index_ = log_.last_index();
  reset_timer();
}

void core::reset_timer() {
  elapsed_ = 0;
  timeout_ticks_ =
      settings_.election_ticks + static_cast<uint32_t>(random_() % settings_.election_ticks);
}

void core::tick() {
  ++ticks_;
  if (leading()) return leader_tick();
  if (++elapsed_ >= timeout_ticks_) campaign();
}

void core::campaign() {
  if (!leading()) start_election(true, false);
}

bool core::needs_ticks() const { return !leading() || members().members.size() > 1; }

void core::step(message heard) {
  if (heard.term > state_.term) {
    if (!higher_term(heard)) return;
  } else if (heard.term < state_.term) {
    return lower_term(heard);
  }
  std::visit([&](auto& x) { on(heard, x); }, heard.body);
}

/// Whether a message of a term above ours counts; moves us to that term unless it is only a
/// pre-vote.
bool core::higher_term(const message& heard) {
  if (auto x = std::get_if<vote_request>(&heard.body)) {
    // A member that was cut off must not disturb a leader that is heard (dissertation, 4.2.3).
    if (!x->transfer && hears_leader()) return false;
    if (x->pre) return true;
  }
  if (auto x = std::get_if<vote_response>(&heard.body); x && x->pre && x->granted) return true;
  auto from_leader = std::holds_alternative<append_request>(heard.body) ||
                     std::holds_alternative<heartbeat>(heard.body) ||
                     std::holds_alternative<snapshot_chunk>(heard.body);
  become_follower(heard.term, from_leader ? heard.from : nobody);
  return true;
}

/// An old leader learns from the answer that its term is over; others are told nothing.
void core::lower_term(const message& heard) {
  if (std::holds_alternative<append_request>(heard.body) ||
      std::holds_alternative<heartbeat>(heard.body) ||
      std::holds_alternative<snapshot_chunk>(heard.body))
    send(heard.from, append_response{});
  else if (auto x = std::get_if<vote_request>(&heard.body); x && x->pre)
    send(heard.from, vote_response{true, false});
}

bool core::hears_leader() const {
  return leading() || (leader_ != nobody && elapsed_ < settings_.election_ticks);
}

void core::become_follower(uint64_t term, member_id leader) {
  if (term != state_.term) state_ = {term, nobody, state_.commit};
  if (leading() || leader != leader_) fail_reads();
  role_ = as_follower{};
  leader_ = leader;
  reset_timer();
}

/// A pre-vote asks whether an election would succeed, and raises nobody's term if not
/// (dissertation, 9.6).
void core::start_election(bool pre, bool transfer) {
  if (!may_lead() || installing()) return reset_timer();
  if (leader_ != nobody) fail_reads();
  leader_ = nobody;
  reset_timer();
  const std::map<member_id, bool> own{{self_, true}};
  if (pre) {
    role_ = as_pre_candidate{own};
  } else {
    state_ = {state_.term + 1, self_, state_.commit};
    role_ = as_candidate{own};
  }
  if (members().quorum() == 1 && members().votes(self_))
    return pre ? start_election(false, transfer) : become_leader();
  for (auto& [id, x] : members().members)
    if (id != self_ && x.voter)
      send_dated(id, state_.term + pre,
                 vote_request{log_.last_index(), log_.last_term(), pre, transfer});
}

/// A member whose removal is in its log but not committed may have to finish it
/// (dissertation, 4.2.2).
bool core::may_lead() const {
  if (members().votes(self_)) return true;
  return memberships_.size() > 1 && memberships_.back().index > state_.commit &&
         memberships_[memberships_.size() - 2].members.votes(self_);
}

void core::on(const message& from, const vote_request& x) {
  auto free = state_.vote == from.from || (state_.vote == nobody && leader_ == nobody) ||
              (x.pre && from.term > state_.term);
  // The log that ends in the later term, or is longer in the same, is the newer (paper, 5.4.1).
  auto newer = x.last_term > log_.last_term() ||
               (x.last_term == log_.last_term() && x.last_index >= log_.last_index());
  auto granted = free && newer;
  if (granted && !x.pre) {
    state_.vote = from.from;
    elapsed_ = 0;
  }
  send_dated(from.from, granted ? from.term : state_.term, vote_response{x.pre, granted});
}

void core::on(const message& from, const vote_response& x) {
  if (!members().votes(from.from)) return;
  if (auto mine = std::get_if<as_pre_candidate>(&role_); mine && x.pre) {
    if (x.granted && from.term != state_.term + 1) return;
    mine->votes.emplace(from.from, x.granted);
    count_votes(mine->votes, true);
  } else if (auto mine = std::get_if<as_candidate>(&role_); mine && !x.pre) {
    mine->votes.emplace(from.from, x.granted);
    count_votes(mine->votes, false);
  }
}

void core::count_votes(const std::map<member_id, bool>& votes, bool pre) {
  size_t granted = 0, refused = 0;
  for (auto& [id, x] : votes)
    if (members().votes(id)) ++(x ? granted : refused);
  if (granted >= members().quorum()) return pre ? start_election(false, false) : become_leader();
  if (refused >= members().quorum()) become_follower(state_.term, nobody);
}

void core::on(const message& from, const timeout_now&) {
  if (from.from == leader_) start_election(false, true);
}

void core::become_leader() {
  role_ = as_leader{};
  leader_ = self_;
  reset_timer();
  auto& me = *leading();
  follow_membership();
  for (auto& [_, x] : me.others) x.active = true; // each gets one election timeout to answer
  // An entry of the own term, so that everything before it can be committed (paper, 5.4.2 and 8).
  me.first_index = append_own(record_kind::no_op, nullptr).index;
  broadcast_append();
  advance_commit();
}

// -- persistence
// ------------------------------------------------------------------------------------

output core::take_output() {
  if (auto me = leading()) {
    if (std::exchange(me->append_wanted, false)) broadcast_append();
    if (std::exchange(me->round_wanted, false)) broadcast_heartbeat();
  }
  auto out = std::exchange(output_, {});
  for (auto i = handed_index_ + 1; i <= log_.last_index(); ++i) out.entries.push_back(log_.at(i));
  if (!state_.same_promise(handed_state_) || (!out.entries.empty() && state_ != handed_state_))
    out.state = state_;
  if (out.must_persist()) {
    out.mark = next_mark_++;
    pending_.push_back({out.mark, log_.last_index(), log_.last_term(), out.state});
    handed_index_ = log_.last_index();
    if (out.state) handed_state_ = *out.state;
  }
  for (auto end = std::min(state_.commit, durable_index_); applied_index_ < end;)
    out.committed.push_back(log_.at(++applied_index_));
  return out;
}

void core::persisted(uint64_t mark) {
  for (; !pending_.empty() && pending_.front().mark <= mark; pending_.pop_front()) {
    auto& x = pending_.front();
    // Entries that were replaced while they were written do not count.
    if (log_.matches(x.last_index, x.last_term))
      durable_index_ = std::max(durable_index_, x.last_index);
    if (x.state) durable_state_ = *x.state;
  }
  if (leading()) advance_commit();
}

void core::compact(uint64_t index) {
  index = std::min(index, applied_index_);
  while (memberships_.size() > 1 && memberships_[1].index <= index)
    memberships_.erase(memberships_.begin());
  log_.compact(index);
}

const membership& core::members_at(uint64_t index) const {
  auto at = std::ranges::partition_point(memberships_, [&](auto& x) { return x.index <= index; });
  return at == memberships_.begin() ? at->members : std::prev(at)->members;
}

/// A membership counts as soon as it is in the log (dissertation, 4.1).
void core::note_membership(const entry& x) {
  if (x.kind != record_kind::membership) return;
  auto decoded = decode_membership(x.payload ? *x.payload : std::string{});
  assert(decoded); // checked before it came here
  memberships_.push_back({x.index, std::move(*decoded)});
}

void core::send(member_id to, message_body body) { send_dated(to, state_.term, std::move(body)); }

void core::send_dated(member_id to, uint64_t term, message_body body) {
  output_.messages.push_back({self_, to, term, std::move(body)});
}

/// For messages that promise nothing but our term: they need not wait for entries to be durable, so
/// that a slow disk does not cost leadership.
void core::send_early(member_id to, message_body body) {
  if (!durable_state_.same_promise(state_)) return send(to, std::move(body));
  output_.early.push_back({self_, to, state_.term, std::move(body)});
}

} // namespace troupe::raft
