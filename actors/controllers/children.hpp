// Making, adopting and releasing children: the owner reference that says who controls whom.
#pragma once

#include "actors/controllers/family.hpp"
#include "actors/controllers/reconciler.hpp"
#include "messages/api/pod.pb.h"

namespace troupe::controllers {

/// The reference by which `owner` controls.
k8s::meta::v1::OwnerReference controlled_by(const schema::kind& kind,
                                            const k8s::meta::v1::ObjectMeta& owner);

/// A pod as the template wants it, controlled by `owner`. Its name is generated from the owner's
/// unless the caller sets one.
std::unique_ptr<k8s::core::v1::Pod> pod_from(const k8s::core::v1::PodTemplateSpec& wanted,
                                             const schema::kind& kind,
                                             const k8s::meta::v1::ObjectMeta& owner);

/// What a deletion in the background says: dependents follow by themselves.
k8s::meta::v1::DeleteOptions in_background();

/// Makes `child` one of the owner's; takes it from the owner again.
void adopt(round& r, const schema::kind& child_kind, const storage::entry& child,
           const schema::kind& kind, const k8s::meta::v1::ObjectMeta& owner);
void release(round& r, const schema::kind& child_kind, const storage::entry& child,
             const std::string& owner_uid);

/// Adopts and releases what is claimed; true if there was anything: then the next look comes when
/// it is done.
template<class View>
bool settle_claims(round& r, const typename family<View>::claims& claims,
                   const schema::kind& child_kind, const schema::kind& kind,
                   const k8s::meta::v1::ObjectMeta& owner) {
  for (auto& orphan : claims.adopt) adopt(r, child_kind, *orphan, kind, owner);
  for (auto view : claims.release) release(r, child_kind, *view->entry, owner.uid());
  return !r.write.empty() || r.failure;
}

/// The entry of a child as the round's snapshot shows it, or null.
inline const storage::entry* present(const round& r, std::string_view key) {
  return r.now.find(key);
}

/// The object at the round's key as `Object`, with its resourceVersion; null if it is gone.
template<class Object>
std::unique_ptr<Object> load_as(const schema::kind& kind, const storage::entry& entry) {
  return std::unique_ptr<Object>(static_cast<Object*>(gateway::load(kind, entry).release()));
}

} // namespace troupe::controllers
