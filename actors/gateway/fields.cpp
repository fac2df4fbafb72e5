#include "actors/gateway/fields.hpp"

#include "actors/gateway/object.hpp"
#include "actors/gateway/versions.hpp"
#include "messages/api/api_registration.pb.h"
#include "messages/api/certificate.pb.h"
#include "messages/api/config.pb.h"
#include "messages/api/custom.pb.h"
#include "messages/api/device.pb.h"
#include "messages/api/event.pb.h"
#include "messages/api/events.pb.h"
#include "messages/api/job.pb.h"
#include "messages/api/namespace.pb.h"
#include "messages/api/node.pb.h"
#include "messages/api/pod.pb.h"
#include "messages/api/replica_set.pb.h"
#include "messages/api/replication.pb.h"
#include "messages/api/service.pb.h"

#include <algorithm>

namespace troupe::gateway {

namespace {

using pairs = storage::object_index::pairs;
using google::protobuf::Message;

using views = std::initializer_list<std::pair<std::string_view, std::string_view>>;

std::string_view word(bool value) { return value ? "true" : "false"; }

/// Packing is cheapest in the order of names.
void note(pairs& out, views fields) {
  out.reserve(fields.size());
  for (auto& [name, value] : fields) out.emplace_back(name, value);
}

void of(const k8s::core::v1::Pod& pod, pairs& out) {
  auto& spec = pod.spec();
  auto& status = pod.status();
  note(out, {{"spec.hostNetwork", word(spec.host_network())},
             {"spec.nodeName", spec.node_name()},
             {"spec.restartPolicy", spec.restart_policy()},
             {"spec.schedulerName", spec.scheduler_name()},
             {"spec.serviceAccountName", spec.service_account_name()},
             {"status.nominatedNodeName", status.nominated_node_name()},
             {"status.phase", status.phase()},
             {"status.podIP", status.pod_ip()},
             {"status.podIPs", status.pod_ip()}});
}

void of(const k8s::core::v1::Event& event, pairs& out) {
  auto& about = event.involved_object();
  auto& source =
      event.source().component().empty() ? event.reporting_component() : event.source().component();
  note(out, {{"involvedObject.kind", about.kind()},
             {"involvedObject.namespace", about.namespace_()},
             {"involvedObject.name", about.name()},
             {"involvedObject.uid", about.uid()},
             {"involvedObject.apiVersion", about.api_version()},
             {"involvedObject.resourceVersion", about.resource_version()},
             {"involvedObject.fieldPath", about.field_path()},
             {"reason", event.reason()},
             {"reportingComponent", event.reporting_component()},
             {"source", source},
             {"type", event.type()}});
}

void of(const k8s::core::v1::Node& node, pairs& out) {
  note(out, {{"spec.unschedulable", word(node.spec().unschedulable())}});
}
void of(const k8s::core::v1::Secret& secret, pairs& out) { note(out, {{"type", secret.type()}}); }
void of(const k8s::core::v1::Namespace& ns, pairs& out) {
  note(out, {{"status.phase", ns.status().phase()}});
}
void of(const k8s::core::v1::Service& service, pairs& out) {
  note(out,
       {{"spec.clusterIP", service.spec().cluster_ip()}, {"spec.type", service.spec().type()}});
}
void of(const k8s::core::v1::ReplicationController& rc, pairs& out) {
  note(out, {{"status.replicas", std::to_string(rc.status().replicas())}});
}
void of(const k8s::apps::v1::ReplicaSet& set, pairs& out) {
  note(out, {{"status.replicas", std::to_string(set.status().replicas())}});
}
void of(const k8s::batch::v1::Job& job, pairs& out) {
  note(out, {{"status.successful", std::to_string(job.status().succeeded())}});
}
void of(const k8s::certificates::v1::CertificateSigningRequest& csr, pairs& out) {
  note(out, {{"spec.signerName", csr.spec().signer_name()}});
}

void of(const k8s::resource::v1::ResourceSlice& slice, pairs& out) {
  note(out, {{"spec.driver", slice.spec().driver()}, {"spec.nodeName", slice.spec().node_name()}});
}

/// A kind's typed extractor behind an untyped face.
struct extractor {
  const google::protobuf::Descriptor* type;
  void (*run)(const Message&, pairs&);
  std::vector<std::string> names;
};

template<class Object> extractor extract() {
  auto run = [](const Message& m, pairs& out) { of(static_cast<const Object&>(m), out); };
  pairs sample;
  run(Object::default_instance(), sample);
  extractor x{Object::descriptor(), run, {}};
  for (auto& [name, value] : sample) x.names.push_back(name);
  return x;
}

const extractor* find(const google::protobuf::Descriptor* type) {
  static const std::vector<extractor> all{
      extract<k8s::core::v1::Pod>(),
      extract<k8s::core::v1::Event>(),
      extract<k8s::core::v1::Node>(),
      extract<k8s::core::v1::Secret>(),
      extract<k8s::core::v1::Namespace>(),
      extract<k8s::core::v1::Service>(),
      extract<k8s::core::v1::ReplicationController>(),
      extract<k8s::apps::v1::ReplicaSet>(),
      extract<k8s::batch::v1::Job>(),
      extract<k8s::certificates::v1::CertificateSigningRequest>(),
      extract<k8s::resource::v1::ResourceSlice>()};
  auto hit = std::find_if(all.begin(), all.end(), [&](auto& x) { return x.type == type; });
  return hit == all.end() ? nullptr : &*hit;
}

/// "spec.color" of ".spec.color".
std::string_view without_dot(std::string_view path) {
  return path.starts_with('.') ? path.substr(1) : path;
}

void of_custom(const schema::kind& kind, const k8s::base::Custom& object, pairs& out) {
  if (kind.selectable.empty()) return;
  auto tree = json::parse(object.rest());
  if (!tree) return;
  for (auto& path : kind.selectable) {
    const json::value* at = &*tree;
    auto left = without_dot(path);
    while (at && !left.empty()) {
      auto dot = std::min(left.find('.'), left.size());
      at = json::find(*at, left.substr(0, dot));
      left.remove_prefix(std::min(dot + 1, left.size()));
    }
    if (!at) continue;
    out.emplace_back(without_dot(path),
                     at->is_string() ? std::string(at->get_string()) : json::write(*at));
  }
}

/// Objects stored in another shape are selected by the fields of that shape.
void index_converted(const schema::kind& kind, const Message& object, pairs& out) {
  if (kind.name != "Event") return;
  k8s::core::v1::Event stored;
  stored.ParsePartialFromString(stored_form(kind, object));
  of(stored, out);
}

/// What a field of an event of events.k8s.io is called in the shape in which it is stored.
std::optional<std::string> stored_field(std::string_view path) {
  constexpr std::string_view regarding = "regarding.";
  if (path.starts_with(regarding))
    return "involvedObject." + std::string(path.substr(regarding.size()));
  if (path == "reportingController") return "reportingComponent";
  if (path == "reason" || path == "source" || path == "type") return std::string(path);
  return {};
}

} // namespace

std::optional<std::string> selectable(const schema::kind& kind, std::string_view path) {
  std::string own(path);
  if (path == "metadata.name" || (path == "metadata.namespace" && kind.namespaced)) return own;
  if (path == "spec.host" && kind.name == "Pod" && !kind.custom())
    return "spec.nodeName"; // as once
  if (kind.custom()) {
    auto known = std::any_of(kind.selectable.begin(), kind.selectable.end(),
                             [&](auto& p) { return without_dot(p) == path; });
    return known ? std::optional(own) : std::nullopt;
  }
  auto type = kind.prototype->GetDescriptor();
  if (converted(kind) && kind.name == "Event") {
    auto stored = stored_field(path);
    if (!stored) return {};
    own = *stored;
    type = k8s::core::v1::Event::descriptor();
  }
  auto x = find(type);
  if (!x && path == "metadata.namespace") return own; // nothing has one, and asking is no fault
  bool known = x && std::find(x->names.begin(), x->names.end(), own) != x->names.end();
  return known ? std::optional(own) : std::nullopt;
}

std::string not_selectable(const schema::kind& kind, const std::string& path) {
  if (!kind.custom() && kind.name == "Job")
    return "field label \"" + path + "\" not supported for Job";
  if (!kind.custom() && kind.name == "ResourceSlice")
    return "field label not supported for " + kind.api_version() + ", Kind=" + kind.name + ": " +
           path;
  if (kind.custom() || kind.name == "Event" || find(kind.prototype->GetDescriptor()))
    return "field label not supported: " + path;
  return "\"" + path +
         "\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"";
}

std::string index_of(const schema::kind& kind, const Message& object) {
  storage::object_index index;
  for (auto& [key, value] : meta(object).labels()) index.labels.emplace_back(key, value);
  if (kind.custom())
    of_custom(kind, static_cast<const k8s::base::Custom&>(object), index.fields);
  else if (converted(kind))
    index_converted(kind, object, index.fields);
  else if (auto x = find(object.GetDescriptor()))
    x->run(object, index.fields);
  auto packed = storage::pack(std::move(index));
  return packed ? *packed : std::string{};
}

} // namespace troupe::gateway
