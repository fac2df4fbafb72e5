#include "actors/node/disk_use.hpp"

#include "actors/node/files.hpp"
#include "messages/base/quantity.hpp"

#include <algorithm>

namespace troupe::node {

namespace {

using k8s::core::v1::Container;
using k8s::core::v1::Pod;

constexpr const char* resource = "ephemeral-storage";

std::optional<disk_limits::limit> limit_of(const Container& c) {
  auto hit = c.resources().limits().find(resource);
  if (hit == c.resources().limits().end()) return std::nullopt;
  auto amount = quantity::parse(hit->second.string());
  if (!amount || amount->zero()) return std::nullopt;
  return disk_limits::limit{amount->value(), hit->second.string()};
}

bool on_disk(const k8s::core::v1::Volume& v) {
  return v.volume_source().has_empty_dir() && v.volume_source().empty_dir().medium().empty();
}

} // namespace

disk_limits disk_limits_of(const Pod& pod) {
  disk_limits out;
  for (auto& v : pod.spec().volumes()) {
    auto& source = v.volume_source().empty_dir();
    auto amount = quantity::parse(source.size_limit().string());
    if (on_disk(v) && source.has_size_limit() && amount && !amount->zero())
      out.volumes[v.name()] = {amount->value(), source.size_limit().string()};
  }
  int64_t sum = 0, largest = 0;
  bool any = false;
  for (auto& c : pod.spec().containers())
    if (auto l = limit_of(c)) {
      out.containers[c.name()] = *l;
      sum += l->bytes;
      any = true;
    }
  for (auto& c : pod.spec().init_containers())
    if (auto l = limit_of(c)) {
      out.containers[c.name()] = *l;
      if (c.restart_policy() == "Always")
        sum += l->bytes;
      else
        largest = std::max(largest, l->bytes);
      any = true;
    }
  if (any) out.pod = std::max(sum, largest);
  return out;
}

disk_use measure_disk(const paths& where, const Pod& pod,
                      const std::vector<std::string>& containers) {
  disk_use out;
  auto& m = pod.metadata();
  auto bytes = [](const std::filesystem::path& at) { return static_cast<int64_t>(tree_bytes(at)); };
  for (auto& v : pod.spec().volumes())
    if (on_disk(v)) out.volumes[v.name()] = bytes(where.pod_data(m.uid()) / "volumes" / v.name());
  auto logs = where.pod_logs(m.namespace_(), m.name(), m.uid());
  for (auto& name : containers) out.containers[name] = bytes(logs / name);
  std::error_code bad;
  for (auto& e : std::filesystem::directory_iterator(where.pod_data(m.uid()) / "containers", bad)) {
    auto id = e.path().filename().string(); // UID.NAME.ATTEMPT
    auto from = id.find('.'), to = id.rfind('.');
    if (from == id.npos || from == to) continue;
    if (auto hit = out.containers.find(id.substr(from + 1, to - from - 1));
        hit != out.containers.end())
      hit->second += bytes(e.path() / "upper");
  }
  return out;
}

std::optional<std::string> beyond_limits(const disk_limits& limits, const disk_use& use) {
  for (auto& [name, limit] : limits.volumes)
    if (auto hit = use.volumes.find(name); hit != use.volumes.end() && hit->second > limit.bytes)
      return "Usage of EmptyDir volume \"" + name + "\" exceeds the limit \"" + limit.text + "\". ";
  int64_t total = 0;
  for (auto* part : {&use.volumes, &use.containers})
    for (auto& [name, bytes] : *part) total += bytes;
  if (limits.pod && total > *limits.pod)
    return "Pod ephemeral local storage usage exceeds the total limit of containers " +
           quantity::of(*limits.pod, quantity::format::binary_si).text() + ". ";
  for (auto& [name, limit] : limits.containers)
    if (auto hit = use.containers.find(name);
        hit != use.containers.end() && hit->second > limit.bytes)
      return "Container " + name + " exceeded its local ephemeral storage limit \"" + limit.text +
             "\". ";
  return std::nullopt;
}

} // namespace troupe::node
