#include "actors/service/slices_plan.hpp"

#include "messages/codec/json_encode.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace troupe::service {

namespace {

using k8s::core::v1::Service;

/// Two endpoints with the same text are one.
std::string identity(const Endpoint& e) {
  return e.target_ref().uid() + "/" + (e.addresses().empty() ? "" : e.addresses(0));
}

std::string text_of(const std::vector<EndpointPort>& ports) {
  std::string out;
  for (auto& p : ports) out += codec::to_wire(p) + "|";
  return out;
}

template<class List> std::string text_of_list(const List& ports) {
  return text_of(std::vector<EndpointPort>(ports.begin(), ports.end()));
}

bool same(const Endpoint& a, const Endpoint& b) { return codec::to_wire(a) == codec::to_wire(b); }

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

/// One group against the slices that are its own.
class group_plan {
public:
  group_plan(endpoint_group& wanted, const k8s::meta::v1::ObjectMeta& head)
      : wanted_{wanted}, head_{head} {
    for (auto& e : wanted.endpoints) open_.emplace(identity(e), &e);
  }

  /// What of a slice stays, and what of it has changed.
  void keep(size_t which, const EndpointSlice& observed) {
    held_slice h{which, observed, false};
    auto& list = *h.slice.mutable_endpoints();
    std::vector<Endpoint> kept;
    for (auto& e : observed.endpoints()) {
      auto hit = open_.find(identity(e));
      if (hit == open_.end()) {
        h.changed = true;
        continue;
      }
      h.changed = h.changed || !same(e, *hit->second);
      kept.push_back(std::move(*hit->second));
      open_.erase(hit);
    }
    list = {kept.begin(), kept.end()};
    h.changed = bring_head(h.slice, head_) || h.changed;
    held_.push_back(std::move(h));
  }

  void finish(std::vector<slice_action>& out) {
    place_new();
    drop_needless();
    for (auto& h : held_)
      if (h.gone)
        out.push_back(delete_slice{h.which});
      else if (h.changed)
        out.push_back(update_slice{h.which, std::move(h.slice)});
    for (auto& s : made_) out.push_back(create_slice{std::move(s)});
  }

private:
  struct held_slice {
    size_t which;
    EndpointSlice slice;
    bool changed;
    bool gone = false;
    size_t size() const { return static_cast<size_t>(slice.endpoints_size()); }
  };

  /// First into slices that change anyway, then into the fullest that have room, then into new
  /// ones.
  void place_new() {
    std::vector<Endpoint*> left;
    for (auto& e : wanted_.endpoints) // in their order, not by identity
      if (auto hit = open_.find(identity(e)); hit != open_.end() && hit->second == &e)
        left.push_back(&e);
    std::vector<held_slice*> order;
    for (auto& h : held_) order.push_back(&h);
    std::stable_sort(order.begin(), order.end(), [](auto a, auto b) {
      return a->changed != b->changed ? a->changed : a->size() > b->size();
    });
    auto next = left.begin();
    for (auto h : order)
      for (; next != left.end() && h->size() < slice_endpoints_max; ++next) {
        *h->slice.add_endpoints() = std::move(**next);
        h->changed = true;
      }
    bool none = held_.empty() && next == left.end();
    while (next != left.end() || none) {
      none = false;
      auto& s = made_.emplace_back();
      *s.mutable_metadata() = head_;
      s.set_address_type(wanted_.family);
      for (auto& p : wanted_.ports) *s.add_ports() = p;
      for (; next != left.end() && static_cast<size_t>(s.endpoints_size()) < slice_endpoints_max;
           ++next)
        *s.add_endpoints() = std::move(**next);
    }
  }

  /// Empty slices go, but one stays to say that there is nothing; slices that are less than half
  /// full together with another become one.
  void drop_needless() {
    std::vector<held_slice*> order;
    for (auto& h : held_)
      if (h.changed) order.push_back(&h);
    std::stable_sort(order.begin(), order.end(),
                     [](auto a, auto b) { return a->size() < b->size(); });
    for (size_t i = 0; i + 1 < order.size(); ++i) {
      auto& small = *order[i];
      auto& next = *order[i + 1];
      if (small.size() + next.size() > slice_endpoints_max) break;
      for (auto& e : *small.slice.mutable_endpoints()) *next.slice.add_endpoints() = std::move(e);
      small.slice.clear_endpoints();
    }
    size_t left = held_.size() + made_.size();
    for (auto& h : held_)
      if (h.changed && h.size() == 0 && left > 1) {
        h.gone = true;
        --left;
      }
  }

  endpoint_group& wanted_;
  const k8s::meta::v1::ObjectMeta& head_;
  std::map<std::string, Endpoint*> open_; ///< wanted, not in a slice yet
  std::vector<held_slice> held_;
  std::vector<EndpointSlice> made_;
};

} // namespace

std::vector<endpoint_group> groups_of(const Service& service,
                                      const std::vector<const backend*>& pods,
                                      const zone_lookup& zones) {
  std::map<std::pair<std::string, std::string>, endpoint_group> groups;
  for (auto& family : families_of(service))
    for (auto pod : pods) {
      if (pod->over) continue;
      auto e = endpoint_of(service, *pod, family, zones);
      if (e.addresses().empty()) continue;
      auto ports = ports_at(service, *pod);
      if (ports.empty() && !service.spec().ports().empty()) continue;
      auto& g = groups[{family, text_of(ports)}];
      g.family = family;
      g.ports = std::move(ports);
      g.endpoints.push_back(std::move(e));
    }
  std::vector<endpoint_group> out;
  std::set<std::string> seen;
  for (auto& [key, g] : groups) {
    give_hints(service, g.endpoints);
    seen.insert(g.family);
    out.push_back(std::move(g));
  }
  for (auto& family : families_of(service))
    if (!seen.contains(family)) out.push_back({family, {}, {}});
  return out;
}

std::vector<slice_action> plan(std::vector<endpoint_group> wanted,
                               const std::vector<EndpointSlice>& observed,
                               const k8s::meta::v1::ObjectMeta& head) {
  std::vector<slice_action> out;
  std::vector<bool> claimed(observed.size());
  std::vector<group_plan> plans;
  plans.reserve(wanted.size());
  for (auto& g : wanted) {
    auto& p = plans.emplace_back(g, head);
    for (size_t i = 0; i < observed.size(); ++i)
      if (!claimed[i] && observed[i].address_type() == g.family &&
          text_of_list(observed[i].ports()) == text_of(g.ports)) {
        claimed[i] = true;
        p.keep(i, observed[i]);
      }
  }
  for (size_t i = 0; i < observed.size(); ++i)
    if (!claimed[i]) out.push_back(delete_slice{i});
  for (auto& p : plans) p.finish(out);
  return out;
}

} // namespace troupe::service
