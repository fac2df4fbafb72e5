// What stored objects hold, decoded once for all who ask: a pod that changes is heard of by a dozen
// actors at about the same time.
#pragma once

#include "storage/entry.hpp"

#include <google/protobuf/message.h>

#include <memory>

namespace troupe::gateway {

/// What `entry` holds, as a message like `prototype`; never null. Immutable, and shared with
/// whoever asks meanwhile or soon. Any thread.
std::shared_ptr<const google::protobuf::Message>
decoded(const storage::entry& entry, const google::protobuf::Message& prototype);

template<class Object> std::shared_ptr<const Object> decoded(const storage::entry& entry) {
  return std::static_pointer_cast<const Object>(decoded(entry, Object::default_instance()));
}

} // namespace troupe::gateway
