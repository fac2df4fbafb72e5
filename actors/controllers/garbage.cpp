#include "actors/controllers/garbage.hpp"

#include "actors/controllers/recorder.hpp"
#include "actors/gateway/fields.hpp"
#include "actors/gateway/write.hpp"
#include "actors/gateway/versions.hpp"
#include "actors/insight/trace.hpp"
#include "messages/base/finalizers.hpp"
#include "messages/codec/stored_parts.hpp"

#include <algorithm>

namespace troupe::controllers {

namespace {

using namespace codec;
using k8s::meta::v1::ObjectMeta;

owner_reference reference_of(std::string_view bytes, bool in_space, const schema::registry& kinds) {
  owner_reference out;
  std::string_view kind, api_version;
  codec::wire::reader owner(bytes);
  while (owner.next()) {
    if (owner.number == owner_number::uid) out.uid = owner.data;
    if (owner.number == owner_number::name) out.name = owner_name(owner.data);
    if (owner.number == owner_number::kind) kind = owner.data;
    if (owner.number == owner_number::api_version) api_version = owner.data;
    if (owner.number == owner_number::blocks) out.blocks = owner.value != 0;
  }
  if (in_space) return out;
  auto known = kinds.by_kind(api_version, kind);
  out.beyond = known && known->namespaced;
  return out;
}

owned_view view_of(const storage::entry& entry, const schema::registry& kinds) {
  owned_view v{std::string(entry.key()), {}, {}, {}};
  bool in_space = entry.key().find("//") == std::string_view::npos;
  codec::wire::reader m(metadata_in(entry.value()));
  while (m.next()) {
    if (m.number == meta_number::uid) v.uid = m.data;
    if (m.number == meta_number::owners) v.owners.push_back(reference_of(m.data, in_space, kinds));
    if (m.number == meta_number::finalizers) v.finalizers.emplace_back(m.data);
    if (m.number == meta_number::deletion) v.going = true;
  }
  return v;
}

struct garbage_state {
  garbage_state(controller_actor::pointer self, environment given)
      : self{self}, given{std::move(given)}, events{this->given, "garbage-collector-controller"} {}

  void resync() {
    hear();
    auto now = given.store->current();
    auto open = std::move(dirty);
    dirty.clear();
    storage::transaction tx;
    std::set<std::string> touched;
    for (auto& key : open)
      for (auto& action : plan(all, key))
        std::visit([&](auto& a) { act(a, now, tx, touched); }, action);
    events.publish(now);
    if (tx.mutations.empty()) return;
    given.store->commit(std::move(tx),
                        [self = controller_actor{self}, open](result<storage::outcome> done) {
                          if (done && !done->refused) return; // the changes come back as events
                          caf::anon_send(self, resync_atom_v, true);
                        });
    undecided.insert(open.begin(), open.end());
  }

  void try_again() {
    dirty.insert(undecided.begin(), undecided.end());
    undecided.clear();
    resync();
  }

  /// Brings the index up to date; listens to kinds that are new.
  void hear() {
    auto kinds = given.kinds();
    for (auto& k : kinds->all()) {
      // Events own nothing and are owned by nobody, and there are more of them than of anything.
      if (!k.has_verb("list") || !k.has_verb("delete") || k.name == "Event") continue;
      auto resource = gateway::stored_resource(k);
      if (!watches.contains(resource)) listen(resource, *kinds);
    }
    std::vector<storage::event_ptr> changes;
    for (auto& [resource, watch] : watches)
      if (!watch.read(changes)) return begin_again();
    if (trace::on()) trace::heard(given.name, changes);
    for (auto& e : changes) {
      auto view = view_of(*e->now, *kinds);
      // Before and after: whose case it was counts as well as whose it is.
      if (auto old = all.at(view.key))
        for (auto& key : all.concerned(*old)) dirty.insert(key);
      if (e->what == storage::event::kind::erase)
        all.erase(view.key);
      else
        all.put(view);
      for (auto& key : all.concerned(view)) dirty.insert(key);
      undecided.erase(view.key);
    }
  }

  void listen(const std::string& resource, const schema::registry& kinds) {
    auto now = given.store->current();
    storage::watch_options options;
    options.resource = resource;
    options.after_revision = now.revision();
    options.wake = [self = controller_actor{self}] { caf::anon_send(self, resync_atom_v); };
    auto made = given.store->subscribe(std::move(options));
    if (!made) return;
    watches.emplace(resource, std::move(*made));
    for (auto& entry : now.list(resource + "/")) {
      auto view = view_of(entry, kinds);
      dirty.insert(view.key);
      all.put(std::move(view));
    }
  }

  void begin_again() {
    watches.clear();
    all.clear();
    self->send(self, resync_atom_v);
  }

  const schema::kind* kind_of(const std::string& key, const schema::registry& kinds) const {
    auto resource = storage::resource_of(key);
    for (auto& k : kinds.all())
      if (k.has_verb("list") && gateway::stored_resource(k) == resource && !gateway::converted(k))
        return &k;
    return nullptr;
  }

  /// Calls `change` on the object and stores it; each object once a round.
  template<class Change>
  void edit(const std::string& key, const storage::snapshot& now, storage::transaction& tx,
            std::set<std::string>& touched, Change change) {
    auto kinds = given.kinds();
    auto entry = now.get(key);
    auto kind = kind_of(key, *kinds);
    if (!entry || !kind || !touched.insert(key).second) return;
    auto object = gateway::load(*kind, *entry);
    bool gone = change(*object, gateway::meta(*object));
    tx.require_revision(key, entry->mod_revision());
    auto stored = gateway::stored_form(*kind, *object);
    auto index = gateway::index_of(*kind, *object);
    gone ? tx.erase(key, stored, index) : tx.put(key, stored, index);
  }

  void act(const delete_dependent& a, const storage::snapshot& now, storage::transaction& tx,
           std::set<std::string>& touched) {
    edit(a.key, now, tx, touched, [&](google::protobuf::Message& object, ObjectMeta& m) {
      auto grace = gateway::grace_of(object);
      auto& kept = *m.mutable_finalizers();
      if (a.foreground && std::find(kept.begin(), kept.end(), finalizers::foreground) == kept.end())
        *kept.Add() = finalizers::foreground;
      if (a.unblock)
        for (auto& ref : *m.mutable_owner_references()) ref.set_block_owner_deletion(false);
      gateway::begin_deletion(m, given.now().seconds, grace);
      return m.finalizers().empty() && grace == 0;
    });
  }

  void act(const forget_owners& a, const storage::snapshot& now, storage::transaction& tx,
           std::set<std::string>& touched) {
    edit(a.key, now, tx, touched, [&](google::protobuf::Message&, ObjectMeta& m) {
      auto& refs = *m.mutable_owner_references();
      for (auto& uid : a.uids)
        refs.erase(
            std::remove_if(refs.begin(), refs.end(), [&](auto& r) { return r.uid() == uid; }),
            refs.end());
      return false;
    });
  }

  void act(const tell_misplaced_owner& a, const storage::snapshot& now, storage::transaction&,
           std::set<std::string>&) {
    auto kinds = given.kinds();
    auto entry = now.get(a.key);
    auto kind = kind_of(a.key, *kinds);
    if (!entry || !kind) return;
    auto object = gateway::load(*kind, *entry);
    auto& m = gateway::meta(*object);
    for (auto& ref : m.owner_references())
      if (ref.uid() == a.uid)
        events.note(*kind, m, "Warning", "OwnerRefInvalidNamespace",
                    "ownerRef [" + ref.api_version() + "/" + ref.kind() + ", namespace: " +
                        m.namespace_() + ", name: " + ref.name() + ", uid: " + ref.uid() +
                        "] does not exist in namespace \"" + m.namespace_() + "\"");
  }

  void act(const drop_finalizer& a, const storage::snapshot& now, storage::transaction& tx,
           std::set<std::string>& touched) {
    edit(a.key, now, tx, touched, [&](google::protobuf::Message&, ObjectMeta& m) {
      auto& list = *m.mutable_finalizers();
      list.erase(std::remove(list.begin(), list.end(), a.name), list.end());
      return list.empty() && m.deletion_grace_period_seconds() == 0;
    });
  }

  controller_actor::pointer self;
  environment given;
  recorder events;
  ownership all;
  std::map<std::string, storage::watch> watches;
  std::set<std::string> dirty;     ///< to be decided
  std::set<std::string> undecided; ///< acted upon, not yet heard of
};

} // namespace

controller_actor::behavior_type garbage(controller_actor::pointer self, environment given) {
  auto state = std::make_shared<garbage_state>(self, std::move(given));
  self->send(self, resync_atom_v);
  return {[state](resync_atom) { state->resync(); },
          [state](resync_atom, bool) { state->try_again(); }};
}

} // namespace troupe::controllers
