#include "actors/service/services.hpp"

#include "actors/controllers/children.hpp"
#include "actors/controllers/reconciler.hpp"
#include "actors/service/endpoints_object.hpp"
#include "messages/api/node.pb.h"
#include "messages/base/selector.hpp"

namespace troupe::service {

namespace {

using controllers::built_in;
using controllers::environment;
using controllers::round;
using k8s::core::v1::Endpoints;
using k8s::core::v1::Service;

constexpr const char* service_label = "kubernetes.io/service-name";
constexpr const char* manager_label = "endpointslice.kubernetes.io/managed-by";
constexpr const char* slices_manager = "endpointslice-controller.k8s.io";
constexpr const char* mirror_manager = "endpointslicemirroring-controller.k8s.io";
constexpr const char* headless_label = "service.kubernetes.io/headless";
constexpr const char* zone_label = "topology.kubernetes.io/zone";

/// The slices of services by their key, as far as one controller makes them.
class slice_index {
public:
  explicit slice_index(const char* manager) : manager_{manager} {}

  /// Calls `concerns` with the keys of services whose slices have changed.
  template<class Concerns> void hear(const storage::entry& slice, bool gone, Concerns concerns) {
    auto at = gateway::split_key(slice.key());
    std::string service(slice.label(service_label).value_or(""));
    bool ours = !gone && slice.label(manager_label) == manager_ && !service.empty();
    auto key = ours ? "services/" + std::string(at.ns) + "/" + service : std::string{};
    std::string own(slice.key());
    auto known = service_of_.find(own);
    if (known != service_of_.end() && known->second != key) {
      slices_[known->second].erase(own);
      concerns(known->second);
      service_of_.erase(known);
    }
    if (!ours) return;
    slices_[key].insert(own);
    service_of_[own] = key;
    concerns(key);
  }

  /// Those of one service as the snapshot shows them.
  std::vector<const storage::entry*> of(const std::string& service,
                                        const storage::snapshot& now) const {
    std::vector<const storage::entry*> out;
    if (auto hit = slices_.find(service); hit != slices_.end())
      for (auto& key : hit->second)
        if (auto entry = now.find(key)) out.push_back(entry);
    return out;
  }

  void clear() {
    slices_.clear();
    service_of_.clear();
  }

private:
  const char* manager_;
  std::unordered_map<std::string, std::set<std::string>> slices_;
  std::unordered_map<std::string, std::string> service_of_;
};

/// Brings the slices of a service to `wanted`.
void write_slices(round& r, const std::vector<const storage::entry*>& entries,
                  std::vector<endpoint_group> wanted, const k8s::meta::v1::ObjectMeta& head) {
  auto& kind = built_in("discovery.k8s.io", "v1", "endpointslices");
  std::vector<EndpointSlice> observed(entries.size());
  for (size_t i = 0; i < entries.size(); ++i) gateway::read_entry(*entries[i], observed[i]);
  for (auto& action : plan(std::move(wanted), observed, head)) {
    result<void> done;
    if (auto a = std::get_if<create_slice>(&action)) {
      auto made = r.write.create(kind, gateway::copy(a->slice));
      if (!made) done = made.error();
    } else if (auto a = std::get_if<update_slice>(&action)) {
      done = r.write.update(kind, *entries[a->which], gateway::copy(a->slice));
    } else {
      done = r.write.remove(kind, *entries[std::get<delete_slice>(action).which]);
    }
    if (!done) r.fail(done.error());
  }
}

/// What all slices made for a service have in common.
k8s::meta::v1::ObjectMeta head_of(const std::string& ns, const std::string& service,
                                  const char* manager) {
  k8s::meta::v1::ObjectMeta head;
  head.set_generate_name(service + "-");
  head.set_namespace_(ns);
  auto& labels = *head.mutable_labels();
  labels[service_label] = service;
  labels[manager_label] = manager;
  return head;
}

constexpr std::chrono::milliseconds endpoints_wait{20};
constexpr std::chrono::milliseconds endpoints_wait_max{500};

class services_controller : public controllers::reconciler {
public:
  services_controller(controller_actor::pointer self, environment given)
      : reconciler{self, std::move(given), "endpointslice-controller"} {
    listen(nodes, [this](auto& entry, bool gone) { hear_node(*entry, gone); });
    listen(services, [this](auto& entry, bool gone) { hear_service(*entry, gone); });
    listen(pods, [this](auto& entry, bool gone) { hear_pod(entry, gone); });
    listen(slice_kind, [this](auto& entry, bool gone) {
      slices.hear(*entry, gone, [this](auto& key) { mark(key); });
    });
    listen(endpoints, [this](auto& entry, bool) {
      auto at = gateway::split_key(entry->key());
      auto key = gateway::key_of(services, at.ns, at.name);
      if (known.contains(key)) mark(key);
    });
  }

private:
  struct state {
    label_selector selector = label_selector::nothing();
    std::set<std::string> members;                             ///< keys of pods
    std::optional<caf::actor_clock::time_point> endpoints_due; ///< when they wait no longer
  };

  void forget() override {
    known.clear();
    spaces.clear();
    backends.clear();
    zones.clear();
    slices.clear();
  }

  void hear_node(const storage::entry& entry, bool gone) {
    std::string name(gateway::split_key(entry.key()).name);
    std::string zone(gone ? "" : entry.label(zone_label).value_or(""));
    auto& held = zones[name];
    if (held == zone) return;
    held = std::move(zone);
    for (auto& [key, s] : known)
      for (auto& member : s.members)
        if (backends.at(member).node == name) {
          mark(key);
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
    if (object.spec().selector().empty() || object.spec().type() == "ExternalName") return;
    s.selector = label_selector::equal_to(object.spec().selector());
    for (auto& pod : spaces[ns].pods)
      if (selects(s, backends.at(pod))) s.members.insert(pod);
  }

  void hear_pod(const storage::entry_ptr& entry, bool gone) {
    std::string key(entry->key());
    auto& space = spaces[std::string(gateway::split_key(key).ns)];
    auto old = backends.find(key);
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
      space.pods.insert(key);
      backends.insert_or_assign(key, std::move(fresh));
    }
    for (auto& service : space.services) {
      auto& s = known.at(service);
      bool before = s.members.contains(key);
      bool after = !gone && selects(s, backends.at(key));
      if (after) s.members.insert(key);
      if (!after) s.members.erase(key);
      if (before || after) mark(service);
    }
  }

  static bool selects(const state& s, const backend& pod) {
    return s.selector.matches([&](const std::string& k) { return pod.entry->label(k); });
  }

  void reconcile(round& r) override {
    auto at = gateway::split_key(r.key);
    auto entry = r.now.find(r.key);
    auto endpoints_entry = r.now.find(gateway::key_of(endpoints, at.ns, at.name));
    if (!entry) {
      // The slices follow their owner; Endpoints have none.
      if (endpoints_entry &&
          endpoints_entry->label("endpoints.kubernetes.io/managed-by").has_value())
        if (auto ok = r.write.remove(endpoints, *endpoints_entry); !ok) r.fail(ok.error());
      return;
    }
    Service service;
    gateway::read_entry(*entry, service);
    auto state = known.find(r.key);
    if (state == known.end() || service.spec().selector().empty() ||
        service.spec().type() == "ExternalName" || service.metadata().has_deletion_timestamp())
      return;
    std::vector<const backend*> members;
    for (auto& key : state->second.members) members.push_back(&backends.at(key));
    auto zone_of = [this](const std::string& node) {
      auto hit = zones.find(node);
      return hit == zones.end() ? std::string{} : hit->second;
    };
    auto head = head_of(std::string(at.ns), std::string(at.name), slices_manager);
    for (auto& [k, v] : service.metadata().labels())
      if (k != service_label && k != manager_label && k != headless_label)
        (*head.mutable_labels())[k] = v;
    if (headless(service)) (*head.mutable_labels())[headless_label] = "";
    *head.add_owner_references() = controllers::controlled_by(services, service.metadata());
    write_slices(r, slices.of(r.key, r.now), groups_of(service, members, zone_of), head);
    if (auto wait = calm_in(state->second, !r.write.empty()); wait.count() > 0)
      return r.again_after(wait);
    write_endpoints(r, service, members, endpoints_entry);
  }

  /// Slices show a change at once. Endpoints hold all pods in one object: they are written when
  /// nothing more comes, or have waited long enough.
  std::chrono::milliseconds calm_in(state& s, bool changing) {
    auto now = self->clock().now();
    if (!s.endpoints_due && changing) s.endpoints_due = now + endpoints_wait_max;
    if (changing && now < *s.endpoints_due) return endpoints_wait;
    s.endpoints_due.reset();
    return {};
  }

  void write_endpoints(round& r, const Service& service, const std::vector<const backend*>& members,
                       const storage::entry* old) {
    Endpoints object;
    if (old) gateway::read_entry(*old, object);
    if (!bring_endpoints(object, service, members) && old) return;
    if (old) {
      auto fresh = gateway::copy(object);
      if (auto ok = r.write.update(endpoints, *old, std::move(fresh)); !ok) r.fail(ok.error());
    } else if (auto made = r.write.create(endpoints, gateway::copy(object)); !made) {
      r.fail(made.error());
    }
  }

  struct space {
    std::set<std::string> services, pods;
  };

  const schema::kind& nodes = built_in("", "v1", "nodes");
  const schema::kind& services = built_in("", "v1", "services");
  const schema::kind& pods = built_in("", "v1", "pods");
  const schema::kind& endpoints = built_in("", "v1", "endpoints");
  const schema::kind& slice_kind = built_in("discovery.k8s.io", "v1", "endpointslices");
  std::unordered_map<std::string, state> known; ///< services by key
  std::unordered_map<std::string, space> spaces;
  std::unordered_map<std::string, backend> backends; ///< pods by key
  std::unordered_map<std::string, std::string> zones;
  slice_index slices{slices_manager};
};

/// Keyed by the service: its Endpoints, written by hand, are mirrored if it selects nothing itself.
class mirrors_controller : public controllers::reconciler {
public:
  mirrors_controller(controller_actor::pointer self, environment given)
      : reconciler{self, std::move(given), "endpointslicemirroring-controller"} {
    listen(services, [this](auto& entry, bool) { mark(entry->key()); });
    listen(endpoints, [this](auto& entry, bool) {
      auto at = gateway::split_key(entry->key());
      mark(gateway::key_of(services, at.ns, at.name));
    });
    listen(slice_kind, [this](auto& entry, bool gone) {
      slices.hear(*entry, gone, [this](auto& key) { mark(key); });
    });
  }

private:
  void forget() override { slices.clear(); }

  void reconcile(round& r) override {
    auto at = gateway::split_key(r.key);
    auto entry = r.now.find(r.key);
    auto source = r.now.find(gateway::key_of(endpoints, at.ns, at.name));
    Service service;
    Endpoints object;
    if (entry) gateway::read_entry(*entry, service);
    if (source) gateway::read_entry(*source, object);
    auto skip = [&] {
      auto& labels = object.metadata().labels();
      auto hit = labels.find("endpointslice.kubernetes.io/skip-mirror");
      return (hit != labels.end() && hit->second == "true") ||
             object.metadata().annotations().contains("control-plane.alpha.kubernetes.io/leader");
    };
    auto entries = slices.of(r.key, r.now);
    if (!entry || !source || !service.spec().selector().empty() || skip()) {
      for (auto e : entries)
        if (auto ok = r.write.remove(slice_kind, *e); !ok) r.fail(ok.error());
      return;
    }
    auto head = head_of(std::string(at.ns), std::string(at.name), mirror_manager);
    for (auto& [k, v] : object.metadata().labels())
      if (k != service_label && k != manager_label) (*head.mutable_labels())[k] = v;
    *head.add_owner_references() = controllers::controlled_by(endpoints, object.metadata());
    write_slices(r, entries, mirrored(object), head);
  }

  const schema::kind& services = built_in("", "v1", "services");
  const schema::kind& endpoints = built_in("", "v1", "endpoints");
  const schema::kind& slice_kind = built_in("discovery.k8s.io", "v1", "endpointslices");
  slice_index slices{mirror_manager};
};

} // namespace

controller_actor::behavior_type services(controller_actor::pointer self, environment given) {
  return controllers::run<services_controller>(self, std::move(given));
}

controller_actor::behavior_type mirrors(controller_actor::pointer self, environment given) {
  return controllers::run<mirrors_controller>(self, std::move(given));
}

} // namespace troupe::service
