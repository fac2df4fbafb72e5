#include "actors/link/downlink.hpp"

#include "messages/api/node.pb.h"
#include "messages/base/log.hpp"
#include "messages/cluster/node_link.pb.h"

#include <deque>

namespace troupe {

namespace {

constexpr size_t early_max = 1'000; // reports that came before NODES answered

struct downlink_state {
  downlink_state(downlink_actor::pointer self, nodes_actor nodes, std::string node,
                 std::shared_ptr<link::connection> over)
      : self{self}, nodes{std::move(nodes)}, name{std::move(node)}, over{std::move(over)} {
    cluster::ServerToNode word;
    word.set_leads(true);
    send(word);
  }

  ~downlink_state() {
    cluster::ServerToNode word;
    word.set_leads(false);
    send(word);
  }

  void send(const cluster::ServerToNode& word) {
    auto bytes = std::make_shared<const std::string>(word.SerializeAsString());
    if (over->send(link::stream::messages, bytes)) return;
    // A node that does not take what it is told must begin again from the start.
    over->close();
  }

  void told(const std::string& facts) {
    cluster::ServerToNode word;
    if (word.mutable_facts()->ParseFromString(facts)) send(word);
  }

  void heard(const std::string& bytes) {
    cluster::NodeToServer word;
    if (!word.ParseFromString(bytes)) return refuse("it says what cannot be read");
    if (word.has_arrived()) return arrive(word.arrived());
    if (!word.has_said()) return;
    auto said = word.said().SerializeAsString();
    if (desk)
      self->send(desk, reported_atom_v, said);
    else if (early.size() < early_max)
      early.push_back(std::move(said));
  }

  void arrive(const cluster::Arrived& word) {
    k8s::core::v1::Node object;
    if (!object.ParsePartialFromString(word.node()) || object.metadata().name() != name)
      return refuse("it speaks for another node than its certificate names");
    auto settle = [this](const caf::strong_actor_ptr& handle) {
      desk = caf::actor_cast<node_actor>(handle);
      for (auto& said : early) self->send(desk, reported_atom_v, said);
      early.clear();
    };
    auto give_up = [this](const caf::error& why) { refuse(caf::to_string(why)); };
    self->request(nodes, caf::infinite, arrived_atom_v, word.SerializeAsString(),
                  caf::actor_cast<caf::strong_actor_ptr>(self))
        .then(settle, give_up);
  }

  void refuse(const std::string& why) {
    log::warn("downlink", "a node is sent away", {{"node", name}, {"why", why}});
    over->close();
  }

  downlink_actor::pointer self;
  nodes_actor nodes;
  std::string name;
  std::shared_ptr<link::connection> over;
  node_actor desk;
  std::deque<std::string> early;
};

} // namespace

downlink_actor::behavior_type downlink(downlink_actor::pointer self, nodes_actor nodes,
                                       std::string node, std::shared_ptr<link::connection> over) {
  auto state =
      std::make_shared<downlink_state>(self, std::move(nodes), std::move(node), std::move(over));
  return {[state](told_atom, const std::string& facts) { state->told(facts); }, [](resync_atom) {},
          [state](heard_atom, const std::string& bytes) { state->heard(bytes); }};
}

} // namespace troupe
