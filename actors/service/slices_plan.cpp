#include "actors/service/slices_plan.hpp"

#include "messages/codec/json_encode.hpp"
#include "messages/codec/stored_parts.hpp"

#include <algorithm>
#include <deque>
#include <map>

namespace troupe::service {

namespace {

using k8s::core::v1::Service;

/// Labels, owners and annotations that the slice has to have; others' are left alone.
bool bring_head(EndpointSlice& slice, const k8s::meta::v1::ObjectMeta& head) {
  auto& m = *slice.mutable_metadata();
  bool changed = false;
  for (auto it = m.mutable_labels()->begin(); it != m.mutable_labels()->end();)
    if (!head.labels().contains(it->first)) {
      it = m.mutable_labels()->erase(it);
      changed = true;
    } else {
      ++it;
    }
  for (auto& [key, value] : head.labels()) {
    auto& have = (*m.mutable_labels())[key];
    changed = changed || have != value;
    have = value;
  }
  for (auto& [key, value] : head.annotations()) {
    auto& have = (*m.mutable_annotations())[key];
    changed = changed || have != value;
    have = value;
  }
  auto owners = [](auto& of) {
    std::string out;
    for (auto& o : of.owner_references()) out += codec::to_wire(o);
    return out;
  };
  if (owners(m) != owners(head)) {
    *m.mutable_owner_references() = head.owner_references();
    changed = true;
  }
  return changed;
}

/// A slice that is there. It is read when something of it may change; most of its endpoints stay
/// the bytes that they are.
struct held_slice {
  const std::string* key;
  size_t size;
  bool read = false;
  EndpointSlice rest = {}; ///< all but the endpoints
  std::vector<std::string_view> endpoints = {};
  bool changed = false;
  bool gone = false;
};

/// One group: its slices, and the endpoints that are in none of them yet.
struct group_state {
  std::string family;
  std::vector<EndpointPort> ports; ///< known if anybody is wanted here
  std::vector<held_slice> held;
  std::vector<Endpoint*> fresh;
  std::vector<EndpointSlice> made;

  size_t size() const {
    auto out = fresh.size();
    for (auto& h : held) out += h.size;
    return out;
  }
};

class planner {
public:
  planner(const slice_map& there, const slice_reader& read, const k8s::meta::v1::ObjectMeta& head)
      : there_{there}, read_{read}, head_{head} {}

  std::vector<slice_action> plan(std::vector<endpoint_group>& wanted,
                                 const std::set<std::string>* some) {
    for (auto& [key, s] : there_.all()) {
      auto& g = groups_[s.group];
      g.family = s.family;
      g.held.push_back({&key, s.endpoints.size()});
    }
    for (auto& g : wanted) want(g);
    forget_unwanted(some);
    for (auto& [_, g] : groups_)
      for (auto& h : g.held) edit(h, some == nullptr);
    std::map<std::string, size_t> families; // how many endpoints there will be
    for (auto& g : wanted) families[g.family];
    for (auto& [_, g] : groups_)
      if (auto hit = families.find(g.family); hit != families.end()) hit->second += g.size();
    for (auto& [key, g] : groups_) {
      auto of_family = families.find(g.family);
      bool says_nothing = g.size() == 0 && of_family != families.end() && of_family->second == 0 &&
                          key == group_of(g.family, {});
      place_fresh(g, says_nothing);
      drop_needless(g, says_nothing);
    }
    reuse_needless();
    return actions();
  }

private:
  /// What is to become of one slice: endpoints by identity, null for those that leave it.
  using edits = std::map<std::string, Endpoint*>;

  void want(endpoint_group& wanted) {
    auto key = group_of(wanted.family, wanted.ports);
    auto& g = groups_[key];
    g.family = wanted.family;
    g.ports = wanted.ports;
    for (auto& e : wanted.endpoints) {
      auto identity = identity_of(e);
      if (!wanted_.insert(identity).second) continue;
      bool placed = false;
      for (auto at : there_.holding(identity)) {
        bool stays = !placed && there_.all().at(*at).group == key;
        edits_[*at][identity] = stays ? &e : nullptr;
        placed = placed || stays;
      }
      if (!placed) g.fresh.push_back(&e);
    }
  }

  void forget_unwanted(const std::set<std::string>* some) {
    auto leave = [&](const std::string& identity) {
      if (wanted_.contains(identity)) return;
      for (auto at : there_.holding(identity)) edits_[*at][identity] = nullptr;
    };
    if (some)
      for (auto& identity : *some) leave(identity);
    else
      for (auto& [_, s] : there_.all())
        for (auto identity : s.endpoints) leave(*identity);
  }

  void read(held_slice& h) {
    if (std::exchange(h.read, true)) return;
    auto stored = read_(*h.key);
    h.rest.ParsePartialFromString(codec::without(stored, EndpointSlice::kEndpointsFieldNumber));
    codec::wire::reader list(codec::records_of(stored, EndpointSlice::kEndpointsFieldNumber));
    h.endpoints.reserve(h.size);
    while (list.next()) h.endpoints.push_back(list.data);
  }

  /// As it will be stored.
  std::string_view bytes_of(const Endpoint& e) { return written_.emplace_back(codec::to_wire(e)); }

  void edit(held_slice& h, bool anyway) {
    auto hit = edits_.find(*h.key);
    if (hit == edits_.end() && !anyway) return;
    read(h);
    if (anyway) h.changed = bring_head(h.rest, head_);
    if (hit == edits_.end()) return;
    auto& todo = hit->second;
    std::string identity;
    h.size = 0;
    for (auto was : h.endpoints) {
      read_identity(was, identity);
      auto is = was;
      if (auto e = todo.find(identity); e != todo.end()) {
        auto wanted = std::exchange(e->second, nullptr); // a second one of the same identity goes
        if (!wanted) continue;
        is = bytes_of(*wanted);
      }
      h.changed = h.changed || is != was;
      h.endpoints[h.size++] = is;
    }
    h.changed = h.changed || h.size < h.endpoints.size();
    h.endpoints.resize(h.size);
  }

  /// First into slices that change anyway, then into the fullest that have room, then into new
  /// ones. A group that has to say that there is nothing has a slice, too.
  void place_fresh(group_state& g, bool says_nothing) {
    std::vector<held_slice*> order;
    for (auto& h : g.held) order.push_back(&h);
    std::stable_sort(order.begin(), order.end(), [](auto a, auto b) {
      return a->changed != b->changed ? a->changed : a->size > b->size;
    });
    auto next = g.fresh.begin();
    for (auto h : order)
      for (; next != g.fresh.end() && h->size < slice_endpoints_max; ++next) {
        read(*h);
        h->endpoints.push_back(bytes_of(**next));
        ++h->size;
        h->changed = true;
      }
    bool none = says_nothing && g.held.empty();
    while (next != g.fresh.end() || none) {
      none = false;
      auto& s = g.made.emplace_back();
      *s.mutable_metadata() = head_;
      s.set_address_type(g.family);
      for (auto& p : g.ports) *s.add_ports() = p;
      for (; next != g.fresh.end() && static_cast<size_t>(s.endpoints_size()) < slice_endpoints_max;
           ++next)
        *s.add_endpoints() = std::move(**next);
    }
  }

  /// Slices that change and fit into another one that does become one with it. Empty ones go, but
  /// for the one that says that there is nothing.
  void drop_needless(group_state& g, bool says_nothing) {
    std::vector<held_slice*> order;
    for (auto& h : g.held)
      if (h.changed) order.push_back(&h);
    std::stable_sort(order.begin(), order.end(), [](auto a, auto b) { return a->size < b->size; });
    for (size_t i = 0; i + 1 < order.size(); ++i) {
      auto &small = *order[i], &next = *order[i + 1];
      if (small.size + next.size > slice_endpoints_max) break;
      next.endpoints.insert(next.endpoints.end(), small.endpoints.begin(), small.endpoints.end());
      small.endpoints.clear();
      next.size += std::exchange(small.size, 0);
    }
    bool keep = says_nothing;
    for (auto& h : g.held)
      if (h.size == 0 && !std::exchange(keep, false)) h.gone = true;
  }

  /// Slices that nobody needs any more become those that are missing: with other ports, or none.
  void reuse_needless() {
    std::map<std::string, std::deque<held_slice*>> needless; // by family
    for (auto& [_, g] : groups_)
      for (auto& h : g.held)
        if (h.gone) needless[g.family].push_back(&h);
    for (auto& [_, g] : groups_) {
      auto& free = needless[g.family];
      auto count = std::min(free.size(), g.made.size());
      for (size_t i = 0; i < count; ++i) become(*free[i], g.made[i]);
      g.made.erase(g.made.begin(), g.made.begin() + static_cast<ptrdiff_t>(count));
      free.erase(free.begin(), free.begin() + static_cast<ptrdiff_t>(count));
    }
  }

  void become(held_slice& h, const EndpointSlice& wanted) {
    read(h);
    bring_head(h.rest, head_);
    *h.rest.mutable_ports() = wanted.ports();
    h.endpoints.clear();
    for (auto& e : wanted.endpoints()) h.endpoints.push_back(bytes_of(e));
    h.changed = true;
    h.gone = false;
  }

  static std::string records_of(const std::vector<std::string_view>& endpoints) {
    std::string out;
    for (auto e : endpoints) codec::wire::put_bytes(out, EndpointSlice::kEndpointsFieldNumber, e);
    return out;
  }

  /// What is new comes first and what goes last, so that what moves is never nowhere.
  std::vector<slice_action> actions() {
    std::vector<slice_action> out, updated, deleted;
    for (auto& [_, g] : groups_) {
      for (auto& s : g.made) out.push_back(create_slice{std::move(s)});
      for (auto& h : g.held)
        if (h.gone)
          deleted.push_back(delete_slice{*h.key});
        else if (h.changed)
          updated.push_back(update_slice{*h.key, std::move(h.rest), records_of(h.endpoints)});
    }
    std::move(updated.begin(), updated.end(), std::back_inserter(out));
    std::move(deleted.begin(), deleted.end(), std::back_inserter(out));
    return out;
  }

  const slice_map& there_;
  const slice_reader& read_;
  const k8s::meta::v1::ObjectMeta& head_;
  std::map<std::string, group_state> groups_;
  std::map<std::string, edits> edits_; ///< by the slice's key
  std::set<std::string> wanted_;
  std::deque<std::string> written_; ///< endpoints that are new or changed
};

} // namespace

std::vector<endpoint_group> groups_of(const Service& service,
                                      const std::vector<const backend*>& pods,
                                      const zone_lookup& zones, const hint_rule& hints) {
  std::map<std::string, endpoint_group> groups;
  std::set<std::string> seen;
  for (auto& family : families_of(service))
    for (auto pod : pods) {
      if (pod->over) continue;
      auto e = endpoint_of(service, *pod, family, zones);
      if (e.addresses().empty()) continue;
      auto ports = ports_at(service, *pod);
      hints.give(e);
      auto& g = groups[group_of(family, ports)];
      g.family = family;
      g.ports = std::move(ports);
      g.endpoints.push_back(std::move(e));
      seen.insert(family);
    }
  std::vector<endpoint_group> out;
  out.reserve(groups.size());
  for (auto& [key, g] : groups) out.push_back(std::move(g));
  for (auto& family : families_of(service))
    if (!seen.contains(family)) out.push_back({family, {}, {}});
  return out;
}

std::vector<slice_action> plan(std::vector<endpoint_group> wanted, const slice_map& there,
                               const slice_reader& read, const k8s::meta::v1::ObjectMeta& head,
                               const std::set<std::string>* some) {
  return planner{there, read, head}.plan(wanted, some);
}

} // namespace troupe::service
