#include "messages/schema/object_warnings.hpp"

#include "messages/api/claim.pb.h"
#include "messages/api/config.pb.h"
#include "messages/api/core.pb.h"
#include "messages/api/endpoint_slice.pb.h"
#include "messages/api/ingress.pb.h"
#include "messages/api/network_policy.pb.h"
#include "messages/api/persistent_volume.pb.h"
#include "messages/api/runtime_class.pb.h"
#include "messages/api/service.pb.h"
#include "messages/api/storage_class.pb.h"
#include "messages/base/address.hpp"
#include "messages/base/quantity.hpp"
#include "messages/schema/storage_class.hpp"
#include "messages/schema/warning_words.hpp"

#include <map>

namespace troupe::schema {

namespace {

using namespace k8s::core::v1;
using google::protobuf::Message;

constexpr notice node_labels[] = {
    {"beta.kubernetes.io/arch", "deprecated since v1.14; use \"kubernetes.io/arch\" instead"},
    {"beta.kubernetes.io/os", "deprecated since v1.14; use \"kubernetes.io/os\" instead"},
    {"beta.kubernetes.io/instance-type",
     "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead"},
    {"failure-domain.beta.kubernetes.io/region",
     "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead"},
    {"failure-domain.beta.kubernetes.io/zone",
     "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead"},
    {"app.kubernetes.io/created-by", "deprecated since v1.9"},
    {"scheduler.alpha.kubernetes.io/preferAvoidPods",
     "deprecated since v1.22; use Taints and Tolerations instead"},
    {"node-role.kubernetes.io/master", "use \"node-role.kubernetes.io/control-plane\" instead"},
};

constexpr notice volumes[] = {
    {"cephfs", "deprecated in v1.28, non-functional in v1.31+"},
    {"photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"},
    {"scaleIO", "deprecated in v1.16, non-functional in v1.22+"},
    {"storageos", "deprecated in v1.22, non-functional in v1.25+"},
    {"glusterfs", "deprecated in v1.25, non-functional in v1.26+"},
    {"rbd", "deprecated in v1.28, non-functional in v1.31+"},
};

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

/// Addresses that are valid, but not written as all the world should write them.
void address_form(texts& out, const std::string& at, const std::string& value) {
  auto read = address::parse(value);
  if (read && read->v6 && read->text() != value)
    out.push_back(at + ": IPv6 address " + quoted(value) +
                  " should be in RFC 5952 canonical format (" + quoted(read->text()) + ")");
}

void network_form(texts& out, const std::string& at, const std::string& value) {
  auto read = network::parse(value);
  if (!read) return;
  if (read->host_bits) {
    auto alone = value.substr(0, value.find('/')) + (read->base.v6 ? "/128" : "/32");
    out.push_back(at + ": CIDR value " + quoted(value) +
                  " is ambiguous in this context (should be " + quoted(read->text()) + " or " +
                  quoted(alone) + "?)");
  } else if (read->base.v6 && read->text() != value) {
    out.push_back(at + ": IPv6 CIDR value " + quoted(value) +
                  " should be in RFC 5952 canonical format (" + quoted(read->text()) + ")");
  }
}

template<class Object> void beta_class_annotation(texts& out, const Object& object) {
  if (noted_class(object))
    out.push_back(std::string("metadata.annotations[") + beta_class +
                  "]: deprecated since v1.8; use \"storageClassName\" attribute instead");
}

void of(const Service& s, bool, texts& out) {
  auto& spec = s.spec();
  auto say = [&](std::string what) { out.push_back(std::move(what)); };
  if (s.metadata().annotations().contains("service.kubernetes.io/topology-aware-hints"))
    say("annotation service.kubernetes.io/topology-aware-hints is deprecated, please use "
        "service.kubernetes.io/topology-mode instead");
  bool headless = spec.type() == "ClusterIP" && spec.cluster_ip() == "None";
  bool elsewhere = spec.type() == "ExternalName";
  if (!elsewhere && !spec.cluster_ip().empty() && spec.cluster_ip() != "None")
    for (int i = 0; i < spec.cluster_ips_size(); ++i)
      address_form(out, element("spec.clusterIPs", i), spec.cluster_ips(i));
  if (headless) {
    if (!spec.load_balancer_ip().empty())
      say("spec.loadBalancerIP is ignored for headless services");
    if (spec.external_ips_size()) say("spec.externalIPs is ignored for headless services");
    if (spec.session_affinity() != "None")
      say("spec.SessionAffinity is ignored for headless services");
  }
  for (int i = 0; i < spec.external_ips_size(); ++i)
    address_form(out, element("spec.externalIPs", i), spec.external_ips(i));
  if (spec.external_ips_size() && !headless && !elsewhere) say("spec.externalIPs is deprecated");
  address_form(out, "spec.loadBalancerIP", spec.load_balancer_ip());
  for (int i = 0; i < spec.load_balancer_source_ranges_size(); ++i)
    network_form(out, element("spec.loadBalancerSourceRanges", i),
                 spec.load_balancer_source_ranges(i));
  if (elsewhere && spec.external_ips_size())
    say("spec.externalIPs is ignored when spec.type is \"ExternalName\"");
  if (!elsewhere && !spec.external_name().empty())
    say("spec.externalName is ignored when spec.type is not \"ExternalName\"");
  if (spec.traffic_distribution() == "PreferClose")
    say("spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"");
}

void of(const PersistentVolume& v, bool, texts& out) {
  auto& spec = v.spec();
  auto& terms = spec.node_affinity().required().node_selector_terms();
  for (int i = 0; i < terms.size(); ++i)
    append(out, node_term_warnings(element("spec.nodeAffinity.required.nodeSelectorTerms", i),
                                   terms[i]));
  beta_class_annotation(out, v);
  if (spec.persistent_volume_reclaim_policy() == "Recycle")
    out.push_back("spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. "
                  "Instead, the recommended approach is to use dynamic provisioning.");
  auto hit = spec.capacity().find("storage");
  if (hit != spec.capacity().end())
    if (auto size = quantity::parse(hit->second.string()); size && !size->whole())
      out.push_back("spec.capacity[storage]: fractional byte value " +
                    quoted(hit->second.string()) + " is invalid, must be an integer");
  each_given(spec.persistent_volume_source(), volumes, [&](auto& row) {
    out.push_back(std::string("spec.") + row.what + ": " + row.message);
  });
}

void of(const PersistentVolumeClaim& c, bool, texts& out) {
  beta_class_annotation(out, c);
  append(out, claim_warnings("spec", c.spec()));
}

void of(const k8s::storage::v1::StorageClass& c, bool, texts& out) {
  for (int i = 0; i < c.allowed_topologies_size(); ++i) {
    auto& list = c.allowed_topologies(i).match_label_expressions();
    for (int j = 0; j < list.size(); ++j)
      if (auto why = outdated_node_label(list[j].key()))
        out.push_back(element(element("allowedTopologies", i) + ".matchLabelExpressions", j) +
                      ": " + why);
  }
}

/// Keys of nodes' labels by which something is chosen.
void keys_of(texts& out, const std::string& at, const auto& expressions) {
  for (int i = 0; i < expressions.size(); ++i) {
    auto& key = expressions[i].key();
    if (auto why = outdated_node_label(key))
      out.push_back(element(at + ".matchExpressions", i) + ".key: " + key + " is " + why);
  }
}

/// A selector of nodes by labels.
void node_labels_of(texts& out, const std::string& at, const k8s::meta::v1::LabelSelector& s) {
  keys_of(out, at, s.match_expressions());
  std::map<std::string, std::string> sorted(s.match_labels().begin(), s.match_labels().end());
  for (auto& [key, value] : sorted)
    if (auto why = outdated_node_label(key)) out.push_back(at + ".matchLabels." + key + ": " + why);
}

void of(const k8s::storage::v1::CSIStorageCapacity& c, bool, texts& out) {
  node_labels_of(out, "nodeTopology", c.node_topology());
}

void of(const k8s::node::v1::RuntimeClass& c, bool, texts& out) {
  auto& chosen = c.scheduling().node_selector();
  std::map<std::string, std::string> sorted(chosen.begin(), chosen.end());
  for (auto& [key, value] : sorted)
    if (auto why = outdated_node_label(key))
      out.push_back(std::string("scheduling.nodeSelector: ") + why);
}

void of(const ServiceAccount& a, bool, texts& out) {
  if (a.metadata().annotations().contains("kubernetes.io/enforce-mountable-secrets"))
    out.push_back("metadata.annotations[kubernetes.io/enforce-mountable-secrets]: deprecated in "
                  "v1.32+; prefer separate namespaces to isolate access to mounted secrets");
}

void of(const Secret& s, bool, texts& out) {
  if (s.type() != "kubernetes.io/tls") return;
  auto has_block = [&](const char* key) {
    auto hit = s.data().find(key);
    return hit != s.data().end() && hit->second.find("-----BEGIN ") != std::string::npos;
  };
  if (!has_block("tls.crt"))
    out.push_back("tls: failed to find any PEM data in certificate input");
  else if (!has_block("tls.key"))
    out.push_back("tls: failed to find any PEM data in key input");
}

void of(const k8s::networking::v1::Ingress& i, bool fresh, texts& out) {
  if (fresh && i.metadata().annotations().contains("kubernetes.io/ingress.class"))
    out.push_back("annotation \"kubernetes.io/ingress.class\" is deprecated, please use "
                  "'spec.ingressClassName' instead");
}

void blocks_of(
    texts& out, const std::string& at,
    const google::protobuf::RepeatedPtrField<k8s::networking::v1::NetworkPolicyPeer>& all) {
  for (int i = 0; i < all.size(); ++i) {
    if (!all[i].has_ip_block()) continue;
    auto here = element(at, i) + ".ipBlock.";
    network_form(out, here + "cidr", all[i].ip_block().cidr());
    for (int j = 0; j < all[i].ip_block().except_size(); ++j)
      network_form(out, element(here + "except", j), all[i].ip_block().except(j));
  }
}

void of(const k8s::networking::v1::NetworkPolicy& p, bool, texts& out) {
  for (int i = 0; i < p.spec().ingress_size(); ++i)
    blocks_of(out, element("spec.ingress", i) + ".from", p.spec().ingress(i).from());
  for (int i = 0; i < p.spec().egress_size(); ++i)
    blocks_of(out, element("spec.egress", i) + ".to", p.spec().egress(i).to());
}

void of(const k8s::discovery::v1::EndpointSlice& s, bool, texts& out) {
  if (s.address_type() == "FQDN") out.push_back("spec.addressType: FQDN endpoints are deprecated");
  for (int i = 0; i < s.endpoints_size(); ++i)
    for (int j = 0; j < s.endpoints(i).addresses_size(); ++j)
      address_form(out, element(element("endpoints", i) + ".addresses", j),
                   s.endpoints(i).addresses(j));
}

using look = void (*)(const Message&, bool, texts&);

template<class Object> std::pair<const google::protobuf::Descriptor*, look> row() {
  return {Object::descriptor(), [](const Message& object, bool fresh, texts& out) {
            of(static_cast<const Object&>(object), fresh, out);
          }};
}

} // namespace

const char* outdated_node_label(const std::string& key) {
  for (auto& row : node_labels)
    if (row.what == key) return row.message;
  return nullptr;
}

texts node_term_warnings(const std::string& at, const NodeSelectorTerm& term) {
  texts out;
  keys_of(out, at, term.match_expressions());
  return out;
}

texts claim_warnings(const std::string& at, const PersistentVolumeClaimSpec& spec) {
  texts out;
  auto look = [&](const char* which, const auto& amounts) {
    auto hit = amounts.find("storage");
    if (hit == amounts.end()) return;
    if (auto size = quantity::parse(hit->second.string()); size && !size->whole())
      out.push_back(at + ".resources." + which + "[storage]: fractional byte value " +
                    quoted(hit->second.string()) + " is invalid, must be an integer");
  };
  look("requests", spec.resources().requests());
  look("limits", spec.resources().limits());
  return out;
}

texts object_warnings(const Message& object, bool fresh) {
  static const std::map<const google::protobuf::Descriptor*, look> rows{
      row<Service>(),
      row<PersistentVolume>(),
      row<PersistentVolumeClaim>(),
      row<ServiceAccount>(),
      row<Secret>(),
      row<k8s::storage::v1::StorageClass>(),
      row<k8s::storage::v1::CSIStorageCapacity>(),
      row<k8s::node::v1::RuntimeClass>(),
      row<k8s::networking::v1::Ingress>(),
      row<k8s::networking::v1::NetworkPolicy>(),
      row<k8s::discovery::v1::EndpointSlice>(),
  };
  texts out;
  if (auto hit = rows.find(object.GetDescriptor()); hit != rows.end())
    hit->second(object, fresh, out);
  return out;
}

} // namespace troupe::schema
