#include "actors/service/services.hpp"

#include "actors/controllers/children.hpp"
#include "actors/service/own_slices.hpp"
#include "messages/base/selector.hpp"

namespace troupe::service {

namespace {

using controllers::built_in;
using controllers::environment;
using controllers::round;
using k8s::core::v1::Service;

constexpr const char* headless_label = "service.kubernetes.io/headless";
constexpr const char* zone_label = "topology.kubernetes.io/zone";

/// Keyed by the service. Pods that have changed are noted one by one, so that a look at a service
/// of thousands costs no more than what is new.
class services_controller : public controllers::reconciler {
public:
  services_controller(controller_actor::pointer self, environment given)
      : reconciler{self, std::move(given), "endpointslice-controller",
                   "endpoint-slice-controller"} {
    listen(nodes, [this](auto& entry, bool gone) { hear_node(*entry, gone); });
    listen(service_kind(), [this](auto& entry, bool gone) { hear_service(*entry, gone); });
    listen(pods, [this](auto& entry, bool gone) { hear_pod(entry, gone); });
    listen(slice_kind(), [this](auto& entry, bool gone) { slices.hear(*entry, gone); });
  }

private:
  struct state {
    label_selector selector = label_selector::nothing();
    std::set<std::string> members; ///< keys of pods
    hint_rule hints;
    bool all = true; ///< everything is to be looked at, not only what follows
    std::set<std::string> changed_pods;
    std::set<std::string> changed_endpoints; ///< identities, as they were and as they are
  };

  void forget() override {
    known.clear();
    spaces.clear();
    backends.clear();
    zones.clear();
    slices.clear();
  }

  void look_at_all(const std::string& service, state& s) {
    s.all = true;
    mark(service);
  }

  void hear_node(const storage::entry& entry, bool gone) {
    std::string name(gateway::split_key(entry.key()).name);
    std::string zone(entry.label(zone_label).value_or(""));
    auto held = zones.find(name);
    if (held == zones.end() ? gone : !gone && held->second == zone) return;
    if (gone)
      zones.erase(held);
    else
      zones.insert_or_assign(name, std::move(zone));
    for (auto& [key, s] : known)
      for (auto& member : s.members)
        if (backends.at(member).node == name) {
          look_at_all(key, s);
          break;
        }
  }

  void hear_service(const storage::entry& entry, bool gone) {
    std::string key(entry.key());
    std::string ns(gateway::split_key(key).ns);
    mark(key);
    if (gone) {
      known.erase(key);
      spaces[ns].services.erase(key);
      return;
    }
    Service object;
    gateway::read_entry(entry, object);
    auto& s = known[key];
    s = {};
    spaces[ns].services.insert(key);
    if (!chooses_pods(object)) return;
    s.selector = label_selector::equal_to(object.spec().selector());
    for (auto& pod : spaces[ns].pods)
      if (selects(s, backends.at(pod))) s.members.insert(pod);
  }

  void hear_slice(const std::string& service, bool foreign) {
    auto s = known.find(service);
    if (foreign && s != known.end()) look_at_all(service, s->second);
  }

  void hear_pod(const storage::entry_ptr& entry, bool gone) {
    std::string key(entry->key());
    auto& space = spaces[std::string(gateway::split_key(key).ns)];
    auto old = backends.find(key);
    std::vector<std::string> endpoints;
    auto concerned = [&](const backend& b) {
      for (auto& ip : b.ips) endpoints.push_back(identity_of(b.uid, ip));
    };
    if (old != backends.end()) concerned(old->second);
    if (gone) {
      if (old == backends.end()) return;
      backends.erase(old);
      space.pods.erase(key);
    } else {
      auto fresh = backend::of(entry);
      if (old != backends.end() && old->second.same(fresh)) {
        old->second.entry = entry;
        return;
      }
      concerned(fresh);
      space.pods.insert(key);
      backends.insert_or_assign(key, std::move(fresh));
    }
    for (auto& service : space.services) {
      auto& s = known.at(service);
      bool before = s.members.contains(key);
      bool after = !gone && selects(s, backends.at(key));
      if (after) s.members.insert(key);
      if (!after) s.members.erase(key);
      if (endpoints.empty() || (!before && !after)) continue;
      s.changed_pods.insert(key);
      s.changed_endpoints.insert(endpoints.begin(), endpoints.end());
      mark(service);
    }
  }

  static bool selects(const state& s, const backend& pod) {
    return s.selector.matches([&](const std::string& k) { return pod.entry->label(k); });
  }

  void reconcile(round& r) override {
    auto entry = r.now.find(r.key);
    auto state = known.find(r.key);
    if (!entry || state == known.end()) return; // the slices follow their owner
    Service service;
    gateway::read_entry(*entry, service);
    if (!chooses_pods(service) || service.metadata().has_deletion_timestamp()) return;
    auto& s = state->second;
    auto zone_of = [this](const std::string& node) {
      auto hit = zones.find(node);
      return hit == zones.end() ? std::string{} : hit->second;
    };
    auto hints = asks_for_hints(service)
                     ? hint_rule::of(service, those(s.members, s.members, service), zone_of)
                     : hint_rule{};
    bool all = std::exchange(s.all, false) || !slices.heard_all(r.key) || hints != s.hints;
    s.hints = hints;
    auto changed_pods = std::exchange(s.changed_pods, {});
    auto changed_endpoints = std::exchange(s.changed_endpoints, {});
    if (!all && changed_endpoints.empty()) return;
    auto& looked_at = all ? s.members : changed_pods;
    slices.write(r, groups_of(service, those(looked_at, s.members, service), zone_of, hints),
                 head_of(service), all ? nullptr : &changed_endpoints);
    if (r.failure) s.all = true;
  }

  /// The pods of that name that are members. Those of a node that is gone serve nobody, unless all
  /// are to be published anyway.
  std::vector<const backend*> those(const std::set<std::string>& keys,
                                    const std::set<std::string>& members,
                                    const Service& service) const {
    std::vector<const backend*> out;
    for (auto& key : keys) {
      if (!members.contains(key)) continue;
      auto& b = backends.at(key);
      if (b.node.empty() || zones.contains(b.node) || service.spec().publish_not_ready_addresses())
        out.push_back(&b);
    }
    return out;
  }

  k8s::meta::v1::ObjectMeta head_of(const Service& service) const {
    auto& m = service.metadata();
    auto head = slices.head(m.namespace_(), m.name(), m.labels());
    auto& labels = *head.mutable_labels();
    labels.erase(headless_label);
    if (headless(service)) labels[headless_label] = "";
    *head.add_owner_references() = controllers::controlled_by(service_kind(), m);
    return head;
  }

  struct space {
    std::set<std::string> services, pods;
  };

  const schema::kind& nodes = built_in("", "v1", "nodes");
  const schema::kind& pods = built_in("", "v1", "pods");
  std::unordered_map<std::string, state> known; ///< services by key
  std::unordered_map<std::string, space> spaces;
  std::unordered_map<std::string, backend> backends;  ///< pods by key
  std::unordered_map<std::string, std::string> zones; ///< of the nodes that there are
  own_slices slices{slices_manager,
                    [this](auto& service, bool foreign) { hear_slice(service, foreign); }};
};

} // namespace

controller_actor::behavior_type services(controller_actor::pointer self, environment given) {
  return controllers::run<services_controller>(self, std::move(given));
}

} // namespace troupe::service
