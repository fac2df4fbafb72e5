#include "actors/node/environment.hpp"

#include "messages/api/config.pb.h"
#include "messages/api/service.pb.h"
#include "messages/base/names.hpp"

#include <algorithm>

namespace troupe::node {

using k8s::core::v1::ConfigMap;
using k8s::core::v1::EnvVar;
using k8s::core::v1::Secret;
using k8s::core::v1::Service;

void set_variable(environment_list& in, const std::string& name, const std::string& value) {
  auto hit = std::find_if(in.begin(), in.end(), [&](auto& v) { return v.first == name; });
  if (hit == in.end())
    in.emplace_back(name, value);
  else
    hit->second = value;
}

std::string expand(std::string_view text, const environment_list& with) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    if (text[i + 1] == '$') {
      out += '$';
      ++i;
      continue;
    }
    auto end = text[i + 1] == '(' ? text.find(')', i) : text.npos;
    if (end == text.npos) {
      out += text[i];
      continue;
    }
    auto name = text.substr(i + 2, end - i - 2);
    auto hit = std::find_if(with.begin(), with.end(), [&](auto& v) { return v.first == name; });
    out += hit == with.end() ? text.substr(i, end - i + 1) : std::string_view(hit->second);
    i = end;
  }
  return out;
}

namespace {

std::string as_variable(std::string name) {
  for (auto& c : name) c = c == '-' || c == '.' ? '_' : static_cast<char>(toupper(c));
  return name;
}

void add_service(environment_list& to, const Service& s) {
  auto& ip = s.spec().cluster_ip();
  if (ip.empty() || ip == "None" || s.spec().ports().empty()) return;
  auto name = as_variable(s.metadata().name());
  auto first = std::to_string(s.spec().ports(0).port());
  set_variable(to, name + "_SERVICE_HOST", ip);
  set_variable(to, name + "_SERVICE_PORT", first);
  for (auto& p : s.spec().ports())
    if (!p.name().empty())
      set_variable(to, name + "_SERVICE_PORT_" + as_variable(p.name()), std::to_string(p.port()));
  auto bracketed = ip.find(':') == ip.npos ? ip : "[" + ip + "]";
  for (auto& p : s.spec().ports()) {
    auto protocol = p.protocol().empty() ? "TCP" : p.protocol();
    auto lower = protocol;
    for (auto& c : lower) c = static_cast<char>(tolower(c));
    auto port = std::to_string(p.port());
    auto url = lower + "://" + bracketed + ":" + port;
    auto prefix = name + "_PORT_" + port + "_" + protocol;
    if (&p == &s.spec().ports(0)) set_variable(to, name + "_PORT", url);
    set_variable(to, prefix, url);
    set_variable(to, prefix + "_PROTO", lower);
    set_variable(to, prefix + "_PORT", port);
    set_variable(to, prefix + "_ADDR", ip);
  }
}

struct maker {
  const Pod& pod;
  const Container& of;
  const facts& told;
  const node_view& node;
  const std::function<result<std::string>(const std::string&, const std::string&)>& read_file;
  environment_list out;

  const std::string& ns() const { return pod.metadata().namespace_(); }

  static error missing(const char* kind, const std::string& name) {
    return {errc::not_found, std::string(kind) + " \"" + name + "\" not found"};
  }
  error missing_key(const char* kind, const std::string& name, const std::string& key) const {
    return {errc::not_found, "couldn't find key " + key + " in " + kind + " " + ns() + "/" + name};
  }

  template<class Values> void add_all(const std::string& prefix, const Values& from) {
    std::map<std::string, std::string> sorted(from.begin(), from.end());
    for (auto& [key, value] : sorted)
      if (names::env_name(prefix + key).empty()) set_variable(out, prefix + key, value);
  }

  result<void> add(const k8s::core::v1::EnvFromSource& from) {
    if (from.has_config_map_ref()) {
      auto& name = from.config_map_ref().local_object_reference().name();
      auto map = told.find<ConfigMap>("configmaps", ns(), name);
      if (!map)
        return from.config_map_ref().optional() ? result<void>{} : missing("configmap", name);
      add_all(from.prefix(), map->data());
    }
    if (from.has_secret_ref()) {
      auto& name = from.secret_ref().local_object_reference().name();
      auto secret = told.find<Secret>("secrets", ns(), name);
      if (!secret) return from.secret_ref().optional() ? result<void>{} : missing("secret", name);
      add_all(from.prefix(), secret->data());
    }
    return {};
  }

  /// Nothing for what is optional and missing.
  result<std::optional<std::string>> value_of(const EnvVar& v) {
    auto& from = v.value_from();
    auto keep = [](result<std::string> x) -> result<std::optional<std::string>> {
      if (!x) return x.error();
      return std::optional(std::move(*x));
    };
    if (!v.has_value_from()) return std::optional(expand(v.value(), out));
    if (from.has_field_ref()) return keep(field_value(pod, node, from.field_ref().field_path()));
    if (from.has_resource_field_ref())
      return keep(resource_value(pod, node, from.resource_field_ref(), of.name()));
    if (from.has_config_map_key_ref()) {
      auto& ref = from.config_map_key_ref();
      auto& name = ref.local_object_reference().name();
      auto map = told.find<ConfigMap>("configmaps", ns(), name);
      if (!map && !ref.optional()) return missing("configmap", name);
      if (map)
        if (auto hit = map->data().find(ref.key()); hit != map->data().end())
          return std::optional(hit->second);
      if (!ref.optional()) return missing_key("ConfigMap", name, ref.key());
    }
    if (from.has_secret_key_ref()) {
      auto& ref = from.secret_key_ref();
      auto& name = ref.local_object_reference().name();
      auto secret = told.find<Secret>("secrets", ns(), name);
      if (!secret && !ref.optional()) return missing("secret", name);
      if (secret)
        if (auto hit = secret->data().find(ref.key()); hit != secret->data().end())
          return std::optional(hit->second);
      if (!ref.optional()) return missing_key("Secret", name, ref.key());
    }
    if (from.has_file_key_ref()) return from_file(from.file_key_ref());
    return std::optional<std::string>{};
  }

  result<std::optional<std::string>> from_file(const k8s::core::v1::FileKeySelector& ref) {
    auto text = read_file ? read_file(ref.volume_name(), ref.path())
                          : result<std::string>(error{errc::not_found, "there are no files"});
    if (!text && ref.optional()) return std::optional<std::string>{};
    if (!text) return text.error();
    for (std::string_view left = *text; !left.empty();) {
      auto end = std::min(left.find('\n'), left.size());
      auto line = left.substr(0, end);
      left.remove_prefix(std::min(end + 1, left.size()));
      if (line.starts_with(ref.key() + "="))
        return std::optional(std::string(line.substr(ref.key().size() + 1)));
    }
    if (ref.optional()) return std::optional<std::string>{};
    return error{errc::not_found, "environment variable key \"" + ref.key() +
                                      "\" not found in file \"" + ref.path() + "\""};
  }

  result<environment_list> run() {
    // What stands in front can be used behind it.
    bool links = !pod.spec().has_enable_service_links() || pod.spec().enable_service_links();
    out = service_variables(told, ns(), links);
    for (auto& from : of.env_from())
      if (auto done = add(from); !done) return done.error();
    for (auto& v : of.env()) {
      auto value = value_of(v);
      if (!value) return value.error();
      if (*value) set_variable(out, v.name(), **value);
    }
    for (auto& [name, value] : out)
      if (name.find('\0') != name.npos || value.find('\0') != value.npos)
        return error{errc::invalid, "the variable " + name + " holds a NUL byte"};
    return std::move(out);
  }
};

} // namespace

environment_list service_variables(const facts& told, const std::string& ns, bool all_services) {
  environment_list out;
  if (auto api = told.find<Service>("services", "default", "kubernetes")) add_service(out, *api);
  if (all_services)
    for (auto& s : told.list<Service>("services", ns)) add_service(out, *s);
  return out;
}

result<environment_list> make_environment(
    const Pod& pod, const Container& of, const facts& told, const node_view& node,
    const std::function<result<std::string>(const std::string&, const std::string&)>& read_file) {
  return maker{pod, of, told, node, read_file, {}}.run();
}

} // namespace troupe::node
