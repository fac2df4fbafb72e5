// A whole control plane with its machines: the gateway, every controller, the scheduler, NODES, and
// hollow nodes at the other end of what stands for their links. Actors are killed and started
// again, machines lost, leaders replaced as the caller likes.
#pragma once

#include "actors/client/stage_workers.hpp"
#include "actors/client/test_store.hpp"
#include "actors/controllers/controllers.hpp"
#include "actors/gateway/gateway.hpp"
#include "actors/gateway/object.hpp"
#include "actors/node/hollow.hpp"
#include "actors/nodes/reception.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace troupe::gateway {
class author;
}

namespace troupe::sim {

using client::test_stage, client::test_store;
using std::chrono::nanoseconds;

struct machine_settings {
  unsigned count = 6;
  unsigned zones = 2;
  std::string cpu = "4";
  int pods_max = 8;
};

class company {
public:
  company(test_stage& on, test_store& store, machine_settings machines);
  ~company();

  // -- what happens to it -------------------------------------------------------------------------

  /// Another leads: all controllers and NODES end, and begin again from the store.
  void change_leader();
  /// Kills the actor with this number, whatever it is doing; it starts again after the delay.
  void kill(size_t player, nanoseconds away);
  size_t players() const { return players_.size(); }
  const std::string& name_of(size_t player) const { return players_[player].name; }
  /// Whether a player of that name is there now.
  bool plays(std::string_view name) const;

  /// The machine loses its power, with all that runs on it.
  void lose_machine(size_t number);
  void bring_machine(size_t number);
  bool is_up(size_t machine) const { return static_cast<bool>(machines_[machine].agent); }
  size_t machines() const { return machines_.size(); }
  static std::string machine_name(size_t number) { return "hollow-" + std::to_string(number); }

  // -- what its users do, at once -----------------------------------------------------------------

  storage::snapshot now() const { return store_.current(); }
  /// Each returns why it was refused, or nothing.
  std::optional<std::string> create(const schema::kind& kind, const std::string& yaml);
  std::optional<std::string> change(const schema::kind& kind, const std::string& ns,
                                    const std::string& name,
                                    const std::function<void(google::protobuf::Message&)>& how);
  std::optional<std::string> remove(const schema::kind& kind, const std::string& ns,
                                    const std::string& name, const std::string& propagation = {});
  /// The answer's status code.
  int evict(const std::string& ns, const std::string& pod);

private:
  struct player {
    std::string name;
    controller_actor actor; ///< null while it is away; NODES is kept elsewhere
  };
  struct machine {
    node::hollow_settings given;
    node_agent_actor agent;
  };

  void start(player& p);
  void start_nodes();
  void end_all();
  std::shared_ptr<storage::store> desk(const std::string& who);
  std::optional<std::string>
  write(const std::function<result<void>(gateway::author&, const storage::snapshot&)>& how);

  test_stage& on_;
  test_store& store_;
  client::stage_workers work_{on_};
  std::shared_ptr<storage::store> counter_;
  std::unique_ptr<gateway::gateway> api_;
  std::vector<std::shared_ptr<storage::store>> desks_; ///< completions may still come
  std::vector<player> players_;
  std::shared_ptr<nodes::who_plays> nodes_ = std::make_shared<nodes::who_plays>();
  nodes_actor link_;
  std::vector<machine> machines_;
  uint64_t leads_ = 0; ///< how often somebody has begun to lead
};

} // namespace troupe::sim
