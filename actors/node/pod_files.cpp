#include "actors/node/pod_files.hpp"

#include <algorithm>
#include <sstream>

namespace troupe::node {

using k8s::core::v1::Pod;

namespace {

constexpr size_t servers_max = 3, searches_max = 32, name_max = 63;

struct resolver {
  std::vector<std::string> servers, searches, options;
};

void add_unique(std::vector<std::string>& to, const std::string& what) {
  if (std::find(to.begin(), to.end(), what) == to.end()) to.push_back(what);
}

resolver parse(const std::string& text) {
  resolver out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string what, value;
    words >> what;
    if (what == "nameserver" && words >> value) out.servers.push_back(value);
    if (what == "search") {
      out.searches.clear();
      while (words >> value) out.searches.push_back(value);
    }
    if (what == "options")
      while (words >> value) add_unique(out.options, value);
  }
  return out;
}

std::string write(const resolver& r) {
  std::string out;
  for (size_t i = 0; i < std::min(r.servers.size(), servers_max); ++i)
    out += "nameserver " + r.servers[i] + "\n";
  if (!r.searches.empty()) {
    out += "search";
    for (size_t i = 0; i < std::min(r.searches.size(), searches_max); ++i)
      out += " " + r.searches[i];
    out += "\n";
  }
  if (!r.options.empty()) {
    out += "options";
    for (auto& o : r.options) out += " " + o;
    out += "\n";
  }
  return out;
}

std::string plain_hostname(const Pod& pod) {
  auto& spec = pod.spec();
  if (!spec.hostname_override().empty()) return spec.hostname_override();
  auto name = spec.hostname().empty() ? pod.metadata().name() : spec.hostname();
  if (name.size() > name_max) {
    name.resize(name_max);
    while (name.ends_with("-") || name.ends_with(".")) name.pop_back();
  }
  return name;
}

std::string full_name(const Pod& pod, const std::string& domain) {
  if (pod.spec().subdomain().empty()) return {};
  return plain_hostname(pod) + "." + pod.spec().subdomain() + "." + pod.metadata().namespace_() +
         ".svc." + domain;
}

} // namespace

std::string hostname_of(const Pod& pod, const std::string& cluster_domain) {
  auto full = full_name(pod, cluster_domain);
  if (pod.spec().set_hostname_as_fqdn() && !full.empty()) return full;
  return plain_hostname(pod);
}

std::string hosts_file(const Pod& pod, const std::vector<std::string>& ips,
                       const std::string& cluster_domain, const std::string& host_hosts) {
  std::string out = "# Made by Troupe.\n";
  if (pod.spec().host_network()) {
    out += host_hosts;
    if (!out.ends_with("\n")) out += "\n";
  } else {
    out += "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
           "fe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\n"
           "fe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n";
    auto full = full_name(pod, cluster_domain);
    for (auto& ip : ips)
      out += ip + "\t" + (full.empty() ? "" : full + "\t") + plain_hostname(pod) + "\n";
  }
  if (!pod.spec().host_aliases().empty()) out += "\n# Entries added by HostAliases.\n";
  for (auto& alias : pod.spec().host_aliases()) {
    out += alias.ip();
    for (auto& name : alias.hostnames()) out += "\t" + name;
    out += "\n";
  }
  return out;
}

std::string resolv_file(const Pod& pod, const dns_view& dns) {
  auto host = parse(dns.host_resolv_conf);
  resolver out;
  auto policy = pod.spec().dns_policy().empty() ? "ClusterFirst" : pod.spec().dns_policy();
  if (policy == "ClusterFirst" && pod.spec().host_network()) policy = "Default";
  bool cluster = policy.starts_with("ClusterFirst") && !dns.cluster_servers.empty();
  if (cluster) {
    out.servers = dns.cluster_servers;
    auto svc = "svc." + dns.cluster_domain;
    out.searches = {pod.metadata().namespace_() + "." + svc, svc, dns.cluster_domain};
    for (auto& s : host.searches) add_unique(out.searches, s);
    out.options = {"ndots:5"};
  } else if (policy != "None") {
    out = host;
  }
  auto& more = pod.spec().dns_config();
  for (auto& s : more.nameservers()) add_unique(out.servers, s);
  for (auto& s : more.searches()) add_unique(out.searches, s);
  for (auto& o : more.options()) {
    // An option that is said again replaces what was there.
    std::erase_if(out.options, [&](auto& old) { return old.substr(0, old.find(':')) == o.name(); });
    out.options.push_back(o.value().empty() ? o.name() : o.name() + ":" + o.value());
  }
  return write(out);
}

} // namespace troupe::node
