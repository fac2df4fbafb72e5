#include "actors/scheduler/volume_book.hpp"

#include <algorithm>

namespace troupe::scheduler {

namespace {

using namespace volumes;

constexpr const char* conflict = "node(s) didn't match PersistentVolume's node affinity";
constexpr const char* wrong_zone = "node(s) had no available volume zone";
constexpr const char* nothing_to_bind = "node(s) didn't find available persistent volumes to bind";

template<class Object> Object parse(const storage::entry& entry) {
  Object out;
  out.ParsePartialFromArray(entry.value().data(), static_cast<int>(entry.value().size()));
  return out;
}

std::vector<std::string> parts_of(const std::string& zones) {
  std::vector<std::string> out;
  for (size_t at = 0; at <= zones.size();) {
    auto end = std::min(zones.find("__", at), zones.size());
    out.push_back(zones.substr(at, end - at));
    at = end + 2;
  }
  return out;
}

/// The older way to say where a volume is: labels of its own.
std::vector<std::pair<std::string, std::vector<std::string>>> zones_of(const PersistentVolume& v) {
  std::vector<std::pair<std::string, std::vector<std::string>>> out;
  for (auto key :
       {"topology.kubernetes.io/zone", "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region"})
    if (auto hit = v.metadata().labels().find(key); hit != v.metadata().labels().end())
      out.emplace_back(key, parts_of(hit->second));
  return out;
}

bool one_pod_only(const PersistentVolumeClaim& claim) {
  auto& modes = claim.spec().access_modes();
  return std::find(modes.begin(), modes.end(), "ReadWriteOncePod") != modes.end();
}

} // namespace

void volume_book::hear_claim(const storage::entry_ptr& entry, bool gone) {
  ++version_;
  std::string key(entry->key());
  taken_claims_.erase(key);
  gone ? void(claims_.erase(key)) : void(claims_[key] = parse<PersistentVolumeClaim>(*entry));
}

void volume_book::hear_class(const storage::entry_ptr& entry, bool gone) {
  ++version_;
  std::string name(name_of(*entry));
  gone ? void(classes_.erase(name)) : void(classes_[name] = parse<StorageClass>(*entry));
}

void volume_book::hear_volume(const storage::entry_ptr& entry, bool gone) {
  ++version_;
  std::string key(entry->key());
  if (auto old = volumes_.find(key); old != volumes_.end()) {
    open_[class_of(old->second.object)].erase(key);
    volumes_.erase(old);
  }
  if (gone) return void(taken_.erase(key));
  known_volume v{parse<PersistentVolume>(*entry), {}, true};
  if (v.object.spec().node_affinity().has_required()) {
    v.anywhere = false;
    v.where = node_selector(v.object.spec().node_affinity().required());
  }
  if (volumes::open(v.object))
    open_[class_of(v.object)].insert(key);
  else
    taken_.erase(key); // what was spoken for is so in writing
  volumes_.emplace(std::move(key), std::move(v));
}

volume_wish volume_book::wish_of(const pod_facts& pod) const {
  volume_wish out;
  out.driven = driven_claims_of(pod);
  for (auto& name : pod.claims) {
    auto key = claim_key(pod, name);
    auto hit = claims_.find(key);
    if (hit == claims_.end()) {
      out.impossible = "persistentvolumeclaim \"" + name + "\" not found";
      return out;
    }
    auto& claim = hit->second;
    if (claim.metadata().has_deletion_timestamp()) {
      out.impossible = "persistentvolumeclaim \"" + name + "\" is being deleted";
      return out;
    }
    if (auto users = users_.find(key); one_pod_only(claim) && users != users_.end())
      for (auto& user : users->second)
        if (user != pod.key()) out.rivals.push_back(user);
    if (bound(claim)) {
      auto v = volumes_.find("persistentvolumes//" + claim.spec().volume_name());
      if (v == volumes_.end()) {
        out.impossible = "persistentvolume \"" + claim.spec().volume_name() + "\" not found";
        return out;
      }
      out.bound.push_back({v->second.where, v->second.anywhere, zones_of(v->second.object)});
      continue;
    }
    auto storage = classes_.find(class_of(claim));
    if (taken_claims_.contains(key) || !claim.spec().volume_name().empty() ||
        storage == classes_.end() || !waits_for_consumer(storage->second)) {
      out.impossible = "pod has unbound immediate PersistentVolumeClaims";
      return out;
    }
    auto& o = out.open.emplace_back();
    o.key = key;
    if (auto list = open_.find(class_of(claim)); list != open_.end())
      for (auto& volume : list->second)
        if (!taken_.contains(volume) && suits(volumes_.find(volume)->second.object, claim))
          o.volumes.push_back(volume);
    std::stable_sort(o.volumes.begin(), o.volumes.end(), [&](auto& a, auto& b) {
      return bytes_of(volumes_.find(a)->second.object) < bytes_of(volumes_.find(b)->second.object);
    });
    auto& provisioner = storage->second.provisioner();
    o.can_make = provisioner != "kubernetes.io/no-provisioner";
    o.ours = provisioner == own_provisioner;
    for (auto& t : storage->second.allowed_topologies()) {
      k8s::core::v1::NodeSelectorTerm term;
      for (auto& e : t.match_label_expressions()) {
        auto& x = *term.add_match_expressions();
        x.set_key(e.key());
        x.set_operator_("In");
        *x.mutable_values() = e.values();
      }
      o.topologies.emplace_back(term);
    }
  }
  return out;
}

std::vector<driven_claim> volume_book::driven_claims_of(const pod_facts& pod) const {
  std::vector<driven_claim> out;
  for (auto& name : pod.claims) {
    auto key = claim_key(pod, name);
    auto hit = claims_.find(key);
    if (hit == claims_.end()) continue;
    if (auto driver = driver_of(hit->second); !driver.empty())
      out.push_back({std::move(key), std::move(driver)});
  }
  return out;
}

/// Of the volume that the claim has, or of the class that will make one.
std::string volume_book::driver_of(const PersistentVolumeClaim& claim) const {
  if (!claim.spec().volume_name().empty()) {
    auto v = volumes_.find("persistentvolumes//" + claim.spec().volume_name());
    return v == volumes_.end() ? std::string{}
                               : v->second.object.spec().persistent_volume_source().csi().driver();
  }
  auto storage = classes_.find(class_of(claim));
  return storage == classes_.end() ? std::string{} : storage->second.provisioner();
}

bool volume_book::reaches(const known_volume& v, const storage::entry& node) const {
  return v.anywhere || v.where.matches(node);
}

/// Each open claim gets the smallest volume that is left, or one that is made.
std::optional<std::vector<claim_choice>> volume_book::match(const volume_wish& wish,
                                                            const storage::entry& node) const {
  std::vector<claim_choice> out;
  for (auto& claim : wish.open) {
    auto free = [&](const std::string& volume) {
      return reaches(volumes_.find(volume)->second, node) &&
             std::none_of(out.begin(), out.end(), [&](auto& c) { return c.volume == volume; });
    };
    auto hit = std::find_if(claim.volumes.begin(), claim.volumes.end(), free);
    if (hit != claim.volumes.end()) {
      out.push_back({claim.key, *hit, true});
      continue;
    }
    bool here =
        claim.topologies.empty() || std::any_of(claim.topologies.begin(), claim.topologies.end(),
                                                [&](auto& t) { return t.matches(node); });
    if (!claim.can_make || !here) return {};
    out.push_back({claim.key, {}, claim.ours});
  }
  return out;
}

const char* volume_book::fault_at(const volume_wish& wish, const storage::entry& node) const {
  for (auto& v : wish.bound) {
    if (!v.anywhere && !v.where.matches(node)) return conflict;
    for (auto& [key, zones] : v.labels) {
      auto own = node.label(key);
      if (own && std::find(zones.begin(), zones.end(), *own) == zones.end()) return wrong_zone;
    }
  }
  if (!wish.open.empty() && !match(wish, node)) return nothing_to_bind;
  return "";
}

std::vector<claim_choice> volume_book::choose(const volume_wish& wish,
                                              const storage::entry& node) const {
  return match(wish, node).value_or(std::vector<claim_choice>{});
}

void volume_book::take(const std::vector<claim_choice>& chosen) {
  ++version_;
  for (auto& c : chosen) {
    taken_claims_.insert(c.claim);
    if (!c.volume.empty()) taken_.insert(c.volume);
  }
}

void volume_book::give_back(const std::vector<claim_choice>& chosen) {
  ++version_;
  for (auto& c : chosen) {
    taken_claims_.erase(c.claim);
    taken_.erase(c.volume);
  }
}

void volume_book::pod_put(const pod_facts& pod) {
  for (auto& name : pod.claims) users_[claim_key(pod, name)].insert(std::string(pod.key()));
}

void volume_book::pod_gone(const pod_facts& pod) {
  for (auto& name : pod.claims) {
    ++version_;
    auto hit = users_.find(claim_key(pod, name));
    if (hit == users_.end()) continue;
    hit->second.erase(std::string(pod.key()));
    if (hit->second.empty()) users_.erase(hit);
  }
}

} // namespace troupe::scheduler
