#include "actors/controllers/roles.hpp"

#include "actors/gateway/fields.hpp"
#include "actors/gateway/object.hpp"

namespace troupe::controllers {

namespace {

using k8s::rbac::v1::ClusterRole;

struct roles_state {
  roles_state(controller_actor::pointer self, environment given)
      : self{self}, given{std::move(given)}, kind{*schema::registry::built_in()->by_resource(
                                                 "rbac.authorization.k8s.io", "v1",
                                                 "clusterroles")},
        changes{*this->given.store, kind.group_resource(), controller_actor{self}} {}

  void resync() {
    changes.drain();
    auto now = given.store->current();
    std::vector<ClusterRole> all;
    for (auto& entry : now.list(gateway::prefix_of(kind))) {
      ClusterRole r;
      if (gateway::read_entry(entry, r)) all.push_back(std::move(r));
    }
    storage::transaction tx;
    for (auto& action : plan(all)) act(action, now, tx);
    if (tx.mutations.empty()) return;
    given.store->commit(std::move(tx),
                        [self = controller_actor{self}](result<storage::outcome> done) {
                          // Somebody else was faster: look again. Success is heard as a change; a
                          // role may be part of another.
                          if (done && done->refused) caf::anon_send(self, resync_atom_v);
                        });
  }

  void act(const set_rules& a, const storage::snapshot& now, storage::transaction& tx) const {
    auto key = gateway::key_of(kind, {}, a.name);
    auto entry = now.get(key);
    auto object = gateway::load(kind, *entry);
    auto& role = static_cast<ClusterRole&>(*object);
    role.clear_rules();
    for (auto& rule : a.rules) *role.add_rules() = rule;
    tx.require_revision(key, entry->mod_revision());
    tx.put(key, gateway::stored_form(kind, role), gateway::index_of(kind, role));
  }

  controller_actor::pointer self;
  environment given;
  const schema::kind& kind;
  ear changes;
};

} // namespace

controller_actor::behavior_type roles(controller_actor::pointer self, environment given) {
  auto state = std::make_shared<roles_state>(self, std::move(given));
  self->send(self, resync_atom_v);
  return {[state](resync_atom) { state->resync(); },
          [state](resync_atom, bool) { state->resync(); }};
}

} // namespace troupe::controllers
