#include "actors/gateway/node_authorizer.hpp"

#include "actors/gateway/object.hpp"
#include "actors/nodes/references.hpp"
#include "messages/api/persistent_volume.pb.h"
#include "messages/api/pod.pb.h"

#include <algorithm>

namespace troupe::gateway {

namespace {

using k8s::core::v1::Pod;

constexpr std::string_view name_prefix = "system:node:";
constexpr std::string_view group_of_nodes = "system:nodes";
constexpr std::string_view lease_namespace = "kube-node-lease";
constexpr const char* mirror = "kubernetes.io/config.mirror";

bool one_of(std::string_view word, std::initializer_list<std::string_view> all) {
  return std::find(all.begin(), all.end(), word) != all.end();
}

std::string only(std::string_view what) { return "a node can only " + std::string(what); }

std::string no_relationship(const std::string& node) {
  return "no relationship found between node '" + node + "' and this object";
}

/// Whether a pod of the node in the namespace refers to the object that has this key.
bool is_needed(const std::string& node, const std::string& ns, const std::string& key,
               const storage::snapshot& now) {
  for (auto& entry : now.list("pods/" + ns + "/")) {
    if (entry.field("spec.nodeName") != node) continue;
    Pod pod;
    if (!read_entry(entry, pod)) continue;
    // A mirror pod shows what a node runs by itself: it gives no rights.
    if (pod.metadata().annotations().contains(mirror)) continue;
    if (nodes::references_of(pod, now).contains(key)) return true;
  }
  return false;
}

struct question {
  const std::string& node;
  const attributes& wanted;
  const storage::snapshot& now;

  bool verb_is(std::initializer_list<std::string_view> verbs) const {
    return one_of(wanted.verb, verbs);
  }
  bool needed() const {
    return is_needed(node, wanted.ns, wanted.plural + "/" + wanted.ns + "/" + wanted.name, now);
  }
};

/// Secrets and config maps: read one at a time, by those who need them.
std::string read_needed(const question& q) {
  if (!q.verb_is({"get", "list", "watch"}) || !q.wanted.subresource.empty())
    return only("read individual resources of this type");
  if (q.wanted.name.empty()) return only("read individual resources of this type");
  return q.needed() ? "" : no_relationship(q.node);
}

std::string claim(const question& q) {
  if (q.wanted.subresource == "status" ? !q.verb_is({"update", "patch"}) : !q.verb_is({"get"}))
    return only("get individual resources of this type");
  if (!one_of(q.wanted.subresource, {"", "status"}) || q.wanted.name.empty())
    return only("get individual resources of this type");
  return q.needed() ? "" : no_relationship(q.node);
}

/// A volume is needed by whoever needs the claim that it is bound to.
std::string volume(const question& q) {
  if (!q.verb_is({"get"}) || !q.wanted.subresource.empty() || q.wanted.name.empty())
    return only("get individual resources of this type");
  auto entry = q.now.find("persistentvolumes//" + q.wanted.name);
  k8s::core::v1::PersistentVolume held;
  if (!entry || !read_entry(*entry, held)) return no_relationship(q.node);
  auto& ns = held.spec().claim_ref().namespace_();
  bool needed = !ns.empty() && is_needed(q.node, ns, "persistentvolumes//" + q.wanted.name, q.now);
  return needed ? "" : no_relationship(q.node);
}

std::string account(const question& q) {
  if (q.wanted.subresource != "token" || !q.verb_is({"create"}))
    return only("create tokens for individual service accounts");
  return q.needed() ? "" : no_relationship(q.node);
}

std::string lease(const question& q) {
  if (!q.verb_is({"get", "create", "update", "patch", "delete"}))
    return only("get, create, update, patch, or delete a node lease");
  if (q.wanted.ns != lease_namespace)
    return "can only access leases in the \"kube-node-lease\" system namespace";
  bool own = q.wanted.name == q.node || (q.wanted.name.empty() && q.verb_is({"create"}));
  return own ? "" : "can only access node lease with the same name as the requesting node";
}

/// Objects that have the name of their node: its own, and those that a CSI driver is told by.
std::string own_name(const question& q) {
  if (!q.verb_is({"get", "create", "update", "patch", "delete"}) || !q.wanted.subresource.empty())
    return only("get, create, update, patch, or delete its own " + q.wanted.plural);
  bool own = q.wanted.name == q.node || (q.wanted.name.empty() && q.verb_is({"create"}));
  return own ? "" : only("access the object of this type that has its own name");
}

std::string own_node(const question& q) {
  auto& a = q.wanted;
  if (a.subresource.empty()) {
    if (q.verb_is({"create"})) return "";
    if (q.verb_is({"get", "list", "watch", "update", "patch"}))
      return a.name == q.node ? ""
                              : "node '" + q.node + "' cannot access '" +
                                    (a.name.empty() ? "*" : a.name) + "', only its own Node object";
  } else if (a.subresource == "status" && q.verb_is({"update", "patch"})) {
    return a.name == q.node ? "" : only("change the status of its own Node object");
  }
  return only("get, list, watch, create, update and patch its own Node object");
}

/// What drivers on a node tell of its devices.
std::string own_slices(const question& q) {
  auto& a = q.wanted;
  if (!a.subresource.empty()) return "cannot authorize ResourceSlice subresources";
  if (q.verb_is({"create"})) return ""; // for its own node, which admission sees to
  if (q.verb_is({"get", "update", "patch", "delete"})) {
    auto entry = q.now.find("resourceslices.resource.k8s.io//" + a.name);
    return entry && entry->field("spec.nodeName") == q.node ? "" : no_relationship(q.node);
  }
  if (!q.verb_is({"list", "watch", "deletecollection"}))
    return only("get, watch, list, create, update, patch, delete or deletecollection");
  return a.of_node == q.node
             ? ""
             : only("list/watch/deletecollection resourceslices with nodeName field selector");
}

std::string own_pods(const question& q) {
  auto& a = q.wanted;
  auto bound_here = [&] {
    auto entry = q.now.find("pods/" + a.ns + "/" + a.name);
    return entry && entry->field("spec.nodeName") == q.node;
  };
  if (a.subresource.empty()) {
    if (q.verb_is({"create"})) return ""; // of mirror pods, which admission sees to
    if (q.verb_is({"list", "watch"}))
      return a.of_node == q.node || (!a.name.empty() && bound_here())
                 ? ""
                 : only("list/watch pods with spec.nodeName field selector");
    if (q.verb_is({"get", "delete"})) return bound_here() ? "" : no_relationship(q.node);
  } else if (a.subresource == "status" && q.verb_is({"update", "patch"})) {
    return bound_here() ? "" : no_relationship(q.node);
  } else if (a.subresource == "eviction" && q.verb_is({"create"})) {
    return bound_here() ? "" : no_relationship(q.node);
  }
  return only("access its own pods");
}

} // namespace

std::optional<std::string> node_of(const user& who) {
  if (!who.in(group_of_nodes) || !who.name.starts_with(name_prefix)) return {};
  return who.name.substr(name_prefix.size());
}

std::string why_node_may_not(const std::string& node, const attributes& wanted,
                             const std::vector<const policy_rule*>& rules,
                             const storage::snapshot& now) {
  if (node.empty()) return "the user has no node's name";
  const question q{node, wanted, now};
  if (wanted.resource) {
    auto& p = wanted.plural;
    if (wanted.group.empty()) {
      if (p == "secrets" || p == "configmaps") return read_needed(q);
      if (p == "persistentvolumeclaims") return claim(q);
      if (p == "persistentvolumes") return volume(q);
      if (p == "serviceaccounts") return account(q);
      if (p == "nodes") return own_node(q);
      if (p == "pods") return own_pods(q);
    }
    if (wanted.group == "coordination.k8s.io" && p == "leases") return lease(q);
    if (wanted.group == "storage.k8s.io" && p == "csinodes") return own_name(q);
    if (wanted.group == "resource.k8s.io" && p == "resourceslices") return own_slices(q);
    if (wanted.group == "storage.k8s.io" && p == "volumeattachments")
      return q.verb_is({"get"}) ? "" : only("get individual resources of this type");
  }
  bool granted =
      std::any_of(rules.begin(), rules.end(), [&](auto rule) { return covers(*rule, wanted); });
  return granted ? "" : "the role system:node does not allow it";
}

} // namespace troupe::gateway
