// The words of Raft as plain data: entries, memberships and messages between members. The wire form
// is messages/cluster/raft.proto (see codec.hpp).
#pragma once

#include "storage/log_record.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace troupe::raft {

using member_id = uint64_t; ///< never 0, never reused
inline constexpr member_id nobody = 0;

using storage::record_kind;
using payload_ptr = std::shared_ptr<const std::string>;

/// One entry of the replicated log. Its payload is shared, never copied.
struct entry {
  uint64_t index = 0;
  uint64_t term = 0;
  record_kind kind = record_kind::transaction;
  payload_ptr payload;

  size_t bytes() const { return 32 + (payload ? payload->size() : 0); }
};

struct member {
  std::string address;
  bool voter = false; ///< otherwise a learner: it receives everything and decides nothing
  std::string api;    ///< where it serves the API

  bool operator==(const member&) const = default;
};

/// Who belongs to the group.
struct membership {
  std::map<member_id, member> members;
  member_id greatest_id = 0; ///< ids up to here are never given again

  bool votes(member_id x) const {
    auto at = members.find(x);
    return at != members.end() && at->second.voter;
  }
  size_t voters() const {
    size_t count = 0;
    for (auto& [_, x] : members) count += x.voter;
    return count;
  }
  size_t quorum() const { return voters() / 2 + 1; }
  bool operator==(const membership&) const = default;
};

struct vote_request {
  uint64_t last_index = 0;
  uint64_t last_term = 0;
  bool pre = false;
  bool transfer = false;
};
struct vote_response {
  bool pre = false;
  bool granted = false;
};
struct append_request {
  uint64_t prev_index = 0;
  uint64_t prev_term = 0;
  std::vector<entry> entries;
  uint64_t commit = 0;
};
struct append_response {
  bool accepted = false;
  uint64_t index = 0; ///< accepted: durable and equal up to here; refused: the prev_index refused
  uint64_t hint_index = 0;
  uint64_t hint_term = 0;
};
struct heartbeat {
  uint64_t commit = 0;
  uint64_t round = 0;
};
struct heartbeat_response {
  uint64_t round = 0;
};
struct timeout_now {};
struct read_request {
  uint64_t id = 0;
};
struct read_response {
  uint64_t id = 0;
  uint64_t index = 0;
  bool failed = false;
};

/// What a snapshot stands for.
struct snapshot_meta {
  uint64_t index = 0;
  uint64_t term = 0;
  membership members;
};
struct snapshot_chunk {
  snapshot_meta meta;
  uint64_t offset = 0;
  uint64_t total_bytes = 0;
  std::string data;
};
struct snapshot_progress {
  uint64_t index = 0;
  uint64_t offset = 0; ///< everything before has arrived
};

using message_body = std::variant<vote_request, vote_response, append_request, append_response,
                                  heartbeat, heartbeat_response, timeout_now, read_request,
                                  read_response, snapshot_chunk, snapshot_progress>;

struct message {
  member_id from = nobody;
  member_id to = nobody;
  uint64_t term = 0;
  message_body body;
};

/// What a member must never forget. `commit` is a hint that saves work after a restart.
struct hard_state {
  uint64_t term = 0;
  member_id vote = nobody;
  uint64_t commit = 0;

  bool same_promise(const hard_state& other) const {
    return term == other.term && vote == other.vote;
  }
  bool operator==(const hard_state&) const = default;
};

} // namespace troupe::raft
