// Pods tolerate a node that is not ready or not reachable for five minutes unless they say
// otherwise; new nodes take no pods before they are ready.
#include "actors/gateway/admission/parts.hpp"

#include "messages/api/node.pb.h"
#include "messages/api/pod.pb.h"

namespace troupe::gateway {

namespace {

constexpr int64_t seconds_default = 300;
constexpr const char* not_ready = "node.kubernetes.io/not-ready";
constexpr const char* unreachable = "node.kubernetes.io/unreachable";

bool tolerates(const k8s::core::v1::PodSpec& spec, std::string_view key) {
  for (auto& t : spec.tolerations())
    if ((t.key() == key || t.key().empty()) && (t.effect() == "NoExecute" || t.effect().empty()))
      return true;
  return false;
}

} // namespace

result<void> admit_tolerations(const admission_request& r) {
  if (r.c.sub) return {};
  if (auto pod = as<k8s::core::v1::Pod>(r)) {
    auto& spec = *pod->mutable_spec();
    bool missing[] = {!tolerates(spec, not_ready), !tolerates(spec, unreachable)};
    const char* keys[] = {not_ready, unreachable};
    for (int i = 0; i < 2; ++i) {
      if (!missing[i]) continue;
      auto& t = *spec.add_tolerations();
      t.set_key(keys[i]);
      t.set_operator_("Exists");
      t.set_effect("NoExecute");
      t.set_toleration_seconds(seconds_default);
    }
  } else if (auto node = as<k8s::core::v1::Node>(r); node && r.creating()) {
    for (auto& t : node->spec().taints())
      if (t.key() == not_ready && t.effect() == "NoSchedule") return {};
    auto& t = *node->mutable_spec()->add_taints();
    t.set_key(not_ready);
    t.set_effect("NoSchedule");
  }
  return {};
}

} // namespace troupe::gateway
