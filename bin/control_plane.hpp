// A control plane, put together: store, API, controllers, scheduler and the NODES that hear of
// machines. `troupe server` runs one, `troupe up` one and a machine.
#pragma once

#include "actors/directory.hpp"
#include "actors/gateway/gateway.hpp"
#include "actors/nodes/reception.hpp"
#include "actors/node/agent.hpp"
#include "actors/nodes/environment.hpp"
#include "actors/link/hub.hpp"
#include "actors/raft/raft.hpp"
#include "bin/backup.hpp"
#include "bin/join.hpp"
#include "bin/members.hpp"
#include "bin/pki.hpp"
#include "bin/store_desk.hpp"
#include "messages/interfaces.hpp"
#include "net/http/server.hpp"
#include "storage/engine.hpp"
#include "storage/keyring.hpp"
#include "storage/worker.hpp"

#include <atomic>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
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
  std::string scheduler_config;  ///< a file with a KubeSchedulerConfiguration; empty: the usual one
  std::string controllers = "*"; ///< "none", or a list as kube-controller-manager takes it
  bool anonymous = true;
  /// How long a machine may be silent before its node counts as unknown.
  std::chrono::seconds node_lost_after{40};
  gateway::flow_limits flow;

  /// The audit log, by kube-apiserver's names; no path: none.
  std::string audit_path, audit_policy_file;
  unsigned audit_megabytes_max = 100, audit_backups_max = 10, audit_days_max = 0;

  backup_settings backup;
  std::chrono::seconds check_every{24 * 3600}; ///< everything on the disk is read again

  /// Whether this server can be one of several: it agrees with others, if only with itself so far.
  bool replicated = false;
  /// This server's number, and, when a group of several first starts, where all of them take links.
  /// Later the group itself knows who belongs to it.
  uint64_t id = 1;
  bool joined = false; ///< the others told this server its number: it has nothing to begin with
  std::map<uint64_t, server_address> servers;
  /// Where it takes links, if `servers` does not say so; none: the API's port and one.
  std::optional<uint16_t> link_port;
  /// Called when the others know that this server does not belong to them any more. Any thread.
  std::function<void()> removed;
};

class control_plane {
public:
  /// Opens everything; the API answers when it returns.
  static result<std::unique_ptr<control_plane>> start(const control_plane_options& options);
  ~control_plane();

  caf::actor_system& system() { return *system_; }
  gateway::gateway& api() { return *api_; }
  storage::store& store() { return *store_; }
  /// NODES for the agents of this process; they are to try again while this server does not lead.
  const nodes_actor& nodes() const { return reception_; }
  bool leads() const { return nodes_now_->get() != nullptr; }
  /// Logs, exec and the like of this node's pods are served through this door from now on; null: no
  /// more.
  void serve_node(const std::string& name, std::shared_ptr<node::door> through);
  std::shared_ptr<node::door> door_of(const std::string& name) const;
  uint16_t port() const { return http_->port(); }
  /// Makes its certificates anew and shows them from the next connection on.
  result<void> renew_certificates();
  /// The certificates that renew_certificates() makes.
  std::vector<std::string> certificates() const;
  /// Saves a backup of what this server has now, and returns where. Any thread.
  result<std::filesystem::path> save_backup();
  /// Lets another server lead, if this one does and another can, so that nobody waits for an
  /// election when it stops. Waits until that is known, but not for long.
  void hand_over();
  /// Whether its actors still answer: false if they have not for a while. Any thread.
  bool turns() const;
  const std::filesystem::path& kubeconfig() const { return kubeconfig_; }

private:
  control_plane() = default;
  result<void> open(const control_plane_options& options);
  result<void> open_store();
  result<void> start_hub();
  void join_group();
  result<gateway::environment> gateway_environment();
  result<void> listen();
  /// Whatever is asked of this server, over HTTP or a link.
  void handle(http::request request, http::responder responder);
  server_address own_link() const;
  raft::membership first_members() const;
  std::map<uint64_t, server_address> servers_of(const raft::membership& members) const;
  result<void> let_admin_in();
  result<pki> load_keys() const;
  /// What secrets are sealed with at rest, from the first start on.
  result<std::shared_ptr<const storage::keyring>> read_secret_keys() const;

  /// Begins to lead: makes what every cluster has, then lets the company play. On `stage_`.
  void lead(uint64_t term);
  void follow();
  /// The others know that this server does not belong to them any more. Any thread.
  void leave();
  void end_raft();
  /// Lets an actor of the leader's be asked by its name.
  template<class Handle>
  void introduce(std::string name, const Handle& who, const char* supervisor = "supervisor") {
    company_names_->put(
        {std::move(name), supervisor, true, caf::actor_cast<caf::weak_actor_ptr>(who)});
  }
  /// The servers are these from now on. On `stage_`.
  void settle_group(const raft::group_view& now);
  void publish();
  void restore();
  void bootstrap();

  control_plane_options options_;
  mutable std::mutex keys_mutex_; ///< for the parts of keys_ that are renewed
  pki keys_;
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  std::unique_ptr<hub> hub_;
  std::shared_ptr<raft_member> member_;
  raft_actor raft_;
  std::shared_ptr<storage::store> store_;
  storage::caretaker* care_ = nullptr; ///< of the store's files
  std::shared_ptr<storage::current_keyring> keyring_;
  std::unique_ptr<gateway::worker_threads> work_;
  std::unique_ptr<gateway::gateway> api_;
  std::unique_ptr<join_desk> join_desk_;
  std::unique_ptr<members_desk> members_desk_;
  std::unique_ptr<store_desk> store_desk_;
  std::unique_ptr<http::server> http_;
  std::string scheduler_config_; ///< as it was read
  std::filesystem::path kubeconfig_;

  std::mutex backup_mutex_; ///< one backup at a time
  mutable std::mutex doors_mutex_;
  std::map<std::string, std::shared_ptr<node::door>> doors_;

  std::shared_ptr<storage::store> fenced_;               ///< what the company writes through
  std::vector<std::shared_ptr<storage::store>> retired_; ///< of earlier terms
  controller_actor company_; ///< who supervises those that play while this server leads
  std::shared_ptr<directory> company_names_ = std::make_shared<directory>();
  std::vector<std::string> api_hosts_, published_; ///< where servers serve the API
  std::map<uint64_t, server_address> agreed_servers_;
  std::promise<void> first_lead_;
  bool has_led_ = false;
  std::atomic<bool> ending_ = false, removed_ = false;
  std::shared_ptr<nodes::who_plays> nodes_now_ = std::make_shared<nodes::who_plays>();
  nodes_actor reception_;
  std::mutex successor_mutex_;
  std::function<void()> successor_known_;  ///< while this server hands over
  std::unique_ptr<storage::worker> stage_; ///< where leadership begins and ends, one at a time
  std::vector<storage::watch> essential_watches_;
};

} // namespace troupe
