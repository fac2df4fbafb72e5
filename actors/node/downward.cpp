#include "actors/node/downward.hpp"

#include "actors/node/pod_record.hpp"
#include "messages/base/json.hpp"
#include "messages/base/quantity.hpp"

#include <map>

namespace troupe::node {

namespace {

/// Labels and annotations as files show them: key="value", sorted, values escaped.
std::string lines_of(const google::protobuf::Map<std::string, std::string>& from) {
  std::string out;
  for (auto& [key, value] : std::map<std::string, std::string>(from.begin(), from.end())) {
    if (!out.empty()) out += "\n";
    out += key + "=";
    json::write_string(out, value);
  }
  return out;
}

/// The key in "metadata.labels['key']", or nothing.
std::optional<std::string> subscript(const std::string& path, const std::string& of) {
  if (!path.starts_with(of + "['") || !path.ends_with("']")) return std::nullopt;
  return path.substr(of.size() + 2, path.size() - of.size() - 4);
}

std::string value_at(const google::protobuf::Map<std::string, std::string>& from,
                     const std::string& key) {
  auto hit = from.find(key);
  return hit == from.end() ? "" : hit->second;
}

std::string joined(const std::vector<std::string>& all) {
  std::string out;
  for (auto& one : all) out.append(out.empty() ? "" : ",").append(one);
  return out;
}

__int128 nanos_of(const std::string& text) {
  auto q = quantity::parse(text);
  return q ? static_cast<__int128>(q->milli_value()) : 0;
}

} // namespace

result<std::string> field_value(const Pod& pod, const node_view& node, const std::string& path) {
  auto& meta = pod.metadata();
  if (auto key = subscript(path, "metadata.labels")) return value_at(meta.labels(), *key);
  if (auto key = subscript(path, "metadata.annotations")) return value_at(meta.annotations(), *key);
  if (path == "metadata.name") return meta.name();
  if (path == "metadata.namespace") return meta.namespace_();
  if (path == "metadata.uid") return meta.uid();
  if (path == "metadata.labels") return lines_of(meta.labels());
  if (path == "metadata.annotations") return lines_of(meta.annotations());
  if (path == "spec.nodeName") return node.name;
  if (path == "spec.serviceAccountName") return pod.spec().service_account_name();
  if (path == "status.hostIP" || path == "status.hostIPs") return node.ip;
  if (path == "status.podIP") return node.pod_ips.empty() ? std::string{} : node.pod_ips.front();
  if (path == "status.podIPs") return joined(node.pod_ips);
  return error{errc::bad_request, "the field \"" + path + "\" cannot be told to a container"};
}

result<std::string> resource_value(const Pod& pod, const node_view& node,
                                   const k8s::core::v1::ResourceFieldSelector& of,
                                   const std::string& own_container) {
  auto name = of.container_name().empty() ? own_container : of.container_name();
  auto container = container_of(pod, name);
  if (!container) return error{errc::bad_request, "the pod has no container \"" + name + "\""};
  auto dot = of.resource().find('.');
  auto kind = of.resource().substr(0, dot);
  auto resource = dot == std::string::npos ? "" : of.resource().substr(dot + 1);
  auto& list =
      kind == "limits" ? container->resources().limits() : container->resources().requests();
  auto hit = list.find(resource);
  auto thousandths = hit == list.end() ? 0 : nanos_of(hit->second.string());
  if (hit == list.end() && kind == "limits") {
    if (resource == "cpu") thousandths = node.allocatable_cpu_milli;
    if (resource == "memory")
      thousandths = static_cast<__int128>(node.allocatable_memory_bytes) * 1000;
    if (resource == "ephemeral-storage")
      thousandths = static_cast<__int128>(node.allocatable_storage_bytes) * 1000;
  }
  auto divisor = nanos_of(of.divisor().string());
  if (divisor <= 0) divisor = 1000;
  return std::to_string(static_cast<int64_t>((thousandths + divisor - 1) / divisor));
}

} // namespace troupe::node
