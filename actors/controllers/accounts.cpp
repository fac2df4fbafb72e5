#include "actors/controllers/accounts.hpp"

#include "actors/gateway/fields.hpp"
#include "actors/gateway/object.hpp"
#include "actors/gateway/write.hpp"
#include "messages/api/config.pb.h"

#include <array>

namespace troupe::controllers {

namespace {

constexpr const char* root_map = "kube-root-ca.crt";
constexpr const char* root_key = "ca.crt";

struct accounts_state {
  accounts_state(controller_actor::pointer self, environment given)
      : self{self}, given{std::move(given)}, spaces{kind("namespaces")},
        accounts{kind("serviceaccounts")}, maps{kind("configmaps")},
        ears{ear{*this->given.store, "namespaces", controller_actor{self}},
             ear{*this->given.store, "serviceaccounts", controller_actor{self}},
             ear{*this->given.store, "configmaps", controller_actor{self}}} {}

  static const schema::kind& kind(const char* plural) {
    return *schema::registry::built_in()->by_resource("", "v1", plural);
  }

  void resync() {
    for (auto& e : ears) e.drain();
    auto now = given.store->current();
    storage::transaction tx;
    for (auto& entry : now.list(gateway::prefix_of(spaces)))
      for (auto& action : plan(look(entry, now)))
        std::visit([&](auto& a) { act(a, now, tx); }, action);
    if (tx.mutations.empty()) return;
    given.store->commit(std::move(tx),
                        [self = controller_actor{self}](result<storage::outcome> done) {
                          // Somebody else was faster: look again. Anything else is heard as a
                          // change of its own.
                          if (done && done->refused) caf::anon_send(self, resync_atom_v);
                        });
  }

  accounts_view look(const storage::entry& ns, const storage::snapshot& now) const {
    accounts_view v{std::string(gateway::split_key(ns.key()).name),
                    ns.field("status.phase") == "Active"};
    v.has_default_account = now.find(gateway::key_of(accounts, v.ns, "default")) != nullptr;
    auto map = now.find(gateway::key_of(maps, v.ns, root_map));
    k8s::core::v1::ConfigMap held;
    if (map &&
        held.ParsePartialFromArray(map->value().data(), static_cast<int>(map->value().size()))) {
      auto hit = held.data().find(root_key);
      v.has_root_certificate = hit != held.data().end() && hit->second == given.root_ca_pem;
    }
    return v;
  }

  void act(const create_default_account& a, const storage::snapshot&,
           storage::transaction& tx) const {
    k8s::core::v1::ServiceAccount account;
    account.mutable_metadata()->set_name("default");
    create(accounts, a.ns, account, tx);
  }

  void act(const publish_root_certificate& a, const storage::snapshot& now,
           storage::transaction& tx) const {
    k8s::core::v1::ConfigMap map;
    auto key = gateway::key_of(maps, a.ns, root_map);
    auto old = now.get(key);
    if (old) map.ParsePartialFromArray(old->value().data(), static_cast<int>(old->value().size()));
    (*map.mutable_metadata()->mutable_annotations())["kubernetes.io/description"] =
        "Contains a CA bundle that can be used to verify the kube-apiserver when using internal "
        "endpoints such as the internal service IP or kubernetes.default.svc. No other usage is "
        "guaranteed across distributions of Kubernetes clusters.";
    (*map.mutable_data())[root_key] = given.root_ca_pem;
    map.mutable_metadata()->set_name(root_map);
    if (!old) return create(maps, a.ns, map, tx);
    tx.require_revision(key, old->mod_revision());
    tx.put(key, gateway::stored_form(maps, map), gateway::index_of(maps, map));
  }

  void create(const schema::kind& k, const std::string& ns, google::protobuf::Message& object,
              storage::transaction& tx) const {
    auto& m = gateway::meta(object);
    m.set_namespace_(ns);
    gateway::begin_life(given.random, object, given.now());
    auto key = gateway::key_of(k, ns, m.name());
    tx.require_absent(key);
    tx.put(key, gateway::stored_form(k, object), gateway::index_of(k, object));
  }

  controller_actor::pointer self;
  environment given;
  const schema::kind& spaces;
  const schema::kind& accounts;
  const schema::kind& maps;
  std::array<ear, 3> ears;
};

} // namespace

controller_actor::behavior_type accounts(controller_actor::pointer self, environment given) {
  auto state = std::make_shared<accounts_state>(self, std::move(given));
  self->send(self, resync_atom_v);
  return {[state](resync_atom) { state->resync(); },
          [state](resync_atom, bool) { state->resync(); }};
}

} // namespace troupe::controllers
