#include "actors/raft/codec.hpp"

#include "messages/cluster/raft.pb.h"
#include "storage/binary.hpp"
#include "storage/crc32c.hpp"

namespace troupe::raft {

namespace {

constexpr size_t members_max = 64;
constexpr size_t address_bytes_max = 1'024;

error malformed(std::string_view what) {
  return {errc::corrupt, "raft message: " + std::string(what)};
}

void write(cluster::RaftMembership& to, const membership& from) {
  to.set_greatest_id(from.greatest_id);
  for (auto& [id, x] : from.members) {
    auto& y = *to.add_members();
    y.set_id(id);
    y.set_address(x.address);
    y.set_voter(x.voter);
    if (!x.api.empty()) y.set_api(x.api);
  }
}

result<membership> read(const cluster::RaftMembership& from) {
  if (from.members_size() > static_cast<int>(members_max)) return malformed("too many members");
  membership to;
  to.greatest_id = from.greatest_id();
  for (auto& x : from.members()) {
    if (x.id() == nobody || x.id() > from.greatest_id() || x.address().size() > address_bytes_max ||
        x.api().size() > address_bytes_max)
      return malformed("a member's id or address is out of range");
    if (!to.members.emplace(x.id(), member{x.address(), x.voter(), x.api()}).second)
      return malformed("a member is named twice");
  }
  if (to.voters() == 0) return malformed("a membership without voters");
  return to;
}

template<class... Ts> struct overload : Ts... { using Ts::operator()...; };

void write(cluster::RaftMessage& to, const message_body& from) {
  std::visit(
      overload{
          [&](const vote_request& x) {
            auto& y = *to.mutable_vote_request();
            y.set_last_index(x.last_index);
            y.set_last_term(x.last_term);
            y.set_pre(x.pre);
            y.set_transfer(x.transfer);
          },
          [&](const vote_response& x) {
            to.mutable_vote_response()->set_pre(x.pre);
            to.mutable_vote_response()->set_granted(x.granted);
          },
          [&](const append_request& x) {
            auto& y = *to.mutable_append_request();
            y.set_prev_index(x.prev_index);
            y.set_prev_term(x.prev_term);
            y.set_commit(x.commit);
            for (auto& e : x.entries) {
              auto& z = *y.add_entries();
              z.set_index(e.index);
              z.set_term(e.term);
              z.set_kind(static_cast<uint32_t>(e.kind));
              if (e.payload) z.set_payload(*e.payload);
              z.set_checksum(storage::crc32c(z.payload()));
            }
          },
          [&](const append_response& x) {
            auto& y = *to.mutable_append_response();
            y.set_accepted(x.accepted);
            y.set_index(x.index);
            y.set_hint_index(x.hint_index);
            y.set_hint_term(x.hint_term);
          },
          [&](const heartbeat& x) {
            to.mutable_heartbeat()->set_commit(x.commit);
            to.mutable_heartbeat()->set_round(x.round);
          },
          [&](const heartbeat_response& x) { to.mutable_heartbeat_response()->set_round(x.round); },
          [&](const timeout_now&) { to.mutable_timeout_now(); },
          [&](const read_request& x) { to.mutable_read_request()->set_id(x.id); },
          [&](const read_response& x) {
            auto& y = *to.mutable_read_response();
            y.set_id(x.id);
            y.set_index(x.index);
            y.set_failed(x.failed);
          },
          [&](const snapshot_chunk& x) {
            auto& y = *to.mutable_snapshot_chunk();
            y.set_index(x.meta.index);
            y.set_term(x.meta.term);
            write(*y.mutable_membership(), x.meta.members);
            y.set_offset(x.offset);
            y.set_total_bytes(x.total_bytes);
            y.set_data(x.data);
            y.set_checksum(storage::crc32c(x.data));
          },
          [&](const snapshot_progress& x) {
            to.mutable_snapshot_progress()->set_index(x.index);
            to.mutable_snapshot_progress()->set_offset(x.offset);
          },
      },
      from);
}

result<message_body> read(const cluster::AppendRequest& from) {
  append_request to{from.prev_index(), from.prev_term(), {}, from.commit()};
  auto term = to.prev_term;
  for (auto& x : from.entries()) {
    auto kind = static_cast<record_kind>(x.kind());
    if (!storage::is_entry(kind)) return malformed("unknown kind of entry");
    if (x.index() != to.prev_index + 1 + to.entries.size() || x.term() < term)
      return malformed("entries out of order");
    if (x.checksum() != storage::crc32c(x.payload())) return malformed("an entry was damaged");
    if (kind == record_kind::membership)
      if (auto checked = decode_membership(x.payload()); !checked) return checked.error();
    term = x.term();
    to.entries.push_back(
        {x.index(), x.term(), kind, std::make_shared<const std::string>(x.payload())});
  }
  return message_body{std::move(to)};
}

result<message_body> read(const cluster::SnapshotChunk& from) {
  auto members = read(from.membership());
  if (!members) return members.error();
  if (from.checksum() != storage::crc32c(from.data())) return malformed("a chunk was damaged");
  if (from.offset() > from.total_bytes() || from.data().size() > from.total_bytes() - from.offset())
    return malformed("a chunk beyond the snapshot's end");
  return message_body{snapshot_chunk{{from.index(), from.term(), std::move(*members)},
                                     from.offset(),
                                     from.total_bytes(),
                                     from.data()}};
}

result<message_body> read_body(const cluster::RaftMessage& from) {
  switch (from.body_case()) {
  case cluster::RaftMessage::kVoteRequest: {
    auto& x = from.vote_request();
    return message_body{vote_request{x.last_index(), x.last_term(), x.pre(), x.transfer()}};
  }
  case cluster::RaftMessage::kVoteResponse:
    return message_body{vote_response{from.vote_response().pre(), from.vote_response().granted()}};
  case cluster::RaftMessage::kAppendRequest: return read(from.append_request());
  case cluster::RaftMessage::kAppendResponse: {
    auto& x = from.append_response();
    return message_body{append_response{x.accepted(), x.index(), x.hint_index(), x.hint_term()}};
  }
  case cluster::RaftMessage::kHeartbeat:
    return message_body{heartbeat{from.heartbeat().commit(), from.heartbeat().round()}};
  case cluster::RaftMessage::kHeartbeatResponse:
    return message_body{heartbeat_response{from.heartbeat_response().round()}};
  case cluster::RaftMessage::kTimeoutNow: return message_body{timeout_now{}};
  case cluster::RaftMessage::kReadRequest:
    return message_body{read_request{from.read_request().id()}};
  case cluster::RaftMessage::kReadResponse: {
    auto& x = from.read_response();
    return message_body{read_response{x.id(), x.index(), x.failed()}};
  }
  case cluster::RaftMessage::kSnapshotChunk: return read(from.snapshot_chunk());
  case cluster::RaftMessage::kSnapshotProgress:
    return message_body{
        snapshot_progress{from.snapshot_progress().index(), from.snapshot_progress().offset()}};
  case cluster::RaftMessage::BODY_NOT_SET: break;
  }
  return malformed("no known body");
}

} // namespace

std::string encode(const message& x) {
  cluster::RaftMessage to;
  to.set_from(x.from);
  to.set_to(x.to);
  to.set_term(x.term);
  write(to, x.body);
  return to.SerializeAsString();
}

result<message> decode_message(std::string_view bytes) {
  cluster::RaftMessage from;
  if (!from.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return malformed("not one");
  return decode_message(from);
}

result<message> decode_message(const cluster::RaftMessage& from) {
  if (from.from() == nobody || from.to() == nobody) return malformed("no sender or receiver");
  auto body = read_body(from);
  if (!body) return body.error();
  return message{from.from(), from.to(), from.term(), std::move(*body)};
}

std::string encode(const membership& x) {
  cluster::RaftMembership to;
  write(to, x);
  return to.SerializeAsString();
}

result<membership> decode_membership(std::string_view bytes) {
  cluster::RaftMembership from;
  if (!from.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return malformed("not a membership");
  return read(from);
}

// Permanent: term, vote and commit, eight little-endian bytes each.
std::string encode(const hard_state& x) {
  std::string out;
  storage::put_number(out, x.term);
  storage::put_number(out, x.vote);
  storage::put_number(out, x.commit);
  return out;
}

result<hard_state> decode_hard_state(std::string_view bytes) {
  storage::binary_reader in{bytes};
  hard_state out;
  out.term = in.number<uint64_t>();
  out.vote = in.number<uint64_t>();
  out.commit = in.number<uint64_t>();
  if (!in.done()) return error{errc::corrupt, "a hard state of a wrong size"};
  return out;
}

} // namespace troupe::raft
