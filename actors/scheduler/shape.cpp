#include "actors/scheduler/shape.hpp"

#include "actors/gateway/decoded.hpp"
#include "messages/api/pod.pb.h"
#include "messages/codec/stored_parts.hpp"
#include "messages/schema/pod_phase.hpp"
#include "storage/labels.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <limits>

namespace troupe::scheduler {

namespace {

using k8s::core::v1::Pod;
using k8s::core::v1::PodSpec;

void write(std::string& out, const google::protobuf::Message& m) {
  google::protobuf::io::StringOutputStream stream(&out);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  coded.WriteVarint64(m.ByteSizeLong());
  m.SerializeWithCachedSizes(&coded);
}

void write(std::string& out, std::string_view text) {
  out.append(std::to_string(text.size())).append(":").append(text);
}

template<class Keys> void write_own_values(std::string& out, const Keys& keys, const Pod& pod) {
  for (auto& key : keys)
    if (auto hit = pod.metadata().labels().find(key); hit != pod.metadata().labels().end())
      write(out, hit->second);
}

const std::string& controller_of(const Pod& pod) {
  static const std::string none;
  for (auto& o : pod.metadata().owner_references())
    if (o.controller()) return o.uid();
  return none;
}

/// Everything that decides about a place, as one text.
std::string text_of(const Pod& pod) {
  auto& spec = pod.spec();
  std::string out;
  PodSpec rest;
  auto keep = [](auto& from, auto& to) {
    for (auto& c : from) {
      auto& kept = *to.Add();
      kept.set_image(c.image());
      if (!c.restart_policy().empty()) kept.set_restart_policy(c.restart_policy());
      *kept.mutable_resources()->mutable_requests() = c.resources().requests();
      for (auto& p : c.ports())
        if (p.host_port()) *kept.add_ports() = p;
    }
  };
  keep(spec.containers(), *rest.mutable_containers());
  keep(spec.init_containers(), *rest.mutable_init_containers());
  for (auto& v : spec.volumes())
    if (v.volume_source().has_image())
      *rest.add_volumes()->mutable_volume_source()->mutable_image() = v.volume_source().image();
  *rest.mutable_node_selector() = spec.node_selector();
  *rest.mutable_tolerations() = spec.tolerations();
  *rest.mutable_overhead() = spec.overhead();
  if (spec.has_affinity()) *rest.mutable_affinity() = spec.affinity();
  *rest.mutable_topology_spread_constraints() = spec.topology_spread_constraints();
  if (spec.has_resources()) *rest.mutable_resources() = spec.resources();
  rest.set_scheduler_name(spec.scheduler_name());
  rest.set_priority(spec.priority());
  rest.set_preemption_policy(spec.preemption_policy());
  write(out, rest);
  // Rules about other pods are about those of its own namespace, kin and values.
  write(out, controller_of(pod));
  bool rules = spec.affinity().has_pod_affinity() || spec.affinity().has_pod_anti_affinity() ||
               spec.topology_spread_constraints_size() > 0 || !controller_of(pod).empty();
  if (!rules) return out;
  write(out, pod.metadata().namespace_());
  auto terms = [&](auto& affinity) {
    for (auto& t : affinity.required_during_scheduling_ignored_during_execution()) {
      write_own_values(out, t.match_label_keys(), pod);
      write_own_values(out, t.mismatch_label_keys(), pod);
    }
    for (auto& t : affinity.preferred_during_scheduling_ignored_during_execution()) {
      write_own_values(out, t.pod_affinity_term().match_label_keys(), pod);
      write_own_values(out, t.pod_affinity_term().mismatch_label_keys(), pod);
    }
  };
  terms(spec.affinity().pod_affinity());
  terms(spec.affinity().pod_anti_affinity());
  for (auto& c : spec.topology_spread_constraints())
    write_own_values(out, c.match_label_keys(), pod);
  return out;
}

template<class Terms>
std::vector<affinity_term> required_terms(const Terms& terms, const Pod& pod) {
  std::vector<affinity_term> out;
  for (auto& t : terms) out.push_back({selector_of(t, pod), t.topology_key(), 0});
  return out;
}

template<class Terms>
void preferred_terms(const Terms& terms, int sign, const Pod& pod,
                     std::vector<affinity_term>& out) {
  for (auto& t : terms)
    out.push_back({selector_of(t.pod_affinity_term(), pod), t.pod_affinity_term().topology_key(),
                   sign * t.weight()});
}

void read_affinity(const Pod& pod, shape& out) {
  auto& affinity = pod.spec().affinity();
  for (auto& p : affinity.node_affinity().preferred_during_scheduling_ignored_during_execution())
    if (p.weight() > 0) out.preferences.push_back({p.weight(), node_term(p.preference())});
  auto& near = affinity.pod_affinity();
  auto& far = affinity.pod_anti_affinity();
  out.together = required_terms(near.required_during_scheduling_ignored_during_execution(), pod);
  out.apart = required_terms(far.required_during_scheduling_ignored_during_execution(), pod);
  preferred_terms(near.preferred_during_scheduling_ignored_during_execution(), 1, pod,
                  out.preferred);
  preferred_terms(far.preferred_during_scheduling_ignored_during_execution(), -1, pod,
                  out.preferred);
}

void read_spread(const Pod& pod, shape& out) {
  for (auto& c : pod.spec().topology_spread_constraints())
    out.spread.push_back({selector_of(c, pod), c.topology_key(), c.max_skew(),
                          c.has_min_domains() ? c.min_domains() : 1,
                          c.when_unsatisfiable() != "ScheduleAnyway",
                          c.node_affinity_policy() != "Ignore", c.node_taints_policy() == "Honor"});
  // Pods of one controller are spread a little even if nobody asks for it.
  if (auto& owner = controller_of(pod); out.spread.empty() && !owner.empty())
    for (auto& [key, skew] :
         {std::pair{"kubernetes.io/hostname", 3}, std::pair{"topology.kubernetes.io/zone", 5}})
      out.spread.push_back(
          {siblings(pod.metadata().namespace_(), owner), key, skew, 1, false, true, false});
}

} // namespace

std::string_view pod_facts::name() const { return name_of(*entry); }
std::string_view pod_facts::ns() const { return namespace_of(*entry); }

shape_ptr shape_book::share(const Pod& pod) {
  auto text = text_of(pod);
  auto& slot = shapes_[text];
  if (auto known = slot.lock()) return known;
  auto made = std::make_shared<shape>();
  auto& spec = pod.spec();
  made->text = std::move(text);
  made->scheduler = spec.scheduler_name();
  made->priority = spec.priority();
  made->may_preempt = spec.preemption_policy() != "Never";
  made->needs = needs_of(spec, resources_);
  for (auto list : {&spec.containers(), &spec.init_containers()})
    for (auto& c : *list) {
      made->images.push_back(c.image());
      if (list == &spec.init_containers() && c.restart_policy() != "Always") continue;
      for (auto& p : c.ports())
        if (p.host_port())
          made->ports.push_back({p.host_ip().empty() ? "0.0.0.0" : p.host_ip(),
                                 p.protocol().empty() ? "TCP" : p.protocol(), p.host_port()});
    }
  for (auto& v : spec.volumes())
    if (v.volume_source().has_image())
      made->images.push_back(v.volume_source().image().reference());
  made->wish = node_wish(spec);
  for (auto& t : spec.tolerations()) made->tolerations.emplace_back(t);
  read_affinity(pod, *made);
  read_spread(pod, *made);
  slot = made;
  if (shapes_.size() > sweep_at_) {
    std::erase_if(shapes_, [](auto& x) { return x.second.expired(); });
    sweep_at_ = std::max<size_t>(1'024, 2 * shapes_.size());
  }
  return made;
}

namespace {

/// What happens to a pod while it has its shape.
void read_life(const Pod& pod, pod_facts& out) {
  out.node = pod.spec().node_name();
  out.nominated = pod.status().nominated_node_name();
  out.started = pod.status().has_start_time() ? pod.status().start_time().seconds()
                                              : std::numeric_limits<int64_t>::max();
  out.gated = pod.spec().scheduling_gates_size() > 0;
  out.going = pod.metadata().has_deletion_timestamp();
  auto& conditions = pod.status().conditions();
  out.preempted = std::any_of(conditions.begin(), conditions.end(), [](auto& c) {
    return c.type() == "DisruptionTarget" && c.status() == "True" &&
           c.reason() == "PreemptionByScheduler";
  });
  out.over = schema::is_over(pod.status().phase());
}

bool same_wishes(const pod_facts& known, const storage::entry& now, const Pod& pod) {
  return known.uid == pod.metadata().uid() && known.owner == controller_of(pod) &&
         storage::same_labels(*known.entry, now) &&
         codec::same_but_for(PodSpec::kNodeNameFieldNumber, codec::spec_in(known.entry->value()),
                             codec::spec_in(now.value()));
}

} // namespace

pod_ptr shape_book::read(storage::entry_ptr entry, const pod_facts* known) {
  auto pod = gateway::decoded<Pod>(*entry);
  if (!known || !same_wishes(*known, *entry, *pod)) return read(std::move(entry), *pod);
  auto out = std::make_shared<pod_facts>(*known);
  out->entry = std::move(entry);
  read_life(*pod, *out);
  return out;
}

pod_ptr shape_book::read(storage::entry_ptr entry, const Pod& pod) {
  auto out = std::make_shared<pod_facts>();
  out->entry = std::move(entry);
  out->uid = pod.metadata().uid();
  out->owner = controller_of(pod);
  out->form = share(pod);
  for (auto& v : pod.spec().volumes()) {
    if (v.volume_source().has_persistent_volume_claim())
      out->claims.push_back(v.volume_source().persistent_volume_claim().claim_name());
    if (v.volume_source().has_ephemeral())
      out->claims.push_back(pod.metadata().name() + "-" + v.name());
  }
  out->created = pod.metadata().creation_timestamp().seconds();
  read_life(pod, *out);
  return out;
}

} // namespace troupe::scheduler
