// What every controller is given: the store, the kinds of the moment, and time and chance from
// outside.
#pragma once

#include "actors/gateway/gateway.hpp"
#include "messages/base/time.hpp"
#include "messages/interfaces.hpp"
#include "messages/schema/kind.hpp"
#include "net/tls/authority.hpp"
#include "storage/store.hpp"

#include <functional>
#include <memory>

namespace troupe::controllers {

struct environment {
  storage::store* store = nullptr;
  gateway::gateway* api = nullptr; ///< what controllers write goes the way of what clients write
  std::function<std::shared_ptr<const schema::registry>()> kinds;
  std::function<timestamp()> now;
  std::function<uint64_t()> random;
  std::string root_ca_pem;
  /// Signs certificates of clients; null: nobody does.
  std::shared_ptr<const tls::key_pair> authority = {};
  std::string scheduler_config;              ///< a KubeSchedulerConfiguration; empty: the usual one
  bool threads = false;                      ///< who must be prompt may have one of its own
  std::string name = {};                     ///< in the directory; start() gives it
  std::shared_ptr<storage::store> desk = {}; ///< behind `store`, if it is this controller's own
};

/// Wakes a controller when objects of a resource change. Holds the watch; the controller drains it.
class ear {
public:
  /// Begins to listen; `self` hears resync when something has happened since the last drain().
  ear(storage::store& store, const std::string& resource, const controller_actor& self);
  /// Forgets what was heard: the caller looks at the present.
  void drain();

private:
  storage::watch_options options_;
  storage::store& store_;
  std::optional<storage::watch> watch_;
};

} // namespace troupe::controllers
