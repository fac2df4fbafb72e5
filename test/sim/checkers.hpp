// What must hold in every history, checked as it happens: one leader a term, one log, acknowledged
// writes stay, revisions and watches in order, and every client's view linearizable.
#pragma once

#include "actors/raft/replica.hpp"

#include <map>
#include <stdexcept>
#include <string>

namespace troupe::sim {

/// A rule was broken: the message says which and where.
struct violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What one client did once, and what it was told.
struct operation {
  enum class kind : uint8_t { write, read };
  kind what = kind::write;
  uint64_t number = 0;
  uint64_t invoked_at = 0;
  uint64_t completed_at = 0; ///< 0: it never heard
  bool known = false;        ///< it was told an outcome
  storage::outcome outcome;
  uint64_t read_revision = 0;
  std::string read_key;
  std::string read_value; ///< empty: absent
};

/// Knows the one history that is agreed on, from whoever applies an entry first.
class history_checker {
public:
  /// A member leads.
  void leads(raft::member_id who, uint64_t term);

  /// A member applied an entry and came to `outcome`.
  void applied(raft::member_id who, const raft::entry& x, const storage::outcome& outcome);

  /// A member stands at an index of the log with its state at a revision.
  void stands(raft::member_id who, uint64_t index, uint64_t revision) const;

  /// A member's state, whatever its revision.
  void holds(raft::member_id who, const storage::snapshot& now) const;

  /// What a watcher of `resource` that began after `after` has read, up to `progress`.
  void watched(raft::member_id who, const std::string& resource, uint64_t after, uint64_t progress,
               const std::vector<storage::event_ptr>& events) const;

  /// Everything that clients saw fits one order (see the definition): in the end.
  void linearizable(const std::vector<operation>& operations) const;

  uint64_t revision() const { return revision_; }
  uint64_t entries() const { return log_.size(); }

private:
  struct agreed_entry {
    uint64_t term = 0;
    std::string payload;
    storage::outcome outcome;
  };
  /// A value of a key and when it was there; empty: absent.
  struct version {
    uint64_t revision = 0;
    std::string value;
  };

  storage::outcome model_apply(const raft::entry& x);
  std::optional<version> value_at(const std::string& key, uint64_t revision) const;

  std::map<uint64_t, raft::member_id> leaders_;
  std::map<uint64_t, agreed_entry> log_;
  uint64_t revision_ = 0;
  std::map<std::string, std::vector<version>> values_;
  std::map<uint64_t, std::vector<std::string>> changed_; ///< keys by revision
};

} // namespace troupe::sim
