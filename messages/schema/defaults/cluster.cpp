// What belongs to the cluster rather than to an application: namespaces, rights, storage drivers,
// custom kinds, devices; and secrets.
#include "messages/base/names.hpp"
#include "messages/schema/defaults/rules.hpp"

#include "messages/api/apiextensions.pb.h"
#include "messages/api/config.pb.h"
#include "messages/api/device.pb.h"
#include "messages/api/flow_control.pb.h"
#include "messages/api/namespace.pb.h"
#include "messages/api/rbac.pb.h"
#include "messages/api/storage_class.pb.h"

#include <algorithm>

namespace troupe::schema::defaults {

namespace {

using namespace k8s;

void name_space(core::v1::Namespace& n) {
  auto& name = n.metadata().name();
  // A name that is no label is refused as a name, and that is enough.
  if (!name.empty() && names::label_value(name).empty())
    (*n.mutable_metadata()->mutable_labels())["kubernetes.io/metadata.name"] = name;
  n.mutable_status();
}

/// `stringData` is for writing only: it becomes data.
void secret(core::v1::Secret& s) {
  for (auto& [key, value] : s.string_data()) (*s.mutable_data())[key] = value;
  s.clear_string_data();
}

void subject(rbac::v1::Subject& s) {
  if (s.api_group().empty() && (s.kind() == "User" || s.kind() == "Group"))
    s.set_api_group("rbac.authorization.k8s.io");
}

void csi_driver(storage::v1::CSIDriverSpec& spec) {
  if (spec.volume_lifecycle_modes().empty()) spec.add_volume_lifecycle_modes("Persistent");
}

void custom_names(apiextensions::v1::CustomResourceDefinitionNames& names) {
  if (names.kind().empty()) return; // not accepted yet, or invalid
  if (names.singular().empty()) {
    auto singular = names.kind();
    std::transform(singular.begin(), singular.end(), singular.begin(),
                   [](unsigned char c) { return tolower(c); });
    names.set_singular(singular);
  }
  if (names.list_kind().empty()) names.set_list_kind(names.kind() + "List");
}

void custom_definition(apiextensions::v1::CustomResourceDefinition& d) {
  if (!d.status().stored_versions().empty()) return;
  for (auto& version : d.spec().versions()) {
    if (!version.storage()) continue;
    d.mutable_status()->add_stored_versions(version.name());
    return;
  }
}

void limit_response(flowcontrol::v1::LimitResponse& r) {
  if (r.type() == "Queue") r.mutable_queuing();
}

void priority_level(flowcontrol::v1::PriorityLevelConfigurationSpec& spec) {
  if (spec.type() == "Exempt") spec.mutable_exempt();
}

template<class Request> void device_count(Request& r) {
  bool exact = r.allocation_mode().empty() || r.allocation_mode() == "ExactCount";
  if (exact && r.count() == 0) r.set_count(1);
}

void device_request(resource::v1::ExactDeviceRequest& r) { device_count(r); }
void device_sub_request(resource::v1::DeviceSubRequest& r) { device_count(r); }

} // namespace

std::vector<rule> cluster_rules() {
  return {
      rule_for<name_space>(),         rule_for<secret>(),         rule_for<subject>(),
      rule_for<csi_driver>(),         rule_for<custom_names>(),   rule_for<custom_definition>(),
      rule_for<limit_response>(),     rule_for<priority_level>(), rule_for<device_request>(),
      rule_for<device_sub_request>(),
  };
}

} // namespace troupe::schema::defaults
