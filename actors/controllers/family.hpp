// Who belongs to whom: the children that the objects of one kind control, and those without a
// controller that one of them may adopt. Kept up to date change by change, so that nobody looks
// through all children to find its own. Pure.
#pragma once

#include "actors/controllers/orphans.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace k8s::meta::v1 {
class ObjectMeta;
}

namespace troupe::controllers {

/// The owner reference that is marked as the controller's, read from stored bytes. The views live
/// as long as the bytes.
struct controller_ref {
  std::string_view api_version, kind, name, uid;
};
std::optional<controller_ref> controller_of(std::string_view stored);

/// Whether a stored object is being deleted.
bool is_going(std::string_view stored);

/// What a stored object says of itself in its metadata.
k8s::meta::v1::ObjectMeta metadata_of(const storage::entry& entry);

/// One that may own children.
struct owner_view {
  std::string key;
  std::string ns;
  std::string uid;
  label_selector selector;
  bool going = false;
};

/// A workload that selects its children by labels; an empty selector selects none.
template<class Workload> owner_view owner_of(std::string key, const Workload& w) {
  auto selector = label_selector::from(w.spec().selector());
  return {std::move(key), w.metadata().namespace_(), w.metadata().uid(),
          selector && !selector->empty() ? std::move(*selector) : label_selector::nothing(),
          w.metadata().has_deletion_timestamp()};
}

/// The namespace of a key "resource/namespace/name".
inline std::string_view namespace_in(std::string_view key) {
  auto first = key.find('/') + 1;
  return key.substr(first, key.find('/', first) - first);
}

/// `View` has `entry` (storage::entry_ptr), `key` and `going`, and is made by View::of(entry).
template<class View> class family {
public:
  /// Whose children they are: "ReplicaSet", and the group its apiVersion begins with ("apps/").
  family(std::string owner_kind, std::string owner_group)
      : kind_{std::move(owner_kind)}, group_{std::move(owner_group)} {}

  void clear() {
    owners_.clear();
    keys_.clear();
    by_namespace_.clear();
    children_.clear();
    by_owner_.clear();
    orphans_.clear();
  }

  void put_owner(owner_view o) {
    erase_owner(o.key);
    keys_[o.uid] = o.key;
    by_namespace_[o.ns].insert(o.key);
    auto key = o.key;
    owners_.emplace(std::move(key), std::move(o));
  }
  void erase_owner(const std::string& key) {
    auto hit = owners_.find(key);
    if (hit == owners_.end()) return;
    keys_.erase(hit->second.uid);
    auto space = by_namespace_.find(hit->second.ns);
    space->second.erase(key);
    if (space->second.empty()) by_namespace_.erase(space);
    owners_.erase(hit);
  }
  const owner_view* owner(const std::string& key) const {
    auto hit = owners_.find(key);
    return hit == owners_.end() ? nullptr : &hit->second;
  }
  /// The key of the owner with this uid.
  const std::string* key_of(const std::string& uid) const {
    auto hit = keys_.find(uid);
    return hit == keys_.end() ? nullptr : &hit->second;
  }

  /// Takes in a child as it is now, or that it is gone. Calls `mark` with the key of every owner
  /// whom that may concern.
  template<class Mark> void hear_child(const storage::entry_ptr& entry, bool gone, Mark mark) {
    if (auto before = children_.find(entry->key()); before != children_.end()) {
      concern(*before->second, mark);
      forget(before);
    }
    auto ref = gone ? std::nullopt : controller_of(entry->value());
    // Nobody adopts what is going.
    hear_orphan(entry, !gone && !ref && !is_going(entry->value()), mark);
    if (!ref || ref->kind != kind_ || !ref->api_version.starts_with(group_)) return;
    auto c = std::make_unique<child>(child{View::of(entry), std::string(ref->uid)});
    auto& kept = *c;
    children_.emplace(kept.view.entry->key(), std::move(c));
    by_owner_[kept.owner].emplace(kept.view.entry->key(), &kept.view);
    concern(kept, mark);
  }

  /// Views in the order of their keys, so that decisions do not depend on where they lie.
  using ordered = std::map<std::string_view, const View*>;

  /// The children of the owner with this uid.
  const ordered& of(const std::string& uid) const {
    static const ordered none;
    auto hit = by_owner_.find(uid);
    return hit == by_owner_.end() ? none : hit->second;
  }

  struct claims {
    std::vector<const View*> mine;
    std::vector<storage::entry_ptr> adopt; ///< nobody's, and selected
    std::vector<const View*> release;      ///< mine, but not selected any more
  };
  claims claimed_by(const owner_view& o) const {
    claims out;
    for (auto& [key, view] : of(o.uid))
      (selects(o.selector, *view->entry) || view->going ? out.mine : out.release).push_back(view);
    if (!o.going) out.adopt = orphans_.selected(o.ns, o.selector);
    return out;
  }

private:
  struct child {
    View view;
    std::string owner; ///< uid
  };
  using children = std::unordered_map<std::string_view, std::unique_ptr<child>>;

  /// Those that select it as it was, or do now, may be concerned.
  template<class Mark> void hear_orphan(const storage::entry_ptr& entry, bool is_one, Mark& mark) {
    if (auto before = orphans_.find(entry->key())) {
      mark_selecting(*before, mark);
      if (!is_one) orphans_.erase(entry->key());
    }
    if (!is_one) return;
    orphans_.put(entry);
    mark_selecting(*entry, mark);
  }

  template<class Mark> void mark_selecting(const storage::entry& entry, Mark& mark) {
    auto space = by_namespace_.find(std::string(namespace_in(entry.key())));
    if (space == by_namespace_.end()) return;
    for (auto& key : space->second)
      if (selects(owners_.at(key).selector, entry)) mark(key);
  }

  template<class Mark> void concern(const child& c, Mark& mark) const {
    if (auto key = key_of(c.owner)) mark(*key);
  }

  void forget(typename children::iterator at) {
    auto kept = std::move(at->second); // the key in the map is a view into it
    auto hit = by_owner_.find(kept->owner);
    hit->second.erase(kept->view.entry->key());
    if (hit->second.empty()) by_owner_.erase(hit);
    children_.erase(at);
  }

  std::string kind_, group_;
  std::unordered_map<std::string, owner_view> owners_;
  std::unordered_map<std::string, std::string> keys_; ///< uid to key
  std::unordered_map<std::string, std::set<std::string>> by_namespace_;
  children children_;
  std::unordered_map<std::string, ordered> by_owner_;
  orphans orphans_;
};

} // namespace troupe::controllers
