// RAFT as a member of its group: what it tells of the group, what is wished of it and carried out
// by the leader, and whether the members' clocks agree.
#include "actors/raft/raft.hpp"

#include "messages/base/log.hpp"
#include "messages/cluster/peer.pb.h"

namespace troupe {

namespace {

constexpr size_t wishes_max = 1'000;
constexpr uint64_t wish_patience_ticks = 250;

} // namespace

raft::group_view raft_state::view() const {
  auto& agreement = member->replica->agreement();
  return {.self = agreement.self(),
          .leader = agreement.leader(),
          .term = agreement.term(),
          .members = agreement.members(),
          .members_index = agreement.members_index(),
          .agreed = agreement.members_index() <= member->replica->applied_index(),
          .last_index = agreement.entries().last_index(),
          .peers = agreement.peers()};
}

/// Members and leader are told to whoever keeps links, each change once.
void raft_state::note_group() {
  if (!settings.group_changed) return;
  auto& agreement = member->replica->agreement();
  seen_group now{agreement.members_index(), agreement.term(), agreement.leader(),
                 agreement.members_index() <= member->replica->applied_index()};
  if (seen == now) return;
  seen = now;
  settings.group_changed(view());
}

std::string raft_state::why_no_leader() const {
  auto& members = member->replica->agreement().members();
  return raft::why_no_leader(members, settings.reachable ? settings.reachable() : 1);
}

void raft_state::wish(raft::group_wish what, raft::group::answer done) {
  auto& agreement = member->replica->agreement();
  if (agreement.current_role() == raft::role::leader) return wish_here(what, std::move(done));
  if (agreement.leader() == raft::nobody) return done(error{errc::unavailable, why_no_leader()});
  if (wishes.size() >= wishes_max)
    return done(error{errc::too_many_requests, "too many wishes wait for the leader"});
  auto id = next_wish++;
  send_wish(id, wishes[id] = {std::move(what), std::move(done), ticks + wish_patience_ticks});
}

void raft_state::send_wish(uint64_t id, waiting_wish& x) {
  cluster::PeerMessage word;
  auto& to = *word.mutable_group_wish();
  to.set_id(id);
  to.set_kind(static_cast<uint32_t>(x.what.what));
  to.set_member(x.what.id);
  to.set_address(x.what.address);
  to.set_api(x.what.api);
  x.sent_to = member->replica->agreement().leader();
  post(x.sent_to, word.SerializeAsString());
}

/// On the leader.
void raft_state::wish_here(const raft::group_wish& what, raft::group::answer done) {
  if (what.what == raft::group_wish::kind::transfer) {
    auto begun = member->replica->transfer(what.id);
    work();
    return done(begun ? result<uint64_t>{what.id} : begun.error());
  }
  auto& members = member->replica->agreement().members();
  // Asked again after the leader was lost that carried it out.
  if (what.what == raft::group_wish::kind::remove && what.id <= members.greatest_id &&
      !members.members.contains(what.id))
    return done(what.id);
  auto change = raft::decide(what, view());
  if (!change) return done(change.error());
  auto committed = [done, id = change->id](result<storage::outcome> x) {
    done(x ? result<uint64_t>{id} : x.error());
  };
  auto proposed = member->replica->change(*change, committed);
  work();
  if (proposed) return;
  // One change at a time: the next one waits for its turn.
  if (proposed.error().code == errc::too_many_requests && held_wishes.size() < wishes_max)
    held_wishes.push_back({what, std::move(done), ticks + wish_patience_ticks});
  else
    done(proposed.error());
}

/// A follower passes a wish on to us; one that was removed wishes nothing any more.
void raft_state::wish_for(uint64_t from, uint64_t id, const raft::group_wish& what) {
  auto answer = [this, from, id](result<uint64_t> x) {
    cluster::PeerMessage word;
    auto& to = *word.mutable_group_answer();
    to.set_id(id);
    if (x) {
      to.set_member(*x);
    } else {
      to.set_error(static_cast<uint32_t>(x.error().code) + 1);
      to.set_message(x.error().message);
    }
    post(from, word.SerializeAsString());
  };
  auto& agreement = member->replica->agreement();
  if (!agreement.members().members.contains(from))
    return answer(error{errc::forbidden, "this server does not belong to the cluster any more"});
  if (agreement.current_role() != raft::role::leader)
    return answer(error{errc::unavailable, "the leader has changed; try again"});
  wish_here(what, answer);
}

void raft_state::answered(uint64_t id, result<uint64_t> outcome) {
  auto hit = wishes.extract(id);
  if (!hit.empty()) hit.mapped().done(std::move(outcome));
}

/// Those that were held have their turn; those that took too long are told so.
void raft_state::tick_wishes() {
  while (!wishes.empty() && wishes.begin()->second.until_tick <= ticks)
    answered(wishes.begin()->first,
             error{errc::timeout, "the leader did not answer: it may have happened; look at "
                                  "`troupe members list`"});
  auto leads = member->replica->agreement().current_role() == raft::role::leader;
  auto leader = member->replica->agreement().leader();
  // The leader was lost that was asked: the next one is. Two of the same do no harm, but two
  // members more than one would.
  std::vector<uint64_t> again;
  for (auto& [id, x] : wishes)
    if (leader != raft::nobody && x.sent_to != leader) again.push_back(id);
  for (auto id : again) {
    auto& x = wishes.at(id);
    if (x.what.what == raft::group_wish::kind::add) {
      answered(id, error{errc::unavailable, "the leader was lost: look at `troupe members list` "
                                            "before you try again"});
    } else if (leads) {
      auto taken = wishes.extract(id);
      wish_here(taken.mapped().what, std::move(taken.mapped().done));
    } else {
      send_wish(id, x);
    }
  }
  for (auto& x : std::exchange(held_wishes, {}))
    if (x.until_tick <= ticks || !leads)
      x.done(error{errc::unavailable, "another change of members is not finished yet; try again"});
    else if (held_wishes.empty())
      wish_here(x.what, std::move(x.done));
    else
      held_wishes.push_back(std::move(x)); // the one before it still waits
}

/// A learner that has caught up votes from now on.
void raft_state::promote() {
  auto id = member->replica->agreement().promotable();
  if (id != raft::nobody)
    (void)member->replica->change({raft::membership_change::kind::promote, id});
}

/// On the leader. One whose own clock is off hands over: much that a leader does is done by the
/// clock.
void raft_state::compare_clocks() {
  auto& agreement = member->replica->agreement();
  if (!settings.wall_ms || agreement.current_role() != raft::role::leader) return clocks.clear();
  auto self = agreement.self();
  clocks.heard(self, 0);
  auto own = clocks.ahead(self);
  if (own) note_clock(*own);
  auto right = raft::nobody;
  for (auto& [id, m] : agreement.members().members) {
    if (id == self) continue;
    auto ahead = clocks.ahead(id);
    if (m.voter && ahead == 0) right = id;
    cluster::PeerMessage word;
    auto& to = *word.mutable_wall_clock();
    to.set_wall_ms(settings.wall_ms());
    to.set_question(true);
    if (ahead) to.set_ahead_ms(*ahead);
    post(id, word.SerializeAsString());
  }
  clocks.clear(); // each look is at what was heard since the one before
  if (own.value_or(0) != 0 && right != raft::nobody) (void)member->replica->transfer(right);
}

void raft_state::heard_clock(uint64_t from, const cluster::WallClock& said) {
  if (!settings.wall_ms) return;
  if (!said.question()) return clocks.heard(from, said.wall_ms() - settings.wall_ms());
  if (from != member->replica->agreement().leader()) return;
  if (said.has_ahead_ms()) note_clock(said.ahead_ms());
  cluster::PeerMessage word;
  word.mutable_wall_clock()->set_wall_ms(settings.wall_ms());
  post(from, word.SerializeAsString());
}

void raft_state::note_clock(int64_t ahead_ms) {
  if ((ahead_ms != 0) != clock_off) {
    clock_off = ahead_ms != 0;
    if (clock_off)
      log::error("raft", "clients are sent elsewhere", {{"why", clock_trouble(ahead_ms)}});
    else
      log::info("raft", "the clock of this server agrees with the others' again");
  }
  member->store->clock_ahead(ahead_ms);
}

} // namespace troupe
