// Raft's words as bytes: messages/cluster/raft.proto for peers and for the log, a fixed layout for
// the hard state. What is decoded came from outside and is checked.
#pragma once

#include "actors/raft/message.hpp"
#include "messages/base/error.hpp"

namespace troupe::cluster {
class RaftMessage;
}

namespace troupe::raft {

/// The same inside a larger Protobuf message.
result<message> decode_message(const cluster::RaftMessage& from);

std::string encode(const message& x);
result<message> decode_message(std::string_view bytes);

std::string encode(const membership& x);
result<membership> decode_membership(std::string_view bytes);

std::string encode(const hard_state& x);
result<hard_state> decode_hard_state(std::string_view bytes);

} // namespace troupe::raft
