#include "actors/controllers/namespaces.hpp"

#include "actors/gateway/fields.hpp"
#include "actors/gateway/write.hpp"
#include "messages/api/namespace.pb.h"
#include "messages/base/log.hpp"

#include <algorithm>

namespace troupe::controllers {

namespace {

using k8s::core::v1::Namespace;

constexpr const char* own_finalizer = "kubernetes";
constexpr std::chrono::milliseconds look_again{500}; // while a namespace waits for somebody else

/// The kinds whose objects live in namespaces, each stored resource once.
std::vector<const schema::kind*> namespaced_kinds(const schema::registry& kinds) {
  std::vector<const schema::kind*> out;
  for (auto& k : kinds.all()) {
    if (!k.namespaced || !k.has_verb("list")) continue;
    auto prefix = gateway::prefix_of(k);
    bool known = std::any_of(out.begin(), out.end(),
                             [&](auto other) { return gateway::prefix_of(*other) == prefix; });
    if (!known) out.push_back(&k);
  }
  return out;
}

content_view view_of(const schema::kind& kind, const storage::entry& entry) {
  auto object = gateway::load(kind, entry);
  auto& m = gateway::meta(*object);
  return {std::string(entry.key()),
          kind.group_resource(),
          {m.finalizers().begin(), m.finalizers().end()},
          m.has_deletion_timestamp(),
          gateway::grace_of(*object) > 0};
}

struct namespaces_state {
  explicit namespaces_state(controller_actor::pointer self, environment given)
      : self{self}, given{std::move(given)}, kind{*schema::registry::built_in()->by_resource(
                                                 "", "v1", "namespaces")},
        changes{*this->given.store, "namespaces", controller_actor{self}} {}

  void resync() {
    changes.drain();
    auto now = given.store->current();
    bool waiting = false;
    for (auto& entry : now.list(gateway::prefix_of(kind)))
      if (entry.field("status.phase") == "Terminating") waiting = carry_out(entry, now) || waiting;
    if (waiting && !armed) {
      armed = true;
      self->delayed_send(self, look_again, resync_atom_v, true);
    }
  }

  /// True if the namespace is still there afterwards and waits for others.
  bool carry_out(const storage::entry& entry, const storage::snapshot& now) {
    auto object = gateway::load(kind, entry);
    auto& ns = static_cast<Namespace&>(*object);
    namespace_view view{
        ns.metadata().name(), ns.metadata().has_deletion_timestamp(), released(ns), {}};
    auto kinds = given.kinds();
    for (auto k : namespaced_kinds(*kinds))
      for (auto& e : now.list(gateway::prefix_of(*k, view.name)))
        view.contents.push_back(view_of(*k, e));
    storage::transaction tx;
    bool waits = true;
    for (auto& action : plan(view)) {
      if (tx.mutations.size() + 1 >= storage::transaction_mutations_max) break;
      if (auto a = std::get_if<erase_object>(&action))
        tx.erase(a->key);
      else if (auto a = std::get_if<mark_object>(&action))
        mark(a->key, *kinds, now, tx);
      else if (auto a = std::get_if<tell_remaining>(&action))
        tell(ns, entry, *a, tx);
      else
        waits = !release(ns, entry, tx);
    }
    if (tx.mutations.empty()) return waits;
    given.store->commit(std::move(tx), [self = controller_actor{self}](result<storage::outcome>) {
      caf::anon_send(self, resync_atom_v); // whatever came of it, the next look decides
    });
    return waits;
  }

  static bool released(const Namespace& ns) {
    auto& f = ns.spec().finalizers();
    return std::find(f.begin(), f.end(), own_finalizer) == f.end();
  }

  void mark(const std::string& key, const schema::registry& kinds, const storage::snapshot& now,
            storage::transaction& tx) {
    auto entry = now.get(key);
    for (auto k : namespaced_kinds(kinds)) {
      if (!entry || !key.starts_with(gateway::prefix_of(*k))) continue;
      auto object = gateway::load(*k, *entry);
      gateway::begin_deletion(gateway::meta(*object), given.now().seconds,
                              gateway::grace_of(*object));
      tx.put(key, gateway::stored_form(*k, *object), gateway::index_of(*k, *object));
    }
  }

  void tell(Namespace& ns, const storage::entry& entry, const tell_remaining& what,
            storage::transaction& tx) {
    put_progress(*ns.mutable_status()->mutable_conditions(), what, given.now());
    put(ns, entry, tx);
  }

  bool release(Namespace& ns, const storage::entry& entry, storage::transaction& tx) {
    auto& finalizers = *ns.mutable_spec()->mutable_finalizers();
    finalizers.erase(std::find(finalizers.begin(), finalizers.end(), own_finalizer));
    if (!finalizers.empty() || !ns.metadata().finalizers().empty()) {
      tell(ns, entry, {}, tx);
      return false;
    }
    tx.require_revision(std::string(entry.key()), entry.mod_revision());
    tx.erase(entry.key(), gateway::stored_form(kind, ns), gateway::index_of(kind, ns));
    log::debug("namespaces", "a namespace is gone", {{"name", ns.metadata().name()}});
    return true;
  }

  void put(Namespace& ns, const storage::entry& entry, storage::transaction& tx) {
    auto stored = gateway::stored_form(kind, ns);
    if (stored == entry.value()) return;
    tx.require_revision(std::string(entry.key()), entry.mod_revision());
    tx.put(entry.key(), stored, gateway::index_of(kind, ns));
  }

  controller_actor::pointer self;
  environment given;
  const schema::kind& kind;
  ear changes;
  bool armed = false;
};

} // namespace

controller_actor::behavior_type namespaces(controller_actor::pointer self, environment given) {
  auto state = std::make_shared<namespaces_state>(self, std::move(given));
  self->send(self, resync_atom_v);
  return {
      [state](resync_atom) { state->resync(); },
      [state](resync_atom, bool) {
        state->armed = false;
        state->resync();
      },
  };
}

} // namespace troupe::controllers
