#include "actors/gateway/bootstrap.hpp"

#include "actors/gateway/api_services.hpp"
#include "actors/gateway/default_roles.hpp"
#include "actors/gateway/fields.hpp"
#include "actors/gateway/write.hpp"
#include "messages/api/namespace.pb.h"
#include "messages/api/priority_class.pb.h"
#include "messages/schema/default_flow.hpp"
#include "messages/schema/defaults.hpp"

namespace troupe::gateway {

namespace {

/// Adds `object` to the transaction unless it is there.
void ensure(gateway& g, const storage::snapshot& now, storage::transaction& tx,
            const schema::kind& kind, google::protobuf::Message& object) {
  auto& m = meta(object);
  auto key = key_of(kind, m.namespace_(), m.name());
  if (now.get(key)) return;
  begin_life(g.given.random, object, g.given.now());
  schema::set_defaults(object);
  tx.put(key, stored_form(kind, object), index_of(kind, object));
}

} // namespace

result<void> bootstrap(gateway& g) {
  auto now = g.given.store->current();
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
  ensure_all(flow, "prioritylevelconfigurations", schema::default_priority_levels());
  ensure_all(flow, "flowschemas", schema::default_flow_schemas(seconds));
  ensure_all("apiregistration.k8s.io", "apiservices", own_api_services(*kinds, seconds));
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
  if (tx.mutations.empty()) return {};
  auto done = storage::commit_and_wait(*g.given.store, std::move(tx));
  return done ? result<void>{} : done.error();
}

} // namespace troupe::gateway
