// Decides what becomes of objects whose owners go: deleted with them, before them, or left as
// orphans. Pure: an index of who owns whom, and what follows from it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

namespace troupe::controllers {

/// What an object says of one of its owners.
struct owner_reference {
  std::string uid;
  uint64_t name = 0;   ///< of the owner, as owner_name() makes it short
  bool blocks = false; ///< the owner's foreground deletion waits for the object
  bool beyond = false; ///< of a kind in namespaces, but the object is in none: can never be found
  bool operator==(const owner_reference&) const = default;
};

/// One object, as far as owning and being owned is concerned.
struct owned_view {
  std::string key; ///< in the store
  std::string uid;
  std::vector<owner_reference> owners;
  std::vector<std::string> finalizers;
  bool going = false;

  bool operator==(const owned_view&) const = default;
};

uint64_t owner_name(std::string_view name);

/// Everything that exists, found by key, by uid and by owner.
class ownership {
public:
  void put(owned_view object);
  void erase(const std::string& key);
  void clear() { *this = {}; }

  const owned_view* at(const std::string& key) const;
  const owned_view* with_uid(const std::string& uid) const;
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

/// Deletes an object as a client would: in the foreground, it waits for its own dependents.
struct delete_dependent {
  std::string key;
  bool foreground = false;
  bool unblock = false; ///< its owners wait for it in a circle: they no longer do
  bool operator==(const delete_dependent&) const = default;
};
/// Removes references to owners that are gone, that wait for their dependents although somebody
/// else owns the object, too, or that want orphans.
struct forget_owners {
  std::string key;
  std::vector<std::string> uids;
  bool operator==(const forget_owners&) const = default;
};
/// Tells of an owner that is in another namespace, where it is not looked for.
struct tell_misplaced_owner {
  std::string key;
  std::string uid; ///< the owner's
  bool operator==(const tell_misplaced_owner&) const = default;
};
/// Lets an object go that waited for its dependents.
struct drop_finalizer {
  std::string key;
  std::string name;
  bool operator==(const drop_finalizer&) const = default;
};

using garbage_action =
    std::variant<delete_dependent, forget_owners, drop_finalizer, tell_misplaced_owner>;

/// What follows for the object at `key`. Planning again on the outcome returns nothing.
std::vector<garbage_action> plan(const ownership& all, const std::string& key);

} // namespace troupe::controllers
