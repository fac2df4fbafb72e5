// A pod's priority comes from its class; without one, from the default class, or it is zero.
#include "actors/gateway/admission/parts.hpp"

#include "messages/api/pod.pb.h"
#include "messages/api/priority_class.pb.h"

namespace troupe::gateway {

namespace {
using k8s::scheduling::v1::PriorityClass;
constexpr const char* group = "scheduling.k8s.io";
} // namespace

result<void> review_priority_class(const admission_request& r) {
  auto c = as<PriorityClass>(r);
  if (!c || !c->global_default()) return {};
  std::string other;
  each_object<PriorityClass>(
      r, group, "v1", "priorityclasses", {}, [&](const PriorityClass& x, auto&) {
        if (x.global_default() && x.metadata().name() != c->metadata().name())
          other = x.metadata().name();
      });
  if (other.empty()) return {};
  return forbidden(*r.c.kind, c->metadata().name(),
                   "PriorityClass " + other +
                       " is already marked as default. Only one default can exist");
}

result<void> admit_priority(const admission_request& r) {
  auto pod = as<k8s::core::v1::Pod>(r);
  if (!pod || !r.creating()) return {};
  auto& spec = *pod->mutable_spec();
  std::shared_ptr<const PriorityClass> chosen;
  if (!spec.priority_class_name().empty()) {
    chosen = find_object<PriorityClass>(r, group, "v1", "priorityclasses", {},
                                        spec.priority_class_name());
    if (!chosen)
      return forbidden(*r.c.kind, pod->metadata().name(),
                       "no PriorityClass with name " + spec.priority_class_name() + " was found");
  } else {
    each_object<PriorityClass>(r, group, "v1", "priorityclasses", {},
                               [&](const PriorityClass& x, auto& entry) {
                                 if (x.global_default() && (!chosen || x.value() < chosen->value()))
                                   chosen = decoded<PriorityClass>(entry);
                               });
    if (chosen) spec.set_priority_class_name(chosen->metadata().name());
  }
  auto value = chosen ? chosen->value() : 0;
  if (spec.has_priority() && spec.priority() != value)
    return forbidden(
        *r.c.kind, pod->metadata().name(),
        "the integer value of priority (" + std::to_string(spec.priority()) +
            ") must not be provided in pod spec; priority admission controller computed " +
            std::to_string(value) + " from the given PriorityClass name");
  spec.set_priority(value);
  auto policy = chosen && chosen->has_preemption_policy() ? chosen->preemption_policy()
                                                          : "PreemptLowerPriority";
  if (spec.has_preemption_policy() && spec.preemption_policy() != policy)
    return forbidden(
        *r.c.kind, pod->metadata().name(),
        "the string value of PreemptionPolicy (" + spec.preemption_policy() +
            ") must not be provided in pod spec; priority admission controller computed " + policy +
            " from the given PriorityClass name");
  spec.set_preemption_policy(policy);
  return {};
}

} // namespace troupe::gateway
