#include "storage/keeper.hpp"

#include <algorithm>

namespace troupe::storage {

void keeper::reset(const snapshot& at, checkpoint_meta meta) {
  std::lock_guard lock{mutex_};
  waiting_.clear();
  waiting_bytes_ = 0;
  past_.clear();
  noted_ = at;
  noted_meta_ = std::move(meta);
}

bool keeper::note(published_batch batch, snapshot after) {
  std::lock_guard lock{mutex_};
  waiting_bytes_ += batch.bytes;
  noted_meta_.position = batch.position;
  if (!batch.agreement.empty()) noted_meta_.agreement = batch.agreement;
  waiting_.push_back(std::make_shared<const published_batch>(std::move(batch)));
  noted_ = std::move(after);
  return waiting_bytes_ >= settings_.checkpoint_bytes && !std::exchange(asked_, true);
}

bool keeper::behind() const {
  std::lock_guard lock{mutex_};
  return waiting_bytes_ > settings_.behind_bytes_max;
}

result<log_position> keeper::write_checkpoint(uint64_t now_ms) {
  std::lock_guard writing{writing_};
  std::vector<batch_ptr> batches;
  {
    std::lock_guard lock{mutex_};
    asked_ = false;
    batches = waiting_;
  }
  if (batches.empty()) return log_position{};
  if (auto done = checkpoint_->add(batches, settings_.history, now_ms); !done) return done.error();
  forget(batches);
  return batches.back()->position;
}

result<log_position> keeper::rewrite_checkpoint() {
  std::lock_guard writing{writing_};
  std::vector<batch_ptr> batches;
  snapshot now;
  checkpoint_meta meta;
  {
    std::lock_guard lock{mutex_};
    batches = waiting_;
    now = noted_;
    meta = noted_meta_;
  }
  if (auto done = checkpoint_->replace(now.contents(), meta); !done) return done.error();
  forget(batches);
  return meta.position;
}

/// They are durable. What waits may have been forgotten meanwhile, for a snapshot that came in.
void keeper::forget(const std::vector<batch_ptr>& written) {
  std::lock_guard lock{mutex_};
  size_t count = 0;
  while (count < written.size() && count < waiting_.size() && waiting_[count] == written[count])
    waiting_bytes_ -= written[count++]->bytes;
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<ptrdiff_t>(count));
}

result<snapshot> keeper::at(uint64_t revision) {
  std::vector<batch_ptr> waiting;
  snapshot from;
  {
    std::lock_guard lock{mutex_};
    auto known = std::ranges::find(past_, revision, &snapshot::revision);
    if (known != past_.end()) return *known;
    waiting = waiting_;
    from = noted_;
  }
  if (revision == from.revision()) return from;
  if (revision > from.revision())
    return error{errc::bad_request, "revision " + std::to_string(revision) +
                                        " has not happened yet: the newest is " +
                                        std::to_string(from.revision())};
  auto built = take_back(std::move(from), std::move(waiting), revision);
  if (!built) return built;
  std::lock_guard lock{mutex_};
  past_.push_front(*built);
  if (past_.size() > settings_.past_snapshots_max) past_.pop_back();
  return built;
}

result<std::vector<past_change>> keeper::history(std::string_view key, size_t changes_max) {
  std::vector<batch_ptr> waiting;
  snapshot from;
  {
    std::lock_guard lock{mutex_};
    waiting = waiting_;
    from = noted_;
  }
  std::vector<past_change> out;
  auto after = from.get(key);
  auto lowest =
      from.revision() + 1; // what a checkpoint in between has taken over is not seen twice
  auto note = [&](uint64_t revision, uint64_t cause, uint64_t time_ms, const entry_ptr& before) {
    out.push_back({revision, cause, time_ms, std::exchange(after, before), before});
  };
  for (auto batch = waiting.rbegin(); batch != waiting.rend(); ++batch)
    for (auto x = (*batch)->events.rbegin(); x != (*batch)->events.rend(); ++x) {
      lowest = (*x)->revision();
      if ((*x)->now->key() == key && out.size() < changes_max)
        note(lowest, (*x)->cause, (*batch)->time_ms, (*x)->before);
    }
  auto visited = checkpoint_->visit_history(lowest, [&](checkpoint::undo x) {
    if (x.key == key && out.size() < changes_max) note(x.revision, x.cause, x.time_ms, x.before);
    return out.size() < changes_max;
  });
  if (!visited) return visited.error();
  return out;
}

result<uint64_t> keeper::revision_at(uint64_t time_ms) {
  std::vector<batch_ptr> waiting;
  uint64_t lowest = 0;
  {
    std::lock_guard lock{mutex_};
    waiting = waiting_;
    lowest = noted_.revision() + 1;
  }
  for (auto batch = waiting.rbegin(); batch != waiting.rend(); ++batch) {
    if ((*batch)->time_ms <= time_ms) return (*batch)->revision;
    for (auto& x : (*batch)->events) lowest = std::min(lowest, x->revision());
  }
  std::optional<uint64_t> found;
  auto oldest = checkpoint_->visit_history(lowest, [&](checkpoint::undo x) {
    if (x.time_ms <= time_ms) found = x.revision;
    lowest = std::min(lowest, x.revision);
    return !found;
  });
  if (!oldest) return oldest.error();
  if (found) return *found;
  if (lowest > *oldest) return lowest - 1;
  return error{errc::expired, "the past is not kept so far back: its oldest revision is " +
                                  std::to_string(*oldest)};
}

/// Walks back from `from`: first what still waits for the checkpoint, then what is in it.
result<snapshot> keeper::take_back(snapshot from, std::vector<batch_ptr> waiting,
                                   uint64_t revision) {
  auto past = from.contents();
  auto lowest = past.revision + 1; // everything from here on was taken back
  auto undo = [&past](std::string_view key, const entry_ptr& before) {
    if (before)
      past.objects.put(before);
    else
      past.objects.erase(key);
  };
  for (auto batch = waiting.rbegin(); batch != waiting.rend() && lowest > revision + 1; ++batch)
    for (auto x = (*batch)->events.rbegin(); x != (*batch)->events.rend(); ++x) {
      if ((*x)->revision() <= revision) break;
      undo((*x)->now->key(), (*x)->before);
      lowest = (*x)->revision();
    }
  if (lowest > revision + 1) {
    auto oldest = checkpoint_->visit_history(lowest, [&](checkpoint::undo x) {
      if (x.revision <= revision) return false;
      undo(x.key, x.before);
      return true;
    });
    if (!oldest) return oldest.error();
    if (revision < *oldest)
      return error{errc::expired, "too old resource version: " + std::to_string(revision) + " (" +
                                      std::to_string(*oldest) + ")"};
  }
  past.revision = revision;
  return snapshot{std::move(past)};
}

} // namespace troupe::storage
