#include "actors/scheduler/core.hpp"

#include "actors/gateway/decoded.hpp"
#include "messages/api/node.pb.h"
#include "messages/api/pod.pb.h"
#include "messages/api/policy.pb.h"
#include "storage/labels.hpp"

namespace troupe::scheduler {

core::core(uint64_t seed)
    : counts_{table_,
              [this](std::string_view ns) -> const storage::entry* {
                auto hit = spaces_.find(ns);
                return hit == spaces_.end() ? nullptr : hit->second.get();
              }},
      placer_{table_, counts_, volumes_, limits_, shapes_.resources(), seed} {
  table_.listen(&counts_);
  table_.listen(&limits_);
}

void core::forget() {
  std::vector<std::string> names;
  for (node_index n = 0; n < table_.rows(); ++n)
    if (table_.there(n)) names.emplace_back(table_.name(n));
  std::vector<pod_ptr> pods;
  table_.each_pod([&](auto& p, auto) { pods.push_back(table_.find_pod(p.key())); });
  for (auto& p : pods) table_.erase_pod(p->key());
  for (auto& n : names) table_.erase_node(n);
  spaces_.clear();
  volumes_.clear();
  limits_.clear();
  queue_ = {};
  assumed_.clear();
  verdicts_.clear();
}

void core::hear_node(const storage::entry_ptr& entry, bool gone) {
  if (gone) return table_.erase_node(name_of(*entry));
  table_.put_node(entry, *gateway::decoded<k8s::core::v1::Node>(*entry));
}

void core::hear_namespace(const storage::entry_ptr& entry, bool gone) {
  std::string name(name_of(*entry));
  auto hit = spaces_.find(name);
  bool same = hit != spaces_.end() && !gone && storage::same_labels(*hit->second, *entry);
  gone ? void(spaces_.erase(name)) : void(spaces_[name] = entry);
  if (!same) counts_.namespaces_changed();
}

void core::hear_budget(const storage::entry_ptr& entry, bool gone) {
  if (gone) return preemptor_.erase_budget(entry->key());
  auto whole = gateway::decoded<k8s::policy::v1::PodDisruptionBudget>(*entry);
  auto& object = *whole;
  disruption_budget b;
  b.ns = namespace_of(*entry);
  if (auto s = label_selector::from(object.spec().selector())) b.pods = *s;
  b.allowed = object.status().disruptions_allowed();
  for (auto& [name, when] : object.status().disrupted_pods()) b.disturbed.insert(name);
  preemptor_.put_budget(entry->key(), std::move(b));
}

void core::forget_pod(const std::string& key) {
  if (auto pod = table_.erase_pod(key)) volumes_.pod_gone(*pod);
}

void core::hear_pod(const storage::entry_ptr& entry, bool gone) {
  std::string key(entry->key());
  auto leave = [&] {
    forget_pod(key);
    table_.release(key);
    queue_.erase(key);
    verdicts_.erase(key);
    assumed_.erase(key);
  };
  if (gone) return leave();
  auto pod = shapes_.read(entry, table_.find_pod(entry->key()).get());
  if (pod->over) return leave();
  if (!pod->node.empty()) {
    queue_.erase(key);
    verdicts_.erase(key);
    assumed_.erase(key);
    table_.release(key);
    volumes_.pod_put(*pod);
    table_.put_pod(pod, pod->node);
    return;
  }
  if (pod->going || !placer_.knows(pod->form->scheduler)) return leave();
  if (assumed_.contains(key)) return; // what we decided is on its way
  queue_.put(pod);
  auto n = pod->nominated.empty() ? no_node : table_.find(pod->nominated);
  n == no_node ? table_.release(key) : table_.reserve(pod, n);
}

node_index core::find_place(const pod_ptr& pod) {
  auto n = pod->nominated.empty() ? no_node : table_.find(pod->nominated);
  if (n == no_node) return placer_.place(*pod);
  // What is reserved for itself does not stand in its way.
  table_.release(pod->key());
  auto place = placer_.fits(*pod, n) ? n : placer_.place(*pod);
  table_.reserve(pod, n);
  return place;
}

void core::help(moment now) {
  if (queue_.parked() == 0 || helped_ == world()) return;
  queue_.help(
      [this](const pod_facts& pod, filter_set reasons) {
        if (pod.gated) return false;
        if (reasons & bit(filter::volumes) && volumes_seen_ != volumes_.version()) return true;
        return find_place(std::make_shared<pod_facts>(pod)) != no_node;
      },
      now);
  helped_ = world(); // looking changes nothing
}

std::vector<decision> core::decide(size_t pods_max, moment now) {
  std::vector<decision> out;
  help(now);
  queue_.wake(now);
  while (out.size() < pods_max) {
    auto pod = queue_.pop();
    if (!pod) break;
    if (pod->gated) {
      queue_.park(pod->key(), 0, now);
      out.push_back(tell_pending{
          pod, "SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates", {}});
      continue;
    }
    auto n = find_place(pod);
    if (n == no_node) {
      give_up(pod, out, now);
      continue;
    }
    settle(pod, n, out, now);
  }
  volumes_seen_ = volumes_.version(); // those who wait have seen these
  return out;
}

/// The pod takes its place, and volumes their pods. Where somebody else makes a volume, the pod
/// waits for it, and its room is kept.
void core::settle(const pod_ptr& pod, node_index n, std::vector<decision>& out, moment now) {
  std::string node(table_.name(n)), key(pod->key());
  auto chosen = pod->claims.empty() ? std::vector<claim_choice>{}
                                    : volumes_.choose(volumes_.wish_of(*pod), table_.entry(n));
  bool by_others = std::any_of(chosen.begin(), chosen.end(), [](auto& c) { return !c.ours; });
  if (by_others) {
    table_.reserve(nominate(pod, node), n);
    queue_.park(key, bit(filter::volumes), now);
    out.push_back(await_volumes{pod, node, std::move(chosen)});
    return;
  }
  table_.release(key);
  table_.put_pod(pod, node);
  volumes_.pod_put(*pod);
  volumes_.take(chosen);
  assumed_.insert(key);
  verdicts_.erase(key);
  out.push_back(bind_pod{pod, std::move(node), std::move(chosen)});
}

const verdict& core::explain(const pod_facts& pod) {
  auto index = pod.entry->index().packed();
  if (!pod.claims.empty() || last_.form != pod.form.get() || last_.world != world() ||
      last_.index != index)
    last_ = {pod.form.get(), std::string(index), world(), placer_.explain(pod)};
  return last_.why;
}

/// Sends the victims away; their room is kept for the pod, and less important ones that hoped for
/// it hope no more. Returns the node.
std::string core::make_room(const pod_ptr& pod, const preemption& way, std::vector<decision>& out) {
  std::string node(table_.name(way.where));
  for (auto& victim : way.victims)
    out.push_back(preempt_pod{victim, pod->form->scheduler,
                              "Preempted by pod " + pod->uid + " on node " + node});
  auto others = table_.reserved(way.where);
  for (auto& other : others)
    if (other->form->priority < pod->form->priority) {
      table_.release(other->key());
      nominate(other, {});
      out.push_back(drop_nomination{other});
    }
  table_.reserve(nominate(pod, node), way.where);
  return node;
}

/// From now on the pod is known to hope for this node.
pod_ptr core::nominate(const pod_ptr& pod, const std::string& node) {
  auto waiting = std::make_shared<pod_facts>(*pod);
  waiting->nominated = node;
  queue_.put(waiting);
  return waiting;
}

void core::give_up(const pod_ptr& pod, std::vector<decision>& out, moment now) {
  auto why = explain(*pod);
  auto nominated = pod->nominated;
  if (preemptor_.eligible(*pod, why)) {
    nominated.clear();
    table_.release(pod->key());
    if (auto way = preemptor_.plan(*pod, why)) nominated = make_room(pod, *way, out);
  }
  queue_.park(pod->key(), why.filters, now);
  out.push_back(tell_pending{pod, "Unschedulable", why.message(), nominated});
  verdicts_[std::string(pod->key())] = std::move(why);
}

void core::take_back(const decision& d, moment now) {
  auto bound = std::get_if<bind_pod>(&d);
  if (!bound) return;
  auto key = std::string(bound->pod->key());
  volumes_.give_back(bound->volumes);
  if (!assumed_.erase(key)) return; // heard of since
  forget_pod(key);
  queue_.retry(key, now);
}

const verdict* core::why(std::string_view key) const {
  auto hit = verdicts_.find(std::string(key));
  return hit == verdicts_.end() ? nullptr : &hit->second;
}

} // namespace troupe::scheduler
