// The environment of a container: names, and where values come from.
#include "messages/schema/validate/container.hpp"

#include "messages/api/container.pb.h"
#include "messages/api/reference.pb.h"

#include <algorithm>

namespace troupe::schema::validate {

namespace {

using namespace k8s::core::v1;

constexpr std::string_view divisors_of_bytes[] = {"1",   "1k",  "1M",  "1G",  "1T",  "1P", "1E",
                                                  "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"};

void divisor(report& out, const path& at, const ResourceFieldSelector& r) {
  auto given = quantity::parse(r.divisor().string());
  if (!given || *given == quantity()) return;
  auto text = given->text();
  auto& resource = r.resource();
  if (resource.ends_with(".cpu")) {
    if (text != "1m" && text != "1")
      out.invalid(at / "divisor", resource,
                  "only divisor's values 1m and 1 are supported with the cpu resource");
    return;
  }
  auto what = resource.ends_with(".memory")                           ? "memory"
              : resource.ends_with(".ephemeral-storage")              ? "local ephemeral storage"
              : is_hugepages(resource.substr(resource.find('.') + 1)) ? "hugepages"
                                                                      : nullptr;
  if (!what || std::find(std::begin(divisors_of_bytes), std::end(divisors_of_bytes), text) !=
                   std::end(divisors_of_bytes))
    return;
  out.invalid(at / "divisor", resource,
              std::string("only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, "
                          "1Pi, 1Ei are supported with the ") +
                  what + " resource");
}

template<class Selector> void key_of(report& out, const path& at, const Selector& s) {
  auto& name = s.local_object_reference().name();
  out.invalid(at / "name", name, names::dns_subdomain(name)); // nameless is told as a bad name
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
  if (from.has_field_ref())
    ++count, downward_field(out, at / "fieldRef", from.field_ref(),
                            {"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName",
                             "spec.serviceAccountName", "status.hostIP", "status.hostIPs",
                             "status.podIP", "status.podIPs"});
  if (from.has_resource_field_ref())
    ++count, downward_resource(out, at / "resourceFieldRef", from.resource_field_ref(), false);
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
  else if (count > 1)
    out.invalid(at, "", "may not have more than one field specified at a time");
}

} // namespace

void downward_field(report& out, const path& at, const ObjectFieldSelector& f, allowed paths) {
  auto field_path = at / "fieldPath";
  if (!out.not_empty(at / "apiVersion", f.api_version()) ||
      !out.not_empty(field_path, f.field_path()))
    return;
  // "metadata.labels['app']": one key of a map.
  auto bracket = f.field_path().find("['");
  bool with_key = bracket != std::string::npos && f.field_path().ends_with("']");
  auto whole = with_key ? f.field_path().substr(0, bracket) : f.field_path();
  auto refuse = [&](const std::string& why) {
    out.invalid(field_path, f.field_path(), "error converting fieldPath: " + why);
  };
  if (f.api_version() != "v1") return refuse("unsupported pod version: " + f.api_version());
  constexpr std::string_view known[] = {
      "metadata.annotations", "metadata.labels", "metadata.name",      "metadata.namespace",
      "metadata.uid",         "spec.nodeName",   "spec.restartPolicy", "spec.serviceAccountName",
      "spec.schedulerName",   "status.phase",    "status.hostIP",      "status.hostIPs",
      "status.podIP",         "status.podIPs"};
  if (std::find(std::begin(known), std::end(known), whole) == std::end(known))
    return refuse("field label not supported: " + f.field_path());
  if (!with_key) {
    out.one_of(field_path, whole, paths);
    return;
  }
  auto key = f.field_path().substr(bracket + 2, f.field_path().size() - bracket - 4);
  if (whole == "metadata.annotations")
    std::transform(key.begin(), key.end(), key.begin(), [](unsigned char c) { return tolower(c); });
  else if (whole != "metadata.labels")
    return out.invalid(at, whole, "does not support subscript");
  out.invalid(at, key, names::qualified(key));
}

void downward_resource(report& out, const path& at, const ResourceFieldSelector& r,
                       bool of_volume) {
  auto& resource = r.resource();
  if (of_volume && r.container_name().empty())
    out.required(at / "containerName");
  else if (out.not_empty(at / "resource", resource) && !resource.starts_with("limits.hugepages-") &&
           !resource.starts_with("requests.hugepages-"))
    out.one_of(at / "resource", resource,
               {"limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu",
                "requests.ephemeral-storage", "requests.memory"});
  divisor(out, at, r);
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
    auto named = [&](const char* field, const std::string& name) {
      auto place = here / field;
      if (out.not_empty(place / "name", name))
        out.invalid(place / "name", name, names::dns_subdomain(names::with_generated_end(name)));
    };
    if (from.has_config_map_ref())
      named("configMapRef", from.config_map_ref().local_object_reference().name());
    if (from.has_secret_ref())
      named("secretRef", from.secret_ref().local_object_reference().name());
    // Kubernetes tells these two of the list, not of the element.
    if (!from.has_config_map_ref() && !from.has_secret_ref())
      out.invalid(at / "envFrom", "", "must specify one of: `configMapRef` or `secretRef`");
    if (from.has_config_map_ref() && from.has_secret_ref())
      out.invalid(at / "envFrom", "", "may not have more than one field specified at a time");
  }
}

} // namespace troupe::schema::validate
