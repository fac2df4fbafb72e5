// Who belongs to whom: the children that the objects of one kind control, and those without a
// controller that one of them may adopt. Kept up to date change by change, so that nobody looks
// through all children to find its own. Pure.
#pragma once

#include "messages/base/selector.hpp"
#include "storage/entry.hpp"

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

/// A label as one text, for finding who bears it.
inline std::string label_text(std::string_view ns, std::string_view key, std::string_view value) {
  std::string out(ns);
  return out.append("\n").append(key).append("=").append(value);
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
    by_label_.clear();
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
    auto before = children_.find(entry->key());
    if (before != children_.end()) {
      concern(*before->second, mark);
      forget(before);
    }
    if (gone) return;
    auto ref = controller_of(entry->value());
    if (ref && (ref->kind != kind_ || !ref->api_version.starts_with(group_))) return;
    auto c = std::make_unique<child>(child{View::of(entry), ref ? std::string(ref->uid) : ""});
    if (!ref && c->view.going) return; // nobody adopts what is going
    auto& kept = *c;
    children_.emplace(kept.view.entry->key(), std::move(c));
    if (ref)
      by_owner_[kept.owner].emplace(kept.view.entry->key(), &kept.view);
    else
      labels_of(kept, [&](std::string label) { by_label_[std::move(label)].insert(&kept.view); });
    concern(kept, mark);
  }

  /// The children of the owner with this uid, in the order of their keys.
  const std::map<std::string_view, const View*>& of(const std::string& uid) const {
    static const std::map<std::string_view, const View*> none;
    auto hit = by_owner_.find(uid);
    return hit == by_owner_.end() ? none : hit->second;
  }

  struct claims {
    std::vector<const View*> mine;
    std::vector<const View*> adopt;   ///< nobody's, and selected
    std::vector<const View*> release; ///< mine, but not selected any more
  };
  claims claimed_by(const owner_view& o) const {
    claims out;
    for (auto& [key, view] : of(o.uid))
      (selects(o.selector, *view) || view->going ? out.mine : out.release).push_back(view);
    if (o.going) return out;
    for (auto view : orphans(o))
      if (selects(o.selector, *view)) out.adopt.push_back(view);
    return out;
  }

  static bool selects(const label_selector& selector, const View& view) {
    return selector.matches([&](const std::string& key) { return view.entry->label(key); });
  }

private:
  struct child {
    View view;
    std::string owner; ///< uid, empty for one without a controller
  };
  using children = std::unordered_map<std::string_view, std::unique_ptr<child>>;

  template<class Visit> void labels_of(const child& c, Visit visit) const {
    auto ns = namespace_in(c.view.entry->key());
    visit(label_text(ns, {}, {}));
    c.view.entry->index().labels(
        [&](std::string_view key, std::string_view value) { visit(label_text(ns, key, value)); });
  }

  /// The children without a controller in the owner's namespace that have one of the labels that
  /// it selects; all, if it asks for none in particular.
  const std::set<const View*>& orphans(const owner_view& o) const {
    static const std::set<const View*> none;
    auto label = label_text(o.ns, {}, {});
    for (auto& r : o.selector.requirements())
      if (r.what == requirement::op::in && r.values.size() == 1)
        label = label_text(o.ns, r.key, r.values[0]);
    auto hit = by_label_.find(label);
    return hit == by_label_.end() ? none : hit->second;
  }

  template<class Mark> void concern(const child& c, Mark& mark) const {
    if (!c.owner.empty()) {
      if (auto key = key_of(c.owner)) mark(*key);
      return;
    }
    auto space = by_namespace_.find(std::string(namespace_in(c.view.entry->key())));
    if (space == by_namespace_.end()) return;
    for (auto& key : space->second)
      if (selects(owners_.at(key).selector, c.view)) mark(key);
  }

  void forget(typename children::iterator at) {
    auto& c = *at->second;
    if (!c.owner.empty()) {
      auto hit = by_owner_.find(c.owner);
      hit->second.erase(c.view.entry->key());
      if (hit->second.empty()) by_owner_.erase(hit);
    } else {
      labels_of(c, [&](const std::string& label) {
        auto hit = by_label_.find(label);
        hit->second.erase(&c.view);
        if (hit->second.empty()) by_label_.erase(hit);
      });
    }
    auto kept = std::move(at->second); // the key in the map is a view into it
    children_.erase(at);
  }

  std::string kind_, group_;
  std::unordered_map<std::string, owner_view> owners_;
  std::unordered_map<std::string, std::string> keys_; ///< uid to key
  std::unordered_map<std::string, std::set<std::string>> by_namespace_;
  children children_;
  std::unordered_map<std::string, std::map<std::string_view, const View*>> by_owner_;
  std::unordered_map<std::string, std::set<const View*>> by_label_;
};

} // namespace troupe::controllers
