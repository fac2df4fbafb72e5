#include "actors/service/endpoints.hpp"

#include "actors/controllers/children.hpp"
#include "actors/service/endpoints_object.hpp"
#include "actors/service/own_slices.hpp"

namespace troupe::service {

namespace {

using controllers::environment;
using controllers::round;
using k8s::core::v1::Endpoints;
using k8s::core::v1::Service;

constexpr const char* endpoints_manager_label = "endpoints.kubernetes.io/managed-by";
constexpr const char* skip_mirror_label = "endpointslice.kubernetes.io/skip-mirror";
constexpr const char* last_applied_annotation = "kubectl.kubernetes.io/last-applied-configuration";
constexpr const char* leader_annotation = "control-plane.alpha.kubernetes.io/leader";

constexpr std::chrono::milliseconds calm{50};
constexpr std::chrono::milliseconds calm_awaited_max{1'000};

/// The service that an Endpoints object is about has its name.
std::string service_of(const storage::entry& endpoints) {
  auto at = gateway::split_key(endpoints.key());
  return gateway::key_of(service_kind(), at.ns, at.name);
}

const storage::entry* endpoints_of(const round& r) {
  auto at = gateway::split_key(r.key);
  return r.now.find(gateway::key_of(endpoints_kind(), at.ns, at.name));
}

/// Keyed by the service. One object holds all its pods: it is written when the slices are calm, or
/// have not been for long.
class endpoints_controller : public controllers::reconciler {
public:
  endpoints_controller(controller_actor::pointer self, environment given)
      : reconciler{self, std::move(given), "endpoint-controller"} {
    listen(service_kind(), [this](auto& entry, bool) { mark(entry->key()); });
    listen(endpoints_kind(), [this](auto& entry, bool) { mark(service_of(*entry)); });
    listen(slice_kind(), [this](auto& entry, bool gone) { slices.hear(*entry, gone); });
  }

private:
  using moment = caf::actor_clock::time_point;
  struct unrest {
    moment since, last;
    moment over() const { return std::min(last + calm, since + calm_awaited_max); }
  };

  void forget() override {
    slices.clear();
    restless.clear();
  }

  void hear_slice(const std::string& service) {
    auto now = self->clock().now();
    auto [hit, fresh] = restless.try_emplace(service, unrest{now, now});
    hit->second.last = now;
    if (fresh) mark_after(service, calm);
  }

  void reconcile(round& r) override {
    if (auto hit = restless.find(r.key); hit != restless.end()) {
      auto left = hit->second.over() - self->clock().now();
      if (left > left.zero())
        return r.again_after(std::chrono::ceil<std::chrono::milliseconds>(left));
      restless.erase(hit);
    }
    auto entry = r.now.find(r.key);
    auto old = endpoints_of(r);
    if (!entry) {
      if (old && old->label(endpoints_manager_label)) // they have no owner
        if (auto ok = r.write.remove(endpoints_kind(), *old); !ok) r.fail(ok.error());
      return;
    }
    Service service;
    gateway::read_entry(*entry, service);
    auto& there = slices.of(r.key).all();
    if (!chooses_pods(service) || service.metadata().has_deletion_timestamp() || there.empty())
      return;
    std::vector<EndpointSlice> all;
    for (auto& [key, _] : there)
      if (auto slice = r.now.find(key)) gateway::read_entry(*slice, all.emplace_back());
    write(r, service, all, old);
  }

  void write(round& r, const Service& service, const std::vector<EndpointSlice>& all,
             const storage::entry* old) {
    auto object = std::make_unique<Endpoints>();
    if (old) gateway::read_entry(*old, *object);
    if (!bring_endpoints(*object, service, all) && old) return;
    (*object->mutable_metadata()->mutable_annotations())[trigger_annotation] =
        format_time(r.at.seconds);
    result<void> done;
    if (old)
      done = r.write.update(endpoints_kind(), *old, std::move(object));
    else if (auto made = r.write.create(endpoints_kind(), std::move(object)); !made)
      done = made.error();
    if (!done) r.fail(done.error());
  }

  std::unordered_map<std::string, unrest> restless; ///< services whose slices change
  own_slices slices{slices_manager, [this](auto& service, bool) { hear_slice(service); }};
};

/// Keyed by the service: its Endpoints, written by hand, are mirrored if it selects nothing itself.
class mirrors_controller : public controllers::reconciler {
public:
  mirrors_controller(controller_actor::pointer self, environment given)
      : reconciler{self, std::move(given), "endpointslicemirroring-controller",
                   "endpoint-slice-mirroring-controller"} {
    listen(service_kind(), [this](auto& entry, bool) { mark(entry->key()); });
    listen(endpoints_kind(), [this](auto& entry, bool) { mark(service_of(*entry)); });
    listen(slice_kind(), [this](auto& entry, bool gone) { slices.hear(*entry, gone); });
  }

private:
  void forget() override { slices.clear(); }

  static bool is_mirrored(const Service& service, const Endpoints& object) {
    if (!service.spec().selector().empty()) return false;
    auto& m = object.metadata();
    auto skip = m.labels().find(skip_mirror_label);
    return (skip == m.labels().end() || skip->second != "true") &&
           !m.annotations().contains(leader_annotation);
  }

  void reconcile(round& r) override {
    auto entry = r.now.find(r.key);
    auto source = endpoints_of(r);
    Service service;
    Endpoints object;
    if (entry) gateway::read_entry(*entry, service);
    if (source) gateway::read_entry(*source, object);
    if (!entry || !source || !is_mirrored(service, object)) {
      for (auto& [key, _] : slices.of(r.key).all())
        if (auto slice = r.now.find(key))
          if (auto ok = r.write.remove(slice_kind(), *slice); !ok) r.fail(ok.error());
      return;
    }
    auto& m = object.metadata();
    auto head = slices.head(m.namespace_(), m.name(), m.labels());
    *head.add_owner_references() = controllers::controlled_by(endpoints_kind(), m);
    *head.mutable_annotations() = m.annotations();
    for (auto own : {trigger_annotation, last_applied_annotation})
      head.mutable_annotations()->erase(own);
    slices.write(r, mirrored(object), head);
  }

  own_slices slices{mirrors_manager, [this](auto& service, bool) { mark(service); }};
};

} // namespace

controller_actor::behavior_type endpoints(controller_actor::pointer self, environment given) {
  return controllers::run<endpoints_controller>(self, std::move(given));
}

controller_actor::behavior_type mirrors(controller_actor::pointer self, environment given) {
  return controllers::run<mirrors_controller>(self, std::move(given));
}

} // namespace troupe::service
