// Decides what becomes of objects whose owners go: deleted with them, before them, or left as
// orphans. Pure: an index of who owns whom, and what follows from it.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

namespace troupe::controllers {

/// One object, as far as owning and being owned is concerned.
struct owned_view {
  std::string key; ///< in the store
  std::string uid;
  std::vector<std::string> owners; ///< uids
  std::vector<std::string> finalizers;
  bool going = false;

  bool operator==(const owned_view&) const = default;
};

/// Everything that exists, found by key, by uid and by owner.
class ownership {
public:
  void put(owned_view object);
  void erase(const std::string& key);
  void clear() { *this = {}; }

  const owned_view* at(const std::string& key) const;
  bool exists(const std::string& uid) const { return by_uid_.contains(uid); }
  /// The keys of the objects that `uid` owns.
  const std::set<std::string>& dependents(const std::string& uid) const;
  /// Whose case a change of `key` may decide: itself, its owners, and what it owns.
  std::set<std::string> concerned(const owned_view& object) const;

private:
  // Their keys are views into the objects: there is one of these for everything in the store.
  std::unordered_map<std::string_view, std::unique_ptr<const owned_view>> objects_;
  std::unordered_map<std::string_view, const owned_view*> by_uid_;
  std::map<std::string, std::set<std::string>> by_owner_;
};

/// Deletes an object as a client would.
struct delete_dependent {
  std::string key;
  bool operator==(const delete_dependent&) const = default;
};
/// Removes references to owners that are gone, or that want orphans.
struct forget_owners {
  std::string key;
  std::vector<std::string> uids;
  bool operator==(const forget_owners&) const = default;
};
/// Lets an object go that waited for its dependents.
struct drop_finalizer {
  std::string key;
  std::string name;
  bool operator==(const drop_finalizer&) const = default;
};

using garbage_action = std::variant<delete_dependent, forget_owners, drop_finalizer>;

/// What follows for the object at `key`. Planning again on the outcome returns nothing.
std::vector<garbage_action> plan(const ownership& all, const std::string& key);

} // namespace troupe::controllers
