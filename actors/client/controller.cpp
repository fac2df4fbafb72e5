#include "actors/client/controller.hpp"

#include "actors/client/lease.hpp"
#include "messages/base/log.hpp"

#include <algorithm>
#include <ctime>
#include <set>
#include <unistd.h>

namespace troupe::client {

/// What the hands are given: shared, never copied.
struct round {
  std::shared_ptr<const plan> what;
};
struct lease_in_hand {
  std::shared_ptr<lease_keeper> keeper;
};

} // namespace troupe::client

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::round)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::lease_in_hand)

namespace troupe::client {

const json::value* view::find(const kind_name& kind, const object_key& which) const {
  auto all = objects_.find(kind.path({}));
  if (all == objects_.end()) return nullptr;
  auto hit = all->second.find(which);
  return hit == all->second.end() ? nullptr : hit->second.get();
}

std::vector<const json::value*> view::all(const kind_name& kind, std::string_view ns) const {
  std::vector<const json::value*> out;
  auto all = objects_.find(kind.path({}));
  if (all != objects_.end())
    for (auto& [key, object] : all->second)
      if (ns.empty() || key.ns == ns) out.push_back(object.get());
  return out;
}

std::vector<const json::value*> view::owned(const kind_name& kind, std::string_view uid) const {
  std::vector<const json::value*> out;
  for (auto object : all(kind))
    if (auto owners = json::find(*object, {"metadata", "ownerReferences"});
        owners && owners->is_array())
      for (auto& o : owners->get_array())
        if (auto c = json::find(o, "controller");
            json::string_at(o, {"uid"}) == uid && c && c->is_bool() && c->get_bool())
          out.push_back(object);
  return out;
}

void view::note(const kind_name& kind, const change& heard) {
  if (!heard.object) return;
  object_key key{std::string(heard.ns()), std::string(heard.name())};
  auto& all = objects_[kind.path({})];
  if (heard.kind == change::what::erased)
    all.erase(key);
  else
    all[key] = heard.object;
}

json::value owned_by(const json::value& owner) {
  return json::array{json::object{{"apiVersion", json::string_at(owner, {"apiVersion"})},
                                  {"kind", json::string_at(owner, {"kind"})},
                                  {"name", json::string_at(owner, {"metadata", "name"})},
                                  {"uid", json::string_at(owner, {"metadata", "uid"})},
                                  {"controller", true},
                                  {"blockOwnerDeletion", true}}};
}

namespace {

constexpr std::chrono::milliseconds again_after_min{50}, again_after_max{30'000};

result<void> act(const cluster& to, const std::string& manager, const action& a) {
  auto ns = json::string_at(a.object, {"metadata", "namespace"});
  auto name = json::string_at(a.object, {"metadata", "name"});
  auto ok = [&]() -> result<json::value> {
    switch (a.what) {
    case action::verb::create: return to.create(a.kind, a.object);
    case action::verb::update: return to.update(a.kind, a.object);
    case action::verb::update_status: return to.update(a.kind, a.object, "status");
    case action::verb::apply: return to.apply(a.kind, a.object, manager);
    case action::verb::patch: return to.patch(a.kind, ns, name, a.object);
    case action::verb::patch_status: return to.patch(a.kind, ns, name, a.object, "status");
    case action::verb::remove:
      if (auto gone = to.remove(a.kind, ns, name); !gone) return gone.error();
      return json::value();
    }
    return json::value();
  }();
  if (ok) return {};
  // What somebody else was faster with is as it should be.
  if (a.what == action::verb::remove && ok.error().code == errc::not_found) return {};
  return ok.error();
}

/// THE HANDS of a controller: the one part of it that waits for answers.
caf::behavior hands(caf::event_based_actor* self, cluster to, std::string manager) {
  return {[=](asked_atom, const round& what) -> std::string {
            for (auto& a : what.what->actions)
              if (auto ok = act(to, manager, a); !ok) return ok.error().message;
            return {};
          },
          [=](elapsed_atom, const lease_in_hand& held) -> bool {
            auto& lease = held.keeper;
            static const kind_name leases{"coordination.k8s.io", "v1", "leases", "Lease", true};
            auto steady = [self] {
              return std::chrono::duration_cast<std::chrono::milliseconds>(
                  self->clock().now().time_since_epoch());
            };
            auto now = to.get(leases, lease->ns(), lease->name());
            if (!now && now.error().code != errc::not_found) return false;
            auto step = lease->look(now ? &*now : nullptr, steady(), to.over()->wall());
            if (!step.write) return step.leads;
            auto stored =
                step.create ? to.create(leases, step.lease) : to.update(leases, step.lease);
            return static_cast<bool>(stored);
          }};
}

struct controller_state {
  caf::event_based_actor* self = nullptr;
  controller_settings given;
  view known;
  caf::actor worker;
  std::shared_ptr<lease_keeper> lease;
  size_t unsynced = 0;
  bool leads = false;
  bool busy = false;
  std::set<object_key> due;
  std::map<object_key, std::chrono::milliseconds> delays; ///< of those that failed

  bool ready() const { return unsynced == 0 && leads; }

  void heard(size_t which, const change& c) {
    auto& kind = which == 0 ? given.primary : given.also[which - 1].kind;
    if (c.kind == change::what::synced) {
      --unsynced;
      return next();
    }
    known.note(kind, c);
    for (auto& key : concerned(which, *c.object)) due.insert(key);
    next();
  }

  std::vector<object_key> concerned(size_t which, const json::value& object) const {
    auto ns = std::string(json::string_at(object, {"metadata", "namespace"}));
    if (which == 0) return {{ns, std::string(json::string_at(object, {"metadata", "name"}))}};
    if (auto& chosen = given.also[which - 1].concerns) return chosen(object);
    std::vector<object_key> out;
    if (auto owners = json::find(object, {"metadata", "ownerReferences"});
        owners && owners->is_array())
      for (auto& o : owners->get_array())
        if (json::string_at(o, {"kind"}) == given.primary.kind)
          out.push_back(
              {given.primary.namespaced ? ns : "", std::string(json::string_at(o, {"name"}))});
    return out;
  }

  void next() {
    while (ready() && !busy && !due.empty()) {
      auto key = *due.begin();
      due.erase(due.begin());
      auto wanted = std::make_shared<plan>(given.decide(known, key));
      if (wanted->again_after) later(key, *wanted->again_after);
      if (wanted->actions.empty()) {
        delays.erase(key);
        continue;
      }
      busy = true;
      self->request(worker, caf::infinite, asked_atom_v, round{wanted})
          .then([this, key](const std::string& why) { acted(key, why); },
                [this, key](const caf::error& why) { acted(key, caf::to_string(why)); });
    }
  }

  void acted(const object_key& key, const std::string& why) {
    busy = false;
    if (why.empty()) {
      delays.erase(key);
    } else {
      auto& delay = delays[key];
      delay = std::clamp(delay * 2, again_after_min, again_after_max);
      log::info(given.name, "a round failed and will be tried again",
                {{"object", key.ns + "/" + key.name}, {"why", why}});
      later(key, delay);
    }
    next();
  }

  void later(const object_key& key, std::chrono::milliseconds time) {
    self->delayed_send(self, time, resync_atom_v, key.ns, key.name);
  }

  void renew() {
    self->request(worker, caf::infinite, elapsed_atom_v, lease_in_hand{lease})
        .then(
            [this](bool holds) {
              if (holds != std::exchange(leads, holds))
                log::info(given.name, holds ? "leads" : "leads no more");
              next();
            },
            [this](const caf::error&) { leads = false; });
    self->delayed_send(self, given.lease_time / 3, elapsed_atom_v);
  }
};

/// Hears one kind for its controller.
caf::behavior ear(caf::event_based_actor* self, caf::actor owner, uint64_t which) {
  self->monitor(owner);
  self->set_down_handler([self](caf::down_msg&) { self->quit(); });
  return {[=](changed_atom, const change& c) { self->send(owner, changed_atom_v, which, c); }};
}

caf::behavior controller(caf::stateful_actor<controller_state>* self, cluster to,
                         controller_settings given) {
  auto& s = self->state;
  s.self = self;
  s.given = std::move(given);
  s.worker = to.over()->one_thread()
                 ? caf::actor{self->spawn<caf::linked>(hands, to, s.given.name)}
                 : caf::actor{self->spawn<caf::detached + caf::linked>(hands, to, s.given.name)};
  s.unsynced = 1 + s.given.also.size();
  auto me = caf::actor_cast<caf::actor>(self);
  for (size_t i = 0; i < s.unsynced; ++i) {
    auto& kind = i == 0 ? s.given.primary : s.given.also[i - 1].kind;
    auto& chosen = i == 0 ? s.given.chosen : s.given.also[i - 1].chosen;
    subscribe(self->system(), to, kind, chosen, self->system().spawn(ear, me, uint64_t{i}));
  }
  s.leads = s.given.lease_namespace.empty();
  if (!s.leads) {
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    s.lease = std::make_shared<lease_keeper>(s.given.lease_namespace, s.given.name,
                                             std::string(host) + "_" + std::to_string(getpid()) +
                                                 "_" + std::to_string(self->id()),
                                             s.given.lease_time);
    s.renew();
  }
  return {[self](changed_atom, uint64_t which, const change& c) { self->state.heard(which, c); },
          [self](resync_atom, const std::string& ns, const std::string& name) {
            self->state.due.insert({ns, name});
            self->state.next();
          },
          [self](elapsed_atom) { self->state.renew(); }};
}

} // namespace

caf::actor run_controller(caf::actor_system& system, const cluster& to, controller_settings given) {
  return system.spawn(controller, to, std::move(given));
}

} // namespace troupe::client
