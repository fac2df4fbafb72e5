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

using k8s::core::v1::Toleration;
using k8s::node::v1::RuntimeClass;

/// Whether `wide` tolerates all that `narrow` does.
bool includes(const Toleration& wide, const Toleration& narrow) {
  if (wide.SerializeAsString() == narrow.SerializeAsString()) return true;
  if (wide.key() != narrow.key() && !(wide.key().empty() && wide.operator_() == "Exists"))
    return false;
  if (!wide.effect().empty() && wide.effect() != narrow.effect()) return false;
  if (wide.effect() == "NoExecute" && wide.has_toleration_seconds() &&
      (!narrow.has_toleration_seconds() || narrow.toleration_seconds() > wide.toleration_seconds()))
    return false;
  auto equal = [](auto& t) { return t.operator_().empty() || t.operator_() == "Equal"; };
  if (equal(wide)) return equal(narrow) && wide.value() == narrow.value();
  return wide.operator_() == "Exists";
}

/// Adds tolerations; of two of which one includes the other, the wider stays.
void merge(google::protobuf::RepeatedPtrField<Toleration>& into,
           const google::protobuf::RepeatedPtrField<Toleration>& more) {
  std::vector<Toleration> all(into.begin(), into.end()), kept;
  all.insert(all.end(), more.begin(), more.end());
  for (auto t = all.begin(); t != all.end(); ++t) {
    auto wider = [&](auto& other) { return includes(other, *t); };
    if (std::any_of(kept.begin(), kept.end(), wider)) continue;
    if (std::any_of(t + 1, all.end(), [&](auto& other) {
          return wider(other) && other.SerializeAsString() != t->SerializeAsString();
        }))
      continue;
    kept.push_back(*t);
  }
  into.Assign(kept.begin(), kept.end());
}

std::shared_ptr<const RuntimeClass> class_of(const admission_request& r,
                                             const k8s::core::v1::PodSpec& spec) {
  if (spec.runtime_class_name().empty()) return nullptr;
  return find_object<RuntimeClass>(r, "node.k8s.io", "v1", "runtimeclasses", {},
                                   spec.runtime_class_name());
}

constexpr const char* other_overhead =
    "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";

} // namespace

result<void> review_runtime_class(const admission_request& r) {
  auto pod = as<k8s::core::v1::Pod>(r);
  if (!pod || !r.creating()) return {};
  auto& spec = pod->spec();
  auto found = class_of(r, spec);
  if (found && found->has_overhead() ? same_amounts(spec.overhead(), found->overhead().pod_fixed())
                                     : spec.overhead().empty())
    return {};
  return forbidden(
      *r.c.kind, pod->metadata().name(),
      found && found->has_overhead()
          ? other_overhead
          : "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead");
}

result<void> admit_runtime_class(const admission_request& r) {
  auto pod = as<k8s::core::v1::Pod>(r);
  if (!pod || !r.creating()) return {};
  auto& spec = *pod->mutable_spec();
  auto refuse = [&](const std::string& why) {
    return forbidden(*r.c.kind, pod->metadata().name(), why);
  };
  if (spec.runtime_class_name().empty()) return {};
  auto found = class_of(r, spec);
  if (!found)
    return refuse("pod rejected: RuntimeClass \"" + spec.runtime_class_name() + "\" not found");
  auto& fixed = found->overhead().pod_fixed();
  if (found->has_overhead() && !spec.overhead().empty() && !same_amounts(spec.overhead(), fixed))
    return refuse(other_overhead);
  for (auto& [name, amount] : fixed) (*spec.mutable_overhead())[name] = amount;
  for (auto& [key, value] : found->scheduling().node_selector()) {
    auto hit = spec.node_selector().find(key);
    if (hit != spec.node_selector().end() && hit->second != value)
      return refuse("conflict: runtimeClass.scheduling.nodeSelector[" + key + "] = " + value +
                    "; pod.spec.nodeSelector[" + key + "] = " + hit->second);
    (*spec.mutable_node_selector())[key] = value;
  }
  if (found->has_scheduling())
    merge(*spec.mutable_tolerations(), found->scheduling().tolerations());
  return {};
}

} // namespace troupe::gateway
