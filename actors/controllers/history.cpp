#include "actors/controllers/history.hpp"

namespace troupe::controllers {

std::vector<const revision_view*> history_keeper::of(const std::string& uid) const {
  std::vector<const revision_view*> out;
  for (auto& [key, view] : family_.of(uid)) out.push_back(view);
  return out;
}

bool history_keeper::keep(round& r, const k8s::meta::v1::ObjectMeta& owner,
                          const k8s::core::v1::PodTemplateSpec& wanted, int collisions,
                          history_plan& out) {
  out = plan_history(owner.name(), revision_data(wanted), collisions, of(owner.uid()));
  if (out.create) {
    auto& m = *out.create->mutable_metadata();
    if (r.now.find(gateway::key_of(revisions_, owner.namespace_(), m.name()))) return false;
    m.set_namespace_(owner.namespace_());
    *m.mutable_labels() = wanted.metadata().labels();
    (*m.mutable_labels())[hash_label_] = out.hash;
    *m.mutable_annotations() = owner.annotations();
    *m.add_owner_references() = controlled_by(kind_, owner);
    auto made = r.write.create(revisions_,
                               std::make_unique<k8s::apps::v1::ControllerRevision>(*out.create));
    if (!made) r.fail(made.error());
  } else if (out.renumber) {
    auto entry = present(r, out.renumber->key);
    if (!entry) return true;
    auto object = load_as<k8s::apps::v1::ControllerRevision>(revisions_, *entry);
    object->set_revision(out.number);
    if (auto ok = r.write.update(revisions_, *entry, std::move(object)); !ok) r.fail(ok.error());
  }
  return true;
}

void history_keeper::trim(round& r, const std::string& uid, const std::vector<std::string>& in_use,
                          int limit) {
  for (auto view : outdated(of(uid), in_use, limit)) {
    auto entry = present(r, view->key);
    if (!entry || r.write.touched(view->key)) continue;
    if (auto ok = r.write.remove(revisions_, *entry); !ok) r.fail(ok.error());
  }
}

} // namespace troupe::controllers
