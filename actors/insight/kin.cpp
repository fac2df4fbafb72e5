#include "actors/insight/kin.hpp"

#include "actors/controllers/family.hpp"
#include "actors/gateway/object.hpp"
#include "messages/api/meta.pb.h"

namespace troupe::insight {

namespace {

constexpr int generations_max = 5; // owners of owners

} // namespace

kin::kin(std::string key, const storage::snapshot& now) {
  auto there = now.find(key);
  keys_.insert(key);
  add(key, there);
}

void kin::add(std::string_view key, const storage::entry* object) {
  if (keys_.size() + uids_.size() >= 2 * kin_max) return;
  keys_.emplace(key);
  if (!object) return;
  if (auto uid = controllers::metadata_of(*object).uid(); !uid.empty()) uids_.insert(uid);
}

bool kin::takes(std::string_view key, const storage::entry* object, const storage::snapshot& now,
                const schema::registry& kinds) {
  if (!object) object = now.find(key);
  bool known = keys_.contains(key);
  if (!known && (!object || !belongs(*object, now, kinds, generations_max))) return false;
  add(key, object); // also of one that is known: it may have been made anew
  return true;
}

bool kin::belongs(const storage::entry& object, const storage::snapshot& now,
                  const schema::registry& kinds, int generations) const {
  if (auto about = object.field("involvedObject.uid")) return uids_.contains(*about);
  auto meta = controllers::metadata_of(object);
  for (auto& owner : meta.owner_references()) {
    if (uids_.contains(owner.uid())) return true;
    auto kind = kinds.by_kind(owner.api_version(), owner.kind());
    if (!kind || generations == 0) continue;
    auto above = now.find(
        gateway::key_of(*kind, kind->namespaced ? meta.namespace_() : std::string{}, owner.name()));
    if (above && belongs(*above, now, kinds, generations - 1)) return true;
  }
  return false;
}

} // namespace troupe::insight
