#include "actors/controllers/children.hpp"

#include <algorithm>

namespace troupe::controllers {

using k8s::meta::v1::ObjectMeta;
using k8s::meta::v1::OwnerReference;

OwnerReference controlled_by(const schema::kind& kind, const ObjectMeta& owner) {
  OwnerReference ref;
  ref.set_api_version(kind.api_version());
  ref.set_kind(kind.name);
  ref.set_name(owner.name());
  ref.set_uid(owner.uid());
  ref.set_controller(true);
  ref.set_block_owner_deletion(true);
  return ref;
}

std::unique_ptr<k8s::core::v1::Pod> pod_from(const k8s::core::v1::PodTemplateSpec& wanted,
                                             const schema::kind& kind, const ObjectMeta& owner) {
  auto pod = std::make_unique<k8s::core::v1::Pod>();
  auto& m = *pod->mutable_metadata();
  m.set_namespace_(owner.namespace_());
  m.set_generate_name(owner.name() + "-");
  *m.mutable_labels() = wanted.metadata().labels();
  *m.mutable_annotations() = wanted.metadata().annotations();
  *m.mutable_finalizers() = wanted.metadata().finalizers();
  *m.add_owner_references() = controlled_by(kind, owner);
  *pod->mutable_spec() = wanted.spec();
  return pod;
}

k8s::meta::v1::DeleteOptions in_background() {
  k8s::meta::v1::DeleteOptions options;
  options.set_propagation_policy("Background");
  return options;
}

void adopt(round& r, const schema::kind& child_kind, const storage::entry& child,
           const schema::kind& kind, const ObjectMeta& owner) {
  auto entry = present(r, child.key());
  if (!entry || controller_of(entry->value())) return; // somebody else was faster
  auto object = gateway::load(child_kind, *entry);
  auto& refs = *gateway::meta(*object).mutable_owner_references();
  auto mine =
      std::find_if(refs.begin(), refs.end(), [&](auto& ref) { return ref.uid() == owner.uid(); });
  (mine == refs.end() ? *refs.Add() : *mine) = controlled_by(kind, owner);
  if (auto ok = r.write.update(child_kind, *entry, std::move(object)); !ok) r.fail(ok.error());
}

void release(round& r, const schema::kind& child_kind, const storage::entry& child,
             const std::string& owner_uid) {
  auto entry = present(r, child.key());
  if (!entry) return;
  auto object = gateway::load(child_kind, *entry);
  auto& refs = *gateway::meta(*object).mutable_owner_references();
  refs.erase(
      std::remove_if(refs.begin(), refs.end(), [&](auto& ref) { return ref.uid() == owner_uid; }),
      refs.end());
  if (auto ok = r.write.update(child_kind, *entry, std::move(object)); !ok) r.fail(ok.error());
}

} // namespace troupe::controllers
