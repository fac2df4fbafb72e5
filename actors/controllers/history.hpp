// Keeps the history of templates of one kind of owner: what revisions.hpp decides is written here.
#pragma once

#include "actors/controllers/children.hpp"
#include "actors/controllers/revisions.hpp"

namespace troupe::controllers {

class history_keeper {
public:
  /// `hash_label` is the label by which revisions of this kind of owner tell their hash.
  history_keeper(const schema::kind& owner_kind, const char* hash_label)
      : kind_{owner_kind}, hash_label_{hash_label}, family_{owner_kind.name, "apps/"} {}

  const schema::kind& revisions() const { return revisions_; }
  void clear() { family_.clear(); }
  void put_owner(const owner_view& o) { family_.put_owner(o); }
  void erase_owner(const std::string& key) { family_.erase_owner(key); }
  template<class Mark> void hear(const storage::entry_ptr& entry, bool gone, Mark mark) {
    family_.hear_child(entry, gone, mark);
  }
  std::vector<const revision_view*> of(const std::string& uid) const;

  /// Sees to it that the template is the newest in its owner's history. False if the name of its
  /// revision is taken by another: a collision to be counted.
  bool keep(round& r, const k8s::meta::v1::ObjectMeta& owner,
            const k8s::core::v1::PodTemplateSpec& wanted, int collisions, history_plan& out);
  /// Deletes what is beyond the limit.
  void trim(round& r, const std::string& uid, const std::vector<std::string>& in_use, int limit);

private:
  const schema::kind& kind_;
  const char* hash_label_;
  const schema::kind& revisions_ = built_in("apps", "v1", "controllerrevisions");
  family<revision_view> family_;
};

} // namespace troupe::controllers
