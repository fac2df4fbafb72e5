// The environment of a container: names, and where values come from.
#include "messages/schema/validate/container.hpp"

#include "messages/api/container.pb.h"
#include "messages/api/reference.pb.h"

#include <algorithm>

namespace troupe::schema::validate {

namespace {

using namespace k8s::core::v1;

void field(report& out, const path& at, const ObjectFieldSelector& f) {
  auto api_version = at / "apiVersion";
  auto field_path = at / "fieldPath";
  if (!out.not_empty(api_version, f.api_version()) || !out.not_empty(field_path, f.field_path()))
    return;
  if (f.api_version() != "v1") {
    out.invalid(field_path, f.field_path(), "unsupported pod version: " + f.api_version());
    return;
  }
  // "metadata.labels['app']": one key of a map.
  auto bracket = f.field_path().find("['");
  if (bracket != std::string::npos && f.field_path().ends_with("']")) {
    auto map = f.field_path().substr(0, bracket);
    auto key = f.field_path().substr(bracket + 2, f.field_path().size() - bracket - 4);
    if (map == "metadata.labels") return out.invalid(field_path, key, names::qualified(key));
    if (map == "metadata.annotations") {
      std::transform(key.begin(), key.end(), key.begin(),
                     [](unsigned char c) { return tolower(c); });
      return out.invalid(field_path, key, names::qualified(key));
    }
    return out.invalid(field_path, f.field_path(), "does not support subscript");
  }
  if (!is_downward_field(f.field_path()))
    return out.invalid(field_path, f.field_path(),
                       "error converting fieldPath: field label not supported");
  out.one_of(field_path, f.field_path(),
             {"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName",
              "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP",
              "status.podIPs"});
}

void resource(report& out, const path& at, const ResourceFieldSelector& r) {
  auto resource_at = at / "resource";
  if (!out.not_empty(resource_at, r.resource())) return;
  if (r.resource().starts_with("limits.hugepages-") ||
      r.resource().starts_with("requests.hugepages-"))
    return;
  if (!out.one_of(resource_at, r.resource(),
                  {"limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu",
                   "requests.ephemeral-storage", "requests.memory"}))
    return;
  auto& divisor = r.divisor().string();
  auto among = [&](allowed values) {
    if (std::find(values.begin(), values.end(), divisor) == values.end())
      out.invalid(at / "divisor", divisor, "is not a supported divisor of " + r.resource());
  };
  if (divisor.empty() || divisor == "0") return;
  if (r.resource().ends_with(".cpu"))
    among({"1m", "1"});
  else
    among({"1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"});
}

template<class Selector> void key_of(report& out, const path& at, const Selector& s) {
  out.not_empty(at / "name", s.local_object_reference().name());
  if (out.not_empty(at / "key", s.key()))
    out.invalid(at / "key", s.key(), names::config_key(s.key()));
}

void file_key(report& out, const path& at, const FileKeySelector& s, const volume_map& volumes) {
  if (out.not_empty(at / "volumeName", s.volume_name()) && !volumes.contains(s.volume_name()))
    out.not_found(at / "volumeName", s.volume_name());
  out.invalid(at / "key", s.key(), names::env_name(s.key()));
  if (out.not_empty(at / "path", s.path()))
    out.invalid(at / "path", s.path(), names::relative_path(s.path()));
}

void value_from(report& out, const path& at, const EnvVar& var, const volume_map& volumes) {
  auto& from = var.value_from();
  int count = 0;
  if (from.has_field_ref()) ++count, field(out, at / "fieldRef", from.field_ref());
  if (from.has_resource_field_ref())
    ++count, resource(out, at / "resourceFieldRef", from.resource_field_ref());
  if (from.has_config_map_key_ref())
    ++count, key_of(out, at / "configMapKeyRef", from.config_map_key_ref());
  if (from.has_secret_key_ref()) ++count, key_of(out, at / "secretKeyRef", from.secret_key_ref());
  if (from.has_file_key_ref())
    ++count, file_key(out, at / "fileKeyRef", from.file_key_ref(), volumes);
  if (count == 0)
    out.invalid(
        at, "",
        "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or "
        "`fileKeyRef`");
  else if (!var.value().empty())
    out.invalid(at, "", "may not be specified when `value` is not empty");
  if (count > 1) out.invalid(at, "", "may not have more than one field specified at a time");
}

} // namespace

bool is_downward_field(std::string_view path) {
  constexpr std::string_view known[] = {
      "metadata.annotations", "metadata.labels", "metadata.name",      "metadata.namespace",
      "metadata.uid",         "spec.nodeName",   "spec.restartPolicy", "spec.serviceAccountName",
      "spec.schedulerName",   "status.phase",    "status.hostIP",      "status.hostIPs",
      "status.podIP",         "status.podIPs"};
  return std::find(std::begin(known), std::end(known), path) != std::end(known);
}

void environment(report& out, const path& at, const Container& c, const volume_map& volumes) {
  for (int i = 0; i < c.env_size(); ++i) {
    auto here = at.at("env", i);
    auto& var = c.env(i);
    if (out.not_empty(here / "name", var.name()))
      out.invalid(here / "name", var.name(), names::env_name(var.name()));
    // A value with NUL could not be handed to any process.
    if (var.value().find('\0') != std::string::npos)
      out.invalid(here / "value", var.name(), "must not contain NUL characters");
    if (var.has_value_from()) value_from(out, here / "valueFrom", var, volumes);
  }
  for (int i = 0; i < c.env_from_size(); ++i) {
    auto here = at.at("envFrom", i);
    auto& from = c.env_from(i);
    if (!from.prefix().empty())
      out.invalid(here / "prefix", from.prefix(), names::env_name(from.prefix()));
    if (from.has_config_map_ref())
      out.not_empty(here / "configMapRef.name",
                    from.config_map_ref().local_object_reference().name());
    if (from.has_secret_ref())
      out.not_empty(here / "secretRef.name", from.secret_ref().local_object_reference().name());
    if (!from.has_config_map_ref() && !from.has_secret_ref())
      out.invalid(here, "", "must specify one of: `configMapRef` or `secretRef`");
    if (from.has_config_map_ref() && from.has_secret_ref())
      out.invalid(here, "", "may not have more than one field specified at a time");
  }
}

} // namespace troupe::schema::validate
