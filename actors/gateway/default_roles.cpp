#include "actors/gateway/default_roles.hpp"

#include <string>
#include <string_view>

namespace troupe::gateway {

namespace {

using k8s::rbac::v1::ClusterRole;
using k8s::rbac::v1::ClusterRoleBinding;

/// A rule in short: groups, resources and verbs, each separated by commas. "core" is the empty
/// group; a rule whose groups are "url" lists paths instead of resources.
struct short_rule {
  const char* groups;
  const char* resources;
  const char* verbs;
  const char* names = ""; ///< the only objects that it is about, if there are any
};

struct short_role {
  const char* name;
  const char* aggregate_to; ///< "view", "edit" or "admin": the role that takes this one in
  const char* aggregates;   ///< the roles whose parts this one takes in
  std::vector<short_rule> rules;
};

template<class Add> void split(std::string_view text, Add add) {
  while (!text.empty()) {
    auto comma = std::min(text.find(','), text.size());
    add(std::string(text.substr(0, comma)));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
}

constexpr const char* read = "get,list,watch";
constexpr const char* write = "create,delete,deletecollection,patch,update";
constexpr const char* all = "*";

constexpr const char* workloads_core =
    "bindings,events,limitranges,namespaces/status,pods/log,pods/status,replicationcontrollers/"
    "status,resourcequotas,resourcequotas/status,namespaces";
constexpr const char* objects_core =
    "configmaps,endpoints,persistentvolumeclaims,persistentvolumeclaims/"
    "status,pods,replicationcontrollers,replicationcontrollers/"
    "scale,serviceaccounts,services,services/status";
constexpr const char* objects_apps =
    "controllerrevisions,daemonsets,daemonsets/status,deployments,deployments/scale,deployments/"
    "status,replicasets,replicasets/scale,replicasets/status,statefulsets,statefulsets/"
    "scale,statefulsets/status";
constexpr const char* writable_apps =
    "daemonsets,deployments,deployments/rollback,deployments/scale,replicasets,replicasets/"
    "scale,statefulsets,statefulsets/scale";
constexpr const char* public_paths = "/healthz,/livez,/readyz,/version,/version/";

const std::vector<short_role>& short_roles() {
  static const std::vector<short_role> roles{
      {"cluster-admin", "", "", {{all, all, all}, {"url", all, all}}},
      {"admin", "", "admin,edit,view", {}},
      {"edit", "admin", "edit,view", {}},
      {"view", "edit", "view", {}},
      {"system:aggregate-to-view",
       "view",
       "",
       {{"core", objects_core, read},
        {"core", workloads_core, read},
        {"discovery.k8s.io", "endpointslices", read},
        {"apps", objects_apps, read},
        {"autoscaling", "horizontalpodautoscalers,horizontalpodautoscalers/status", read},
        {"batch", "cronjobs,cronjobs/status,jobs,jobs/status", read},
        {"networking.k8s.io", "ingresses,ingresses/status,networkpolicies", read},
        {"policy", "poddisruptionbudgets,poddisruptionbudgets/status", read},
        {"resource.k8s.io", "resourceclaims,resourceclaims/status,resourceclaimtemplates", read}}},
      {"system:aggregate-to-edit",
       "edit",
       "",
       {{"core", "pods/attach,pods/exec,pods/portforward,pods/proxy,secrets,services/proxy", read},
        {"core", "serviceaccounts", "impersonate"},
        {"core", "pods,pods/attach,pods/exec,pods/portforward,pods/proxy", write},
        {"core", "pods/eviction", "create"},
        {"core",
         "configmaps,events,persistentvolumeclaims,replicationcontrollers,replicationcontrollers/"
         "scale,secrets,serviceaccounts,services,services/proxy",
         write},
        {"core", "serviceaccounts/token", "create"},
        {"apps", writable_apps, write},
        {"autoscaling", "horizontalpodautoscalers", write},
        {"batch", "cronjobs,jobs", write},
        {"networking.k8s.io", "ingresses,networkpolicies", write},
        {"policy", "poddisruptionbudgets", write},
        {"resource.k8s.io", "resourceclaims,resourceclaimtemplates", write},
        {"coordination.k8s.io", "leases",
         "create,delete,deletecollection,get,list,patch,update,watch"}}},
      {"system:aggregate-to-admin",
       "admin",
       "",
       {{"authorization.k8s.io", "localsubjectaccessreviews", "create"},
        {"rbac.authorization.k8s.io", "rolebindings,roles",
         "create,delete,deletecollection,get,list,patch,update,watch"}}},
      {"system:basic-user",
       "",
       "",
       {{"authorization.k8s.io", "selfsubjectaccessreviews,selfsubjectrulesreviews", "create"},
        {"authentication.k8s.io", "selfsubjectreviews", "create"}}},
      {"system:discovery",
       "",
       "",
       {{"url",
         "/api,/api/*,/apis,/apis/*,/healthz,/livez,/openapi,/openapi/*,/readyz,/version,/version/",
         "get"}}},
      {"system:public-info-viewer", "", "", {{"url", public_paths, "get"}}},
      {"system:monitoring",
       "",
       "",
       {{"url", "/healthz,/healthz/*,/livez,/livez/*,/metrics,/metrics/slis,/readyz,/readyz/*",
         "get"}}},
      {"system:service-account-issuer-discovery",
       "",
       "",
       {{"url", "/.well-known/openid-configuration,/openid/v1/jwks", "get"}}},
      {"system:auth-delegator",
       "",
       "",
       {{"authentication.k8s.io", "tokenreviews", "create"},
        {"authorization.k8s.io", "subjectaccessreviews", "create"}}},
      {"system:node",
       "",
       "",
       {{"authentication.k8s.io", "tokenreviews", "create"},
        {"authorization.k8s.io", "localsubjectaccessreviews,subjectaccessreviews", "create"},
        {"core", "services", read},
        {"core", "nodes", "create,get,list,watch,patch,update"},
        {"core", "nodes/status", "patch,update"},
        {"core", "events", "create,patch,update"},
        {"core", "pods", "get,list,watch,create,delete"},
        {"core", "pods/status", "patch,update"},
        {"core", "pods/eviction", "create"},
        {"core", "configmaps,secrets,persistentvolumeclaims,persistentvolumes,endpoints",
         "get,list,watch"},
        {"core", "serviceaccounts/token", "create"},
        {"certificates.k8s.io", "certificatesigningrequests", "create,get,list,watch"},
        {"coordination.k8s.io", "leases", "create,delete,get,patch,update"},
        {"storage.k8s.io", "volumeattachments,csidrivers,csinodes",
         "get,list,watch,create,delete,patch,update"},
        {"node.k8s.io", "runtimeclasses", read},
        {"resource.k8s.io", "resourceclaims,resourceslices",
         "get,list,watch,create,delete,deletecollection,patch,update"}}},
      {"system:node-proxier",
       "",
       "",
       {{"core", "endpoints,services", "list,watch"},
        {"core", "nodes", "get,list,watch"},
        {"core,events.k8s.io", "events", "create,patch,update"},
        {"discovery.k8s.io", "endpointslices", "list,watch"}}},
      {"system:node-bootstrapper",
       "",
       "",
       {{"certificates.k8s.io", "certificatesigningrequests", "create,get,list,watch"}}},
      {"system:node-problem-detector",
       "",
       "",
       {{"core", "nodes", "get"},
        {"core", "nodes/status", "patch"},
        {"core,events.k8s.io", "events", "create,patch,update"}}},
      {"system:kubelet-api-admin",
       "",
       "",
       {{"core", "nodes", "get,list,watch,proxy"},
        {"core", "nodes/log,nodes/metrics,nodes/proxy,nodes/stats", all}}},
      {"system:kube-dns", "", "", {{"core", "endpoints,services", "list,watch"}}},
      {"system:persistent-volume-provisioner",
       "",
       "",
       {{"core", "persistentvolumes", "create,delete,get,list,watch"},
        {"core", "persistentvolumeclaims", "get,list,update,watch"},
        {"storage.k8s.io", "storageclasses", read},
        {"core", "events", "create,get,list,patch,update,watch"}}},
      {"system:kube-scheduler",
       "",
       "",
       {{"core,events.k8s.io", "events", "create,patch,update"},
        {"coordination.k8s.io", "leases", "create,get,update,list,watch"},
        {"core", "nodes,replicationcontrollers,services,namespaces,persistentvolumes", read},
        {"core", "pods", "delete,get,list,watch"},
        {"core", "bindings,pods/binding", "create"},
        {"core", "pods/status", "patch,update"},
        {"apps", "replicasets,statefulsets", read},
        {"policy", "poddisruptionbudgets", read},
        {"core", "persistentvolumeclaims", "get,list,watch,patch,update"},
        {"storage.k8s.io", "csinodes,csidrivers,csistoragecapacities,storageclasses", read},
        {"authentication.k8s.io", "tokenreviews", "create"},
        {"authorization.k8s.io", "subjectaccessreviews", "create"}}},
      {"system:kube-controller-manager",
       "",
       "",
       {{"core,events.k8s.io", "events", "create,patch,update"},
        {"coordination.k8s.io", "leases", "create,get,update"},
        {"core", "secrets,serviceaccounts", "create,get,update,delete"},
        {"core", "serviceaccounts/token", "create"},
        {"core", "configmaps,namespaces", "get"},
        {all, all, "list,watch"},
        {"authentication.k8s.io", "tokenreviews", "create"},
        {"authorization.k8s.io", "subjectaccessreviews", "create"}}},
      {"system:volume-scheduler",
       "",
       "",
       {{"core", "persistentvolumes,persistentvolumeclaims", "get,list,patch,update,watch"},
        {"storage.k8s.io", "storageclasses", read}}},
      {"system:certificates.k8s.io:kube-apiserver-client-approver",
       "",
       "",
       {{"certificates.k8s.io", "signers", "approve", "kubernetes.io/kube-apiserver-client"}}},
      {"system:certificates.k8s.io:kube-apiserver-client-kubelet-approver",
       "",
       "",
       {{"certificates.k8s.io", "signers", "approve",
         "kubernetes.io/kube-apiserver-client-kubelet"}}},
      {"system:certificates.k8s.io:kubelet-serving-approver",
       "",
       "",
       {{"certificates.k8s.io", "signers", "approve", "kubernetes.io/kubelet-serving"}}},
      {"system:certificates.k8s.io:legacy-unknown-approver",
       "",
       "",
       {{"certificates.k8s.io", "signers", "approve", "kubernetes.io/legacy-unknown"}}},
      {"system:certificates.k8s.io:certificatesigningrequests:nodeclient",
       "",
       "",
       {{"certificates.k8s.io", "certificatesigningrequests/nodeclient", "create"}}},
      {"system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
       "",
       "",
       {{"certificates.k8s.io", "certificatesigningrequests/selfnodeclient", "create"}}},
  };
  return roles;
}

} // namespace

std::vector<ClusterRole> default_cluster_roles() {
  std::vector<ClusterRole> out;
  for (auto& from : short_roles()) {
    ClusterRole r;
    r.mutable_metadata()->set_name(from.name);
    auto& labels = *r.mutable_metadata()->mutable_labels();
    labels["kubernetes.io/bootstrapping"] = "rbac-defaults";
    (*r.mutable_metadata()->mutable_annotations())["rbac.authorization.kubernetes.io/autoupdate"] =
        "true";
    if (*from.aggregate_to)
      labels[std::string("rbac.authorization.k8s.io/aggregate-to-") + from.aggregate_to] = "true";
    split(from.aggregates, [&](const std::string& name) {
      (*r.mutable_aggregation_rule()
            ->add_cluster_role_selectors()
            ->mutable_match_labels())["rbac.authorization.k8s.io/aggregate-to-" + name] = "true";
    });
    for (auto& rule : from.rules) {
      auto& to = *r.add_rules();
      split(rule.verbs, [&](const std::string& v) { to.add_verbs(v); });
      if (std::string_view(rule.groups) == "url") {
        split(rule.resources, [&](const std::string& u) { to.add_non_resource_urls(u); });
        continue;
      }
      split(rule.groups, [&](const std::string& g) { to.add_api_groups(g == "core" ? "" : g); });
      split(rule.resources, [&](const std::string& x) { to.add_resources(x); });
      split(rule.names, [&](const std::string& x) { to.add_resource_names(x); });
    }
    out.push_back(std::move(r));
  }
  return out;
}

std::vector<ClusterRoleBinding> default_cluster_role_bindings() {
  struct short_binding {
    const char* role;
    const char* kind;
    const char* subjects;
  };
  static const short_binding bindings[] = {
      {"cluster-admin", "Group", "system:masters"},
      {"system:basic-user", "Group", "system:authenticated"},
      {"system:discovery", "Group", "system:authenticated"},
      {"system:public-info-viewer", "Group", "system:authenticated,system:unauthenticated"},
      {"system:monitoring", "Group", "system:monitoring"},
      {"system:service-account-issuer-discovery", "Group", "system:serviceaccounts"},
      {"system:kube-scheduler", "User", "system:kube-scheduler"},
      {"system:volume-scheduler", "User", "system:kube-scheduler"},
      {"system:kube-dns", "ServiceAccount", "kube-system/kube-dns"},
      {"system:node", "Group", ""}, // the Node authorizer gives them their rights
      {"system:kube-controller-manager", "User", "system:kube-controller-manager"},
      {"system:node-proxier", "User", "system:kube-proxy"},
  };
  std::vector<ClusterRoleBinding> out;
  for (auto& from : bindings) {
    ClusterRoleBinding b;
    b.mutable_metadata()->set_name(from.role);
    (*b.mutable_metadata()->mutable_labels())["kubernetes.io/bootstrapping"] = "rbac-defaults";
    (*b.mutable_metadata()->mutable_annotations())["rbac.authorization.kubernetes.io/autoupdate"] =
        "true";
    b.mutable_role_ref()->set_api_group("rbac.authorization.k8s.io");
    b.mutable_role_ref()->set_kind("ClusterRole");
    b.mutable_role_ref()->set_name(from.role);
    split(from.subjects, [&](const std::string& name) {
      auto& s = *b.add_subjects();
      s.set_kind(from.kind);
      if (auto slash = name.find('/'); slash != name.npos) {
        s.set_namespace_(name.substr(0, slash));
        s.set_name(name.substr(slash + 1));
        return;
      }
      s.set_api_group("rbac.authorization.k8s.io");
      s.set_name(name);
    });
    out.push_back(std::move(b));
  }
  return out;
}

} // namespace troupe::gateway
