// A CLUSTER for tests of one's own controllers: store, API, controllers, scheduler and pretended
// nodes in this process, without a socket, gone with this object.
//
//   test_stage stage{seed};                  // one thread, a virtual clock
//   test_cluster cluster{stage, {.nodes = 3}};
//   auto mine = run_controller(stage.system(), cluster.admin(), {...});
//   need(cluster.admin().create(...));
//   stage.run(1h);                           // no sleeping: whatever is due in it happens
//
// On an actor system of the test's own, with threads, its timers are real instead.
#pragma once

#include "actors/client/cluster.hpp"
#include "actors/client/test_stage.hpp"
#include "messages/base/time.hpp"

#include <caf/actor_system.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe::client {

class test_cluster {
public:
  struct options {
    std::string controllers = "*";  ///< "none", or a list as kube-controller-manager takes it
    unsigned nodes = 0;             ///< pretended ones, whose pods are only played
    std::function<timestamp()> now; ///< the wall clock; the stage's or this machine's if not given
    uint64_t seed = 1;
  };
  /// In the stage's one thread; the stage outlives it. It keeps no past: no history(), no at().
  test_cluster(test_stage& on, options given);
  explicit test_cluster(test_stage& on) : test_cluster{on, options{}} {}
  /// `system` is the test's own: see add_message_types().
  test_cluster(caf::actor_system& system, options given);
  explicit test_cluster(caf::actor_system& system) : test_cluster{system, options{}} {}
  ~test_cluster();
  test_cluster(const test_cluster&) = delete;

  /// The cluster as its administrator sees it, or as somebody else does.
  cluster admin() const { return as("admin", {"system:masters"}); }
  cluster as(const std::string& user, const std::vector<std::string>& groups) const;

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

} // namespace troupe::client
