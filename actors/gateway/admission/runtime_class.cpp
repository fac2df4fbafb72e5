// A pod's runtime class must exist; its overhead and its wishes for scheduling become the pod's.
#include "actors/gateway/admission/parts.hpp"

#include "messages/api/pod.pb.h"
#include "messages/api/runtime_class.pb.h"
#include "messages/base/quantity.hpp"

#include <algorithm>

namespace troupe::gateway {

namespace {

template<class Map> bool same_amounts(const Map& a, const Map& b) {
  if (a.size() != b.size()) return false;
  for (auto& [name, amount] : a) {
    auto hit = b.find(name);
    if (hit == b.end()) return false;
    auto x = quantity::parse(amount.string()), y = quantity::parse(hit->second.string());
    if (!x || !y || *x != *y) return false;
  }
  return true;
}

} // namespace

result<void> admit_runtime_class(const admission_request& r) {
  auto pod = as<k8s::core::v1::Pod>(r);
  if (!pod || !r.creating()) return {};
  auto& spec = *pod->mutable_spec();
  auto refuse = [&](const std::string& why) {
    return forbidden(*r.c.kind, pod->metadata().name(), why);
  };
  if (spec.runtime_class_name().empty()) {
    if (!spec.overhead().empty())
      return refuse(
          "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead");
    return {};
  }
  auto found = find_object<k8s::node::v1::RuntimeClass>(r, "node.k8s.io", "v1", "runtimeclasses",
                                                        {}, spec.runtime_class_name());
  if (!found)
    return refuse("pod rejected: RuntimeClass \"" + spec.runtime_class_name() + "\" not found");
  auto& fixed = found->overhead().pod_fixed();
  if (!spec.overhead().empty() && !same_amounts(spec.overhead(), fixed))
    return refuse("pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
  for (auto& [name, amount] : fixed) (*spec.mutable_overhead())[name] = amount;
  for (auto& [key, value] : found->scheduling().node_selector()) {
    auto hit = spec.node_selector().find(key);
    if (hit != spec.node_selector().end() && hit->second != value)
      return refuse("pod rejected: conflict: runtimeClass.scheduling.nodeSelector[" + key +
                    "] = " + value + "; pod.spec.nodeSelector[" + key + "] = " + hit->second);
    (*spec.mutable_node_selector())[key] = value;
  }
  for (auto& t : found->scheduling().tolerations()) {
    auto& all = spec.tolerations();
    bool there = std::any_of(all.begin(), all.end(), [&](auto& x) {
      return x.SerializeAsString() == t.SerializeAsString();
    });
    if (!there) *spec.add_tolerations() = t;
  }
  return {};
}

} // namespace troupe::gateway
