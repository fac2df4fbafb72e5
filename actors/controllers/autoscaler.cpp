#include "actors/controllers/autoscaler.hpp"

#include "actors/controllers/autoscaler_plan.hpp"
#include "actors/controllers/children.hpp"
#include "actors/gateway/decoded.hpp"
#include "actors/gateway/failures.hpp"
#include "actors/gateway/metrics_api.hpp"
#include "actors/gateway/subresources.hpp"
#include "messages/api/autoscaling_v1.pb.h"
#include "messages/base/selector.hpp"
#include "messages/codec/json_encode.hpp"
#include "messages/codec/stored_parts.hpp"

namespace troupe::controllers {

namespace {

using k8s::autoscaling::v2::HorizontalPodAutoscaler;
using k8s::core::v1::Pod;
using k8s::metrics::v1beta1::PodMetrics;

constexpr std::chrono::milliseconds between_looks{15'000};

/// What pods use, by the node that says so, which speaks for the pods bound to it only, and by
/// name.
using figures = std::map<std::pair<std::string, std::string>, PodMetrics>;

/// What was measured for autoscalers, handed over by other threads.
struct measurements {
  std::mutex mutex;
  std::map<std::string, figures> by_scaler;
};

/// Keyed by the autoscaler. A look at one that goes by what pods use asks the nodes; the next look,
/// when they have answered, decides.
class autoscaler_controller : public reconciler {
public:
  autoscaler_controller(controller_actor::pointer self, environment given)
      : reconciler{self, std::move(given), "horizontal-pod-autoscaler"} {
    listen(kind, [this](const change& c) {
      std::string key(c.entry->key());
      if (c.gone)
        known.erase(key);
      else if (!c.before || spec_of(*c.before) != spec_of(*c.entry))
        mark(key);
    });
  }

  void take_figures() {
    decltype(measurements::by_scaler) fresh;
    {
      std::lock_guard lock{measured->mutex};
      fresh.swap(measured->by_scaler);
    }
    for (auto& [key, seen] : fresh) {
      auto hit = known.find(key);
      if (hit == known.end()) continue;
      hit->second.asked = false;
      hit->second.seen = std::move(seen);
      mark(key);
    }
  }

private:
  struct state {
    pace_memory memory;
    bool asked = false; ///< the answer has not come yet
    std::optional<figures> seen;
  };
  /// What is scaled.
  struct target {
    const schema::kind* kind = nullptr;
    const storage::entry* entry = nullptr;
    gateway::object object;
    k8s::autoscaling::v1::Scale scale;
  };

  static std::string_view spec_of(const storage::entry& entry) {
    return codec::spec_in(entry.value());
  }

  void forget() override { known.clear(); }

  void reconcile(round& r) override {
    auto entry = r.now.find(r.key);
    if (!entry) return;
    HorizontalPodAutoscaler scaler;
    gateway::read_entry(*entry, scaler);
    if (scaler.metadata().has_deletion_timestamp()) return;
    auto& s = known[r.key];
    auto found = target_of(r, scaler);
    if (!found) {
      r.again_after(between_looks);
      return tell(r, *entry, scaler, plan_without_scale(scaler, found.error().message, r.at));
    }
    auto current = found->scale.spec().replicas();
    auto pods = pods_of(r, scaler, found->scale);
    if (asks_for_figures(scaler, current) && !s.seen) return measure(r, s, pods);
    auto seen = std::exchange(s.seen, {});
    r.again_after(between_looks);
    std::vector<measured_pod> measured;
    for (auto& pod : pods) {
      auto hit = seen ? seen->find({pod->spec().node_name(), pod->metadata().name()})
                      : figures::iterator{};
      measured.push_back({pod, seen && hit != seen->end() ? &hit->second : nullptr});
    }
    bool knows_its_pods = !found->scale.status().selector().empty();
    auto decision = plan({scaler, current, knows_its_pods, measured, r.at}, s.memory);
    if (decision.rescale) {
      auto fresh = gateway::scaled(*found->kind, *found->object, *decision.rescale);
      auto done = fresh ? r.write.update(*found->kind, *found->entry, std::move(*fresh))
                        : result<void>(fresh.error());
      if (!done) {
        r.events.note(kind, scaler.metadata(), "Warning", "FailedRescale", done.error().message);
        return r.fail(done.error());
      }
    }
    tell(r, *entry, scaler, std::move(decision));
  }

  /// The object to be scaled, of whatever version its kind has.
  result<target> target_of(const round& r, const HorizontalPodAutoscaler& scaler) const {
    auto& ref = scaler.spec().scale_target_ref();
    std::string group(schema::split_api_version(ref.api_version()).group);
    auto kinds = given.kinds();
    target out;
    for (auto& k : kinds->all())
      if (k.group == group && k.name == ref.kind() && k.namespaced &&
          (!out.kind || k.api_version() == ref.api_version()))
        out.kind = &k;
    if (!out.kind)
      return error{errc::not_found,
                   "no matches for kind \"" + ref.kind() + "\" in group \"" + group + "\""};
    if (!out.kind->find_subresource("scale")) return gateway::no_such_resource();
    out.entry = r.now.find(gateway::key_of(*out.kind, scaler.metadata().namespace_(), ref.name()));
    if (!out.entry) return gateway::not_found(*out.kind, ref.name());
    out.object = gateway::load(*out.kind, *out.entry);
    auto scale = gateway::scale_of(*out.kind, *out.object);
    if (!scale) return scale.error();
    out.scale = std::move(*scale);
    return out;
  }

  std::vector<std::shared_ptr<const Pod>> pods_of(const round& r,
                                                  const HorizontalPodAutoscaler& scaler,
                                                  const k8s::autoscaling::v1::Scale& scale) const {
    std::vector<std::shared_ptr<const Pod>> out;
    auto selector = label_selector::parse(scale.status().selector());
    if (!selector || selector->empty()) return out;
    for (auto& entry : r.now.list(gateway::prefix_of(pods, scaler.metadata().namespace_())))
      if (selector->matches([&](const std::string& label) { return entry.label(label); }))
        out.push_back(gateway::decoded<Pod>(entry));
    return out;
  }

  void measure(round& r, state& s, const std::vector<std::shared_ptr<const Pod>>& of) {
    r.again_after(between_looks); // whatever becomes of the answer
    if (std::exchange(s.asked, true)) return;
    std::set<std::string> nodes;
    for (auto& pod : of)
      if (!pod->spec().node_name().empty()) nodes.insert(pod->spec().node_name());
    auto ns = std::string(namespace_in(r.key));
    gateway::measure(*given.api, {nodes.begin(), nodes.end()},
                     [key = r.key, ns, box = measured,
                      me = controller_actor(self)](std::map<std::string, cluster::Usage> answers) {
                       auto seen = read(answers, ns);
                       {
                         std::lock_guard lock{box->mutex};
                         box->by_scaler[key] = std::move(seen);
                       }
                       caf::anon_send(me, resync_atom_v);
                     });
  }

  static figures read(const std::map<std::string, cluster::Usage>& answers, const std::string& ns) {
    figures out;
    for (auto& [node, usage] : answers)
      for (auto& bytes : usage.pods()) {
        PodMetrics m;
        if (m.ParsePartialFromString(bytes) && m.metadata().namespace_() == ns)
          out[{node, m.metadata().name()}] = std::move(m);
      }
    return out;
  }

  void tell(round& r, const storage::entry& entry, const HorizontalPodAutoscaler& scaler,
            autoscaler_decision decision) {
    for (auto& e : decision.events)
      r.events.note(kind, scaler.metadata(), e.warning ? "Warning" : "Normal", e.reason.c_str(),
                    std::move(e.message));
    if (codec::to_wire(decision.status) == codec::to_wire(scaler.status())) return;
    auto fresh = load_as<HorizontalPodAutoscaler>(kind, entry);
    *fresh->mutable_status() = std::move(decision.status);
    if (auto ok = r.write.update(kind, entry, std::move(fresh), "status"); !ok) r.fail(ok.error());
  }

  const schema::kind& kind = built_in("autoscaling", "v2", "horizontalpodautoscalers");
  const schema::kind& pods = built_in("", "v1", "pods");
  std::unordered_map<std::string, state> known; ///< autoscalers by key
  std::shared_ptr<measurements> measured = std::make_shared<measurements>();
};

} // namespace

controller_actor::behavior_type autoscalers(controller_actor::pointer self, environment given) {
  auto state = std::make_shared<autoscaler_controller>(self, std::move(given));
  self->send(self, resync_atom_v);
  return {[state](resync_atom) {
            state->take_figures();
            state->wake();
          },
          [state](resync_atom, bool) { state->alarm(); }};
}

} // namespace troupe::controllers
