// The files that every container of a pod gets from its node: /etc/hosts, /etc/resolv.conf and the
// pod's name. Pure.
#pragma once

#include "messages/api/pod.pb.h"

#include <string>
#include <vector>

namespace troupe::node {

struct dns_view {
  std::vector<std::string> cluster_servers;
  std::string cluster_domain;
  std::string host_resolv_conf; ///< the machine's own file
};

/// The name the pod calls itself, at most 63 characters.
std::string hostname_of(const k8s::core::v1::Pod& pod, const std::string& cluster_domain);
std::string hosts_file(const k8s::core::v1::Pod& pod, const std::vector<std::string>& ips,
                       const std::string& cluster_domain, const std::string& host_hosts);
std::string resolv_file(const k8s::core::v1::Pod& pod, const dns_view& dns);

} // namespace troupe::node
