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
  waiting_.emplace(next_id_++, waiting_write{std::move(x), tick});
}

std::vector<forwarding::request> forwarding::take_unsent() {
  std::vector<request> out;
  for (auto& [id, x] : waiting_)
    if (!std::exchange(x.sent, true)) out.push_back({id, x.what.payload});
  return out;
}

std::vector<forwarding::proposal> forwarding::take_held() {
  std::vector<proposal> out;
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    if (at->second.sent) {
      ++at;
      continue;
    }
    bytes_ -= at->second.what.payload->size();
    out.push_back(std::move(at->second.what));
    at = waiting_.erase(at);
  }
  return out;
}

void forwarding::answered(uint64_t id, result<outcome> x, uint64_t applied) {
  auto at = waiting_.find(id);
  if (at == waiting_.end()) return; // given up before
  if (!x || x->revision <= applied) return finish(id, std::move(x));
  bytes_ -= at->second.what.payload->size();
  invisible_.emplace(x->revision, std::pair{std::move(at->second.what.done), *x});
  waiting_.erase(at);
}

void forwarding::reached(uint64_t revision) {
  while (!invisible_.empty() && invisible_.begin()->first <= revision) {
    auto [done, outcome] = std::move(invisible_.begin()->second);
    invisible_.erase(invisible_.begin());
    done(outcome);
  }
}

void forwarding::lost_leader() {
  std::vector<uint64_t> lost;
  for (auto& [id, x] : waiting_)
    if (x.sent) lost.push_back(id);
  for (auto id : lost)
    finish(id, error{errc::unavailable, "the leader was lost: the write may have happened"});
}

void forwarding::tick(uint64_t now, const std::function<std::string()>& why_no_leader) {
  std::vector<uint64_t> late;
  for (auto& [id, x] : waiting_)
    if (x.tick + limits_.patience_ticks <= now) late.push_back(id);
  for (auto id : late)
    finish(id, waiting_.at(id).sent
                   ? error{errc::timeout, "the leader did not answer: the write may have happened"}
                   : error{errc::unavailable, why_no_leader()});
}

void forwarding::finish(uint64_t id, result<outcome> x) {
  auto node = waiting_.extract(id);
  bytes_ -= node.mapped().what.payload->size();
  node.mapped().what.done(std::move(x));
}

} // namespace troupe
