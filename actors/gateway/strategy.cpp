#include "actors/gateway/strategy.hpp"

#include "actors/gateway/fresh_pod.hpp"
#include "messages/api/certificate.pb.h"
#include "messages/api/claim.pb.h"
#include "messages/api/custom.pb.h"
#include "messages/api/daemon_set.pb.h"
#include "messages/api/job.pb.h"
#include "messages/api/namespace.pb.h"
#include "messages/api/persistent_volume.pb.h"
#include "messages/api/pod.pb.h"
#include "messages/codec/json_encode.hpp"
#include "messages/codec/stored_parts.hpp"
#include "messages/schema/validate.hpp"

#include <google/protobuf/message.h>

#include <algorithm>
#include <set>

namespace troupe::gateway {

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

const FieldDescriptor* part_of(const Message& m, const char* name) {
  auto field = m.GetDescriptor()->FindFieldByName(name);
  return field && field->type() == FieldDescriptor::TYPE_MESSAGE && !field->is_repeated() ? field
                                                                                          : nullptr;
}

void drop(Message& m, const char* name) {
  if (auto field = part_of(m, name)) m.GetReflection()->ClearField(&m, field);
}

void take_over(Message& m, const Message& from, const char* name) {
  auto field = part_of(m, name);
  if (!field) return;
  auto r = m.GetReflection();
  if (!r->HasField(from, field)) return r->ClearField(&m, field);
  auto& mine = *r->MutableMessage(&m, field);
  mine.Clear();
  mine.MergeFrom(r->GetMessage(from, field)); // CopyFrom looks whether one is inside the other
}

json::object rest_of(const Message& m) {
  auto tree = json::parse(static_cast<const k8s::base::Custom&>(m).rest());
  return tree && tree->is_object() ? tree->as_object() : json::object{};
}

void set_rest(Message& m, const json::object& rest) {
  auto& text = *static_cast<k8s::base::Custom&>(m).mutable_rest();
  text.clear();
  json::write(text, rest);
}

void copy_member(json::object& to, const json::object& from, std::string_view key) {
  if (auto v = from.if_contains(key))
    to[key] = *v;
  else
    to.erase(key);
}

void update_custom(const schema::kind& kind, Message& object, const Message& old, part about) {
  if (!has_status(kind)) return;
  auto now = rest_of(object), before = rest_of(old);
  if (about == part::status) {
    auto status = now;
    now = before;
    copy_member(now, status, "status");
    auto tracked = meta(object).managed_fields();
    meta(object).CopyFrom(meta(old));
    *meta(object).mutable_managed_fields() = tracked;
  } else {
    copy_member(now, before, "status");
  }
  set_rest(object, now);
}

/// What a custom object wants stands in its free part, where the status is a member like others.
bool same_custom_desire(const schema::kind& kind, std::string_view before, std::string_view after) {
  auto desire = [&](std::string_view wire) {
    k8s::base::Custom object;
    object.ParsePartialFromArray(wire.data(), static_cast<int>(wire.size()));
    auto rest = rest_of(object);
    if (has_status(kind)) rest.erase("status");
    return rest;
  };
  return desire(before) == desire(after);
}

/// Old clients count the versions of a daemon set's template by an annotation; it grows with the
/// template.
constexpr const char* template_generation = "deprecated.daemonset.template.generation";

void keep_template_generation(Message& object, const Message& old) {
  auto& now = static_cast<k8s::apps::v1::DaemonSet&>(object);
  auto& before = static_cast<const k8s::apps::v1::DaemonSet&>(old);
  auto hit = before.metadata().annotations().find(template_generation);
  auto count = hit == before.metadata().annotations().end() ? 1 : atoll(hit->second.c_str());
  if (codec::to_wire(now.spec().template_()) != codec::to_wire(before.spec().template_())) ++count;
  (*now.mutable_metadata()->mutable_annotations())[template_generation] = std::to_string(count);
}

/// A job finds its pods by its uid unless its author sees to that.
void generate_selector(k8s::batch::v1::Job& job) {
  auto& spec = *job.mutable_spec();
  if (spec.manual_selector()) return;
  auto& labels = *spec.mutable_template_()->mutable_metadata()->mutable_labels();
  auto give = [&](const char* key, const std::string& value) {
    if (!labels.contains(key)) labels[key] = value;
  };
  auto& m = job.metadata();
  give("controller-uid", m.uid());
  give("batch.kubernetes.io/controller-uid", m.uid());
  give("job-name", m.name());
  give("batch.kubernetes.io/job-name", m.name());
  auto& selected = *spec.mutable_selector()->mutable_match_labels();
  if (!selected.contains("controller-uid"))
    selected["batch.kubernetes.io/controller-uid"] = m.uid();
}

/// Old clients say where a volume's contents come from in one field, new ones in another: both hold
/// it, as far as the old one can.
void settle_source(k8s::core::v1::PersistentVolumeClaimSpec& spec) {
  auto& from = spec.data_source();
  auto copy_reference = [](auto& to, auto& reference) {
    if (reference.has_api_group()) to.set_api_group(reference.api_group());
    to.set_kind(reference.kind());
    to.set_name(reference.name());
  };
  if (spec.has_data_source_ref()) {
    if (!spec.has_data_source() && spec.data_source_ref().namespace_().empty())
      copy_reference(*spec.mutable_data_source(), spec.data_source_ref());
    return;
  }
  if (!spec.has_data_source()) return;
  bool known = (from.kind() == "PersistentVolumeClaim" && from.api_group().empty()) ||
               (from.kind() == "VolumeSnapshot" && from.api_group() == "snapshot.storage.k8s.io");
  if (known)
    copy_reference(*spec.mutable_data_source_ref(), from);
  else
    spec.clear_data_source();
}

using k8s::certificates::v1::CertificateSigningRequest;

bool is_request(const schema::kind& kind) {
  return kind.name == "CertificateSigningRequest" && !kind.custom();
}

/// What a write of the status cannot change of the metadata.
void keep_metadata(const schema::kind& kind, k8s::meta::v1::ObjectMeta& now,
                   const k8s::meta::v1::ObjectMeta& old) {
  static const std::set<std::string_view> all_of_it{
      "APIService",      "CustomResourceDefinition",   "FlowSchema",
      "ResourceClaim",   "PriorityLevelConfiguration", "ValidatingAdmissionPolicy",
      "VolumeAttachment"};
  bool whole = all_of_it.contains(kind.name);
  if (whole || kind.name == "Deployment") *now.mutable_labels() = old.labels();
  if (whole || kind.name == "Pod") *now.mutable_owner_references() = old.owner_references();
  if (!whole) return;
  *now.mutable_annotations() = old.annotations();
  *now.mutable_finalizers() = old.finalizers();
}

/// Whether a request is approved or denied is said at its own subresource: a status that says
/// otherwise changes no condition at all.
void keep_decision(CertificateSigningRequest& now, const CertificateSigningRequest& old) {
  auto decisions = [](const CertificateSigningRequest& r) {
    std::string out;
    for (auto& c : r.status().conditions())
      if (c.type() == "Approved" || c.type() == "Denied") out += c.type() + " ";
    return out;
  };
  if (decisions(now) != decisions(old))
    *now.mutable_status()->mutable_conditions() = old.status().conditions();
}

/// Takes over everything from `old` but the one thing that the subresource is for.
void update_part(Message& object, const Message& old, part about) {
  auto sent = copy(object);
  auto tracked = meta(object).managed_fields();
  object.CopyFrom(old);
  *meta(object).mutable_managed_fields() = tracked;
  if (about == part::approval) {
    *static_cast<CertificateSigningRequest&>(object).mutable_status()->mutable_conditions() =
        static_cast<const CertificateSigningRequest&>(*sent).status().conditions();
    *meta(object).mutable_labels() = meta(*sent).labels();
    *meta(object).mutable_annotations() = meta(*sent).annotations();
  } else if (about == part::finalizers) {
    *static_cast<k8s::core::v1::Namespace&>(object).mutable_spec()->mutable_finalizers() =
        static_cast<const k8s::core::v1::Namespace&>(*sent).spec().finalizers();
  } else if (about == part::ephemeral_containers) {
    *static_cast<k8s::core::v1::Pod&>(object).mutable_spec()->mutable_ephemeral_containers() =
        static_cast<const k8s::core::v1::Pod&>(*sent).spec().ephemeral_containers();
  } else if (about == part::resources) {
    auto& spec = *static_cast<k8s::core::v1::Pod&>(object).mutable_spec();
    auto& wanted = static_cast<const k8s::core::v1::Pod&>(*sent).spec();
    auto take = [](auto& containers, auto& from) {
      for (auto& c : from)
        for (auto& mine : containers)
          if (mine.name() == c.name()) {
            *mine.mutable_resources() = c.resources();
            *mine.mutable_resize_policy() = c.resize_policy();
          }
    };
    take(*spec.mutable_containers(), wanted.containers());
    take(*spec.mutable_init_containers(), wanted.init_containers());
  }
}

} // namespace

bool has_generation(const schema::kind& kind) {
  static const std::set<std::string_view> names{"Deployment",
                                                "ReplicaSet",
                                                "DaemonSet",
                                                "StatefulSet",
                                                "ReplicationController",
                                                "Job",
                                                "CronJob",
                                                "Ingress",
                                                "NetworkPolicy",
                                                "PodDisruptionBudget",
                                                "Pod",
                                                "CustomResourceDefinition",
                                                "IngressClass",
                                                "CSIDriver",
                                                "FlowSchema",
                                                "PriorityLevelConfiguration",
                                                "PriorityClass",
                                                "PodTemplate",
                                                "EndpointSlice",
                                                "MutatingWebhookConfiguration",
                                                "ValidatingWebhookConfiguration",
                                                "ValidatingAdmissionPolicy",
                                                "ValidatingAdmissionPolicyBinding",
                                                "MutatingAdmissionPolicy",
                                                "MutatingAdmissionPolicyBinding",
                                                "ResourceSlice",
                                                "DeviceClass"};
  return kind.custom() || names.contains(kind.name);
}

bool counts(const schema::kind& kind, const Message& object, const Message& old,
            bool wants_the_same, part about) {
  if (!has_generation(kind) || kind.name == "PriorityClass") return false;
  if (!wants_the_same) return true;
  if (kind.custom() || about != part::whole) return false;
  auto differ = [](auto& a, auto& b) {
    return a.size() != b.size() || std::any_of(a.begin(), a.end(), [&](auto& member) {
             auto hit = b.find(member.first);
             return hit == b.end() || hit->second != member.second;
           });
  };
  if (kind.name == "Deployment") return differ(meta(object).annotations(), meta(old).annotations());
  return kind.name == "EndpointSlice" && differ(meta(object).labels(), meta(old).labels());
}

bool same_desire(const schema::kind& kind, std::string_view before, std::string_view after) {
  if (before == after) return true;
  if (kind.custom()) return same_custom_desire(kind, before, after);
  auto number_of = [&](std::string_view name) -> uint32_t {
    auto field = kind.shape->find(name).field;
    return field ? static_cast<uint32_t>(field->number) : 0;
  };
  auto metadata = number_of("metadata"), status = number_of("status");
  return codec::same_elsewhere(
      [&](uint32_t number) { return number == metadata || number == status; }, before, after);
}

using k8s::core::v1::PersistentVolume;

/// A volume's status tells since when its phase is what it is, unless the client says so itself.
void stamp_phase(k8s::core::v1::PersistentVolumeStatus& status,
                 const k8s::core::v1::PersistentVolumeStatus& before, timestamp now) {
  auto &time = status.last_phase_transition_time(), &earlier = before.last_phase_transition_time();
  bool told = status.has_last_phase_transition_time();
  if (status.phase() == before.phase()) {
    if (!told && before.has_last_phase_transition_time())
      *status.mutable_last_phase_transition_time() = earlier;
  } else if (!told || (before.has_last_phase_transition_time() &&
                       time.seconds() == earlier.seconds() && time.nanos() == earlier.nanos())) {
    auto& t = *status.mutable_last_phase_transition_time();
    t.set_seconds(now.seconds);
    t.set_nanos(0);
  }
}

bool has_status(const schema::kind& kind) { return kind.find_subresource("status") != nullptr; }

void prepare_create(const schema::kind& kind, Message& object) {
  auto& metadata = meta(object);
  metadata.clear_generation();
  if (has_generation(kind)) metadata.set_generation(1);
  if (!has_status(kind)) return;
  if (kind.custom()) {
    auto rest = rest_of(object);
    rest.erase("status");
    set_rest(object, rest);
    return;
  }
  if (kind.name != "Node") drop(object, "status"); // a node tells its own when it registers
  if (kind.name == "Pod" && kind.group.empty()) {
    auto& pod = static_cast<k8s::core::v1::Pod&>(object);
    pod.mutable_status()->set_phase("Pending");
    begin_pod(pod);
  }
  if (kind.name == "PersistentVolumeClaim") {
    auto& claim = static_cast<k8s::core::v1::PersistentVolumeClaim&>(object);
    if (claim.has_spec()) settle_source(*claim.mutable_spec());
  }
  if (kind.name == "PersistentVolume") {
    auto& status = *static_cast<PersistentVolume&>(object).mutable_status();
    status.set_phase("Pending");
    *status.mutable_last_phase_transition_time() = metadata.creation_timestamp();
  }
  if (kind.name == "Job" && kind.group == "batch")
    generate_selector(static_cast<k8s::batch::v1::Job&>(object));
  if (kind.name == "DaemonSet") (*metadata.mutable_annotations())[template_generation] = "1";
  if (kind.name == "Namespace") {
    auto& ns = static_cast<k8s::core::v1::Namespace&>(object);
    auto& finalizers = *ns.mutable_spec()->mutable_finalizers();
    if (std::find(finalizers.begin(), finalizers.end(), "kubernetes") == finalizers.end())
      ns.mutable_spec()->add_finalizers("kubernetes");
    ns.mutable_status()->set_phase("Active");
    constexpr size_t label_value_max = 63;
    if (ns.metadata().name().size() <= label_value_max)
      (*ns.mutable_metadata()->mutable_labels())["kubernetes.io/metadata.name"] =
          ns.metadata().name();
  }
}

void prepare_update(const schema::kind& kind, Message& object, const Message& old, part about,
                    timestamp now) {
  auto& metadata = meta(object);
  metadata.set_generation(meta(old).generation());
  if (metadata.generation() == 0) metadata.clear_generation();
  if (kind.custom()) return update_custom(kind, object, old, about);
  if (about != part::whole && about != part::status) return update_part(object, old, about);
  if (about == part::status) {
    // Everything but the status is as it was, the metadata of most kinds aside.
    take_over(object, old, "spec");
    keep_metadata(kind, metadata, meta(old));
    if (is_request(kind))
      keep_decision(static_cast<CertificateSigningRequest&>(object),
                    static_cast<const CertificateSigningRequest&>(old));
    if (kind.name == "PersistentVolume")
      stamp_phase(*static_cast<PersistentVolume&>(object).mutable_status(),
                  static_cast<const PersistentVolume&>(old).status(), now);
    return;
  }
  if (has_status(kind) && about == part::whole) take_over(object, old, "status");
  if (kind.name == "Namespace" &&
      about == part::whole) // finalizers go by way of their own subresource
    *static_cast<k8s::core::v1::Namespace&>(object).mutable_spec()->mutable_finalizers() =
        static_cast<const k8s::core::v1::Namespace&>(old).spec().finalizers();
  if (kind.name == "DaemonSet" && kind.group == "apps") keep_template_generation(object, old);
}

std::vector<cause> validate_part(const Message& object, const Message& old, part about) {
  using k8s::core::v1::Pod;
  // The old pod with the new part: nothing else may differ.
  auto allowed = copy(object);
  update_part(*allowed, old, about);
  auto& before = static_cast<const Pod&>(old).spec().ephemeral_containers();
  auto& now = static_cast<const Pod&>(object).spec().ephemeral_containers();
  if (about == part::ephemeral_containers)
    for (auto& c : before) {
      auto& name = c.ephemeral_container_common().name();
      auto hit = std::find_if(now.begin(), now.end(), [&](auto& other) {
        return other.ephemeral_container_common().name() == name;
      });
      if (hit == now.end() || hit->SerializeAsString() != c.SerializeAsString())
        return {{"FieldValueForbidden",
                 "Forbidden: existing ephemeral containers \"" + name + "\" may not be " +
                     (hit == now.end() ? "removed" : "changed"),
                 "spec.ephemeralContainers"}};
    }
  return schema::validate_update(object, *allowed);
}

bool create_on_update(const schema::kind& kind) {
  static const std::set<std::string_view> names{
      "Lease",       "LimitRange",  "Endpoints",          "Event",   "Role",
      "RoleBinding", "ClusterRole", "ClusterRoleBinding", "Service", "RuntimeClass"};
  return !kind.custom() && names.contains(kind.name);
}

bool update_needs_version(const schema::kind& kind) {
  static const std::set<std::string_view> names{"Lease",
                                                "CustomResourceDefinition",
                                                "APIService",
                                                "PodDisruptionBudget",
                                                "RuntimeClass",
                                                "CSIDriver",
                                                "CSINode",
                                                "CSIStorageCapacity",
                                                "VolumeAttachment",
                                                "MutatingWebhookConfiguration",
                                                "ValidatingWebhookConfiguration",
                                                "ValidatingAdmissionPolicy",
                                                "ValidatingAdmissionPolicyBinding",
                                                "MutatingAdmissionPolicy",
                                                "MutatingAdmissionPolicyBinding"};
  return kind.custom() || names.contains(kind.name);
}

} // namespace troupe::gateway
