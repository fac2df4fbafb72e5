#include "actors/raft/group.hpp"

namespace troupe::raft {

namespace {

using kind = membership_change::kind;

std::string name(member_id id) { return "server " + std::to_string(id); }

error unknown(member_id id) {
  return {errc::not_found, "there is no " + name(id) + "; `troupe members list` shows them"};
}

/// Whether those who are there now would still agree without this one.
result<void> survives_without(member_id id, const group_view& now) {
  auto after = now.members;
  after.members.erase(id);
  size_t there = 0;
  for (auto& [x, m] : after.members) {
    auto peer = now.peers.find(x);
    there += m.voter && (x == now.self || (peer != now.peers.end() && peer->second.active));
  }
  if (after.voters() > 0 && there < after.quorum())
    return error{errc::conflict, "without " + name(id) + " only " + std::to_string(there) + " of " +
                                     std::to_string(after.voters()) +
                                     " servers could be reached, and " +
                                     std::to_string(after.quorum()) +
                                     " are needed: bring the others back, or remove them first"};
  return {};
}

} // namespace

result<membership_change> decide(const group_wish& wish, const group_view& now) {
  auto& all = now.members.members;
  auto at = all.find(wish.id);
  switch (wish.what) {
  case group_wish::kind::add:
    if (wish.address.empty() || wish.api.empty())
      return error{errc::bad_request, "a server that joins must say where it can be reached"};
    for (auto& [id, m] : all) {
      if (m.address == wish.address)
        return error{errc::conflict, name(id) + " is at " + wish.address +
                                         " already: `troupe members remove " + std::to_string(id) +
                                         "` first if that one is gone"};
      if (m.address.empty())
        return error{errc::conflict, name(id) + " has not said where others can reach it: start "
                                                "it with --advertise IP"};
    }
    return membership_change{kind::add_learner, now.members.greatest_id + 1, wish.address,
                             wish.api};
  case group_wish::kind::move:
    if (at == all.end()) return unknown(wish.id);
    return membership_change{kind::move, wish.id, wish.address, wish.api};
  case group_wish::kind::remove:
    if (at == all.end()) return unknown(wish.id);
    if (at->second.voter)
      if (auto fine = survives_without(wish.id, now); !fine) return fine.error();
    return membership_change{kind::remove, wish.id, {}, {}};
  case group_wish::kind::transfer: break;
  }
  return error{errc::bad_request, "no such wish"};
}

member_id heir(const group_view& now) {
  if (now.leader != now.self) return nobody;
  member_id best = nobody;
  for (auto& [id, peer] : now.peers) {
    auto member = now.members.members.find(id);
    bool fit = member != now.members.members.end() && member->second.voter && peer.active;
    if (fit && (best == nobody || peer.match > now.peers.at(best).match)) best = id;
  }
  return best;
}

std::string why_no_leader(const membership& members, size_t reachable) {
  auto all = members.members.size(), needed = members.quorum();
  if (all == 0) return "this server does not belong to a cluster yet; the leader will tell it";
  auto count = std::to_string(reachable) + " of " + std::to_string(all) + " servers";
  if (reachable >= needed)
    return "the servers are choosing a leader (" + count + " can be reached)";
  return "the majority of servers is lost: " + count + " can be reached and " +
         std::to_string(needed) +
         " are needed. Start the others; if they are gone for good, run `troupe recover` on one "
         "that is left";
}

std::shared_ptr<const group::actor> group::now() const {
  std::lock_guard lock{mutex_};
  return actor_;
}

void group::serve(std::shared_ptr<const actor> by) {
  std::lock_guard lock{mutex_};
  actor_ = std::move(by);
}

void group::ask(group_wish wish, answer done) {
  auto by = now();
  if (!by) return done(error{errc::unavailable, "this server is starting or ending"});
  by->post([by, wish = std::move(wish), done = std::move(done)]() mutable {
    by->carry_out(std::move(wish), std::move(done));
  });
}

void group::look(std::function<void(group_view)> show) {
  auto by = now();
  if (!by) return show({});
  by->post([by, show = std::move(show)] { show(by->view()); });
}

} // namespace troupe::raft
