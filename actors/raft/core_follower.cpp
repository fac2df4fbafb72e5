// A follower takes what the leader sends; see core.hpp.
#include "actors/raft/core.hpp"

#include <algorithm>

namespace troupe::raft {

void core::on(const message& from, append_request& x) {
  if (leading()) return; // two leaders in one term cannot be
  if (leader_ != from.from || current_role() != role::follower)
    become_follower(state_.term, from.from);
  elapsed_ = 0;
  if (installing()) return;         // the log is about to be replaced: the leader will ask again
  if (x.prev_index < state_.commit) // late: all of that is committed here
    return send(from.from, append_response{true, state_.commit});
  if (!log_.matches(x.prev_index, x.prev_term)) return refuse_append(from, x);
  auto last_new = x.prev_index + x.entries.size();
  for (auto& e : x.entries)
    if (!log_.matches(e.index, e.term)) accept_entry(std::move(e));
  // A message that was reordered or repeated shortens nothing: only a conflict does.
  state_.commit = std::max(state_.commit, std::min(x.commit, last_new));
  send(from.from, append_response{true, last_new});
}

/// Appends one entry, dropping what conflicts with it (paper, figure 2).
void core::accept_entry(entry x) {
  if (x.index <= log_.last_index()) {
    assert(x.index > state_.commit); // committed entries never change
    log_.truncate(x.index);
    durable_index_ = std::min(durable_index_, x.index - 1);
    handed_index_ = std::min(handed_index_, x.index - 1);
    while (memberships_.size() > 1 && memberships_.back().index >= x.index) memberships_.pop_back();
  }
  log_.append(std::move(x));
  note_membership(log_.at(log_.last_index()));
}

/// Says where the logs may agree, so that the leader need not step back entry by entry.
void core::refuse_append(const message& from, const append_request& x) {
  auto hint = agreeing_index(std::min(x.prev_index, log_.last_index()), x.prev_term);
  send(from.from, append_response{false, x.prev_index, hint, log_.term(hint).value_or(0)});
}

/// The last index up to `index` whose term is at most `term`: before it the logs may be equal.
uint64_t core::agreeing_index(uint64_t index, uint64_t term) const {
  while (index > log_.base_index() && log_.term(index).value_or(UINT64_MAX) > term) --index;
  return index;
}

void core::on(const message& from, const heartbeat& x) {
  if (leading()) return;
  if (leader_ != from.from || current_role() != role::follower)
    become_follower(state_.term, from.from);
  elapsed_ = 0;
  // The leader sends no commit index beyond what it knows to match here.
  if (!installing()) state_.commit = std::max(state_.commit, std::min(x.commit, log_.last_index()));
  send_early(from.from, heartbeat_response{x.round});
}

void core::on(const message& from, snapshot_chunk& x) {
  if (leading()) return;
  if (leader_ != from.from || current_role() != role::follower)
    become_follower(state_.term, from.from);
  elapsed_ = 0;
  if (installing()) return;
  // A log that has the snapshot's last entry needs no snapshot (paper, figure 13).
  if (log_.matches(x.meta.index, x.meta.term))
    state_.commit = std::max(state_.commit, x.meta.index);
  if (x.meta.index <= state_.commit) {
    incoming_.reset();
    return send(from.from, append_response{true, state_.commit});
  }
  if (!incoming_ || incoming_->meta.index != x.meta.index || incoming_->meta.term != x.meta.term)
    incoming_ = incoming_snapshot{x.meta};
  if (x.offset == incoming_->offset) {
    incoming_->offset += x.data.size();
    incoming_->complete = incoming_->offset == x.total_bytes;
    output_.arrived_chunks.push_back(std::move(x));
  }
  send_early(from.from, snapshot_progress{incoming_->meta.index, incoming_->offset});
}

void core::installed(const snapshot_meta& meta, bool fine) {
  if (!incoming_ || incoming_->meta.index != meta.index) return;
  incoming_.reset();
  if (!fine) return;
  assert(meta.index > state_.commit); // nothing was accepted meanwhile
  log_ = entry_log{meta.index, meta.term};
  memberships_ = {{meta.index, meta.members}};
  state_.commit = meta.index;
  durable_index_ = handed_index_ = applied_index_ = meta.index;
  pending_.clear();
  if (leader_ != nobody && leader_ != self_) send(leader_, append_response{true, meta.index});
}

} // namespace troupe::raft
