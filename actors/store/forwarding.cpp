#include "actors/store/forwarding.hpp"

#include "messages/cluster/peer.pb.h"

namespace troupe {

using storage::outcome;
using storage::refusal;

std::string encode_answer(uint64_t id, const result<outcome>& x) {
  cluster::CommitAnswer to;
  to.set_id(id);
  if (!x) {
    to.set_error(static_cast<uint32_t>(x.error().code) + 1);
    to.set_message(x.error().message);
    return to.SerializeAsString();
  }
  to.set_revision(x->revision);
  if (x->refused) {
    to.set_refused(static_cast<uint32_t>(x->refused->why) + 1);
    to.set_refused_which(x->refused->which);
    to.set_current_revision(x->refused->current_revision);
  }
  return to.SerializeAsString();
}

result<outcome> decode_answer(std::string_view bytes, uint64_t& id) {
  cluster::CommitAnswer from;
  id = 0;
  if (!from.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return error{errc::corrupt, "an answer that does not decode"};
  id = from.id();
  if (from.error() > static_cast<uint32_t>(errc::not_leader) + 1)
    return error{errc::unavailable, from.message()};
  if (from.error() > 0) return error{static_cast<errc>(from.error() - 1), from.message()};
  outcome to{from.revision(), {}};
  if (from.refused() > static_cast<uint32_t>(refusal::reason::not_there) + 1)
    return error{errc::unavailable, "refused for a reason that is unknown here"};
  if (from.refused() > 0)
    to.refused = refusal{static_cast<refusal::reason>(from.refused() - 1), from.refused_which(),
                         from.current_revision()};
  return to;
}

void forwarding::add(proposal x, uint64_t tick) {
  if (bytes_ + x.payload->size() > limits_.bytes_max)
    return x.done(error{errc::too_many_requests, "too many writes wait for the leader"});
  bytes_ += x.payload->size();
  auto mark = x.mark;
  not_sent(waiting_.emplace(mark, waiting_write{std::move(x), tick}).first->second);
}

void forwarding::take_back(std::vector<proposal> all, uint64_t term, uint64_t tick) {
  for (auto& x : all) {
    // They were let in before: no limit turns them away now.
    bytes_ += x.payload->size();
    auto mark = x.mark;
    auto& held = waiting_.emplace(mark, waiting_write{std::move(x), tick, term}).first->second;
    if (term == 0 || term < settled_term_) not_sent(held);
  }
}

std::vector<forwarding::request> forwarding::take_unsent(uint64_t term) {
  std::vector<request> out;
  if (unsent_ == 0) return out;
  for (auto& [mark, x] : waiting_)
    if (x.sent_in == 0) {
      x.sent_in = term;
      out.push_back({mark, x.what.payload});
    }
  unsent_ = 0;
  return out;
}

std::vector<forwarding::proposal> forwarding::take_held() {
  std::vector<proposal> out;
  std::vector<uint64_t> held;
  for (auto& [mark, x] : waiting_)
    if (x.sent_in == 0) held.push_back(mark);
  out.reserve(held.size());
  for (auto mark : held) out.push_back(std::move(take(mark).what));
  return out;
}

void forwarding::answered(uint64_t mark, result<outcome> x, uint64_t visible) {
  auto at = waiting_.find(mark);
  if (at == waiting_.end()) return; // given up before, or answered already
  // It was not taken, and never will be in that term.
  if (!x && x.error().code == errc::not_leader) {
    if (at->second.sent_in != 0) not_sent(at->second);
    return;
  }
  if (!x || x->revision <= visible) return finish(mark, std::move(x));
  invisible_.emplace(x->revision, std::pair{std::move(take(mark).what.done), *x});
}

void forwarding::reached(uint64_t revision) {
  while (!invisible_.empty() && invisible_.begin()->first <= revision) {
    auto [done, outcome] = std::move(invisible_.begin()->second);
    invisible_.erase(invisible_.begin());
    done(outcome);
  }
}

void forwarding::settled(uint64_t term) {
  settled_term_ = std::max(settled_term_, term);
  std::vector<uint64_t> in_doubt;
  for (auto& [mark, x] : waiting_) {
    if (x.sent_in == 0 || x.sent_in >= term) continue;
    if (x.in_doubt)
      in_doubt.push_back(mark);
    else
      not_sent(x);
  }
  for (auto mark : in_doubt)
    finish(mark, error{errc::unavailable, "the leader was lost: the write may have happened"});
}

void forwarding::skipped(uint64_t term) {
  for (auto& [_, x] : waiting_) x.in_doubt |= x.sent_in != 0 && x.sent_in <= term;
  settled(term);
}

void forwarding::tick(uint64_t now, const std::function<std::string()>& why_no_leader) {
  std::vector<uint64_t> late;
  for (auto& [mark, x] : waiting_)
    if (x.tick + limits_.patience_ticks <= now) late.push_back(mark);
  for (auto mark : late)
    finish(mark,
           waiting_.at(mark).sent_in != 0
               ? error{errc::timeout, "the leader did not answer: the write may have happened"}
               : error{errc::unavailable, why_no_leader()});
}

void forwarding::give_up(const std::string& why) {
  while (!waiting_.empty()) finish(waiting_.begin()->first, error{errc::unavailable, why});
  for (auto& [_, each] : std::exchange(invisible_, {})) each.first(each.second);
}

forwarding::waiting_write forwarding::take(uint64_t mark) {
  auto taken = std::move(waiting_.extract(mark).mapped());
  bytes_ -= taken.what.payload->size();
  unsent_ -= taken.sent_in == 0;
  return taken;
}

void forwarding::finish(uint64_t mark, result<outcome> x) {
  auto done = std::move(take(mark).what.done);
  done(std::move(x));
}

} // namespace troupe
