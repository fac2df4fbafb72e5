#include "actors/controllers/controllers.hpp"

#include "actors/controllers/accounts.hpp"
#include "actors/controllers/cron_job.hpp"
#include "actors/controllers/daemon_set.hpp"
#include "actors/controllers/deployment.hpp"
#include "actors/controllers/disruption.hpp"
#include "actors/controllers/ephemeral_volumes.hpp"
#include "actors/controllers/garbage.hpp"
#include "actors/controllers/job.hpp"
#include "actors/controllers/namespaces.hpp"
#include "actors/controllers/node_lifecycle.hpp"
#include "actors/controllers/pod_garbage.hpp"
#include "actors/controllers/replica_set.hpp"
#include "actors/controllers/resource_quota.hpp"
#include "actors/controllers/roles.hpp"
#include "actors/controllers/stateful_set.hpp"
#include "actors/controllers/taint_eviction.hpp"
#include "actors/controllers/ttl_after_finished.hpp"
#include "actors/scheduler/scheduler.hpp"

#include <set>

namespace troupe::controllers {

namespace {

struct row {
  const char* name;
  controller_actor::behavior_type (*body)(controller_actor::pointer, environment);
};

constexpr row table[] = {
    {"namespace", namespaces},
    {"serviceaccount", accounts},
    {"garbagecollector", garbage},
    {"clusterrole-aggregation", roles},
    {"deployment", deployments},
    {"daemonset", daemon_sets},
    {"statefulset", stateful_sets},
    {"job", jobs},
    {"cronjob", cron_jobs},
    {"ttl-after-finished", ttl_after_finished},
    {"podgc", pod_garbage},
    {"resourcequota", resource_quotas},
    {"disruption", disruptions},
    {"ephemeral-volume", ephemeral_volumes},
    {"scheduler", scheduler::scheduler},
    {"node-lifecycle", node_lifecycle},
    {"taint-eviction", taint_eviction},
    {"replicaset", replica_sets},
    {"replicationcontroller", replication_controllers},
};

} // namespace

result<std::vector<controller_actor>> start(caf::actor_system& system, const environment& given,
                                            std::string_view list) {
  std::set<std::string_view> wanted, unwanted;
  bool all = false;
  while (!list.empty()) {
    auto comma = std::min(list.find(','), list.size());
    auto name = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    if (name == "*")
      all = true;
    else if (name.starts_with('-'))
      unwanted.insert(name.substr(1));
    else if (name != "none" && !name.empty())
      wanted.insert(name);
  }
  std::vector<controller_actor> out;
  for (auto& r : table) {
    bool on = (all || wanted.contains(r.name)) && !unwanted.contains(r.name);
    wanted.erase(r.name);
    if (on) out.push_back(system.spawn(r.body, given));
  }
  if (!wanted.empty()) {
    std::string names;
    for (auto& r : table) names.append(names.empty() ? "" : ", ").append(r.name);
    return error{errc::bad_request, "there is no controller named " + std::string(*wanted.begin()) +
                                        "; there are " + names};
  }
  return out;
}

} // namespace troupe::controllers
