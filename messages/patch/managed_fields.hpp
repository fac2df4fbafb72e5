// managedFields: which manager set which part of an object. Updated by every write, decisive for
// server-side apply. Pure.
#pragma once

#include "messages/base/error.hpp"
#include "messages/base/time.hpp"
#include "messages/patch/owned_fields.hpp"
#include "messages/schema/kind.hpp"

#include <vector>

namespace k8s::meta::v1 {
class ObjectMeta;
} // namespace k8s::meta::v1

namespace troupe::patch {

/// One manager's entry, understood.
struct manager {
  std::string name;
  bool apply = false;
  std::string api_version;
  std::string subresource;
  int64_t time_seconds = 0;
  owned_fields fields;

  bool same_as(const manager& other) const {
    return name == other.name && apply == other.apply && api_version == other.api_version &&
           subresource == other.subresource;
  }
};

std::vector<manager> read_managers(const k8s::meta::v1::ObjectMeta& metadata);
void write_managers(k8s::meta::v1::ObjectMeta& metadata, std::vector<manager> managers);

/// The fields that belong to nobody: names, ids, times that the server sets.
field_set without_identity(field_set set);

/// An object's canonical bytes before and after a change.
struct change_of_bytes {
  std::string_view before; ///< empty if it is new
  std::string_view after;
};

/// After a create (`old` null), update or patch of any type but apply: gives the changed fields to
/// `by`, takes them from all others, and writes the managedFields of `metadata`, which the bytes
/// after the change hold as the client sent it. One empty entry there forgets all managers; none
/// stands for those of `old`.
void track_update(const schema::kind& kind, const change_of_bytes& change,
                  k8s::meta::v1::ObjectMeta& metadata, const k8s::meta::v1::ObjectMeta* old,
                  const std::string& by, const std::string& subresource, timestamp now);

} // namespace troupe::patch
