// The store as one actor uses it: what it asks for is told, with the actor's name, to whoever
// traces.
#pragma once

#include "actors/insight/trace.hpp"
#include "storage/store.hpp"

#include <string>

namespace troupe {

class traced_store final : public storage::store {
public:
  /// `behind` outlives it.
  traced_store(storage::store& behind, std::string who) : behind_{behind}, who_{std::move(who)} {}

  storage::snapshot current() const override { return behind_.current(); }
  result<storage::snapshot> at(uint64_t revision) override { return behind_.at(revision); }
  result<std::vector<storage::past_change>> history(std::string_view key,
                                                    size_t changes_max) override {
    return behind_.history(key, changes_max);
  }
  result<uint64_t> revision_at(uint64_t time_ms) override { return behind_.revision_at(time_ms); }
  void commit(storage::transaction change, completion done) override {
    if (trace::on()) {
      auto now = behind_.current();
      trace::commits(who_, change, [&](std::string_view key) { return now.find(key); });
    }
    behind_.commit(std::move(change), std::move(done));
  }
  result<storage::watch> subscribe(storage::watch_options options) override {
    return behind_.subscribe(std::move(options));
  }
  void linearize(std::function<void(result<void>)> ready) override {
    behind_.linearize(std::move(ready));
  }

private:
  storage::store& behind_;
  const std::string who_;
};

} // namespace troupe
