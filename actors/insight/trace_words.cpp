#include "actors/insight/trace_words.hpp"

#include "messages/api/pod.pb.h"

namespace troupe::trace {

namespace {

std::string key_of(const cluster::Name& n) {
  return n.resource() + "/" + n.namespace_() + "/" + n.name();
}

} // namespace

std::string pod_key(std::string_view ns, std::string_view name) {
  return std::string("pods/").append(ns).append("/").append(name);
}

void passes(const std::string& from, const std::string& to, const cluster::ToNode& facts) {
  for (auto& f : facts.facts()) {
    if (f.has_stands())
      pass({.from = from, .to = to, .verb = "tells", .key = key_of(f.stands().name())});
    else if (f.has_gone())
      pass({.from = from, .to = to, .verb = "tells, as gone,", .key = key_of(f.gone())});
  }
}

void passes(const std::string& from, const std::string& to, const cluster::FromNode& reports) {
  for (auto& r : reports.reports()) {
    if (r.has_pod())
      pass({.from = from,
            .to = to,
            .verb = "reports",
            .key = pod_key(r.pod().namespace_(), r.pod().name()),
            .detail = status_words(r.pod().status())});
    else if (r.has_stopped())
      pass({.from = from,
            .to = to,
            .verb = "reports, as stopped,",
            .key = pod_key(r.stopped().namespace_(), r.stopped().name())});
  }
}

std::string status_words(std::string_view pod_status) {
  k8s::core::v1::PodStatus status;
  if (!status.ParsePartialFromArray(pod_status.data(), static_cast<int>(pod_status.size())))
    return {};
  int ready = 0, all = 0;
  for (auto& c : status.container_statuses()) {
    ++all;
    ready += c.ready();
  }
  return "phase=" + status.phase() + " ready=" + std::to_string(ready) + "/" + std::to_string(all);
}

} // namespace troupe::trace
