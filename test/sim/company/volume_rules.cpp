#include "test/sim/company/volume_rules.hpp"

#include "actors/volumes/binding.hpp"
#include "test/sim/company/rules.hpp"

namespace troupe::sim {

namespace {

[[noreturn]] void fail(const std::string& what) { throw broken_rule{what}; }

std::string volume_key(const std::string& name) { return "persistentvolumes//" + name; }

bool made_by_us(const k8s::core::v1::PersistentVolume& v) {
  return !volumes::node_of_own(v).empty();
}

/// The set that a claim was made for, and the number of its pod, as its name says.
const stateful_shape* set_of(const std::string& claim_key, const scene& there, int& ordinal) {
  auto name = claim_key.substr(claim_key.rfind('/') + 1);
  auto ns = claim_key.substr(0, claim_key.rfind('/'));
  ns.erase(0, ns.find('/') + 1);
  auto first = name.find('-'), last = name.rfind('-');
  if (first == name.npos || last == first) return nullptr;
  ordinal = std::atoi(name.c_str() + last + 1);
  auto hit = there.stateful_sets.find("statefulsets.apps/" + ns + "/" +
                                      name.substr(first + 1, last - first - 1));
  return hit == there.stateful_sets.end() ? nullptr : &hit->second;
}

} // namespace

void volume_rules::hear(const std::vector<storage::event_ptr>& events, const scene& there,
                        nanoseconds now) {
  // Volumes first: a claim and its volume are bound together.
  for (auto& e : events) {
    std::string key(e->now->key());
    if (storage::resource_of(key) != "persistentvolumes") continue;
    if (e->what == storage::event::kind::erase)
      volume_gone(key);
    else
      volume_changed(key, read_object<Volume>(*e->now));
  }
  for (auto& e : events) {
    std::string key(e->now->key());
    if (storage::resource_of(key) != "persistentvolumeclaims") continue;
    if (e->what == storage::event::kind::erase) {
      claims_.erase(key);
      given_up_.erase(key);
      used_by_.erase(key);
    } else {
      claim_changed(key, read_object<Claim>(*e->now), there, now);
    }
  }
  for (auto& e : events) {
    auto pod = there.pods.find(std::string(e->now->key()));
    if (pod == there.pods.end() || e->what == storage::event::kind::erase) continue;
    for (auto& claim : pod->second.claims) used_by_[claim] = pod->second.controller.uid;
    if (!pod->second.node.empty() && placed_.insert(pod->second.uid).second)
      pod_placed(pod->second);
  }
}

void volume_rules::volume_changed(const std::string& key, const Volume& is) {
  auto& was = volumes_[key];
  bool same = was.metadata().uid() == is.metadata().uid();
  auto &before = was.spec().claim_ref().uid(), &after = is.spec().claim_ref().uid();
  if (same && !before.empty() && before != after)
    fail(key + " was kept for one claim and is now for another");
  was = is;
}

/// What we have made goes only when nobody needs it, and if its class says so.
void volume_rules::volume_gone(const std::string& key) {
  auto& was = volumes_[key];
  auto& ref = was.spec().claim_ref();
  auto claim = claims_.find("persistentvolumeclaims/" + ref.namespace_() + "/" + ref.name());
  if (made_by_us(was) && was.spec().persistent_volume_reclaim_policy() == "Retain")
    fail(key + " is gone, although it was to be retained");
  if (made_by_us(was) && claim != claims_.end() && claim->second.metadata().uid() == ref.uid())
    fail(key + " is gone, although " + claim->first + " has it");
  volumes_.erase(key);
}

void volume_rules::claim_changed(const std::string& key, const Claim& is, const scene& there,
                                 nanoseconds now) {
  auto& was = claims_[key];
  bool same = was.metadata().uid() == is.metadata().uid();
  if (same && !was.spec().volume_name().empty() &&
      was.spec().volume_name() != is.spec().volume_name())
    fail(key + " was bound to " + was.spec().volume_name() + " and is to " +
         is.spec().volume_name());
  if (same && !was.metadata().has_deletion_timestamp() && is.metadata().has_deletion_timestamp())
    claim_goes(key, there, now);
  was = is;
  if (is.status().phase() == "Bound") check_bound(key, is);
}

/// A stateful set's claims go with the set or with pods that are too many, if it wants that.
void volume_rules::claim_goes(const std::string& key, const scene& there, nanoseconds now) const {
  int ordinal = 0;
  auto set = set_of(key, there, ordinal);
  if (!set || set->going || given_up_.contains(key) || !set->replicas.steady(now)) return;
  if (ordinal < set->replicas.least(now)) fail(key + " goes, although its pod stays");
  // What an earlier set of the name gave up goes with its pod, whatever this one wants.
  auto user = used_by_.find(key);
  bool of_this_set = user != used_by_.end() && user->second == set->uid;
  if (set->kept_when_scaled && of_this_set)
    fail(key + " goes, although its set keeps it when it shrinks");
}

/// The volume says so, too, and it is nobody else's.
void volume_rules::check_bound(const std::string& key, const Claim& claim) const {
  auto& name = claim.spec().volume_name();
  auto volume = volumes_.find(volume_key(name));
  if (volume == volumes_.end()) return; // the user has removed it
  if (volume->second.spec().claim_ref().uid() != claim.metadata().uid())
    fail(key + " is bound to " + name + ", which is kept for another");
  for (auto& [other, c] : claims_)
    if (other != key && c.spec().volume_name() == name && c.status().phase() == "Bound")
      fail(key + " and " + other + " are bound to " + name);
}

/// All its claims are bound by then, to volumes that are there.
void volume_rules::pod_placed(const pod_shape& pod) const {
  for (auto& key : pod.claims) {
    auto claim = claims_.find(key);
    if (claim == claims_.end() || !volumes::bound(claim->second))
      fail(pod.key + " is on " + pod.node + " although " + key + " is not bound");
    auto& name = claim->second.spec().volume_name();
    auto volume = volumes_.find(volume_key(name));
    if (volume == volumes_.end()) fail(pod.key + " is on " + pod.node + " without " + name);
    auto where = volumes::node_of_own(volume->second);
    if (!where.empty() && where != pod.node)
      fail(pod.key + " is on " + pod.node + ", but " + name + " is on " + where);
  }
}

void volume_rules::check_settled(const scene& there) const {
  for (auto& [key, claim] : claims_) {
    int ordinal = 0;
    auto set = set_of(key, there, ordinal);
    auto user = used_by_.find(key);
    if (set && !set->kept_when_scaled && ordinal >= set->replicas.latest() &&
        user != used_by_.end() && user->second == set->uid)
      fail("in the end " + key + " is left over, although its pod is one too many");
    if (volumes::bound(claim)) {
      check_bound(key, claim);
      continue;
    }
    for (auto& [volume_key, v] : volumes_)
      if (claim.spec().storage_class_name().empty() && volumes::open(v) && volumes::suits(v, claim))
        fail("in the end " + key + " waits although " + volume_key + " is free");
  }
  for (auto& [key, v] : volumes_) check_volume_settled(key, v);
}

void volume_rules::check_volume_settled(const std::string& key, const Volume& v) const {
  auto& ref = v.spec().claim_ref();
  auto claim = claims_.find("persistentvolumeclaims/" + ref.namespace_() + "/" + ref.name());
  bool there = claim != claims_.end() && claim->second.metadata().uid() == ref.uid();
  bool deletes = v.spec().persistent_volume_reclaim_policy() == "Delete";
  // Nobody deletes what somebody else has made, and that is said.
  auto expected = ref.uid().empty() ? "Available"
                  : there           ? "Bound"
                  : deletes         ? "Failed"
                                    : "Released";
  if (v.status().phase() != expected)
    fail("in the end " + key + " is " + v.status().phase() + " and not " + expected);
  if (!there && made_by_us(v) && deletes)
    fail("in the end " + key + " is left over: its claim is gone");
}

} // namespace troupe::sim
