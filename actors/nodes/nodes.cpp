#include "actors/nodes/nodes.hpp"

#include "actors/insight/trace_words.hpp"
#include "actors/nodes/fact_book.hpp"
#include "actors/nodes/mark_rounds.hpp"
#include "actors/nodes/node.hpp"
#include "actors/nodes/pod_ranges.hpp"
#include "actors/nodes/reports.hpp"
#include "actors/store/traced_store.hpp"
#include "actors/insight/metered.hpp"
#include "messages/base/log.hpp"

#include <deque>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace troupe::nodes {

namespace {

constexpr std::chrono::milliseconds try_again{100}; // after a store that could not take it
/// A machine that does not answer in this time does not hold up the others.
constexpr std::chrono::milliseconds mark_patience{2'000};
constexpr std::string_view node_prefix = "nodes//";
constexpr const char* own_name = "nodes"; // in the directory

/// Events of one resource, from where the last look ended.
struct cursor {
  std::string resource;
  std::optional<storage::watch> watch;
};

struct nodes_state : std::enable_shared_from_this<nodes_state> {
  struct agent_entry {
    node_agent_actor agent;
    node_actor node;
    std::string pod_range;
    bool answers_marks = false;
  };

  nodes_state(nodes_actor::pointer self, environment given)
      : self{self}, given{std::move(given)}, ranges{this->given.pod_network,
                                                    this->given.pod_range_bits} {
    for (auto& r : fact_book::resources()) cursors.push_back({r, {}});
    self->set_down_handler([this](caf::down_msg& gone) { left(gone.source); });
    begin();
  }

  /// Reads everything, listens from there on, and tells every agent all of it.
  void begin() {
    auto now = given.store->current();
    for (auto& c : cursors) {
      c.watch.reset();
      auto made = given.store->subscribe(
          {.resource = c.resource, .after_revision = now.revision(), .wake = [self = handle()] {
             caf::anon_send(self, resync_atom_v);
           }});
      if (made) c.watch.emplace(std::move(*made));
    }
    book.read(now);
    for (auto& entry : now.list(std::string(node_prefix))) note_node(entry);
    for (auto& [name, a] : agents) tell(name, book.all(name, now));
    self->send(self, resync_atom_v); // arms the watches
  }

  void resync() {
    auto now = given.store->current();
    std::vector<storage::event_ptr> events;
    for (auto& c : cursors) {
      events.clear();
      if (!c.watch || !c.watch->read(events)) return begin();
      if (trace::on()) trace::heard(own_name, events);
      for (auto& e : events) {
        if (c.resource == "nodes" && e->created()) note_node(*e->now);
        book.heard(*e, now);
      }
    }
    for (auto& [name, facts] : book.take_news()) tell(name, facts);
  }

  /// A node that nobody speaks for gets its time to come back.
  void note_node(const storage::entry& entry) {
    k8s::core::v1::Node object;
    object.ParsePartialFromArray(entry.value().data(), static_cast<int>(entry.value().size()));
    ranges.mark(object.spec().pod_cidr());
    std::string name(entry.key().substr(node_prefix.size()));
    if (!agents.contains(name)) expect(name);
  }

  caf::result<caf::strong_actor_ptr> arrived(const std::string& bytes,
                                             const caf::strong_actor_ptr& handle) {
    cluster::Arrived said;
    k8s::core::v1::Node object;
    if (!said.ParseFromString(bytes) || !object.ParsePartialFromString(said.node()) ||
        object.metadata().name().empty() || !handle)
      return caf::make_error(caf::sec::invalid_argument, "a node's first word cannot be read");
    auto name = object.metadata().name();
    if (auto old = agents.find(name); old != agents.end()) {
      caf::anon_send_exit(old->second.node, caf::exit_reason::user_shutdown);
      names.erase(old->second.agent.address());
    }
    auto agent = caf::actor_cast<node_agent_actor>(handle);
    std::erase_if(expected, [&](auto& x) { return x.second == name; });
    auto& a = agents[name];
    a.agent = agent;
    a.answers_marks = said.answers_marks();
    marks.left(name); // it is told everything anew
    a.node = insight::spawn(self->system(), node, with_pass_on(), name, agent, self->address());
    given.introduce(name, caf::actor_cast<caf::weak_actor_ptr>(a.node));
    names[agent.address()] = name;
    self->monitor(agent);
    book.arrived(name, said.wants_network());
    if (said.wants_network() && a.pod_range.empty()) a.pod_range = ranges.take();
    store_node(name, std::move(object));
    auto now = given.store->current();
    // What the watches have not told yet is older than this: they may tell it again.
    tell(name, book.all(name, now));
    return caf::actor_cast<caf::strong_actor_ptr>(a.node);
  }

  void store_node(const std::string& name, k8s::core::v1::Node object) {
    auto a = agents.find(name);
    if (a == agents.end()) return;
    storage::transaction tx;
    put_node({name, given.now(), given.random}, object, a->second.pod_range, given.store->current(),
             tx);
    if (tx.mutations.empty()) return;
    commit(std::move(tx), [name, object](nodes_state& me) { me.store_node(name, object); });
  }

  void left(const caf::actor_addr& agent) {
    auto hit = names.find(agent);
    if (hit == names.end()) return;
    auto name = std::move(hit->second);
    names.erase(hit);
    auto a = agents.find(name);
    caf::anon_send_exit(a->second.node, caf::exit_reason::user_shutdown);
    given.introduce(name, {});
    agents.erase(a);
    book.left(name);
    marks.left(name);
    tend_marks();
    log::info("nodes", "the agent of a node is gone", {{"node", name}});
    expect(name);
  }

  // MARKS

  environment with_pass_on() {
    auto out = given;
    out.pass_on = [self = handle(), me = weak_from_this()](auto& node, auto& what) {
      if (auto state = me.lock())
        state->put_off([node, what](nodes_state& s) { s.passed_on(node, what); });
      caf::anon_send(self, resync_atom_v);
    };
    return out;
  }

  void passed_on(const std::string& node, const cluster::Report& what) {
    if (what.what_case() == cluster::Report::kEverywhereWanted)
      marks.wants(node, what.everywhere_wanted());
    else
      marks.taken_in(node, what.taken_in());
  }

  /// After a look at the store: what is told before a mark is all that is true now.
  void tend_marks() {
    if (self->clock().now() >= round_ends) marks.give_up();
    answer_askers();
    if (!marks.may_begin()) return;
    std::set<std::string> machines;
    for (auto& [name, a] : agents)
      if (a.answers_marks) machines.insert(name);
    auto mark = marks.begin(machines);
    cluster::ToNode out;
    out.add_facts()->set_mark(mark);
    for (auto& name : machines) tell(name, out);
    answer_askers(); // there may be no machine to wait for
    round_ends = self->clock().now() + mark_patience;
    self->delayed_send(self, mark_patience, resync_atom_v);
  }

  void answer_askers() {
    for (auto& a : marks.take_done()) {
      cluster::ToNode out;
      out.add_facts()->set_taken_in_everywhere(a.request);
      tell(a.node, out);
    }
  }

  /// If no agent of the node is there when the time is over, its state is unknown.
  void expect(const std::string& name) {
    expected.emplace_back(self->clock().now() + given.lost_after, name);
    self->delayed_send(self, given.lost_after, resync_atom_v);
  }

  void give_up_late_ones() {
    for (; !expected.empty() && expected.front().first <= self->clock().now(); expected.pop_front())
      give_up(expected.front().second);
  }

  void give_up(const std::string& name) {
    if (agents.contains(name)) return;
    storage::transaction tx;
    put_node_unknown({name, given.now(), given.random}, given.store->current(), tx);
    if (tx.mutations.empty()) return;
    log::warn("nodes", "a node has not been heard of for too long", {{"node", name}});
    commit(std::move(tx), [name](nodes_state& me) { me.give_up(name); });
  }

  /// Commits, and has `again` called here after a while if that came to nothing.
  void commit(storage::transaction tx, std::function<void(nodes_state&)> again) {
    desk.commit(std::move(tx),
                [self = handle(), me = weak_from_this(), again = std::move(again)](auto done) {
                  if (done && !done->refused) return;
                  if (auto state = me.lock()) state->put_off(again);
                  caf::delayed_anon_send(self, try_again, resync_atom_v);
                });
  }

  /// Any thread.
  void put_off(const std::function<void(nodes_state&)>& again) {
    std::lock_guard lock{put_off_mutex};
    postponed.push_back(again);
  }

  void do_postponed() {
    std::vector<std::function<void(nodes_state&)>> now;
    {
      std::lock_guard lock{put_off_mutex};
      now.swap(postponed);
    }
    for (auto& again : now) again(*this);
  }

  void tell(const std::string& name, const cluster::ToNode& facts) {
    auto a = agents.find(name);
    if (a == agents.end()) return;
    if (trace::on()) trace::passes(own_name, "agent/" + name, facts);
    self->send(a->second.agent, told_atom_v, facts.SerializeAsString());
  }

  nodes_actor handle() const { return nodes_actor{self}; }

  nodes_actor::pointer self;
  environment given;
  traced_store desk{*given.store, own_name};
  pod_ranges ranges;
  fact_book book;
  mark_rounds marks;
  caf::actor_clock::time_point round_ends{};
  std::vector<cursor> cursors;
  std::unordered_map<std::string, agent_entry> agents; ///< by node
  std::map<caf::actor_addr, std::string> names;        ///< of the nodes of agents
  std::deque<std::pair<caf::actor_clock::time_point, std::string>> expected; ///< until when
  std::mutex put_off_mutex;
  std::vector<std::function<void(nodes_state&)>> postponed;
};

} // namespace

nodes_actor::behavior_type nodes(nodes_actor::pointer self, environment given) {
  auto state = std::make_shared<nodes_state>(self, std::move(given));
  return {[state](arrived_atom, const std::string& said, const caf::strong_actor_ptr& agent) {
            return state->arrived(said, agent);
          },
          [state](resync_atom) {
            state->do_postponed();
            state->give_up_late_ones();
            state->resync();
            state->tend_marks();
          }};
}

} // namespace troupe::nodes
