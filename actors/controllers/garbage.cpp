#include "actors/controllers/garbage.hpp"

#include "actors/gateway/fields.hpp"
#include "actors/gateway/write.hpp"
#include "actors/gateway/versions.hpp"
#include "actors/insight/trace.hpp"
#include "messages/codec/stored_parts.hpp"

#include <algorithm>

namespace troupe::controllers {

namespace {

using namespace codec;
using k8s::meta::v1::ObjectMeta;

std::string_view owner_uid(std::string_view reference) {
  codec::wire::reader owner(reference);
  while (owner.next())
    if (owner.number == owner_number::uid) return owner.data;
  return {};
}

owned_view view_of(const storage::entry& entry) {
  owned_view v{std::string(entry.key()), {}, {}, {}};
  codec::wire::reader m(metadata_in(entry.value()));
  while (m.next()) {
    if (m.number == meta_number::uid) v.uid = m.data;
    if (m.number == meta_number::owners) v.owners.emplace_back(owner_uid(m.data));
    if (m.number == meta_number::finalizers) v.finalizers.emplace_back(m.data);
    if (m.number == meta_number::deletion) v.going = true;
  }
  return v;
}

struct garbage_state {
  garbage_state(controller_actor::pointer self, environment given)
      : self{self}, given{std::move(given)} {}

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
      if (!watches.contains(resource)) listen(resource);
    }
    std::vector<storage::event_ptr> events;
    for (auto& [resource, watch] : watches)
      if (!watch.read(events)) return begin_again();
    if (trace::on()) trace::heard(given.name, events);
    for (auto& e : events) {
      auto view = view_of(*e->now);
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

  void listen(const std::string& resource) {
    auto now = given.store->current();
    storage::watch_options options;
    options.resource = resource;
    options.after_revision = now.revision();
    options.wake = [self = controller_actor{self}] { caf::anon_send(self, resync_atom_v); };
    auto made = given.store->subscribe(std::move(options));
    if (!made) return;
    watches.emplace(resource, std::move(*made));
    for (auto& entry : now.list(resource + "/")) {
      auto view = view_of(entry);
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
      // Its own dependents go first if it is deleted in the foreground; in the background they
      // follow.
      m.mutable_deletion_timestamp()->set_seconds(given.now().seconds + grace);
      m.set_deletion_grace_period_seconds(grace);
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
