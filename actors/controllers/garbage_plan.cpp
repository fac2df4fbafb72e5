#include "actors/controllers/garbage_plan.hpp"

#include "messages/base/finalizers.hpp"

#include <algorithm>

namespace troupe::controllers {

namespace {

bool has(const std::vector<std::string>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

/// resource/namespace/name
std::string_view space_of(std::string_view key) {
  key.remove_prefix(key.find('/') + 1);
  return key.substr(0, key.rfind('/'));
}
std::string_view name_of(std::string_view key) { return key.substr(key.rfind('/') + 1); }

bool waits_for_dependents(const owned_view& object) {
  return object.going && has(object.finalizers, finalizers::foreground);
}

enum class standing : uint8_t { solid, waiting, misplaced, absent };

/// What has become of an owner.
standing standing_of(const ownership& all, const owned_view& object, const owner_reference& ref) {
  if (ref.beyond) return standing::solid; // nobody can tell: to be safe it counts as there
  auto owner = all.with_uid(ref.uid);
  if (!owner) return standing::absent;
  auto space = space_of(owner->key);
  if (!space.empty() && space != space_of(object.key)) return standing::misplaced;
  if (owner_name(name_of(owner->key)) != ref.name) return standing::absent;
  return waits_for_dependents(*owner) ? standing::waiting : standing::solid;
}

/// What becomes of an object when its owners go.
std::vector<garbage_action> follow(const ownership& all, const owned_view& object) {
  std::vector<garbage_action> actions;
  std::vector<std::string> gone;
  bool solid = false, waiting = false;
  for (auto& ref : object.owners) {
    auto is = standing_of(all, object, ref);
    solid = solid || is == standing::solid;
    waiting = waiting || is == standing::waiting;
    if (is != standing::solid) gone.push_back(ref.uid);
    if (is == standing::misplaced) actions.push_back(tell_misplaced_owner{object.key, ref.uid});
  }
  if (gone.empty()) return {};
  if (solid) {
    actions.push_back(forget_owners{object.key, std::move(gone)});
    return actions;
  }
  auto& dependents = all.dependents(object.uid);
  bool foremost = waiting && !dependents.empty();
  bool circle = foremost && std::any_of(dependents.begin(), dependents.end(),
                                        [&](auto& d) { return waits_for_dependents(*all.at(d)); });
  actions.push_back(delete_dependent{object.key, foremost, circle});
  return actions;
}

/// Whether the owner's deletion waits for the object.
bool blocks(const owned_view& object, const std::string& owner) {
  return std::any_of(object.owners.begin(), object.owners.end(),
                     [&](auto& ref) { return ref.uid == owner && ref.blocks; });
}

} // namespace

uint64_t owner_name(std::string_view name) { return std::hash<std::string_view>{}(name); }

const owned_view* ownership::with_uid(const std::string& uid) const {
  auto hit = by_uid_.find(uid);
  return hit == by_uid_.end() ? nullptr : hit->second;
}

void ownership::put(owned_view object) {
  erase(object.key);
  for (auto& owner : object.owners) by_owner_[owner.uid].insert(object.key);
  auto kept = std::make_unique<const owned_view>(std::move(object));
  // Addresses that earlier versions made bear the uid of their service, which was told before.
  by_uid_.emplace(kept->uid, kept.get());
  std::string_view name = kept->key;
  objects_.emplace(name, std::move(kept));
}

void ownership::erase(const std::string& key) {
  auto hit = objects_.find(key);
  if (hit == objects_.end()) return;
  auto dead = std::move(hit->second); // what the maps' keys are views into
  objects_.erase(hit);
  if (auto named = by_uid_.find(dead->uid); named != by_uid_.end() && named->second == dead.get())
    by_uid_.erase(named);
  for (auto& owner : dead->owners) {
    auto list = by_owner_.find(owner.uid);
    if (list == by_owner_.end()) continue;
    list->second.erase(key);
    if (list->second.empty()) by_owner_.erase(list);
  }
}

const owned_view* ownership::at(const std::string& key) const {
  auto hit = objects_.find(key);
  return hit == objects_.end() ? nullptr : hit->second.get();
}

const std::set<std::string>& ownership::dependents(const std::string& uid) const {
  static const std::set<std::string> none;
  auto hit = by_owner_.find(uid);
  return hit == by_owner_.end() ? none : hit->second;
}

std::set<std::string> ownership::concerned(const owned_view& object) const {
  std::set<std::string> out = dependents(object.uid);
  out.insert(object.key);
  for (auto& owner : object.owners)
    if (auto hit = by_uid_.find(owner.uid); hit != by_uid_.end()) out.insert(hit->second->key);
  return out;
}

std::vector<garbage_action> plan(const ownership& all, const std::string& key) {
  std::vector<garbage_action> actions;
  auto object = all.at(key);
  if (!object) return actions;
  auto& dependents = all.dependents(object->uid);
  if (object->going && has(object->finalizers, finalizers::orphan)) {
    for (auto& d : dependents) actions.push_back(forget_owners{d, {object->uid}});
    if (dependents.empty()) actions.push_back(drop_finalizer{key, finalizers::orphan});
    return actions;
  }
  if (waits_for_dependents(*object)) {
    bool blocked = std::any_of(dependents.begin(), dependents.end(),
                               [&](auto& d) { return blocks(*all.at(d), object->uid); });
    if (!blocked) actions.push_back(drop_finalizer{key, finalizers::foreground});
    return actions; // its dependents see for themselves that it waits
  }
  return object->going ? actions : follow(all, *object);
}

} // namespace troupe::controllers
