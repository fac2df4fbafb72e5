#include "actors/node/metrics.hpp"

#include "actors/node/context.hpp"

#include "messages/base/json.hpp"

#include <cstdio>
#include <sstream>
#include <unistd.h>

namespace troupe::node {

namespace {

std::string seconds(uint64_t nanos) {
  char text[48];
  snprintf(text, sizeof text, "%.9g", static_cast<double>(nanos) / 1e9);
  return text;
}

/// The machine as a whole: what its kernel counts since it started.
runtime::cgroup_usage machine_usage() {
  runtime::cgroup_usage out;
  if (auto stat = read_file("/proc/stat")) {
    std::istringstream in(*stat);
    std::string word;
    uint64_t total = 0, value = 0;
    in >> word;
    for (int i = 0; i < 8 && in >> value; ++i)
      if (i != 3 && i != 4) total += value; // idle, waiting
    out.cpu_nanos = total * (1'000'000'000u / static_cast<uint64_t>(sysconf(_SC_CLK_TCK)));
  }
  if (auto info = read_file("/proc/meminfo")) {
    std::map<std::string, uint64_t> values;
    std::istringstream lines(*info);
    for (std::string line; std::getline(lines, line);) {
      auto colon = line.find(':');
      if (colon != line.npos)
        values[line.substr(0, colon)] = strtoull(line.c_str() + colon + 1, nullptr, 10) * 1024;
    }
    out.memory_bytes = values["MemTotal"] - values["MemFree"];
    out.working_set_bytes = values["MemTotal"] - values["MemAvailable"];
    out.rss_bytes = values["AnonPages"];
  }
  return out;
}

struct text_metrics {
  std::string out;
  int64_t at_ms;

  void head(const char* name, const char* kind, const char* help) {
    out.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
    out.append(name).append(" ").append(kind).append("\n");
  }
  void row(const char* name, const std::string& labels, const std::string& value) {
    out.append(name);
    if (!labels.empty()) out.append("{").append(labels).append("}");
    out.append(" ").append(value).append(" ").append(std::to_string(at_ms)).append("\n");
  }
};

std::string labels_of(const container_use& c, bool container) {
  // Names of pods, namespaces and containers need no escaping.
  return (container ? "container=\"" + c.container + "\"," : std::string{}) + "namespace=\"" +
         c.ns + "\",pod=\"" + c.pod + "\"";
}

} // namespace

machine_use measure(const context& of) {
  machine_use out;
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  out.now_ms = now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
  out.node = machine_usage();
  for (auto& card : of.cards()) {
    auto& m = card->pod->metadata();
    if (card->cgroup.empty()) continue;
    bool any = false;
    for (auto& c : card->containers) {
      if (!c.running()) continue;
      any = true;
      auto group = card->cgroup + "/" + c.container_id.substr(c.container_id.find('.') + 1);
      out.containers.push_back({m.namespace_(), m.name(), c.name, m.uid(), of.groups.usage(group),
                                c.started_at.seconds});
    }
    if (any)
      out.pods.push_back({m.namespace_(),
                          m.name(),
                          {},
                          m.uid(),
                          of.groups.usage(card->cgroup),
                          m.creation_timestamp().seconds()});
  }
  return out;
}

std::string resource_metrics(const machine_use& use) {
  text_metrics t{{}, use.now_ms};
  t.head("container_cpu_usage_seconds_total", "counter", "CPU time used by the container");
  for (auto& c : use.containers)
    t.row("container_cpu_usage_seconds_total", labels_of(c, true), seconds(c.use.cpu_nanos));
  t.head("container_memory_working_set_bytes", "gauge", "Working set of the container");
  for (auto& c : use.containers)
    t.row("container_memory_working_set_bytes", labels_of(c, true),
          std::to_string(c.use.working_set_bytes));
  t.head("container_start_time_seconds", "gauge", "Start of the container since the epoch");
  for (auto& c : use.containers)
    t.row("container_start_time_seconds", labels_of(c, true), std::to_string(c.started_seconds));
  t.head("node_cpu_usage_seconds_total", "counter", "CPU time used by the node");
  t.row("node_cpu_usage_seconds_total", "", seconds(use.node.cpu_nanos));
  t.head("node_memory_working_set_bytes", "gauge", "Working set of the node");
  t.row("node_memory_working_set_bytes", "", std::to_string(use.node.working_set_bytes));
  t.head("pod_cpu_usage_seconds_total", "counter", "CPU time used by the pod");
  for (auto& p : use.pods)
    t.row("pod_cpu_usage_seconds_total", labels_of(p, false), seconds(p.use.cpu_nanos));
  t.head("pod_memory_working_set_bytes", "gauge", "Working set of the pod");
  for (auto& p : use.pods)
    t.row("pod_memory_working_set_bytes", labels_of(p, false),
          std::to_string(p.use.working_set_bytes));
  t.out += "# HELP resource_scrape_error 1 if there was an error while getting metrics\n"
           "# TYPE resource_scrape_error gauge\nresource_scrape_error 0\n";
  return std::move(t.out);
}

std::string cadvisor_metrics(const machine_use& use) {
  text_metrics t{{}, use.now_ms};
  auto each = [&](const char* name, const char* kind, const char* help, auto value) {
    t.head(name, kind, help);
    t.row(name, "container=\"\",id=\"/\",image=\"\",name=\"\",namespace=\"\",pod=\"\"",
          value(use.node));
    for (auto* list : {&use.pods, &use.containers})
      for (auto& c : *list)
        t.row(name,
              "container=\"" + c.container + "\",id=\"/" + c.uid + "/" + c.container +
                  "\",image=\"\",name=\"" + c.container + "\",namespace=\"" + c.ns + "\",pod=\"" +
                  c.pod + "\"",
              value(c.use));
  };
  using usage = runtime::cgroup_usage;
  each("container_cpu_usage_seconds_total", "counter", "CPU time used",
       [](const usage& u) { return seconds(u.cpu_nanos); });
  each("container_memory_usage_bytes", "gauge", "Memory in use, caches included",
       [](const usage& u) { return std::to_string(u.memory_bytes); });
  each("container_memory_working_set_bytes", "gauge", "Memory that cannot be dropped at once",
       [](const usage& u) { return std::to_string(u.working_set_bytes); });
  each("container_memory_rss", "gauge", "Anonymous memory",
       [](const usage& u) { return std::to_string(u.rss_bytes); });
  each("container_processes", "gauge", "Processes and threads",
       [](const usage& u) { return std::to_string(u.processes); });
  each("container_oom_events_total", "counter", "Processes ended for want of memory",
       [](const usage& u) { return std::to_string(u.oom_kills); });
  return std::move(t.out);
}

std::string own_metrics(const machine_use& use, const std::string& node) {
  std::string out;
  auto add = [&](const char* name, const char* help, const std::string& labels, uint64_t value) {
    out += "# HELP " + std::string(name) + " " + help + "\n# TYPE " + name + " gauge\n" + name +
           labels + " " + std::to_string(value) + "\n";
  };
  add("kubelet_node_name", "The node's name; the count is always 1", "{node=\"" + node + "\"}", 1);
  add("kubelet_running_pods", "Pods with a running container", "", use.pods.size());
  add("kubelet_running_containers", "Containers by state", "{container_state=\"running\"}",
      use.containers.size());
  return out;
}

std::string summary_json(const machine_use& use, const std::string& node) {
  auto when = format_time(use.now_ms / 1000);
  auto figures = [&](const runtime::cgroup_usage& u) {
    return json::object{{"cpu", {{"time", when}, {"usageCoreNanoSeconds", u.cpu_nanos}}},
                        {"memory",
                         {{"time", when},
                          {"usageBytes", u.memory_bytes},
                          {"workingSetBytes", u.working_set_bytes},
                          {"rssBytes", u.rss_bytes},
                          {"pageFaults", u.page_faults},
                          {"majorPageFaults", u.major_page_faults}}}};
  };
  json::array pods;
  for (auto& p : use.pods) {
    json::array containers;
    for (auto& c : use.containers) {
      if (c.uid != p.uid) continue;
      auto one = figures(c.use);
      one["name"] = c.container;
      one["startTime"] = format_time(c.started_seconds);
      containers.push_back(std::move(one));
    }
    auto one = figures(p.use);
    one["podRef"] = json::object{{"name", p.pod}, {"namespace", p.ns}, {"uid", p.uid}};
    one["startTime"] = format_time(p.started_seconds);
    one["containers"] = std::move(containers);
    one["process_stats"] = json::object{{"process_count", p.use.processes}};
    pods.push_back(std::move(one));
  }
  auto whole = figures(use.node);
  whole["nodeName"] = node;
  return json::write(
      json::value(json::object{{"node", std::move(whole)}, {"pods", std::move(pods)}}));
}

} // namespace troupe::node
