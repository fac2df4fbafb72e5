// Which machines have taken in what they were told. A pod that is to stop waits until no machine
// leads clients to it any more: its node asks, all machines are told a mark, and when each of them
// has answered, everything told before the mark is true everywhere. Whoever asks while a round is
// under way belongs to the next. Pure: no actor, clock or I/O.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace troupe::nodes {

class mark_rounds {
public:
  struct asker {
    std::string node;
    uint64_t request = 0; ///< a number of its own

    bool operator==(const asker&) const = default;
  };

  void wants(const std::string& node, uint64_t request) {
    if (waiting_.size() < askers_max) waiting_.push_back({node, request});
  }

  /// Somebody waits, and no round is under way.
  bool may_begin() const { return !waiting_.empty() && asked_.empty(); }

  /// The mark that `machines` are to be told.
  uint64_t begin(std::set<std::string> machines) {
    asked_.swap(waiting_);
    machines_ = std::move(machines);
    return ++mark_;
  }

  void taken_in(const std::string& node, uint64_t mark) {
    if (mark == mark_) machines_.erase(node);
  }
  /// A machine that is not there leads nobody whom we could help.
  void left(const std::string& node) { machines_.erase(node); }
  /// The round has lasted long enough: who has not answered is not waited for.
  void give_up() { machines_.clear(); }

  /// Who can be answered, each once.
  std::vector<asker> take_done() {
    return machines_.empty() ? std::exchange(asked_, {}) : std::vector<asker>{};
  }

private:
  static constexpr size_t askers_max = 100'000; ///< the others wait for their patience's end

  uint64_t mark_ = 0;
  std::vector<asker> waiting_, asked_; ///< for the next round; in the one under way
  std::set<std::string> machines_;     ///< that have not answered yet
};

} // namespace troupe::nodes
