// Daemon sets against a model of nodes.
#include "actors/controllers/daemon_set_plan.hpp"

#include "actors/gateway/fields.hpp"
#include "actors/gateway/object.hpp"
#include "messages/api/node.pb.h"

#include <boost/test/unit_test.hpp>

#include <list>
#include <random>

BOOST_AUTO_TEST_SUITE(daemon_set_plan_test)

using namespace troupe;
using namespace troupe::controllers;
using k8s::apps::v1::DaemonSet;

namespace {

struct model {
  DaemonSet set;
  std::map<std::string, daemon_node> nodes;
  std::list<pod_view> pods;
  std::string hash = "1";
  timestamp now{10'000, 0};
  int born = 0;

  explicit model(int count) {
    set.mutable_metadata()->set_name("ds");
    set.mutable_spec()->mutable_update_strategy()->set_type("RollingUpdate");
    auto& rolling = *set.mutable_spec()->mutable_update_strategy()->mutable_rolling_update();
    rolling.mutable_max_unavailable()->set_int_val(1);
    rolling.mutable_max_surge()->set_int_val(0);
    for (int i = 0; i < count; ++i) node("n" + std::to_string(i));
  }

  void node(const std::string& name, const char* taint = nullptr,
            const char* effect = "NoSchedule") {
    k8s::core::v1::Node n;
    n.mutable_metadata()->set_name(name);
    (*n.mutable_metadata()->mutable_labels())["name"] = name;
    if (taint) {
      auto& t = *n.mutable_spec()->add_taints();
      t.set_key(taint);
      t.set_effect(effect);
    }
    auto& kind = *schema::registry::built_in()->by_resource("", "v1", "nodes");
    nodes.insert_or_assign(name, daemon_node::of(storage::entry::make(
                                     gateway::key_of(kind, {}, name), gateway::index_of(kind, n),
                                     gateway::stored_form(kind, n))));
  }

  pod_view& put(const std::string& node, const std::string& of) {
    k8s::core::v1::Pod pod;
    auto name = "ds-" + std::to_string(++born);
    pod.mutable_metadata()->set_name(name);
    (*pod.mutable_metadata()->mutable_labels())["controller-revision-hash"] = of;
    pod.mutable_metadata()->mutable_creation_timestamp()->set_seconds(born);
    give_node(pod, node);
    auto& kind = *schema::registry::built_in()->by_resource("", "v1", "pods");
    pods.push_back(pod_view::of(storage::entry::make(gateway::key_of(kind, "ns", name),
                                                     gateway::index_of(kind, pod),
                                                     gateway::stored_form(kind, pod))));
    return pods.back();
  }

  daemon_set_view view() const {
    daemon_set_view v{set, nodes, {}, hash, now};
    for (auto& p : pods) v.pods.push_back(&p);
    return v;
  }

  std::pair<int, int> step() {
    int made = 0, taken = 0;
    for (auto& action : plan(view())) {
      if (auto a = std::get_if<create_daemon>(&action)) {
        put(a->node, hash);
        ++made;
      } else if (auto a = std::get_if<delete_daemon>(&action)) {
        const_cast<pod_view*>(a->pod)->going = true;
        ++taken;
      }
    }
    return {made, taken};
  }
  void run() {
    std::erase_if(pods, [](auto& p) { return p.going; });
    for (auto& p : pods)
      if (!p.finished()) p.phase = pod_phase::running, p.ready = true, p.ready_since = now;
  }
  void settle() {
    for (int i = 0; i < 300; ++i) {
      auto did = step();
      run();
      if (did == std::pair(0, 0) && step() == std::pair(0, 0)) return;
    }
    BOOST_FAIL("it does not settle");
  }
  int serving() const {
    int sum = 0;
    for (auto& p : pods) sum += p.ready && !p.going;
    return sum;
  }
};

} // namespace

BOOST_AUTO_TEST_CASE(every_node_that_fits_gets_one_and_no_other) {
  model m{3};
  m.node("tainted", "example.com/own");
  m.node("pressed", "node.kubernetes.io/memory-pressure");
  m.settle();
  BOOST_TEST(m.pods.size() == 4u); // pressure is sat out, other taints are not
  auto status = status_of(m.view());
  BOOST_TEST(status.desired_number_scheduled() == 4);
  BOOST_TEST(status.number_ready() == 4);
  BOOST_TEST(status.number_misscheduled() == 0);
  m.node("n0", "example.com/own"); // keeps new ones out, those there may stay
  BOOST_TEST((m.step() == std::pair(0, 0)));
  BOOST_TEST(status_of(m.view()).number_misscheduled() == 1);
  m.node("n0", "example.com/own", "NoExecute");
  BOOST_TEST((m.step() == std::pair(0, 1)));
}

BOOST_AUTO_TEST_CASE(a_rollout_takes_away_pods_where_none_would_be_started) {
  for (bool surges : {false, true}) {
    model m{3};
    auto& rolling = *m.set.mutable_spec()->mutable_update_strategy()->mutable_rolling_update();
    rolling.mutable_max_surge()->set_int_val(surges);
    rolling.mutable_max_unavailable()->set_int_val(!surges);
    m.settle();
    m.node("n0", "example.com/own"); // those there may stay
    BOOST_TEST((m.step() == std::pair(0, 0)));
    m.hash = "2";
    m.settle();
    BOOST_TEST(m.pods.size() == 2u);
    BOOST_TEST(status_of(m.view()).number_misscheduled() == 0);
  }
}

BOOST_AUTO_TEST_CASE(during_a_surge_the_old_pod_of_a_node_counts) {
  model m{1};
  auto& rolling = *m.set.mutable_spec()->mutable_update_strategy()->mutable_rolling_update();
  rolling.mutable_max_surge()->set_int_val(1);
  rolling.mutable_max_unavailable()->set_int_val(0);
  m.settle();
  m.hash = "2";
  BOOST_TEST((m.step() == std::pair(1, 0)));
  BOOST_TEST(status_of(m.view()).updated_number_scheduled() == 0);
  BOOST_TEST(status_of(m.view()).number_ready() == 1);
  m.settle();
  BOOST_TEST(status_of(m.view()).updated_number_scheduled() == 1);
}

BOOST_AUTO_TEST_CASE(selected_nodes_only) {
  model m{3};
  (*m.set.mutable_spec()->mutable_template_()->mutable_spec()->mutable_node_selector())["name"] =
      "n1";
  m.settle();
  BOOST_REQUIRE(m.pods.size() == 1u);
  BOOST_TEST(node_of(m.pods.front()) == "n1");
}

BOOST_AUTO_TEST_CASE(a_daemon_that_ended_is_replaced) {
  model m{1};
  m.settle();
  m.pods.front().phase = pod_phase::failed;
  auto actions = plan(m.view());
  BOOST_REQUIRE(actions.size() == 1u);
  BOOST_TEST(std::get<delete_daemon>(actions[0]).why == std::string("FailedDaemonPod"));
  m.settle();
  BOOST_TEST(m.serving() == 1);
}

BOOST_AUTO_TEST_CASE(of_two_on_one_node_the_younger_goes) {
  model m{1};
  m.settle();
  m.put("n0", "1");
  auto actions = plan(m.view());
  BOOST_REQUIRE(actions.size() == 1u);
  BOOST_TEST(std::get<delete_daemon>(actions[0]).pod == &m.pods.back());
}

BOOST_AUTO_TEST_CASE(on_delete_waits_for_somebody_to_delete) {
  model m{2};
  m.set.mutable_spec()->mutable_update_strategy()->set_type("OnDelete");
  m.settle();
  m.hash = "2";
  BOOST_TEST((m.step() == std::pair(0, 0)));
  BOOST_TEST(status_of(m.view()).updated_number_scheduled() == 0);
}

BOOST_AUTO_TEST_CASE(rollouts_keep_their_bounds_at_every_step) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      std::mt19937 chance{seed};
      auto pick = [&](int n) { return static_cast<int>(chance() % static_cast<unsigned>(n)); };
      model m{1 + pick(10)};
      bool surges = pick(2);
      auto bound = 1 + pick(3);
      auto& rolling = *m.set.mutable_spec()->mutable_update_strategy()->mutable_rolling_update();
      rolling.mutable_max_surge()->set_int_val(surges ? bound : 0);
      rolling.mutable_max_unavailable()->set_int_val(surges ? 0 : bound);
      m.settle();
      auto all = static_cast<int>(m.nodes.size());
      m.hash = "2";
      for (int i = 0; i < 100; ++i) {
        m.step();
        BOOST_TEST(m.serving() >= all - (surges ? 0 : bound));
        int alive = 0;
        for (auto& p : m.pods) alive += !p.going;
        BOOST_TEST(alive <= all + (surges ? bound : 0));
        for (auto& p : m.pods) // some start, some end
          if (!p.going && pick(2)) p.phase = pod_phase::running, p.ready = true;
        m.pods.remove_if([&](auto& p) { return p.going && pick(2); });
      }
      m.settle();
      BOOST_TEST(m.serving() == all);
      BOOST_TEST(status_of(m.view()).updated_number_scheduled() == all);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_pod_on_its_way_out_counts_as_long_as_it_serves) {
  model m{1};
  auto& old = m.put("n0", "1");
  old.phase = pod_phase::running;
  old.ready = old.going = true;
  m.hash = "2";
  BOOST_TEST(status_of(m.view()).number_ready() == 1);
  BOOST_TEST(status_of(m.view()).updated_number_scheduled() == 0);
  old.phase = pod_phase::failed;
  BOOST_TEST(status_of(m.view()).number_ready() == 0);
  BOOST_TEST(status_of(m.view()).current_number_scheduled() == 0);
}

// Before, a node stayed without a daemon for as long as somebody held on to the one that had ended.
BOOST_AUTO_TEST_CASE(a_pod_that_has_ended_and_is_going_is_not_waited_for) {
  model m{1};
  m.settle();
  m.pods.front().going = true;
  BOOST_TEST((m.step() == std::pair(0, 0))); // it still runs
  m.pods.front().phase = pod_phase::failed;
  BOOST_TEST((m.step() == std::pair(1, 0)));
}

BOOST_AUTO_TEST_CASE(with_a_surge_the_next_pod_need_not_wait_for_the_one_before_to_be_gone) {
  for (bool failed : {false, true}) {
    model m{1};
    auto& rolling = *m.set.mutable_spec()->mutable_update_strategy()->mutable_rolling_update();
    rolling.mutable_max_surge()->set_int_val(1);
    rolling.mutable_max_unavailable()->set_int_val(0);
    m.settle();
    auto& old = m.pods.front();
    failed ? void(old.phase = pod_phase::failed) : void(old.going = true);
    BOOST_TEST((m.step() == std::pair(1, int{failed})));
    BOOST_TEST((m.step() == std::pair(0, 0)));
  }
}

// Before, a pod that waited for a node that was removed waited for ever.
BOOST_AUTO_TEST_CASE(a_pod_for_a_node_that_is_gone_goes_unless_it_was_placed) {
  model m{2};
  m.step();
  for (auto& p : m.pods)
    if (node_of(p) == "n1") p.node = "n1";
  m.nodes.clear();
  BOOST_TEST((m.step() == std::pair(0, 1)));
  for (auto& p : m.pods) BOOST_TEST(p.going == (node_of(p) == "n0"));
}

BOOST_AUTO_TEST_SUITE_END()
