// Validation: everything that is wrong with an object, at once, each fault with its field and
// reason. Pure: what depends on other objects (quotas, taken ports, existing names) is checked by
// the server.
#pragma once

#include "messages/base/error.hpp"

#include <vector>

namespace google::protobuf {
class Message;
}
namespace k8s::meta::v1 {
class ObjectMeta;
}

namespace troupe::schema {

using causes = std::vector<cause>;

/// No object is told more faults than this.
constexpr size_t causes_max = 256;

/// What forbids creating `object`, which has its defaults, name and namespace.
causes validate_create(const google::protobuf::Message& object);
/// What forbids replacing `old` by `object`, both with their defaults.
causes validate_update(const google::protobuf::Message& object,
                       const google::protobuf::Message& old);
/// The same for two that want the same and have the same status. Rules look at that and at
/// annotations; if these are as they were, only the metadata's own rules are left.
causes validate_metadata_of(const google::protobuf::Message& object,
                            const google::protobuf::Message& old);
/// What forbids replacing the status of `old` by that of `object`.
causes validate_status(const google::protobuf::Message& object,
                       const google::protobuf::Message& old);

/// The rules for metadata that hold for every kind, custom ones included. Built-in kinds need not
/// ask: the functions above do.
causes validate_metadata(const k8s::meta::v1::ObjectMeta& metadata, bool namespaced);
causes validate_metadata_update(const k8s::meta::v1::ObjectMeta& metadata,
                                const k8s::meta::v1::ObjectMeta& old);

} // namespace troupe::schema
