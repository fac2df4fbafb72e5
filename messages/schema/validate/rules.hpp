// The rules that topics share, and the tables in which each topic names its kinds.
#pragma once

#include "messages/base/quantity.hpp"
#include "messages/schema/validate/report.hpp"

#include "messages/api/base.pb.h"
#include "messages/api/meta.pb.h"

#include <google/protobuf/map.h>
#include <google/protobuf/repeated_field.h>

#include <map>
#include <set>
#include <string>

namespace k8s::core::v1 {
class Container;
class NodeSelector;
class ObjectFieldSelector;
class ObjectReference;
class PersistentVolumeClaimSpec;
class HostPathVolumeSource;
class PersistentVolumeSpec;
class PodSpec;
class PodTemplateSpec;
class ResourceFieldSelector;
class ResourceRequirements;
class Taint;
class Toleration;
class TopologySelectorTerm;
class Volume;
} // namespace k8s::core::v1

namespace troupe::schema::validate {

using texts = google::protobuf::Map<std::string, std::string>;
using amounts = google::protobuf::Map<std::string, k8s::base::Quantity>;
using strings = google::protobuf::RepeatedPtrField<std::string>;
using google::protobuf::Message;

/// Values that are no strings and no numbers are shown as JSON: for `shown::plain`.
std::string json_of(const strings& list);
std::string json_of(const texts& map);
std::string json_of(const Message& message);

/// Whether the list says "*", which stands for everything: then nothing else may be in it.
bool has_star(report&, const path& at, const strings& list, std::string_view others);

/// One kind: how its objects are called, and its rules. Metadata is checked for every kind alike.
struct row {
  const google::protobuf::Descriptor* kind;
  names::faults (*name)(std::string_view) = names::dns_subdomain;
  /// What holds at any time, and what holds only when the object is new.
  void (*always)(report&, const Message&) = nullptr;
  void (*create)(report&, const Message&) = nullptr;
  void (*update)(report&, const Message&, const Message& old) = nullptr;
  void (*status)(report&, const Message&, const Message& old) = nullptr;
};

/// `kind_row<Pod>().any_time<rules>().on_update<changes>()`: a row, from typed functions.
template<class Kind> struct kind_row : row {
  explicit kind_row(names::faults (*rule)(std::string_view) = names::dns_subdomain)
      : row{Kind::descriptor(), rule} {}

  template<void (*f)(report&, const Kind&)> kind_row& any_time() {
    always = [](report& out, const Message& m) { f(out, static_cast<const Kind&>(m)); };
    return *this;
  }
  template<void (*f)(report&, const Kind&)> kind_row& on_create() {
    create = [](report& out, const Message& m) { f(out, static_cast<const Kind&>(m)); };
    return *this;
  }
  template<void (*f)(report&, const Kind&, const Kind&)> kind_row& on_update() {
    update = [](report& out, const Message& m, const Message& old) {
      f(out, static_cast<const Kind&>(m), static_cast<const Kind&>(old));
    };
    return *this;
  }
  template<void (*f)(report&, const Kind&, const Kind&)> kind_row& on_status() {
    status = [](report& out, const Message& m, const Message& old) {
      f(out, static_cast<const Kind&>(m), static_cast<const Kind&>(old));
    };
    return *this;
  }
};

std::vector<row> admission_kinds();
std::vector<row> autoscaling_kinds();
std::vector<row> batch_kinds();
std::vector<row> certificate_kinds();
std::vector<row> config_kinds();
std::vector<row> custom_kinds();
std::vector<row> device_kinds();
std::vector<row> event_kinds();
std::vector<row> flow_kinds();
std::vector<row> network_kinds();
std::vector<row> node_kinds();
std::vector<row> persistent_volume_kinds();
std::vector<row> pod_kinds();
std::vector<row> quota_kinds();
std::vector<row> rbac_kinds();
std::vector<row> review_kinds();
std::vector<row> service_kinds();
std::vector<row> storage_kinds();
std::vector<row> workload_kinds();

// meta.cpp
void object_meta(report&, const path& at, const k8s::meta::v1::ObjectMeta&, bool namespaced,
                 names::faults (*name)(std::string_view));
void object_meta_update(report&, const path& at, const k8s::meta::v1::ObjectMeta&,
                        const k8s::meta::v1::ObjectMeta& old);
void labels(report&, const path& at, const texts&);
void annotations(report&, const path& at, const texts&);
void label_selector(report&, const path& at, const k8s::meta::v1::LabelSelector&);
bool empty_selector(const k8s::meta::v1::LabelSelector&);
/// Whether `labels` satisfy the selector; invalid selectors match nothing.
bool selects(const k8s::meta::v1::LabelSelector&, const texts& labels);
bool equal_texts(const texts& a, const texts& b);

// values.cpp
/// "25%" or a number that is not negative; `whole` limits percentages to 100.
void percent_or_count(report&, const path& at, const k8s::base::IntOrString&, bool whole = true);
/// A port's number or name.
void port_or_name(report&, const path& at, const k8s::base::IntOrString&);
bool is_text(const k8s::base::IntOrString&);
std::string text_of(const k8s::base::IntOrString&);
bool is_zero(const k8s::base::IntOrString&);
/// IPs that something may listen on: neither unspecified, loopback nor link-local.
void reachable_ip(report&, const path& at, std::string_view ip);

// resources.cpp
quantity amount(const k8s::base::Quantity&);
/// A qualified name, and one of Kubernetes' own if it has no prefix.
void resource_name(report&, const path& at, std::string_view name);
void container_resource_name(report&, const path& at, std::string_view name);
void quota_resource_name(report&, const path& at, std::string_view name);
void resource_amount(report&, const path& at, std::string_view name, const k8s::base::Quantity&);
void requirements(report&, const path& at, const k8s::core::v1::ResourceRequirements&,
                  const std::set<std::string_view>& claims,
                  void (*name_rule)(report&, const path&,
                                    std::string_view) = container_resource_name);
/// What a pod takes beside its containers: limits, as Kubernetes tells them.
void overhead(report&, const path& at, const amounts&);
bool is_native(std::string_view resource);
bool is_extended(std::string_view resource);
bool is_hugepages(std::string_view resource);
bool is_integral(std::string_view resource);
/// Whether quotas can count it by a name of their own: "pods", "requests.cpu".
bool is_quota_resource(std::string_view resource);

// scheduling.cpp
void node_selector(report&, const path& at, const k8s::core::v1::NodeSelector&);
void affinity(report&, const path& at, const k8s::core::v1::PodSpec&);
void spread(report&, const path& at, const k8s::core::v1::PodSpec&);
void tolerations(report&, const path& at,
                 const google::protobuf::RepeatedPtrField<k8s::core::v1::Toleration>&);
void taints(report&, const path& at,
            const google::protobuf::RepeatedPtrField<k8s::core::v1::Taint>&);
void topology_terms(report&, const path& at,
                    const google::protobuf::RepeatedPtrField<k8s::core::v1::TopologySelectorTerm>&);

// volume.cpp
using volume_map = std::map<std::string_view, const k8s::core::v1::Volume*>;
volume_map volumes(report&, const path& at,
                   const google::protobuf::RepeatedPtrField<k8s::core::v1::Volume>&,
                   std::string_view pod_name);
void host_path(report&, const path& at, const k8s::core::v1::HostPathVolumeSource&);
void csi_driver_name(report&, const path& at, const std::string& name);

// security.cpp
void pod_security(report&, const path& at, const k8s::core::v1::PodSpec&);
/// A pod with users of its own shares no other namespace with its host.
void own_users(report&, const path& at, const k8s::core::v1::PodSpec&);
void container_security(report&, const path& at, const k8s::core::v1::Container&,
                        const k8s::core::v1::PodSpec&);

// environment.cpp
/// A fact that a pod tells its containers about itself, or about what they may take.
void downward_field(report&, const path& at, const k8s::core::v1::ObjectFieldSelector&,
                    allowed paths);
void downward_resource(report&, const path& at, const k8s::core::v1::ResourceFieldSelector&,
                       bool of_volume);

// container.cpp
void containers(report&, const path& at, const k8s::core::v1::PodSpec&, const volume_map&,
                bool is_pod);
/// No image of a pod has spaces around its name.
void tidy_images(report&, const path& at, const k8s::core::v1::PodSpec&);

// certificate.cpp
void signer_name(report&, const path& at, const std::string& name);

// pod.cpp
void pod_spec(report&, const path& at, const k8s::core::v1::PodSpec&, std::string_view pod_name,
              bool is_pod);
void pod_template(report&, const path& at, const k8s::core::v1::PodTemplateSpec&);

// storage.cpp
void claim_spec(report&, const path& at, const k8s::core::v1::PersistentVolumeClaimSpec&);
void volume_spec(report&, const path& at, const k8s::core::v1::PersistentVolumeSpec&, bool in_line);

} // namespace troupe::schema::validate
