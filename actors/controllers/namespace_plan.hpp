// Decides how a namespace that is being deleted becomes empty and goes. Pure: no actors, clock or
// I/O.
#pragma once

#include "messages/api/namespace.pb.h"
#include "messages/base/time.hpp"

#include <string>
#include <variant>
#include <vector>

namespace troupe::controllers {

/// One object in the namespace, as far as its deletion is concerned.
struct content_view {
  std::string key;      ///< in the store
  std::string resource; ///< "pods", "widgets.example.com"
  std::vector<std::string> finalizers;
  bool going = false;   ///< its deletion has been asked for
  bool on_node = false; ///< a pod that its node has to end first
};

struct namespace_view {
  std::string name;
  bool terminating = false;
  bool released = false; ///< our finalizer is gone already
  std::vector<content_view> contents;
};

/// Removes an object at once.
struct erase_object {
  std::string key;
  bool operator==(const erase_object&) const = default;
};
/// Asks for the deletion of an object that somebody else has to finish.
struct mark_object {
  std::string key;
  bool operator==(const mark_object&) const = default;
};
/// Tells in the namespace's conditions what it waits for.
struct tell_remaining {
  std::string what;       ///< "pods. has 2 resource instances", empty if nothing remains
  std::string finalizers; ///< "example.com/x in 1 resource instances", empty if none holds it up
  bool operator==(const tell_remaining&) const = default;
};
/// Lets the namespace go.
struct release_namespace {
  bool operator==(const release_namespace&) const = default;
};

/// Writes into the conditions how far the deletion has come.
void put_progress(google::protobuf::RepeatedPtrField<k8s::core::v1::NamespaceCondition>& conditions,
                  const tell_remaining& remaining, timestamp now);

using namespace_action = std::variant<erase_object, mark_object, tell_remaining, release_namespace>;

/// What brings the namespace closer to its end: pods go before everything else, what can go goes,
/// what holds on is told, and only an empty namespace is released. Planning again on the outcome
/// returns nothing new to do.
std::vector<namespace_action> plan(const namespace_view& observed);

} // namespace troupe::controllers
