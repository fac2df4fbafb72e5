#include "actors/gateway/bootstrap.hpp"

#include "actors/gateway/admission/service_range.hpp"
#include "actors/gateway/api_services.hpp"
#include "actors/gateway/default_roles.hpp"
#include "actors/gateway/default_upkeep.hpp"
#include "actors/gateway/fields.hpp"
#include "actors/gateway/write.hpp"
#include "messages/api/namespace.pb.h"
#include "messages/api/network_address.pb.h"
#include "messages/api/priority_class.pb.h"
#include "messages/schema/default_flow.hpp"
#include "messages/schema/defaults.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>

namespace troupe::gateway {

namespace {

/// How often it is tried again when somebody else wrote the same objects meanwhile.
constexpr int attempts_max = 5;
/// How long a store that has just begun to lead may take to know what is in it.
constexpr auto patience = std::chrono::seconds(10);

/// Whether `found` had to be changed. What became of other kinds' objects is not the server's.
template<class Object> bool brought_up_to_date(Object& found, const Object& wanted) {
  if constexpr (requires { catch_up(found, wanted); })
    return catch_up(found, wanted);
  else
    return false;
}

/// Adds `object` to the transaction unless it is there, or what it lacks if it is.
template<class Object>
void ensure(gateway& g, const storage::snapshot& now, storage::transaction& tx,
            const schema::kind& kind, Object& object) {
  auto key = key_of(kind, object.metadata().namespace_(), object.metadata().name());
  schema::set_defaults(object);
  if (auto entry = now.get(key)) {
    Object found;
    if (!read_entry(*entry, found) || found.metadata().has_deletion_timestamp() ||
        !brought_up_to_date(found, object))
      return;
    tx.require_revision(key, entry->mod_revision());
    object = std::move(found);
  } else {
    tx.require_absent(key);
  }
  if (meta(object).uid().empty()) begin_life(g.given.random, object, g.given.now());
  tx.put(key, stored_form(kind, object), index_of(kind, object));
}

/// Removes what followed the defaults of a version before and is none any more.
template<class Object>
void remove_former(const storage::snapshot& now, storage::transaction& tx, const schema::kind& kind,
                   const std::vector<Object>& defaults) {
  for (auto& entry : now.list(prefix_of(kind))) {
    Object found;
    if (!read_entry(entry, found) || !goes_with_defaults(found.metadata()) ||
        !found.metadata().finalizers().empty())
      continue;
    auto& name = found.metadata().name();
    if (std::any_of(defaults.begin(), defaults.end(),
                    [&](auto& x) { return x.metadata().name() == name; }))
      continue;
    tx.require_revision(std::string(entry.key()), entry.mod_revision());
    tx.erase(entry.key(), stored_form(kind, found), index_of(kind, found));
  }
}

/// The range that services get their addresses from.
k8s::networking::v1::ServiceCIDR own_range(int64_t seconds) {
  k8s::networking::v1::ServiceCIDR range;
  range.mutable_metadata()->set_name("kubernetes");
  range.mutable_metadata()->set_generation(1);
  // As long as services may have its addresses it cannot go, and they always may.
  range.mutable_metadata()->add_finalizers("networking.k8s.io/service-cidr-finalizer");
  range.mutable_spec()->add_cidrs(own_service_range);
  auto& ready = *range.mutable_status()->add_conditions();
  ready.set_type("Ready");
  ready.set_status("True");
  ready.set_message("Kubernetes default Service CIDR is ready");
  ready.mutable_last_transition_time()->set_seconds(seconds);
  return range;
}

/// Whoever begins to lead may not have applied yet what was acknowledged before.
result<void> catch_up_with_history(storage::store& store) {
  auto promise = std::make_shared<std::promise<result<void>>>();
  auto answer = promise->get_future();
  store.linearize([promise](result<void> x) { promise->set_value(std::move(x)); });
  if (answer.wait_for(patience) != std::future_status::ready)
    return error{errc::timeout, "the store did not tell in time what it holds"};
  return answer.get();
}

/// What the cluster lacks `now`.
storage::transaction plan(gateway& g, const storage::snapshot& now) {
  auto kinds = g.kinds();
  storage::transaction tx;
  auto& namespaces = *kinds->by_resource("", "v1", "namespaces");
  for (auto name : {"default", "kube-system", "kube-public", "kube-node-lease"}) {
    k8s::core::v1::Namespace ns;
    ns.mutable_metadata()->set_name(name);
    (*ns.mutable_metadata()->mutable_labels())["kubernetes.io/metadata.name"] = name;
    ns.mutable_spec()->add_finalizers("kubernetes");
    ns.mutable_status()->set_phase("Active");
    ensure(g, now, tx, namespaces, ns);
  }
  auto ensure_all = [&](const char* group, const char* plural, auto objects) {
    auto& kind = *kinds->by_resource(group, "v1", plural);
    for (auto& object : objects) ensure(g, now, tx, kind, object);
  };
  constexpr const char* rights = "rbac.authorization.k8s.io";
  ensure_all(rights, "clusterroles", default_cluster_roles());
  ensure_all(rights, "clusterrolebindings", default_cluster_role_bindings());
  ensure_all(rights, "roles", default_roles());
  ensure_all(rights, "rolebindings", default_role_bindings());
  constexpr const char* flow = "flowcontrol.apiserver.k8s.io";
  auto seconds = g.given.now().seconds;
  auto levels = schema::default_priority_levels();
  auto schemas = schema::default_flow_schemas(seconds);
  ensure_all(flow, "prioritylevelconfigurations", levels);
  ensure_all(flow, "flowschemas", schemas);
  remove_former(now, tx, *kinds->by_resource(flow, "v1", "prioritylevelconfigurations"), levels);
  remove_former(now, tx, *kinds->by_resource(flow, "v1", "flowschemas"), schemas);
  ensure_all("apiregistration.k8s.io", "apiservices", own_api_services(*kinds, seconds));
  ensure_all("apiregistration.k8s.io", "apiservices", custom_api_services(*kinds, seconds));
  auto range = own_range(seconds);
  ensure(g, now, tx, *kinds->by_resource("networking.k8s.io", "v1", "servicecidrs"), range);
  for (auto [name, value, words] :
       {std::tuple("system-node-critical", 2000001000,
                   "Used for system critical pods that must not be moved from their current node."),
        std::tuple("system-cluster-critical", 2000000000,
                   "Used for system critical pods that must run in the cluster, but can be moved "
                   "to another node if necessary.")}) {
    k8s::scheduling::v1::PriorityClass p;
    p.mutable_metadata()->set_name(name);
    p.mutable_metadata()->set_generation(1);
    p.set_value(value);
    p.set_description(words);
    ensure(g, now, tx, *kinds->by_resource("scheduling.k8s.io", "v1", "priorityclasses"), p);
  }
  return tx;
}

} // namespace

result<void> bootstrap(gateway& g) {
  if (auto known = catch_up_with_history(*g.given.store); !known) return known;
  for (int i = 0; i < attempts_max; ++i) {
    auto tx = plan(g, g.given.store->current());
    if (tx.mutations.empty()) return {};
    auto done = storage::commit_and_wait(*g.given.store, std::move(tx));
    if (!done) return done.error();
    if (!done->refused) return {};
  }
  return error{errc::conflict, "others kept changing what the cluster begins with"};
}

} // namespace troupe::gateway
