#include "actors/scheduler/pod_selector.hpp"

#include "messages/api/affinity.pb.h"
#include "messages/api/pod.pb.h"

#include <algorithm>

namespace troupe::scheduler {

namespace {

/// A selector as given, absent ones selecting nothing, narrowed by the pod's own values of `same`
/// and to other values than its own of `other`.
template<class Keys>
label_selector narrowed(const k8s::meta::v1::LabelSelector* given, const Keys& same,
                        const Keys& other, const k8s::core::v1::Pod& of) {
  if (!given) return label_selector::nothing();
  auto asked = *given;
  auto add = [&](const std::string& key, const char* op) {
    auto own = of.metadata().labels().find(key);
    if (own == of.metadata().labels().end()) return;
    auto& e = *asked.add_match_expressions();
    e.set_key(key);
    e.set_operator_(op);
    e.add_values(own->second);
  };
  for (auto& key : same) add(key, "In");
  for (auto& key : other) add(key, "NotIn");
  auto made = label_selector::from(asked);
  return made ? *made : label_selector::nothing();
}

} // namespace

std::string_view namespace_of(const storage::entry& of) {
  auto key = of.key();
  auto first = key.find('/');
  return key.substr(first + 1, key.rfind('/') - first - 1);
}

std::string_view name_of(const storage::entry& of) {
  return of.key().substr(of.key().rfind('/') + 1);
}

bool pod_selector::matches(const storage::entry& pod, std::string_view pod_owner,
                           const namespace_lookup& spaces) const {
  if (!owner.empty() && owner != pod_owner) return false;
  auto ns = namespace_of(pod);
  bool here = std::binary_search(namespaces.begin(), namespaces.end(), ns);
  if (!here) {
    if (!has_namespace_selector) return false;
    if (!namespace_selector.empty()) {
      auto space = spaces(ns);
      if (!space ||
          !namespace_selector.matches([&](const std::string& key) { return space->label(key); }))
        return false;
    }
  }
  return labels.matches([&](const std::string& key) { return pod.label(key); });
}

std::string pod_selector::text() const {
  std::string out;
  for (auto& n : namespaces) out.append(n).append(",");
  out.append("|");
  auto add = [&](const label_selector& s) { out.append(s.empty() ? "*" : s.text()); };
  if (has_namespace_selector) add(namespace_selector);
  out.append("|");
  add(labels);
  return out.append("|").append(owner).append(staying ? "|staying" : "");
}

pod_selector selector_of(const k8s::core::v1::PodAffinityTerm& term, const k8s::core::v1::Pod& of) {
  pod_selector out;
  out.namespaces.assign(term.namespaces().begin(), term.namespaces().end());
  if (term.has_namespace_selector()) {
    out.has_namespace_selector = true;
    auto made = label_selector::from(term.namespace_selector());
    out.namespace_selector = made ? *made : label_selector::nothing();
  }
  if (out.namespaces.empty() && !out.has_namespace_selector)
    out.namespaces = {of.metadata().namespace_()};
  std::sort(out.namespaces.begin(), out.namespaces.end());
  out.labels = narrowed(term.has_label_selector() ? &term.label_selector() : nullptr,
                        term.match_label_keys(), term.mismatch_label_keys(), of);
  return out;
}

pod_selector selector_of(const k8s::core::v1::TopologySpreadConstraint& constraint,
                         const k8s::core::v1::Pod& of) {
  pod_selector out;
  out.staying = true;
  out.namespaces = {of.metadata().namespace_()};
  out.labels = narrowed(constraint.has_label_selector() ? &constraint.label_selector() : nullptr,
                        constraint.match_label_keys(), {}, of);
  return out;
}

pod_selector siblings(std::string_view ns, std::string_view owner) {
  pod_selector out;
  out.staying = true;
  out.namespaces = {std::string(ns)};
  out.owner = owner;
  return out;
}

} // namespace troupe::scheduler
