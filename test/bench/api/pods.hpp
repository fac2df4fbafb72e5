// The two pods that are measured, and what it takes to write them.
#pragma once

#include <string>

namespace troupe::bench {

struct pod_shape {
  const char* name;
  /// Of the account that the pods run under: without a token there is no volume for it.
  bool mounts_token;
  std::string (*manifest)(const std::string& name, const std::string& more_labels);
};

/// As Kubernetes was measured: one container and nothing else, 1.9 KB of JSON when listed.
inline const pod_shape plain_pod{
    "plain", false, [](const std::string& name, const std::string& more_labels) {
      return R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":")" + name + R"(","labels":{)" +
             more_labels + R"("app":"web","tier":"front"},"annotations":{"example.com/owner":
"team-a"}},"spec":{"containers":[{"name":"web","image":"registry.example/web:1.2.3","resources":{
"requests":{"cpu":"100m","memory":"64Mi"}}}]}})";
    }};

/// As people write them: ports, environment, resources, a probe, and a token; 3.5 KB of JSON.
inline const pod_shape rich_pod{
    "rich", true, [](const std::string& name, const std::string& more_labels) {
      return R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":")" + name + R"(","labels":{)" +
             more_labels +
             R"("app":"web","tier":"front"},"annotations":{"example.com/owner":"team-a"}},
"spec":{"containers":[{"name":"web","image":"registry.example/web:1.2.3","ports":[{"containerPort":8080,
"name":"http"}],"env":[{"name":"MODE","value":"production"},{"name":"NODE","valueFrom":{"fieldRef":{
"fieldPath":"spec.nodeName"}}}],"resources":{"requests":{"cpu":"100m","memory":"64Mi"},"limits":{
"memory":"128Mi"}},"readinessProbe":{"httpGet":{"path":"/ready","port":"http"}}}]}})";
    }};

} // namespace troupe::bench
