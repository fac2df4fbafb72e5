#include "actors/controllers/controllers.hpp"

#include "actors/controllers/account_tokens.hpp"
#include "actors/controllers/accounts.hpp"
#include "actors/controllers/autoscaler.hpp"
#include "actors/controllers/certificate_requests.hpp"
#include "actors/controllers/cron_job.hpp"
#include "actors/controllers/daemon_set.hpp"
#include "actors/controllers/deployment.hpp"
#include "actors/controllers/disruption.hpp"
#include "actors/controllers/ephemeral_volumes.hpp"
#include "actors/controllers/events.hpp"
#include "actors/controllers/garbage.hpp"
#include "actors/controllers/job.hpp"
#include "actors/controllers/namespaces.hpp"
#include "actors/controllers/node_lifecycle.hpp"
#include "actors/controllers/pod_garbage.hpp"
#include "actors/controllers/replica_set.hpp"
#include "actors/controllers/resource_quota.hpp"
#include "actors/controllers/roles.hpp"
#include "actors/controllers/service_cidr.hpp"
#include "actors/controllers/stateful_set.hpp"
#include "actors/controllers/taint_eviction.hpp"
#include "actors/controllers/ttl_after_finished.hpp"
#include "actors/insight/metered.hpp"
#include "actors/scheduler/scheduler.hpp"
#include "actors/service/endpoints.hpp"
#include "actors/service/load_balancers.hpp"
#include "actors/service/services.hpp"
#include "actors/store/traced_store.hpp"
#include "actors/volumes/binder.hpp"
#include "actors/volumes/protection.hpp"
#include "messages/base/haste.hpp"

#include <set>

namespace troupe::controllers {

namespace {

struct row {
  const char* name;
  controller_actor::behavior_type (*body)(controller_actor::pointer, environment);
  bool prompt = false; ///< has a thread of its own, which goes before others
};

// clang-format off: a line each, so that neighbours do not change
constexpr row table[] = {
    {"namespace", namespaces},
    {"serviceaccount", accounts},
    {"serviceaccount-token", account_tokens},
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
    {"horizontalpodautoscaling", autoscalers},
    {"ephemeral-volume", ephemeral_volumes},
    {"scheduler", scheduler::scheduler},
    {"endpointslice", service::services, true},
    {"endpoints", service::endpoints},
    {"endpointslicemirroring", service::mirrors},
    {"service", service::load_balancers},
    {"persistentvolume-binder", volumes::binder},
    {"pvc-protection", volumes::claim_protection},
    {"pv-protection", volumes::volume_protection},
    {"node-lifecycle", node_lifecycle},
    {"taint-eviction", taint_eviction},
    {"replicaset", replica_sets},
    {"event-ttl", events},
    {"replicationcontroller", replication_controllers},
    {"service-cidr", service_cidrs},
    {"csrsigning", certificate_requests},
};
// clang-format on

/// The rows that a list chooses.
result<std::vector<const row*>> choose(std::string_view list) {
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
  std::vector<const row*> out;
  for (auto& r : table) {
    if ((all || wanted.contains(r.name)) && !unwanted.contains(r.name)) out.push_back(&r);
    wanted.erase(r.name);
  }
  if (wanted.empty()) return out;
  std::string known;
  for (auto name : names()) known.append(known.empty() ? "" : ", ").append(name);
  return error{errc::bad_request, "there is no controller named " + std::string(*wanted.begin()) +
                                      "; there are " + known};
}

/// Each has a desk of its own at the store, so that what it asks for can be told as its.
player spawn(caf::actor_system& system, const row& which, environment given) {
  given.name = directory_name(which.name);
  given.desk = std::make_shared<traced_store>(*given.store, given.name);
  given.store = given.desk.get();
  if (which.prompt && given.threads) {
    auto body = [body = which.body](controller_actor::pointer self, environment given) {
      go_first();
      return body(self, std::move(given));
    };
    return {which.name, insight::spawn<caf::detached>(system, body, given)};
  }
  return {which.name, insight::spawn(system, which.body, given)};
}

} // namespace

std::vector<std::string_view> names() {
  std::vector<std::string_view> out;
  for (auto& r : table) out.push_back(r.name);
  return out;
}

result<void> check(std::string_view list) {
  auto chosen = choose(list);
  return chosen ? result<void>{} : chosen.error();
}

result<std::vector<player>> start(caf::actor_system& system, const environment& given,
                                  std::string_view list) {
  auto chosen = choose(list);
  if (!chosen) return chosen.error();
  std::vector<player> out;
  for (auto r : *chosen) out.push_back(spawn(system, *r, given));
  return out;
}

result<std::vector<part>> parts(caf::actor_system& system, const environment& given,
                                std::string_view list,
                                std::function<void(const player&)> introduce) {
  auto chosen = choose(list);
  if (!chosen) return chosen.error();
  std::vector<part> out;
  for (auto r : *chosen)
    out.push_back({r->name, [&system, given, introduce, r] {
                     auto p = spawn(system, *r, given);
                     introduce(p);
                     return caf::actor_cast<caf::actor>(p.actor);
                   }});
  return out;
}

std::string directory_name(std::string_view name) {
  return (name == "scheduler" ? "" : "controller/") + std::string(name);
}

} // namespace troupe::controllers
