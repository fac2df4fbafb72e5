// How a client finds its cluster and proves who it is: what a kubeconfig says.
#pragma once

#include "messages/base/error.hpp"
#include "net/tls/context.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace troupe::client {

struct server_place {
  std::string host;
  uint16_t port = 0;
};

struct settings {
  std::vector<server_place> servers; ///< where they take links; any one will do
  tls::credentials who;
  std::string ns = "default";
  std::string context; ///< its name in the kubeconfig
  std::string url;     ///< of the Kubernetes API
};

/// What `kubeconfig` says about `context`, the current one if that is empty. Where servers take
/// links is said by the cluster's extension `troupe.dev/links`; without it, it is the port behind
/// the API's.
result<settings> read_kubeconfig(std::string_view kubeconfig, std::string_view context = {});

/// The file that is meant: `named`, else the first of KUBECONFIG that is there, else
/// ~/.kube/config, else that of a server on this machine.
result<std::string> find_kubeconfig(const std::string& named);

/// Both in one.
result<settings> find_settings(const std::string& kubeconfig = {}, std::string_view context = {});

} // namespace troupe::client
