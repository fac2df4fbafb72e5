#include "actors/gateway/node_restriction.hpp"

#include "actors/gateway/object.hpp"
#include "messages/api/authentication.pb.h"
#include "messages/api/device.pb.h"
#include "messages/api/node.pb.h"
#include "messages/api/pod.pb.h"
#include "messages/api/volume.pb.h"

#include <algorithm>
#include <set>

namespace troupe::gateway {

namespace {

using namespace k8s::core::v1;
using google::protobuf::Message;
using labels = google::protobuf::Map<std::string, std::string>;

constexpr const char* mirror = "kubernetes.io/config.mirror";

bool same(const Message& a, const Message& b) {
  return a.SerializeAsString() == b.SerializeAsString();
}

template<class List> bool same_items(const List& a, const List& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](auto& x, auto& y) { return same(x, y); });
}

bool within(std::string_view space, std::string_view domain) {
  return space == domain ||
         (space.ends_with(domain) && space[space.size() - domain.size() - 1] == '.');
}

/// Labels of Kubernetes' own that agents of nodes set on their nodes.
bool is_of_agents(const std::string& key, std::string_view space) {
  static const std::set<std::string_view> known{"kubernetes.io/hostname",
                                                "kubernetes.io/arch",
                                                "kubernetes.io/os",
                                                "beta.kubernetes.io/arch",
                                                "beta.kubernetes.io/os",
                                                "beta.kubernetes.io/instance-type",
                                                "node.kubernetes.io/instance-type",
                                                "topology.kubernetes.io/zone",
                                                "topology.kubernetes.io/region",
                                                "failure-domain.beta.kubernetes.io/zone",
                                                "failure-domain.beta.kubernetes.io/region"};
  return known.contains(key) || within(space, "kubelet.kubernetes.io") ||
         within(space, "node.kubernetes.io");
}

/// Labels that a node may not give itself, because others trust in them.
bool is_reserved(const std::string& key) {
  auto slash = key.find('/');
  if (slash == key.npos) return false;
  auto space = std::string_view(key).substr(0, slash);
  if (within(space, "node-restriction.kubernetes.io")) return true;
  return (within(space, "kubernetes.io") || within(space, "k8s.io")) && !is_of_agents(key, space);
}

/// The reserved labels that differ, as a list for people.
std::string reserved_changes(const labels& before, const labels& after) {
  std::set<std::string> found;
  auto look = [&](const labels& a, const labels& b) {
    for (auto& [key, value] : a) {
      auto other = b.find(key);
      if ((other == b.end() || other->second != value) && is_reserved(key)) found.insert(key);
    }
  };
  look(before, after);
  look(after, before);
  std::string out;
  for (auto& key : found) out.append(out.empty() ? "" : ", ").append(key);
  return out;
}

std::string said_by(const std::string& node, const std::string& what) {
  return "node \"" + node + "\" " + what;
}

bool refers(const PodSpec& spec, auto&& has) {
  auto in = [&](const auto& container) {
    for (auto& from : container.env_from())
      if (has(from)) return true;
    for (auto& env : container.env())
      if (has(env.value_from())) return true;
    return false;
  };
  for (auto& c : spec.init_containers())
    if (in(c)) return true;
  for (auto& c : spec.containers())
    if (in(c)) return true;
  return false;
}

/// A mirror pod stands for one that the node runs anyway: it may not draw in what the node could
/// not read otherwise.
std::string mirror_pod(const std::string& node, const Pod& pod) {
  if (!pod.metadata().annotations().contains(mirror))
    return "pod does not have \"" + std::string(mirror) + "\" annotation, " +
           said_by(node, "can only create mirror pods");
  if (pod.spec().node_name() != node)
    return said_by(node, "can only create pods with spec.nodeName set to itself");
  auto& owners = pod.metadata().owner_references();
  if (owners.size() != 1 || owners[0].api_version() != "v1" || owners[0].kind() != "Node" ||
      owners[0].name() != node)
    return said_by(node, "can only create pods with an owner reference set to itself");
  auto& spec = pod.spec();
  if (!spec.service_account_name().empty())
    return said_by(node, "can not create pods that reference a service account");
  bool secrets = !spec.image_pull_secrets().empty(), maps = false, claims = false;
  for (auto& v : spec.volumes()) {
    auto& source = v.volume_source();
    secrets = secrets || source.has_secret() || source.has_projected();
    maps = maps || source.has_config_map();
    claims = claims || source.has_persistent_volume_claim() || source.has_ephemeral();
  }
  secrets = secrets || refers(spec, [](const auto& from) {
              if constexpr (requires { from.secret_ref(); })
                return from.has_secret_ref();
              else
                return from.has_secret_key_ref();
            });
  maps = maps || refers(spec, [](const auto& from) {
           if constexpr (requires { from.config_map_ref(); })
             return from.has_config_map_ref();
           else
             return from.has_config_map_key_ref();
         });
  if (secrets) return said_by(node, "can not create pods that reference secrets");
  if (maps) return said_by(node, "can not create pods that reference configmaps");
  if (claims) return said_by(node, "can not create pods that reference persistentvolumeclaims");
  return {};
}

std::string pod_status(const std::string& node, const Pod& fresh, const Pod& old) {
  if (old.spec().node_name() != node)
    return said_by(node, "can only update pod status for pods with spec.nodeName set to itself");
  auto& a = fresh.metadata().labels();
  auto& b = old.metadata().labels();
  bool kept = a.size() == b.size() && std::all_of(a.begin(), a.end(), [&](auto& l) {
                auto other = b.find(l.first);
                return other != b.end() && other->second == l.second;
              });
  return kept ? "" : said_by(node, "cannot update labels through pod status");
}

std::string own_node(const std::string& node, const Node& fresh, const Node* old) {
  if (fresh.metadata().name() != node)
    return said_by(node, "is not allowed to modify node \"" + fresh.metadata().name() + "\"");
  static const labels none;
  auto reserved =
      reserved_changes(old ? old->metadata().labels() : none, fresh.metadata().labels());
  if (!old) {
    if (!fresh.metadata().owner_references().empty())
      return said_by(node, "is not allowed to set ownerReferences");
    return reserved.empty()
               ? ""
               : said_by(node, "is not allowed to set the following labels: " + reserved);
  }
  if (!same_items(fresh.metadata().owner_references(), old->metadata().owner_references()))
    return said_by(node, "is not allowed to modify ownerReferences");
  if (!same_items(fresh.spec().taints(), old->spec().taints()))
    return said_by(node, "is not allowed to modify taints");
  return reserved.empty() ? "" : said_by(node, "is not allowed to modify labels: " + reserved);
}

} // namespace

std::string why_node_may_not_write(const node_write& w) {
  if (w.kind.custom()) return {};
  auto& name = w.kind.name;
  if (name == "Pod") {
    auto& pod = static_cast<const Pod&>(w.fresh);
    if (!w.old) return mirror_pod(w.node, pod);
    if (w.subresource == "status") return pod_status(w.node, pod, static_cast<const Pod&>(*w.old));
    return said_by(w.node, "may change nothing of a pod but its status");
  }
  if (name == "Node")
    return own_node(w.node, static_cast<const Node&>(w.fresh), static_cast<const Node*>(w.old));
  if (name == "Lease") {
    if (meta(w.fresh).namespace_() != "kube-node-lease")
      return "can only access leases in the \"kube-node-lease\" system namespace";
    if (meta(w.fresh).name() != w.node)
      return "can only access node lease with the same name as the requesting node";
  }
  if (name == "CSINode" && meta(w.fresh).name() != w.node)
    return "can only access CSINode with the same name as the requesting node";
  using k8s::resource::v1::ResourceSlice;
  if (name == "ResourceSlice" &&
      static_cast<const ResourceSlice&>(w.fresh).spec().node_name() != w.node)
    return "can only create ResourceSlice with the same NodeName as the requesting node";
  return {};
}

std::string why_node_may_not_remove(const std::string& node, const Pod& pod, bool eviction) {
  if (pod.spec().node_name() == node) return {};
  return said_by(node, std::string("can only ") + (eviction ? "evict" : "delete") +
                           " pods with spec.nodeName set to itself");
}

std::string why_node_may_not_have_token(const std::string& node, std::string_view account,
                                        const k8s::authentication::v1::BoundObjectReference* wanted,
                                        const Pod* pod) {
  if (!wanted || wanted->kind() != "Pod" || wanted->name().empty())
    return "node requested token not bound to a pod";
  if (wanted->uid().empty()) return "node requested token with a pod binding without a uid";
  if (!pod || pod->spec().node_name() != node)
    return "node requested token bound to a pod scheduled on a different node";
  if (pod->metadata().uid() != wanted->uid())
    return "the UID in the bound object reference (" + wanted->uid() +
           ") does not match the UID in record (" + pod->metadata().uid() + ")";
  if (pod->spec().service_account_name() != account)
    return "node requested token for a service account that its pod does not run as";
  return {};
}

} // namespace troupe::gateway
