// The store as a leader's own actors use it: every write carries the term in which they were
// started, so that what they still had to say when another leads has no effect.
#pragma once

#include "storage/store.hpp"

#include <memory>

namespace troupe {

class fenced_store final : public storage::store {
public:
  fenced_store(std::shared_ptr<storage::store> behind, uint64_t term)
      : behind_{std::move(behind)}, term_{term} {}

  storage::snapshot current() const override { return behind_->current(); }
  result<storage::snapshot> at(uint64_t revision) override { return behind_->at(revision); }
  result<std::vector<storage::past_change>> history(std::string_view key,
                                                    size_t changes_max) override {
    return behind_->history(key, changes_max);
  }
  result<uint64_t> revision_at(uint64_t time_ms) override { return behind_->revision_at(time_ms); }
  void commit(storage::transaction change, completion done) override {
    change.leader_term = term_;
    behind_->commit(std::move(change), std::move(done));
  }
  result<storage::watch> subscribe(storage::watch_options options) override {
    return behind_->subscribe(std::move(options));
  }
  void linearize(std::function<void(result<void>)> ready) override {
    behind_->linearize(std::move(ready));
  }

private:
  const std::shared_ptr<storage::store> behind_;
  const uint64_t term_;
};

} // namespace troupe
