// A leader sends entries, counts who has them, and changes the membership; see core.hpp.
#include "actors/raft/codec.hpp"
#include "actors/raft/core.hpp"

#include <algorithm>

namespace troupe::raft {

namespace {

constexpr uint32_t snapshot_patience_heartbeats = 5;

error not_leader(member_id leader) {
  return {errc::not_leader, leader == nobody ? std::string("there is no leader at the moment")
                                             : "the leader is member " + std::to_string(leader)};
}

} // namespace

result<uint64_t> core::propose(record_kind kind, payload_ptr payload) {
  auto me = leading();
  if (!me) return not_leader(leader_);
  if (me->transfer_to != nobody) return error{errc::not_leader, "leadership is being handed over"};
  auto bytes = payload ? payload->size() : 0;
  if (me->uncommitted_bytes > 0 && me->uncommitted_bytes + bytes > settings_.uncommitted_bytes_max)
    return error{errc::too_many_requests, "too much is waiting for a quorum"};
  me->append_wanted = true; // one message for all proposals of this output
  return append_own(kind, std::move(payload)).index;
}

entry core::append_own(record_kind kind, payload_ptr payload) {
  entry x{log_.last_index() + 1, state_.term, kind, std::move(payload)};
  leading()->uncommitted_bytes += x.bytes();
  log_.append(x);
  note_membership(x);
  if (kind == record_kind::membership) follow_membership();
  return x;
}

void core::leader_tick() {
  auto& me = *leading();
  if (++elapsed_ >= settings_.election_ticks) {
    elapsed_ = 0;
    me.transfer_to = nobody;
    if (!check_quorum()) return become_follower(state_.term, nobody);
    for (auto& [_, x] : me.others) x.was_active = std::exchange(x.active, false);
  }
  if (++me.heartbeat_elapsed < settings_.heartbeat_ticks) return;
  broadcast_heartbeat();
}

/// Whether a quorum was heard from lately (dissertation, 6.2): otherwise somebody else may lead.
bool core::check_quorum() const {
  size_t active = members().votes(self_);
  for (auto& [id, x] : leading()->others) active += x.active && members().votes(id);
  return active >= members().quorum();
}

void core::broadcast_heartbeat() {
  auto& me = *leading();
  me.heartbeat_elapsed = 0;
  if (me.others.empty()) return;
  ++me.round;
  for (auto& x : me.reads)
    if (x.round == 0) x.round = me.round;
  me.round_ticks.emplace_back(me.round, ticks_);
  if (me.round_ticks.size() > 64) me.round_ticks.pop_front();
  for (auto& [id, x] : me.others)
    send_early(id, heartbeat{std::min(x.match, state_.commit), me.round});
}

void core::broadcast_append() {
  for (auto& [id, _] : leading()->others) send_append(id, false);
}

/// Sends what the follower lacks, as far as the messages in flight allow.
void core::send_append(member_id to, bool even_empty) {
  auto& x = leading()->others.at(to);
  using mode = progress::mode;
  while (x.how != mode::snapshot && !(x.how == mode::probe && x.probing)) {
    auto prev_term = log_.term(x.next - 1);
    if (!prev_term) return start_snapshot(to, x);
    auto full = x.how == mode::replicate && x.in_flight.size() >= settings_.messages_in_flight_max;
    auto entries = full ? std::vector<entry>{}
                        : log_.slice(x.next, log_.last_index(), settings_.message_bytes_max);
    if (entries.empty() && !std::exchange(even_empty, false)) return;
    if (x.how == mode::probe) {
      x.probing = true;
    } else if (!entries.empty()) {
      x.in_flight.push_back(entries.back().index);
    }
    auto prev_index = x.next - 1;
    if (x.how == mode::replicate) x.next += entries.size();
    auto last = entries.empty() || x.how == mode::probe;
    send_early(to, append_request{prev_index, *prev_term, std::move(entries), state_.commit});
    even_empty = false;
    if (last) return;
  }
}

/// The log no longer has what the follower lacks: it gets the whole state, in chunks.
void core::start_snapshot(member_id to, progress& x) {
  if (!x.active) return;
  x.how = progress::mode::snapshot;
  x.snapshot_index = x.snapshot_offset = x.stalled_heartbeats = 0;
  output_.wanted_chunks.push_back({to, 0, 0});
}

void core::send_chunk(member_id to, snapshot_chunk chunk) {
  auto me = leading();
  if (!me || !me->others.contains(to)) return;
  auto& x = me->others.at(to);
  if (x.how != progress::mode::snapshot) return;
  x.snapshot_index = chunk.meta.index;
  x.snapshot_offset = chunk.offset;
  send_early(to, std::move(chunk));
}

void core::on(const message& from, const snapshot_progress& x) {
  auto me = leading();
  if (!me || !me->others.contains(from.from)) return;
  auto& peer = me->others.at(from.from);
  peer.active = true;
  if (peer.how != progress::mode::snapshot || peer.snapshot_index != x.index) return;
  peer.stalled_heartbeats = 0;
  peer.snapshot_offset = x.offset;
  output_.wanted_chunks.push_back({from.from, x.index, x.offset});
}

void core::on(const message& from, const append_response& x) {
  auto me = leading();
  if (!me || !me->others.contains(from.from)) return;
  auto& peer = me->others.at(from.from);
  using mode = progress::mode;
  peer.active = true;
  if (!x.accepted) {
    if (peer.how == mode::snapshot) return;
    auto stale = peer.how == mode::replicate ? x.index <= peer.match : x.index != peer.next - 1;
    if (stale) return;
    peer.how = mode::probe;
    peer.probing = false;
    peer.in_flight.clear();
    auto agreeing = agreeing_index(std::min(x.hint_index, log_.last_index()), x.hint_term);
    peer.next = std::max(peer.match, std::min(agreeing, x.index - 1)) + 1;
    return send_append(from.from, true);
  }
  if (x.index > log_.last_index()) return; // no follower of ours has more than we do
  peer.match = std::max(peer.match, x.index);
  peer.next = std::max(peer.next, peer.match + 1);
  while (!peer.in_flight.empty() && peer.in_flight.front() <= x.index) peer.in_flight.pop_front();
  if (peer.how == mode::snapshot && !log_.term(peer.match)) return;
  if (peer.how != mode::replicate) {
    peer.how = mode::replicate;
    peer.in_flight.clear();
    peer.next = peer.match + 1;
  }
  peer.probing = false;
  advance_commit();
  if (!leading()) return;
  send_append(from.from, false);
  if (me->transfer_to == from.from) finish_transfer(from.from);
}

void core::on(const message& from, const heartbeat_response& x) {
  auto me = leading();
  if (!me || !me->others.contains(from.from)) return;
  auto& peer = me->others.at(from.from);
  peer.active = true;
  peer.probing = false;
  peer.round = std::max(peer.round, x.round);
  extend_lease();
  answer_reads();
  if (peer.how == progress::mode::snapshot) {
    if (++peer.stalled_heartbeats < snapshot_patience_heartbeats) return;
    peer.stalled_heartbeats = 0;
    return output_.wanted_chunks.push_back({from.from, peer.snapshot_index, peer.snapshot_offset});
  }
  // Messages may have been lost: what is in flight is not waited for forever.
  if (peer.in_flight.size() >= settings_.messages_in_flight_max) peer.in_flight.pop_front();
  if (peer.match < log_.last_index()) send_append(from.from, true);
}

/// Commits what a quorum has, but only entries of the own term count (paper, 5.4.2 and figure 8).
void core::advance_commit() {
  std::vector<uint64_t> durable;
  for (auto& [id, x] : members().members)
    if (x.voter) durable.push_back(id == self_ ? durable_index_ : leading()->others.at(id).match);
  auto quorum = members().quorum();
  if (durable.size() < quorum) return;
  std::ranges::sort(durable, std::greater{});
  auto index = durable[quorum - 1];
  if (index <= state_.commit) return;
  if (!log_.matches(index, state_.term) && !settings_.bug_commit_old_terms) return;
  auto& waiting = leading()->uncommitted_bytes;
  for (auto i = state_.commit + 1; i <= index; ++i)
    waiting -= std::min(waiting, log_.at(i).bytes());
  state_.commit = index;
  after_commit();
}

void core::after_commit() {
  auto& me = *leading();
  for (auto& [id, _] : me.others) send_append(id, true); // followers apply without waiting for more
  if (state_.commit >= me.first_index)
    for (auto& x : std::exchange(me.early_reads, {})) begin_read(x);
  // A leader that was removed leads until its removal is committed (dissertation, 4.2.2).
  if (memberships_.back().index <= state_.commit && !members().votes(self_))
    become_follower(state_.term, nobody);
}

void core::follow_membership() {
  auto& others = leading()->others;
  std::erase_if(others, [&](auto& x) { return !members().members.contains(x.first); });
  for (auto& [id, _] : members().members)
    if (id != self_ && !others.contains(id)) {
      progress fresh;
      fresh.next = log_.last_index() + 1;
      fresh.active = true;
      others.emplace(id, std::move(fresh));
    }
}

namespace {

result<membership> changed(membership from, const membership_change& wanted) {
  auto at = from.members.find(wanted.id);
  auto known = at != from.members.end();
  switch (wanted.what) {
  case membership_change::kind::add_learner:
    if (wanted.id <= from.greatest_id)
      return error{errc::conflict, "member id " + std::to_string(wanted.id) + " was used before"};
    from.members[wanted.id] = {wanted.address, false, wanted.api};
    from.greatest_id = wanted.id;
    return from;
  case membership_change::kind::promote:
    if (!known || at->second.voter)
      return error{errc::invalid, std::to_string(wanted.id) + " is not a learner"};
    at->second.voter = true;
    return from;
  case membership_change::kind::remove:
    if (!known) return error{errc::not_found, "no member " + std::to_string(wanted.id)};
    if (at->second.voter && from.voters() == 1)
      return error{errc::invalid, "the last voter cannot be removed"};
    from.members.erase(at);
    return from;
  case membership_change::kind::move:
    if (!known) return error{errc::not_found, "no member " + std::to_string(wanted.id)};
    at->second.address = wanted.address;
    at->second.api = wanted.api;
    return from;
  }
  return error{errc::invalid, "unknown change"};
}

} // namespace

/// One change at a time, and only after an entry of the own term is committed (dissertation, 4.1
/// and its erratum): two changes under way could elect two leaders.
result<uint64_t> core::change(const membership_change& wanted) {
  auto me = leading();
  if (!me) return not_leader(leader_);
  if (!change_allowed())
    return error{errc::too_many_requests, "another change of members is not finished yet"};
  auto next = changed(members(), wanted);
  if (!next) return next.error();
  if (wanted.what == membership_change::kind::promote) {
    if (!caught_up(wanted.id)) return error{errc::unavailable, "the learner has not caught up yet"};
  }
  return propose(record_kind::membership, std::make_shared<const std::string>(encode(*next)));
}

bool core::change_allowed() const {
  auto me = leading();
  return me && state_.commit >= me->first_index && memberships_.back().index <= state_.commit;
}

bool core::caught_up(member_id learner) const {
  auto& x = leading()->others.at(learner);
  return x.active && x.match > 0 && x.match + settings_.promotion_lag_max >= log_.last_index();
}

member_id core::promotable() const {
  if (!change_allowed()) return nobody;
  for (auto& [id, x] : members().members)
    if (!x.voter && caught_up(id)) return id;
  return nobody;
}

result<void> core::transfer(member_id to) {
  auto me = leading();
  if (!me) return not_leader(leader_);
  if (to == self_) return {};
  if (!members().votes(to)) return error{errc::invalid, std::to_string(to) + " does not vote"};
  me->transfer_to = to;
  elapsed_ = 0; // it has one election timeout
  finish_transfer(to);
  return {};
}

void core::finish_transfer(member_id to) {
  if (leading()->others.at(to).match < log_.last_index()) return send_append(to, false);
  leading()->lease_until_tick = 0;
  send_early(to, timeout_now{});
}

std::map<member_id, core::peer_status> core::peers() const {
  std::map<member_id, peer_status> out;
  if (auto me = leading())
    for (auto& [id, x] : me->others) out[id] = {x.match, x.active || x.was_active};
  return out;
}

} // namespace troupe::raft
