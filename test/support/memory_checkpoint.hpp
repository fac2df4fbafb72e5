// A checkpoint in memory that, like LMDB, has each call happen whole or not at all. It outlives the
// processes that use it, as a disk does.
#pragma once

#include "storage/checkpoint.hpp"

#include <deque>

namespace troupe::test {

class memory_checkpoint final : public storage::checkpoint {
public:
  result<loaded> load() override { return loaded{contents_, meta_}; }

  result<void> add(const std::vector<std::shared_ptr<const storage::published_batch>>& batches,
                   const storage::history_limits&, uint64_t) override {
    for (auto& batch : batches) {
      for (auto& x : batch->events) {
        history_.push_back(
            {x->revision(), std::string{x->now->key()}, x->before, x->cause, batch->time_ms});
        if (x->what == storage::event::kind::put)
          contents_.objects.put(x->now);
        else
          contents_.objects.erase(x->now->key());
      }
      contents_.revision = meta_.revision = batch->revision;
      meta_.position = batch->position;
      if (!batch->agreement.empty()) meta_.agreement = batch->agreement;
    }
    return {};
  }

  result<void> replace(const storage::state& contents,
                       const storage::checkpoint_meta& meta) override {
    contents_ = contents;
    meta_ = meta;
    meta_.revision = meta_.compacted = contents.revision;
    history_.clear();
    return {};
  }

  result<uint64_t> visit_history(uint64_t below, const std::function<bool(undo)>& visit) override {
    for (auto x = history_.rbegin(); x != history_.rend(); ++x)
      if (x->revision < below && !visit(*x)) break;
    return meta_.compacted;
  }

  result<room> measure() override { return room{}; }
  result<void> defragment() override { return {}; }
  result<void> check(const storage::pacer&) override { return {}; }
  void rest() override {}

private:
  storage::state contents_;
  storage::checkpoint_meta meta_;
  std::deque<undo> history_;
};

} // namespace troupe::test
