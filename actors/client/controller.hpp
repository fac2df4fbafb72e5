// A CONTROLLER of one's own, split as ours are: a plan is a plain function of what is there; an
// actor hears changes, asks the plan, and does what it says. It can run in several processes: one
// of them leads.
#pragma once

#include "actors/client/subscription.hpp"
#include "messages/base/time.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace troupe::client {

struct object_key {
  std::string ns, name;
  auto operator<=>(const object_key&) const = default;
};

/// What the controller has heard of: the objects of every kind it watches. Never older than the
/// change for which it plans.
class view {
public:
  using object = std::shared_ptr<const json::value>;

  /// Null if there is none.
  const json::value* find(const kind_name& kind, const object_key& which) const;
  std::vector<const json::value*> all(const kind_name& kind, std::string_view ns = {}) const;
  /// Those whose controller is the object with this uid.
  std::vector<const json::value*> owned(const kind_name& kind, std::string_view uid) const;

  void note(const kind_name& kind, const change& heard);

private:
  std::map<std::string, std::map<object_key, object>> objects_; ///< by the path of their kind
};

/// What a plan wants done, one after the other. The first that fails ends the round; the object is
/// planned for again after a while, which grows.
struct action {
  enum class verb { create, update, update_status, apply, patch, patch_status, remove };
  verb what;
  kind_name kind;
  json::value object; ///< whole; for patches what is to change; for a removal only its metadata
};

struct plan {
  std::vector<action> actions;
  /// Plan again then even if nothing changes.
  std::optional<std::chrono::milliseconds> again_after;
};

struct controller_settings {
  std::string name; ///< whose fields are its own, and the name of its lease
  kind_name primary;
  selection chosen;
  /// Other kinds, and which primary objects a change of theirs concerns; those of their owner if
  /// not said.
  struct watched {
    kind_name kind;
    selection chosen = {};
    std::function<std::vector<object_key>(const json::value&)> concerns = {};
  };
  std::vector<watched> also;
  /// Pure. Called for an object that changed, is gone (find() is null), or is due.
  std::function<plan(const view&, const object_key&)> decide;
  /// With a lease of this namespace, only one process of many acts; empty: all do.
  std::string lease_namespace;
  std::chrono::milliseconds lease_time{15'000};
};

/// Runs until it is told to exit.
caf::actor run_controller(caf::actor_system& system, const cluster& to, controller_settings given);

/// metadata.ownerReferences for what an object owns.
json::value owned_by(const json::value& owner);

} // namespace troupe::client
