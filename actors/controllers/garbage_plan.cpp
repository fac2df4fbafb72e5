#include "actors/controllers/garbage_plan.hpp"

#include <algorithm>

namespace troupe::controllers {

namespace {

constexpr const char* orphan = "orphan";
constexpr const char* foreground = "foregroundDeletion";

bool has(const std::vector<std::string>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

} // namespace

void ownership::put(owned_view object) {
  erase(object.key);
  for (auto& owner : object.owners) by_owner_[owner].insert(object.key);
  auto kept = std::make_unique<const owned_view>(std::move(object));
  by_uid_.erase(kept->uid);
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
    auto list = by_owner_.find(owner);
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
    if (auto hit = by_uid_.find(owner); hit != by_uid_.end()) out.insert(hit->second->key);
  return out;
}

std::vector<garbage_action> plan(const ownership& all, const std::string& key) {
  std::vector<garbage_action> actions;
  auto object = all.at(key);
  if (!object) return actions;
  auto& dependents = all.dependents(object->uid);
  if (object->going && has(object->finalizers, orphan)) {
    for (auto& d : dependents) actions.push_back(forget_owners{d, {object->uid}});
    if (dependents.empty()) actions.push_back(drop_finalizer{key, orphan});
    return actions;
  }
  if (object->going && has(object->finalizers, foreground)) {
    for (auto& d : dependents)
      if (!all.at(d)->going) actions.push_back(delete_dependent{d});
    if (dependents.empty()) actions.push_back(drop_finalizer{key, foreground});
    return actions;
  }
  if (object->owners.empty() || object->going) return actions;
  std::vector<std::string> gone;
  for (auto& owner : object->owners)
    if (!all.exists(owner)) gone.push_back(owner);
  if (gone.size() == object->owners.size())
    actions.push_back(delete_dependent{key});
  else if (!gone.empty())
    actions.push_back(forget_owners{key, std::move(gone)});
  return actions;
}

} // namespace troupe::controllers
