#include "actors/gateway/bootstrap.hpp"

#include "actors/gateway/fields.hpp"
#include "actors/gateway/write.hpp"
#include "messages/api/namespace.pb.h"
#include "messages/schema/defaults.hpp"

namespace troupe::gateway {

namespace {

/// Adds `object` to the transaction unless it is there.
void ensure(gateway& g, const storage::snapshot& now, storage::transaction& tx, const schema::kind& kind, google::protobuf::Message& object) {
  auto& m = meta(object);
  auto key = key_of(kind, m.namespace_(), m.name());
  if (now.get(key)) return;
  begin_life(g, object, g.given.now());
  schema::set_defaults(object);
  tx.put(key, stored_form(object), index_of(kind, object));
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
  if (tx.mutations.empty()) return {};
  auto done = storage::commit_and_wait(*g.given.store, std::move(tx));
  return done ? result<void>{} : done.error();
}

} // namespace troupe::gateway
