// What agents of nodes hear, and what becomes of their reports: NODES and NODE against a real
// store, with agents that only write down what they are told.
#include "actors/nodes/nodes.hpp"
#include "actors/nodes/pod_ranges.hpp"
#include "actors/gateway/fields.hpp"
#include "actors/gateway/object.hpp"
#include "messages/api/config.pb.h"
#include "messages/api/event.pb.h"
#include "messages/api/namespace.pb.h"
#include "messages/api/node.pb.h"
#include "messages/api/pod.pb.h"
#include "test/support/store_fixture.hpp"

#include <boost/test/unit_test.hpp>
#include <caf/scheduler/test_coordinator.hpp>

using namespace troupe;
using namespace k8s::core::v1;

namespace {

struct config : caf::actor_system_config {
  config() {
    add_message_types<caf::id_block::troupe>();
    set("scheduler.policy", caf::atom("testing"));
  }
};

struct stage : test::store_fixture {
  stage() {
    nodes::environment given{.store = store.get(),
                             .now =
                                 [this] {
                                   return timestamp{clock, 0};
                                 },
                             .random = [this] { return ++chance; },
                             .issue_token =
                                 [](const cluster::TokenWanted& w) {
                                   cluster::Token t;
                                   t.set_token("for " + w.service_account());
                                   return t;
                                 }};
    company = system.spawn(nodes::nodes, given);
    settle();
  }

  ~stage() {
    caf::anon_send_exit(company, caf::exit_reason::user_shutdown);
    for (auto& a : agents) caf::anon_send_exit(a.second, caf::exit_reason::user_shutdown);
    agents.clear();
    company = nullptr;
    settle();
  }

  /// Lets everybody act until nobody has anything to do; commits come back on the store's thread.
  void settle() {
    for (int quiet = 0; quiet < 3;) {
      bool acted = scheduler().run() > 0;
      storage::transaction barrier;
      barrier.put("barrier/x", std::to_string(++chance));
      BOOST_REQUIRE(storage::commit_and_wait(*store, std::move(barrier)));
      quiet = acted ? 0 : quiet + 1;
    }
  }

  caf::scheduler::test_coordinator& scheduler() {
    return static_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  }

  void put(const char* plural, const std::string& ns, google::protobuf::Message& object) {
    gateway::meta(object).set_namespace_(ns);
    store_fixture::put(plural, object);
    settle();
  }

  void erase(const std::string& key) {
    storage::transaction tx;
    tx.erase(key);
    BOOST_REQUIRE(storage::commit_and_wait(*store, std::move(tx)));
    settle();
  }

  void put_pod(const std::string& name, const std::string& node, const std::string& secret = "") {
    Pod pod;
    pod.mutable_metadata()->set_name(name);
    pod.mutable_metadata()->set_uid("uid-" + name);
    pod.mutable_spec()->set_node_name(node);
    pod.mutable_spec()->set_service_account_name("default");
    if (!secret.empty()) {
      auto& v = *pod.mutable_spec()->add_volumes();
      v.set_name("s");
      v.mutable_volume_source()->mutable_secret()->set_secret_name(secret);
    }
    put("pods", "default", pod);
  }

  void put_secret(const std::string& name) {
    Secret secret;
    secret.mutable_metadata()->set_name(name);
    put("secrets", "default", secret);
  }

  /// An agent that writes down what it hears.
  void arrive(const std::string& name, bool wants_network = false, bool knows_readiness = true) {
    Node object;
    object.mutable_metadata()->set_name(name);
    (*object.mutable_status()->mutable_capacity())["cpu"].set_string("2");
    if (knows_readiness) {
      auto& ready = *object.mutable_status()->add_conditions();
      ready.set_type("Ready");
      ready.set_status("True");
    }
    cluster::Arrived first;
    first.set_node(object.SerializeAsString());
    first.set_wants_network(wants_network);
    first.set_answers_marks(wants_network);
    agents[name] = system.spawn(
        [this, name, first](node_agent_actor::pointer self) -> node_agent_actor::behavior_type {
          self->request(company, caf::infinite, arrived_atom_v, first.SerializeAsString(),
                        caf::actor_cast<caf::strong_actor_ptr>(self))
              .then([this, name](const caf::strong_actor_ptr& desk) {
                desks[name] = caf::actor_cast<node_actor>(desk);
              });
          return {[this, name](told_atom, const std::string& bytes) {
                    cluster::ToNode told;
                    BOOST_REQUIRE(told.ParseFromString(bytes));
                    for (auto& f : told.facts()) heard[name].push_back(text(f));
                  },
                  [](resync_atom) {}};
        });
    settle();
  }

  static std::string text(const cluster::Fact& f) {
    auto path = [](const cluster::Name& n) {
      return n.resource() + "/" + n.namespace_() + "/" + n.name();
    };
    if (f.has_stands()) return "+" + path(f.stands().name());
    if (f.has_gone()) return "-" + path(f.gone());
    if (f.has_token())
      return "token " + (f.token().refused().empty() ? f.token().token() : std::string("refused"));
    if (f.what_case() == cluster::Fact::kMark) return "mark " + std::to_string(f.mark());
    if (f.what_case() == cluster::Fact::kTakenInEverywhere)
      return "everywhere " + std::to_string(f.taken_in_everywhere());
    return "all told";
  }

  std::vector<std::string> take(const std::string& name) { return std::exchange(heard[name], {}); }

  void report(const std::string& name, cluster::Report r) {
    cluster::FromNode said;
    *said.add_reports() = std::move(r);
    caf::anon_send(desks[name], reported_atom_v, said.SerializeAsString());
    settle();
  }

  void report_phase(const std::string& node, const std::string& pod, const std::string& phase) {
    PodStatus status;
    status.set_phase(phase);
    cluster::Report r;
    r.mutable_pod()->set_namespace_("default");
    r.mutable_pod()->set_name(pod);
    r.mutable_pod()->set_uid("uid-" + pod);
    r.mutable_pod()->set_status(status.SerializeAsString());
    report(node, std::move(r));
  }

  template<class Object> Object read(const std::string& key) {
    Object out;
    if (auto entry = store->current().get(key))
      out.ParsePartialFromArray(entry->value().data(), static_cast<int>(entry->value().size()));
    return out;
  }

  std::string phase_of(const std::string& pod) {
    return read<Pod>("pods/default/" + pod).status().phase();
  }

  int64_t clock = 1'000'000;
  uint64_t chance = 0;
  config settings;
  caf::actor_system system{settings};
  nodes_actor company;
  std::map<std::string, node_agent_actor> agents;
  std::map<std::string, node_actor> desks;
  std::map<std::string, std::vector<std::string>> heard;
};

using texts = std::vector<std::string>;

} // namespace

BOOST_FIXTURE_TEST_SUITE(nodes_test, stage)

BOOST_AUTO_TEST_CASE(an_agent_hears_of_its_pods_after_what_they_refer_to) {
  put_secret("key");
  put_secret("other");
  put_pod("a", "n1", "key");
  put_pod("b", "n2");
  arrive("n1");
  auto first = take("n1");
  BOOST_TEST(first.front() == "+secrets/default/key");
  BOOST_TEST((std::find(first.begin(), first.end(), "+pods/default/a") != first.end()));
  BOOST_TEST((std::find(first.begin(), first.end(), "+pods/default/b") == first.end()));
  BOOST_TEST((std::find(first.begin(), first.end(), "+secrets/default/other") == first.end()));
  put_pod("c", "n1", "other");
  BOOST_TEST(take("n1") == (texts{"+secrets/default/other", "+pods/default/c"}),
             boost::test_tools::per_element());
  put_secret("other");
  BOOST_TEST(take("n1") == (texts{"+secrets/default/other"}), boost::test_tools::per_element());
  erase("pods/default/c");
  BOOST_TEST(take("n1") == (texts{"-pods/default/c", "-secrets/default/other"}),
             boost::test_tools::per_element());
  put_secret("other");
  BOOST_TEST(take("n1").empty());
}

BOOST_AUTO_TEST_CASE(an_agent_makes_its_node_and_gets_a_range_if_it_wants_network) {
  arrive("n1", true);
  arrive("n2", true);
  arrive("n3");
  BOOST_TEST(read<Node>("nodes//n1").spec().pod_cidr() == "10.244.0.0/24");
  BOOST_TEST(read<Node>("nodes//n2").spec().pod_cidr() == "10.244.1.0/24");
  BOOST_TEST(read<Node>("nodes//n3").spec().pod_cidr() == "");
  BOOST_TEST(read<Node>("nodes//n3").metadata().has_creation_timestamp());
}

BOOST_AUTO_TEST_CASE(a_report_changes_the_pods_of_its_node_only) {
  put_pod("a", "n1");
  put_pod("b", "n2");
  arrive("n1");
  report_phase("n1", "a", "Running");
  report_phase("n1", "b", "Running");
  BOOST_TEST(phase_of("a") == "Running");
  BOOST_TEST(phase_of("b") == "");
  report_phase("n1", "a", "Succeeded");
  report_phase("n1", "a", "Running");
  BOOST_TEST(phase_of("a") == "Succeeded");
}

BOOST_AUTO_TEST_CASE(a_stopped_pod_goes_only_if_it_was_to_go) {
  put_pod("a", "n1");
  arrive("n1");
  cluster::Report end;
  end.mutable_stopped()->set_namespace_("default");
  end.mutable_stopped()->set_name("a");
  end.mutable_stopped()->set_uid("uid-a");
  report("n1", end);
  BOOST_TEST(store->current().count("pods/") == 1u);
  auto pod = read<Pod>("pods/default/a");
  pod.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(clock);
  put("pods", "default", pod);
  report("n1", end);
  BOOST_TEST(store->current().count("pods/") == 0u);
}

BOOST_AUTO_TEST_CASE(a_nodes_own_pod_is_shown_unless_it_would_show_the_node_what_is_not_its_own) {
  Namespace space;
  space.mutable_metadata()->set_name("default");
  put("namespaces", "", space);
  put_secret("key");
  arrive("n1");
  take("n1");
  auto mirror = [&](const std::string& name, const std::string& secret) {
    Pod pod;
    pod.mutable_metadata()->set_name(name);
    pod.mutable_metadata()->set_namespace_("default");
    (*pod.mutable_metadata()->mutable_annotations())["kubernetes.io/config.mirror"] = "uid-" + name;
    pod.mutable_spec()->set_node_name("another");
    auto& c = *pod.mutable_spec()->add_containers();
    c.set_name("main");
    c.set_image("x");
    if (!secret.empty()) {
      auto& from = *c.add_env_from()->mutable_secret_ref();
      from.mutable_local_object_reference()->set_name(secret);
    }
    cluster::Report r;
    r.set_mirror(pod.SerializeAsString());
    report("n1", std::move(r));
  };
  mirror("bad", "key");
  BOOST_TEST(store->current().count("pods/") == 0u);
  mirror("own", "");
  auto made = read<Pod>("pods/default/own");
  BOOST_TEST(made.spec().node_name() == "n1");
  BOOST_REQUIRE(made.metadata().owner_references_size() == 1);
  BOOST_TEST(made.metadata().owner_references(0).name() == "n1");
  BOOST_TEST(made.metadata().uid() != "uid-own");
  report_phase("n1", "own", "Running"); // by the uid of what it mirrors
  BOOST_TEST(phase_of("own") == "Running");
  cluster::Report r;
  r.mutable_stopped()->set_namespace_("default");
  r.mutable_stopped()->set_name("own");
  r.mutable_stopped()->set_uid("uid-own");
  report("n1", std::move(r));
  BOOST_TEST(store->current().count("pods/") == 0u);
}

BOOST_AUTO_TEST_CASE(the_same_event_twice_is_one_with_a_count) {
  arrive("n1");
  Event event;
  event.mutable_involved_object()->set_kind("Pod");
  event.mutable_involved_object()->set_namespace_("default");
  event.mutable_involved_object()->set_name("a");
  event.set_reason("Started");
  cluster::Report r;
  r.set_event(event.SerializeAsString());
  report("n1", r);
  report("n1", r);
  auto now = store->current();
  BOOST_REQUIRE(now.count("events/default/") == 1u);
  for (auto& entry : now.list("events/default/"))
    BOOST_TEST(read<Event>(std::string(entry.key())).count() == 2);
}

BOOST_AUTO_TEST_CASE(tokens_are_for_pods_that_run_here_with_that_account) {
  put_pod("a", "n1");
  arrive("n1");
  take("n1");
  cluster::Report r;
  auto& w = *r.mutable_token_wanted();
  w.set_namespace_("default");
  w.set_pod("a");
  w.set_pod_uid("uid-a");
  w.set_service_account("default");
  report("n1", r);
  w.set_service_account("admin");
  report("n1", r);
  BOOST_TEST(take("n1") == (texts{"token for default", "token refused"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_node_whose_agent_is_gone_becomes_unknown_after_its_time) {
  arrive("n1");
  auto ready = [&] { return read<Node>("nodes//n1").status().conditions(0).status(); };
  caf::anon_send_exit(agents["n1"], caf::exit_reason::kill);
  agents.erase("n1");
  settle();
  BOOST_TEST(ready() == "True");
  scheduler().advance_time(std::chrono::seconds(41));
  settle();
  BOOST_TEST(ready() == "Unknown");
  arrive("n1");
  BOOST_TEST(ready() == "True");
}

BOOST_AUTO_TEST_CASE(an_agent_that_starts_anew_leaves_what_it_does_not_know) {
  arrive("n1");
  auto node = read<Node>("nodes//n1");
  auto& others = *node.mutable_status()->add_conditions();
  others.set_type("KernelDeadlock");
  others.set_status("False");
  (*node.mutable_status()->mutable_capacity())["example.com/dongle"].set_string("4");
  put("nodes", "", node);
  arrive("n1", false, false);
  node = read<Node>("nodes//n1");
  BOOST_REQUIRE(node.status().conditions_size() == 2);
  BOOST_TEST(node.status().conditions(0).type() == "Ready");
  BOOST_TEST(node.status().conditions(0).status() == "True");
  BOOST_TEST(node.status().conditions(1).type() == "KernelDeadlock");
  BOOST_TEST(node.status().allocatable().at("example.com/dongle").string() == "4");
  arrive("n2", true, false);
  BOOST_TEST(read<Node>("nodes//n2").status().conditions(0).status() == "False");
}

BOOST_AUTO_TEST_CASE(who_waits_for_all_machines_is_answered_when_all_have_taken_it_in) {
  for (auto name : {"n1", "n2"}) arrive(name, true);
  arrive("old"); // knows no marks: nobody waits for it
  for (auto name : {"n1", "n2", "old"}) take(name);
  auto want = [&](const char* node, uint64_t request) {
    cluster::Report r;
    r.set_everywhere_wanted(request);
    report(node, r);
  };
  auto answer = [&](const char* node, uint64_t mark) {
    cluster::Report r;
    r.set_taken_in(mark);
    report(node, r);
  };
  want("n1", 7);
  BOOST_TEST(take("n1") == texts{"mark 1"}, boost::test_tools::per_element());
  BOOST_TEST(take("n2") == texts{"mark 1"}, boost::test_tools::per_element());
  want("n2", 3); // too late for the round under way
  answer("n1", 1);
  BOOST_TEST(take("n1").empty());
  answer("n2", 1);
  BOOST_TEST(take("n1") == (texts{"everywhere 7", "mark 2"}), boost::test_tools::per_element());
  BOOST_TEST(take("n2") == texts{"mark 2"}, boost::test_tools::per_element());
  answer("n2", 2);
  answer("n1", 1); // of a round that is over
  BOOST_TEST(take("n2").empty());
  scheduler().advance_time(std::chrono::seconds(2)); // n1 does not answer
  settle();
  BOOST_TEST(take("n2") == texts{"everywhere 3"}, boost::test_tools::per_element());
  want("n2", 4);
  take("n2");
  answer("n2", 3);
  caf::anon_send_exit(agents["n1"], caf::exit_reason::kill);
  agents.erase("n1");
  settle();
  BOOST_TEST(take("n2") == texts{"everywhere 4"}, boost::test_tools::per_element());
  BOOST_TEST(take("old").empty());
}

BOOST_AUTO_TEST_CASE(ranges_are_given_once_and_end) {
  nodes::pod_ranges ranges(*network::parse("10.0.0.0/30"), 32);
  ranges.mark("10.0.0.1/32");
  texts got;
  for (int i = 0; i < 4; ++i) got.push_back(ranges.take());
  BOOST_TEST(got == (texts{"10.0.0.2/32", "10.0.0.3/32", "10.0.0.0/32", ""}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
