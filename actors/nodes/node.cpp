#include "actors/nodes/node.hpp"

#include "actors/insight/trace_words.hpp"
#include "actors/nodes/reports.hpp"
#include "actors/store/traced_store.hpp"
#include "messages/base/log.hpp"

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <variant>

namespace troupe::nodes {

namespace {

constexpr std::chrono::milliseconds try_again{100}; // after a store that could not take it

struct node_state : std::enable_shared_from_this<node_state> {
  struct volume_gone {
    std::string name;
  };

  using pod_report = std::variant<cluster::PodReport, cluster::PodStopped, k8s::core::v1::Pod,
                                  volume_gone>; ///< or a mirror, or something else

  /// What is to be stored: of each pod the last word.
  struct reports {
    std::map<std::string, pod_report> pods; ///< by uid
    std::optional<k8s::core::v1::NodeStatus> node;
    std::deque<k8s::core::v1::Event> events;

    bool empty() const { return pods.empty() && !node && events.empty(); }
    size_t size() const { return pods.size() + events.size(); }
  };

  enum class ended : uint8_t { not_yet, stored, overtaken, failed };

  node_state(node_actor::pointer self, environment given, std::string name, node_agent_actor agent)
      : self{self}, given{std::move(given)}, name{std::move(name)}, agent{std::move(agent)} {}

  void heard(const std::string& bytes) {
    cluster::FromNode said;
    if (!said.ParseFromString(bytes)) {
      log::warn("node", "what the agent reports cannot be read; it is ignored", {{"node", name}});
      return;
    }
    if (trace::on()) trace::passes("agent/" + name, "node/" + name, said);
    for (auto& r : *said.mutable_reports()) take(r);
    store();
  }

  void take(cluster::Report& r) {
    if (r.has_token_wanted()) return answer(r.token_wanted());
    if (r.what_case() == cluster::Report::kEverywhereWanted ||
        r.what_case() == cluster::Report::kTakenIn)
      return given.pass_on(name, r);
    if (waiting.size() >= reports_waiting_max) return;
    if (r.has_pod()) {
      auto uid = r.pod().uid();
      waiting.pods[uid] = std::move(*r.mutable_pod());
    } else if (r.has_stopped()) {
      auto uid = r.stopped().uid();
      waiting.pods[uid] = std::move(*r.mutable_stopped());
    } else if (r.what_case() == cluster::Report::kVolumeGone) {
      waiting.pods["volume " + r.volume_gone()] = volume_gone{r.volume_gone()};
    } else if (r.what_case() == cluster::Report::kMirror) {
      // By what it mirrors, with a mark: its status may wait beside it.
      if (k8s::core::v1::Pod p; p.ParsePartialFromString(r.mirror()))
        waiting.pods["mirror " + p.metadata().namespace_() + "/" + p.metadata().name()] =
            std::move(p);
    } else if (r.what_case() == cluster::Report::kNodeStatus) {
      if (k8s::core::v1::NodeStatus s; s.ParsePartialFromString(r.node_status()))
        waiting.node = std::move(s);
    } else if (r.what_case() == cluster::Report::kEvent) {
      if (k8s::core::v1::Event e; e.ParsePartialFromString(r.event()))
        waiting.events.push_back(std::move(e));
    }
  }

  /// A token is for a pod that runs here with that account; for no other.
  void answer(const cluster::TokenWanted& wanted) {
    cluster::Token token;
    if (runs_here(wanted))
      token = given.issue_token(wanted);
    else
      token.set_refused("pod " + wanted.namespace_() + "/" + wanted.pod() + " does not run on " +
                        name + " as service account " + wanted.service_account());
    token.set_request(wanted.request());
    cluster::ToNode out;
    *out.add_facts()->mutable_token() = std::move(token);
    self->send(agent, told_atom_v, out.SerializeAsString());
  }

  bool runs_here(const cluster::TokenWanted& wanted) const {
    auto entry = given.store->current().get("pods/" + wanted.namespace_() + "/" + wanted.pod());
    k8s::core::v1::Pod pod;
    return entry &&
           pod.ParsePartialFromArray(entry->value().data(),
                                     static_cast<int>(entry->value().size())) &&
           pod.metadata().uid() == wanted.pod_uid() && pod.spec().node_name() == name &&
           pod.spec().service_account_name() == wanted.service_account();
  }

  void store() {
    if (storing || waiting.empty()) return;
    reporter by{name, given.now(), given.random};
    auto now = given.store->current();
    storage::transaction tx;
    sent = {};
    while (!waiting.pods.empty() && tx.mutations.size() < reports_in_commit_max) {
      auto one = waiting.pods.extract(waiting.pods.begin());
      if (auto status = std::get_if<cluster::PodReport>(&one.mapped()))
        put_pod_status(by, *status, now, tx);
      else if (auto mirror = std::get_if<k8s::core::v1::Pod>(&one.mapped()))
        put_mirror(by, *mirror, now, tx);
      else if (auto volume = std::get_if<volume_gone>(&one.mapped()))
        put_volume_gone(by, volume->name, now, tx);
      else
        put_pod_end(by, std::get<cluster::PodStopped>(one.mapped()), now, tx);
      sent.pods.insert(std::move(one));
    }
    while (!waiting.events.empty() && tx.mutations.size() < reports_in_commit_max) {
      put_event(by, waiting.events.front(), now, tx);
      sent.events.push_back(std::move(waiting.events.front()));
      waiting.events.pop_front();
    }
    if (waiting.node) put_node_status(by, *waiting.node, now, tx);
    sent.node = std::exchange(waiting.node, {});
    if (tx.mutations.empty()) {
      if (!waiting.empty()) self->send(self, resync_atom_v);
      return;
    }
    storing = true;
    desk.commit(std::move(tx), [self = node_actor{self}, me = shared_from_this()](auto done) {
      me->outcome = !done ? ended::failed : done->refused ? ended::overtaken : ended::stored;
      caf::anon_send(self, resync_atom_v);
    });
  }

  /// The commit has come to an end, or it is time to try again.
  void go_on() {
    auto how = outcome.exchange(ended::not_yet);
    if (how == ended::not_yet) return store();
    storing = false;
    if (how == ended::stored) return store();
    // Back to what waits, behind anything newer about the same.
    waiting.pods.merge(sent.pods);
    if (!waiting.node) waiting.node = std::move(sent.node);
    waiting.events.insert(waiting.events.begin(), sent.events.begin(), sent.events.end());
    if (how == ended::overtaken) return store();
    self->delayed_send(self, try_again, resync_atom_v);
  }

  node_actor::pointer self;
  environment given;
  std::string name;
  traced_store desk{*given.store, "node/" + name};
  node_agent_actor agent;
  reports waiting;
  reports sent; ///< on their way
  bool storing = false;
  std::atomic<ended> outcome = ended::not_yet; ///< of the commit on its way
};

} // namespace

node_actor::behavior_type node(node_actor::pointer self, environment given, std::string name,
                               node_agent_actor agent, caf::actor_addr nodes) {
  self->monitor(nodes);
  self->set_down_handler([self](caf::down_msg&) { self->quit(); });
  auto state =
      std::make_shared<node_state>(self, std::move(given), std::move(name), std::move(agent));
  return {[state](reported_atom, const std::string& said) { state->heard(said); },
          [state](resync_atom) { state->go_on(); }};
}

} // namespace troupe::nodes
