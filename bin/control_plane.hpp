// A control plane, put together: store, API, controllers, scheduler and the NODES that hear of
// machines. `troupe server` runs one, `troupe up` one and a machine.
#pragma once

#include "actors/gateway/gateway.hpp"
#include "actors/nodes/environment.hpp"
#include "bin/pki.hpp"
#include "messages/interfaces.hpp"
#include "net/http/server.hpp"
#include "storage/engine.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace troupe {

struct control_plane_options {
  std::filesystem::path data_directory = "/var/lib/troupe";
  std::string address = "0.0.0.0"; ///< to listen on
  uint16_t port = 6443;            ///< 0 takes any free one
  /// Where pods and other machines reach the API; empty: nowhere but on this machine.
  std::string advertised;
  std::string token_file;
  std::string controllers = "*"; ///< "none", or a list as kube-controller-manager takes it
  bool anonymous = true;
};

class control_plane {
public:
  /// Opens everything; the API answers when it returns.
  static result<std::unique_ptr<control_plane>> start(const control_plane_options& options);
  ~control_plane();

  caf::actor_system& system() { return *system_; }
  gateway::gateway& api() { return *api_; }
  storage::store& store() { return *store_; }
  const nodes_actor& nodes() const { return nodes_; }
  uint16_t port() const { return http_->port(); }
  const std::filesystem::path& kubeconfig() const { return kubeconfig_; }

private:
  control_plane() = default;
  result<void> open(const control_plane_options& options);
  result<gateway::environment> gateway_environment(const control_plane_options& options);
  result<void> start_actors(const control_plane_options& options);
  result<void> listen(const control_plane_options& options);

  pki keys_;
  std::unique_ptr<storage::engine> store_;
  std::unique_ptr<gateway::workers> work_;
  std::unique_ptr<gateway::gateway> api_;
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  std::vector<controller_actor> company_;
  nodes_actor nodes_;
  std::unique_ptr<http::server> http_;
  std::filesystem::path kubeconfig_;
};

} // namespace troupe
