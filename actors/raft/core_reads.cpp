// Linearizable reads without writing: the leader makes sure that it still leads
// (dissertation, 6.4); see core.hpp.
#include "actors/raft/core.hpp"

#include <algorithm>

namespace troupe::raft {

namespace {

constexpr size_t waiting_reads_max = 100'000;

} // namespace

void core::read(uint64_t id) {
  if (leading()) return begin_read({id, self_});
  if (leader_ == nobody || forwarded_reads_.size() >= waiting_reads_max)
    return output_.reads.push_back({id, 0, true});
  forwarded_reads_.insert(id);
  send_early(leader_, read_request{id});
}

void core::on(const message& from, const read_request& x) {
  if (leading()) return begin_read({x.id, from.from});
  send_early(from.from, read_response{x.id, 0, true});
}

void core::on(const message&, const read_response& x) {
  if (forwarded_reads_.erase(x.id) > 0) output_.reads.push_back({x.id, x.index, x.failed});
}

void core::begin_read(waiting_read x) {
  auto& me = *leading();
  if (me.reads.size() + me.early_reads.size() >= waiting_reads_max) return answer(x, true);
  // Before the first commit of its term a leader does not know what is committed.
  if (state_.commit < me.first_index) return me.early_reads.push_back(x);
  x.index = state_.commit;
  if (members().quorum() == 1 || settings_.bug_read_without_quorum || lease_holds())
    return answer(x, false);
  me.reads.push_back(x);
  me.round_wanted = true; // one round for all reads of this output
}

void core::answer_reads() {
  auto& me = *leading();
  std::vector<uint64_t> rounds;
  for (auto& [id, x] : members().members)
    if (x.voter) rounds.push_back(id == self_ ? me.round : me.others.at(id).round);
  std::ranges::sort(rounds, std::greater{});
  auto confirmed = rounds.size() < members().quorum() ? 0 : rounds[members().quorum() - 1];
  for (; !me.reads.empty() && me.reads.front().round != 0 && me.reads.front().round <= confirmed;
       me.reads.pop_front())
    answer(me.reads.front(), false);
}

void core::answer(const waiting_read& x, bool failed) {
  if (x.asked_by == self_)
    output_.reads.push_back({x.id, x.index, failed});
  else
    send_early(x.asked_by, read_response{x.id, x.index, failed});
}

/// The leader changes: nobody will answer these any more.
void core::fail_reads() {
  for (auto id : std::exchange(forwarded_reads_, {})) output_.reads.push_back({id, 0, true});
  auto me = leading();
  if (!me) return;
  for (auto& x : std::exchange(me->reads, {})) answer(x, true);
  for (auto& x : std::exchange(me->early_reads, {})) answer(x, true);
}

/// While a quorum would refuse to elect somebody else, we lead. The clock behind the ticks must be
/// monotonic and caught up with before a read, or a process that was stopped believes in the past.
bool core::lease_holds() const {
  return settings_.lease_reads && ticks_ < leading()->lease_until_tick;
}

void core::extend_lease() {
  auto& me = *leading();
  std::vector<uint64_t> rounds;
  for (auto& [id, x] : members().members)
    if (x.voter) rounds.push_back(id == self_ ? me.round : me.others.at(id).round);
  std::ranges::sort(rounds, std::greater{});
  if (rounds.size() < members().quorum() || me.transfer_to != nobody) return;
  auto confirmed = rounds[members().quorum() - 1];
  // Counted from the sending, and a quarter shorter than the promise, for clocks that drift.
  auto lease_ticks = settings_.election_ticks * 3 / 4;
  while (!me.round_ticks.empty() && me.round_ticks.front().first <= confirmed) {
    me.lease_until_tick =
        std::max(me.lease_until_tick, me.round_ticks.front().second + lease_ticks);
    me.round_ticks.pop_front();
  }
}

} // namespace troupe::raft
