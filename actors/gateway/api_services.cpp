#include "actors/gateway/api_services.hpp"

namespace troupe::gateway {

namespace {

struct priority {
  const char *group, *version;
  int of_group, of_version;
};

/// As in Kubernetes. The group of APIServices has none of its own.
constexpr priority priorities[] = {
    {"", "v1", 18000, 1},
    {"apps", "v1", 17800, 15},
    {"events.k8s.io", "v1", 17750, 15},
    {"authentication.k8s.io", "v1", 17700, 15},
    {"authorization.k8s.io", "v1", 17600, 15},
    {"autoscaling", "v1", 17500, 15},
    {"autoscaling", "v2", 17500, 30},
    {"batch", "v1", 17400, 15},
    {"certificates.k8s.io", "v1", 17300, 15},
    {"networking.k8s.io", "v1", 17200, 15},
    {"policy", "v1", 17100, 15},
    {"rbac.authorization.k8s.io", "v1", 17000, 15},
    {"storage.k8s.io", "v1", 16800, 15},
    {"apiextensions.k8s.io", "v1", 16700, 15},
    {"admissionregistration.k8s.io", "v1", 16700, 15},
    {"scheduling.k8s.io", "v1", 16600, 15},
    {"coordination.k8s.io", "v1", 16500, 15},
    {"node.k8s.io", "v1", 16300, 15},
    {"discovery.k8s.io", "v1", 16200, 15},
    {"flowcontrol.apiserver.k8s.io", "v1", 16100, 21},
    {"resource.k8s.io", "v1", 15900, 15},
    {"metrics.k8s.io", "v1beta1", 100, 100},
};

} // namespace

std::vector<k8s::apiregistration::v1::APIService> own_api_services(const schema::registry& kinds,
                                                                   int64_t now_seconds) {
  std::vector<k8s::apiregistration::v1::APIService> out;
  for (auto& p : priorities) {
    if (kinds.kinds_of(p.group, p.version).empty()) continue;
    auto& made = out.emplace_back();
    made.mutable_metadata()->set_name(std::string(p.version) + "." + p.group);
    (*made.mutable_metadata()->mutable_labels())["kube-aggregator.kubernetes.io/automanaged"] =
        "onstart";
    auto& spec = *made.mutable_spec();
    if (*p.group) spec.set_group(p.group);
    spec.set_version(p.version);
    spec.set_group_priority_minimum(p.of_group);
    spec.set_version_priority(p.of_version);
    auto& known = *made.mutable_status()->add_conditions();
    known.set_type("Available");
    known.set_status("True");
    known.mutable_last_transition_time()->set_seconds(now_seconds);
    known.set_reason("Local");
    known.set_message("Local APIServices are always available");
  }
  return out;
}

} // namespace troupe::gateway
