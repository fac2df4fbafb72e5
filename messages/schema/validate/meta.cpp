// What all objects have in common: names, labels, annotations, owners, finalizers; and label
// selectors.
#include "messages/schema/validate/rules.hpp"

#include <algorithm>
#include <array>

namespace troupe::schema::validate {

namespace {

using k8s::meta::v1::LabelSelector;
using k8s::meta::v1::ManagedFieldsEntry;
using k8s::meta::v1::ObjectMeta;
using k8s::meta::v1::OwnerReference;

constexpr size_t manager_max = 128;

bool standard_finalizer(std::string_view name) {
  return name == "kubernetes" || name == "orphan" || name == "foregroundDeletion";
}

void finalizers(report& out, const path& at, const strings& list) {
  bool orphan = false, foreground = false;
  for (int i = 0; i < list.size(); ++i) {
    auto& name = list[i];
    out.invalid(at, name, names::qualified(name));
    if (name.find('/') == name.npos && !standard_finalizer(name))
      out.invalid(at[i], name,
                  "name is neither a standard finalizer name nor is it fully qualified");
    orphan = orphan || name == "orphan";
    foreground = foreground || name == "foregroundDeletion";
  }
  if (orphan && foreground)
    out.invalid(at, "orphan", "finalizer set: orphan and foregroundDeletion cannot be both set");
}

void owner(report& out, const path& at, const OwnerReference& ref) {
  // What is no group and version has no version.
  if (ref.api_version().empty() ||
      std::count(ref.api_version().begin(), ref.api_version().end(), '/') > 1)
    out.invalid(at / "apiVersion", ref.api_version(), "version must not be empty");
  if (ref.kind().empty()) out.invalid(at / "kind", ref.kind(), "must not be empty");
  if (ref.name().empty()) out.invalid(at / "name", ref.name(), "must not be empty");
  if (ref.uid().empty()) out.invalid(at / "uid", ref.uid(), "must not be empty");
  if (ref.api_version() == "v1" && ref.kind() == "Event")
    out.invalid(at, ref.name(), "/v1, Kind=Event is disallowed from being an owner");
}

void owners(report& out, const path& at, const ObjectMeta& meta) {
  const OwnerReference* controller = nullptr;
  for (auto& ref : meta.owner_references()) {
    owner(out, at, ref);
    if (!ref.controller()) continue;
    if (controller)
      out.invalid(
          at, ref.name(),
          "Only one reference can have Controller set to true. Found \"true\" in references for " +
              controller->name() + " and " + ref.name());
    controller = &ref;
  }
}

void managed_fields(report& out, const path& at, const ObjectMeta& meta) {
  for (int i = 0; i < meta.managed_fields_size(); ++i) {
    auto& entry = meta.managed_fields(i);
    auto here = at[i];
    if (entry.operation() != "Apply" && entry.operation() != "Update")
      out.invalid(here / "operation", entry.operation(), "must be `Apply` or `Update`");
    if (!entry.fields_type().empty() && entry.fields_type() != "FieldsV1")
      out.invalid(here / "fieldsType", entry.fields_type(), "must be `FieldsV1`");
    if (entry.manager().size() > manager_max) out.too_long(here / "manager", manager_max);
    if (entry.subresource().size() > 256) out.too_long(here / "subresource", 256);
  }
}

void common(report& out, const path& at, const ObjectMeta& meta) {
  labels(out, at / "labels", meta.labels());
  annotations(out, at / "annotations", meta.annotations());
  owners(out, at / "ownerReferences", meta);
  finalizers(out, at / "finalizers", meta.finalizers());
  managed_fields(out, at / "managedFields", meta);
}

} // namespace

void labels(report& out, const path& at, const texts& map) {
  for (auto& [key, value] : map) {
    out.invalid(at, key, names::qualified(key));
    out.invalid(at, value, names::label_value(value));
  }
}

void annotations(report& out, const path& at, const texts& map) {
  size_t bytes = 0;
  for (auto& [key, value] : map) {
    auto lower = key;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return tolower(c); });
    out.invalid(at, key, names::qualified(lower));
    bytes += key.size() + value.size();
  }
  if (bytes > names::annotations_bytes_max) out.too_long(at, names::annotations_bytes_max);
}

void object_meta(report& out, const path& top, const ObjectMeta& meta, bool namespaced,
                 names::faults (*name)(std::string_view)) {
  auto at = top / "metadata";
  if (!meta.generate_name().empty())
    out.invalid(at / "generateName", meta.generate_name(),
                name(names::with_generated_end(meta.generate_name())));
  if (meta.name().empty())
    out.required(at / "name", "name or generateName is required");
  else
    out.invalid(at / "name", meta.name(), name(meta.name()));
  if (namespaced) {
    if (meta.namespace_().empty())
      out.required(at / "namespace");
    else
      out.invalid(at / "namespace", meta.namespace_(), names::dns_label(meta.namespace_()));
  } else if (!meta.namespace_().empty()) {
    out.forbidden(at / "namespace", "not allowed on this type");
  }
  out.not_negative(at / "generation", meta.generation());
  common(out, at, meta);
}

void object_meta_update(report& out, const path& top, const ObjectMeta& meta,
                        const ObjectMeta& old) {
  auto at = top / "metadata";
  out.immutable(at / "name", meta.name(), meta.name() == old.name());
  out.immutable(at / "namespace", meta.namespace_(), meta.namespace_() == old.namespace_());
  // What the client left out, the server keeps.
  out.immutable(at / "uid", meta.uid(), meta.uid().empty() || meta.uid() == old.uid());
  out.immutable(at / "creationTimestamp", &meta.creation_timestamp(),
                !meta.has_creation_timestamp() || !old.has_creation_timestamp() ||
                    meta.creation_timestamp().seconds() == old.creation_timestamp().seconds());
  if (meta.has_deletion_timestamp())
    out.immutable(at / "deletionTimestamp", &meta.deletion_timestamp(),
                  old.has_deletion_timestamp() &&
                      meta.deletion_timestamp().seconds() == old.deletion_timestamp().seconds());
  if (meta.has_deletion_grace_period_seconds())
    out.immutable(at / "deletionGracePeriodSeconds", meta.deletion_grace_period_seconds(),
                  old.has_deletion_grace_period_seconds() &&
                      meta.deletion_grace_period_seconds() == old.deletion_grace_period_seconds());
  if (meta.generation() != 0 && meta.generation() < old.generation())
    out.invalid(at / "generation", meta.generation(), "must not be decremented");
  if (old.has_deletion_timestamp()) {
    for (auto& f : meta.finalizers())
      if (std::find(old.finalizers().begin(), old.finalizers().end(), f) == old.finalizers().end())
        out.forbidden(at / "finalizers",
                      "no new finalizers can be added if the object is being deleted, found "
                      "new finalizers []string{\"" +
                          f + "\"}");
  }
  common(out, at, meta);
}

bool equal_texts(const texts& a, const texts& b) {
  if (a.size() != b.size()) return false;
  return std::all_of(a.begin(), a.end(), [&](auto& entry) {
    auto found = b.find(entry.first);
    return found != b.end() && found->second == entry.second;
  });
}

bool empty_selector(const LabelSelector& s) {
  return s.match_labels().empty() && s.match_expressions().empty();
}

void label_selector(report& out, const path& at, const LabelSelector& s) {
  labels(out, at / "matchLabels", s.match_labels());
  for (int i = 0; i < s.match_expressions_size(); ++i) {
    auto& e = s.match_expressions(i);
    auto here = at.at("matchExpressions", i);
    auto values = here / "values";
    if (e.operator_() == "In" || e.operator_() == "NotIn") {
      if (e.values().empty())
        out.required(values, "must be specified when `operator` is 'In' or 'NotIn'");
    } else if (e.operator_() == "Exists" || e.operator_() == "DoesNotExist") {
      if (!e.values().empty())
        out.forbidden(values, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    } else {
      out.invalid(here / "operator", e.operator_(), "not a valid selector operator");
    }
    out.invalid(here / "key", e.key(), names::qualified(e.key()));
    for (int v = 0; v < e.values_size(); ++v)
      out.invalid(values[v], e.values(v), names::label_value(e.values(v)));
  }
}

bool selects(const LabelSelector& s, const texts& labels) {
  for (auto& [key, value] : s.match_labels()) {
    auto found = labels.find(key);
    if (found == labels.end() || found->second != value) return false;
  }
  for (auto& e : s.match_expressions()) {
    auto found = labels.find(e.key());
    bool there = found != labels.end();
    bool listed =
        there && std::find(e.values().begin(), e.values().end(), found->second) != e.values().end();
    if (e.operator_() == "In"             ? !listed
        : e.operator_() == "NotIn"        ? listed
        : e.operator_() == "Exists"       ? !there
        : e.operator_() == "DoesNotExist" ? there
                                          : true)
      return false;
  }
  return true;
}

} // namespace troupe::schema::validate
