// The entry points: finds a kind's row and runs the rules that hold for every object before its
// own.
#include "messages/schema/validate.hpp"

#include "messages/schema/validate/rules.hpp"

#include "messages/api/options.pb.h"

#include <unordered_map>

namespace troupe::schema {

namespace {

using namespace validate;
using google::protobuf::Descriptor;
using k8s::meta::v1::ObjectMeta;

class table {
public:
  table() {
    for (auto& rows :
         {admission_kinds(), autoscaling_kinds(), batch_kinds(), certificate_kinds(),
          config_kinds(), custom_kinds(), device_kinds(), event_kinds(), flow_kinds(),
          network_kinds(), node_kinds(), persistent_volume_kinds(), pod_kinds(), quota_kinds(),
          rbac_kinds(), review_kinds(), service_kinds(), storage_kinds(), workload_kinds()})
      for (auto& row : rows) rows_.emplace(row.kind, row);
  }

  const row* find(const Message& m) const {
    auto found = rows_.find(m.GetDescriptor());
    return found == rows_.end() ? nullptr : &found->second;
  }

private:
  std::unordered_map<const Descriptor*, row> rows_;
};

const row* find_row(const Message& m) {
  static const auto& all = *new table; // lives as long as the process
  return all.find(m);
}

/// The metadata of an object that is stored; null for bodies that only pass through, such as Scale.
const ObjectMeta* metadata_of(const Message& m) {
  if (!m.GetDescriptor()->options().HasExtension(k8s::kind)) return nullptr;
  auto* field = m.GetDescriptor()->FindFieldByName("metadata");
  if (!field || field->message_type() != ObjectMeta::descriptor()) return nullptr;
  return static_cast<const ObjectMeta*>(&m.GetReflection()->GetMessage(m, field));
}

bool is_namespaced(const Message& m) {
  return m.GetDescriptor()->options().GetExtension(k8s::kind).namespaced();
}

} // namespace

causes validate_create(const Message& object) {
  report out;
  auto* row = find_row(object);
  auto* metadata = metadata_of(object);
  if (metadata && (!row || row->name))
    object_meta(out, path(), *metadata, is_namespaced(object),
                row ? row->name : names::dns_subdomain);
  if (row && row->always) row->always(out, object);
  if (row && row->create) row->create(out, object);
  return out.take();
}

causes validate_update(const Message& object, const Message& old) {
  report out{&old};
  auto* row = find_row(object);
  auto* metadata = metadata_of(object);
  auto* before = metadata_of(old);
  if (metadata && before) object_meta_update(out, path(), *metadata, *before);
  if (row && row->always) row->always(out, object);
  if (row && row->update) row->update(out, object, old);
  return out.take();
}

causes validate_metadata_of(const Message& object, const Message& old) {
  auto* metadata = metadata_of(object);
  auto* before = metadata_of(old);
  if (!metadata || !before || !equal_texts(metadata->annotations(), before->annotations()))
    return validate_update(object, old);
  return validate_metadata_update(*metadata, *before);
}

causes validate_status(const Message& object, const Message& old) {
  report out{&old};
  auto* row = find_row(object);
  auto* metadata = metadata_of(object);
  auto* before = metadata_of(old);
  if (metadata && before) object_meta_update(out, path(), *metadata, *before);
  if (row && row->status) row->status(out, object, old);
  return out.take();
}

causes validate_metadata(const ObjectMeta& metadata, bool namespaced) {
  report out;
  object_meta(out, path(), metadata, namespaced, names::dns_subdomain);
  return out.take();
}

causes validate_metadata_update(const ObjectMeta& metadata, const ObjectMeta& old) {
  report out;
  object_meta_update(out, path(), metadata, old);
  return out.take();
}

} // namespace troupe::schema
