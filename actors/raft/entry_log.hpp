// The part of the replicated log that is in memory: everything after what compaction dropped. Pure.
#pragma once

#include "actors/raft/message.hpp"

#include <cassert>
#include <deque>
#include <optional>

namespace troupe::raft {

class entry_log {
public:
  entry_log() = default;
  entry_log(uint64_t base_index, uint64_t base_term)
      : base_index_{base_index}, base_term_{base_term} {}

  /// The last index and term that compaction dropped; 0 when nothing was.
  uint64_t base_index() const { return base_index_; }
  uint64_t base_term() const { return base_term_; }
  uint64_t last_index() const { return base_index_ + entries_.size(); }
  uint64_t last_term() const { return entries_.empty() ? base_term_ : entries_.back().term; }
  size_t bytes() const { return bytes_; }

  /// The term of the entry at `index`, if it is known.
  std::optional<uint64_t> term(uint64_t index) const {
    if (index == base_index_) return base_term_;
    if (index < base_index_ || index > last_index()) return {};
    return at(index).term;
  }

  bool matches(uint64_t index, uint64_t term_there) const { return term(index) == term_there; }

  const entry& at(uint64_t index) const {
    assert(index > base_index_ && index <= last_index());
    return entries_[index - base_index_ - 1];
  }

  void append(entry x) {
    assert(x.index == last_index() + 1);
    bytes_ += x.bytes();
    entries_.push_back(std::move(x));
  }

  /// Drops `index` and everything after it.
  void truncate(uint64_t index) {
    while (last_index() >= index && !entries_.empty()) {
      bytes_ -= entries_.back().bytes();
      entries_.pop_back();
    }
  }

  /// Forgets everything up to `index`, which is applied.
  void compact(uint64_t index) {
    while (base_index_ < index && !entries_.empty()) {
      base_index_ = entries_.front().index;
      base_term_ = entries_.front().term;
      bytes_ -= entries_.front().bytes();
      entries_.pop_front();
    }
  }

  /// Entries from `from` on, as many as `bytes_max` holds and at least one.
  std::vector<entry> slice(uint64_t from, uint64_t to, size_t bytes_max) const {
    std::vector<entry> out;
    size_t bytes = 0;
    for (auto i = from; i <= to && i <= last_index(); ++i) {
      bytes += at(i).bytes();
      if (!out.empty() && bytes > bytes_max) break;
      out.push_back(at(i));
    }
    return out;
  }

private:
  uint64_t base_index_ = 0;
  uint64_t base_term_ = 0;
  std::deque<entry> entries_;
  size_t bytes_ = 0;
};

} // namespace troupe::raft
