// Eviction: a deletion that asks the pod's disruption budgets first.
#include "actors/controllers/conditions.hpp"
#include "actors/gateway/node_authorizer.hpp"
#include "actors/gateway/node_restriction.hpp"
#include "actors/gateway/subresources.hpp"
#include "actors/gateway/write.hpp"

#include "actors/gateway/fields.hpp"
#include "messages/api/pod.pb.h"
#include "messages/api/policy.pb.h"
#include "messages/base/selector.hpp"
#include "messages/schema/pod_phase.hpp"

namespace troupe::gateway {

namespace {

using k8s::core::v1::Pod;
using k8s::policy::v1::Eviction;
using k8s::policy::v1::PodDisruptionBudget;

bool ready(const Pod& pod) {
  for (auto& c : pod.status().conditions())
    if (c.type() == "Ready") return c.status() == "True";
  return false;
}

constexpr int new_budget_seconds = 10; // until it has been looked at, most likely
constexpr int evictions_awaited_max = 2'000;

error no_room(const std::string& why) {
  error e{errc::too_many_requests,
          "Cannot evict pod as it would violate the pod's disruption budget."};
  e.details.causes = {{"DisruptionBudget", why, ""}};
  return e;
}

/// Why the budget lets nobody go at the moment; nothing if it does.
result<void> room_in(const schema::kind& kind, const PodDisruptionBudget& b) {
  auto& status = b.status();
  auto name = "The disruption budget " + b.metadata().name();
  if (status.observed_generation() < b.metadata().generation()) {
    auto e = no_room(name + " is still being processed by the server.");
    e.details.retry_after_seconds = new_budget_seconds;
    return e;
  }
  auto no = [&](const char* why) { return forbidden(kind, b.metadata().name(), why); };
  if (status.disruptions_allowed() < 0) return no("pdb disruptions allowed is negative");
  if (status.disrupted_pods_size() > evictions_awaited_max)
    return no("DisruptedPods map too big - too many evictions not confirmed by PDB controller");
  if (status.disruptions_allowed() > 0) return {};
  auto c = controllers::find_condition(status.conditions(), "DisruptionAllowed");
  if (c && c->status() == "False" && c->reason() == "SyncFailed")
    return no_room(
        name + " does not allow evicting pods currently because it failed sync: " + c->message());
  return no_room(name + " needs " + std::to_string(status.desired_healthy()) +
                 " healthy pods and has " + std::to_string(status.current_healthy()) +
                 " currently");
}

/// Charges the budgets that cover the pod; too_many_requests if one has no room.
result<void> charge(const call& c, const Pod& pod, const storage::snapshot& now,
                    storage::transaction& tx) {
  auto budgets = c.kinds->by_resource("policy", "v1", "poddisruptionbudgets");
  const storage::entry* found = nullptr;
  PodDisruptionBudget budget;
  for (auto& entry : now.list(prefix_of(*budgets, c.where.ns))) {
    PodDisruptionBudget b;
    if (!read_entry(entry, b)) continue;
    auto selector = label_selector::from(b.spec().selector());
    if (!selector || !selector->matches_map(pod.metadata().labels())) continue;
    if (found)
      return error{errc::internal, "This pod has more than one PodDisruptionBudget, which the "
                                   "eviction subresource does not support."};
    found = now.find(entry.key());
    budget = std::move(b);
  }
  if (!found) return {};
  auto& status = *budget.mutable_status();
  // A pod that is not ready anyway disturbs nobody as long as enough others are healthy.
  bool free_pass =
      !ready(pod) &&
      (budget.spec().unhealthy_pod_eviction_policy() == "AlwaysAllow" ||
       (status.current_healthy() >= status.desired_healthy() && status.desired_healthy() > 0));
  if (free_pass) return {};
  if (auto room = room_in(*budgets, budget); !room) return room.error();
  status.set_disruptions_allowed(status.disruptions_allowed() - 1);
  auto& when = (*status.mutable_disrupted_pods())[pod.metadata().name()];
  when.set_seconds(c.now.seconds);
  auto key = std::string(found->key());
  tx.require_revision(key, found->mod_revision());
  tx.put(key, stored_form(*budgets, budget), index_of(*budgets, budget));
  return {};
}

/// The pod as stored, saying why it is about to go.
storage::entry_ptr with_reason(const call& c, const storage::entry& stored, Pod& pod) {
  controllers::set_pod_condition(pod, "DisruptionTarget", true, "EvictionByEvictionAPI",
                                 "Eviction API: evicting", c.now);
  return storage::entry::make(stored.key(), stored.index().packed(), stored_form(*c.kind, pod),
                              stored.create_revision(), stored.mod_revision());
}

} // namespace

void evict(gateway& g, call_ptr c) {
  auto options = read_write_options(c->query, "CreateOptions");
  if (!options) return c->fail(options.error());
  auto form = body_format(c->request.header("Content-Type"));
  if (!form) return c->fail(form.error());
  auto eviction = std::make_shared<Eviction>();
  auto read = read_document(*eviction, "*", "Eviction", *form, c->request.body);
  if (!read) return c->fail(read.error());
  if (auto ok = fit_namespace(*c, *eviction->mutable_metadata()); !ok) return c->fail(ok.error());
  auto& name = eviction->metadata().name();
  if (name != c->where.name)
    return c->fail({errc::bad_request, "name in URL (" + c->where.name +
                                           ") does not match name in Eviction object (" + name +
                                           ")"});
  if (eviction->has_delete_options())
    if (auto ok = read_delete_options({}, *eviction->mutable_delete_options()); !ok)
      return c->fail(ok.error());
  g.write(
      c,
      [eviction, dry = options->dry_run](call& c, const storage::snapshot& now) -> result<change> {
        auto entry = now.get(key_of(*c.kind, c.where.ns, c.where.name));
        if (!entry) return not_found(*c.kind, c.where.name);
        auto object = load(*c.kind, *entry);
        auto& pod = static_cast<Pod&>(*object);
        if (auto node = node_of(c.who))
          if (auto why = why_node_may_not_remove(*node, pod, true); !why.empty())
            return forbidden(*c.kind, c.where.name, why);
        auto& phase = pod.status().phase();
        storage::transaction charges;
        bool over =
            schema::is_over(phase) || phase == "Pending" || pod.metadata().has_deletion_timestamp();
        if (!over)
          if (auto ok = charge(c, pod, now, charges); !ok) return ok.error();
        auto deletion = eviction->delete_options();
        if (dry) deletion.add_dry_run("All");
        auto plan = plan_delete(c, now, *with_reason(c, *entry, pod), deletion);
        if (!plan) return plan;
        for (auto& p : charges.preconditions) plan->tx.preconditions.push_back(std::move(p));
        for (auto& m : charges.mutations) plan->tx.mutations.push_back(std::move(m));
        plan->answer = [](call& c, uint64_t) {
          c.answer(status_answer(201, success(201), c.media));
        };
        return plan;
      });
}

} // namespace troupe::gateway
