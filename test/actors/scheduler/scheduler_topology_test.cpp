#include "test/support/scheduling.hpp"

#include <boost/test/unit_test.hpp>

#include <random>

BOOST_AUTO_TEST_SUITE(scheduler_topology_test)

using namespace troupe;
using namespace troupe::testing;
using scheduler::core;

namespace {

constexpr uint64_t seed = 11;

void add_nodes(core& c) {
  for (std::string name : {"a1", "a2", "b1", "b2"})
    c.hear_node(node_entry(name, std::string("topology.kubernetes.io/zone: zone-") + name[0]),
                false);
}

std::string labelled(const std::string& labels, const std::string& spec) {
  return "{metadata: {labels: {" + labels + "}}, " + asking("10m", "1Mi", spec) + "}";
}

std::string term(const std::string& key, const std::string& labels, const std::string& more = "") {
  return "{topologyKey: " + key + ", labelSelector: {matchLabels: {" + labels + "}}" + more + "}";
}

const std::string host = "kubernetes.io/hostname", zone = "topology.kubernetes.io/zone";

std::string apart(const std::string& t) {
  return "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [" + t +
         "]}}";
}
std::string together(const std::string& t) {
  return "affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [" + t + "]}}";
}
std::string spread(const std::string& key, int skew, const std::string& more = "") {
  return "topologySpreadConstraints: [{maxSkew: " + std::to_string(skew) +
         ", whenUnsatisfiable: DoNotSchedule, topologyKey: " + key +
         ", labelSelector: {matchLabels: {app: web}}" + more + "}]";
}

std::string reason(const std::string& message) {
  auto from = message.find(": ") + 2;
  return message.substr(from, message.find(". preemption:") - from);
}

} // namespace

BOOST_AUTO_TEST_CASE(pods_that_want_to_be_apart_are_apart) {
  core c(seed);
  add_nodes(c);
  std::set<std::string> nodes;
  for (auto name : {"p1", "p2", "p3", "p4"}) {
    c.hear_pod(pod_entry(name, labelled("app: web", apart(term(host, "app: web")))), false);
    nodes.insert(outcome(c)[name]);
  }
  BOOST_TEST(nodes.size() == 4u);
  c.hear_pod(pod_entry("p5", labelled("app: web", apart(term(host, "app: web")))), false);
  BOOST_TEST(reason(outcome(c)["p5"]) == "4 node(s) didn't match pod anti-affinity rules");
  c.hear_pod(pod_entry("p1"), true);
  BOOST_TEST(nodes.contains(outcome(c)["p5"]));
}

BOOST_AUTO_TEST_CASE(pods_that_are_there_keep_others_away) {
  core c(seed);
  add_nodes(c);
  c.hear_pod(pod_entry("hermit", labelled("app: hermit", apart(term(zone, "app: web")))), false);
  auto where = outcome(c)["hermit"];
  for (auto name : {"w1", "w2", "w3"}) {
    c.hear_pod(pod_entry(name, labelled("app: web", "")), false);
    BOOST_TEST(outcome(c)[name][0] != where[0]);
  }
  // In another namespace nobody minds.
  c.hear_pod(pod_entry("w4",
                       labelled("app: web", "nodeSelector: {" + zone + ": zone-" + where[0] + "}"),
                       "other"),
             false);
  BOOST_TEST(outcome(c)["w4"][0] == where[0]);
}

BOOST_AUTO_TEST_CASE(pods_that_want_company_find_it_and_the_first_may_be_alone) {
  core c(seed);
  add_nodes(c);
  c.hear_pod(pod_entry("p1", labelled("app: web", together(term(zone, "app: web")))), false);
  auto where = outcome(c)["p1"];
  for (auto name : {"p2", "p3", "p4"}) {
    c.hear_pod(pod_entry(name, labelled("app: web", together(term(zone, "app: web")))), false);
    BOOST_TEST(outcome(c)[name][0] == where[0]);
  }
  c.hear_pod(pod_entry("q", labelled("app: other", together(term(zone, "app: nobody")))), false);
  BOOST_TEST(reason(outcome(c)["q"]) == "4 node(s) didn't match pod affinity rules");
}

BOOST_AUTO_TEST_CASE(namespaces_are_found_by_their_labels) {
  core c(seed);
  add_nodes(c);
  auto space = [&](const char* labels) {
    auto object = read_yaml(core_kind("namespaces"),
                            std::string("{metadata: {name: other, labels: {") + labels + "}}}");
    c.hear_namespace(entry_of(core_kind("namespaces"), *object), false);
  };
  space("team: red");
  c.hear_pod(pod_entry("friend", labelled("app: web", ""), "other"), false);
  auto where = outcome(c)["friend"];
  auto wish = together(term(host, "app: web", ", namespaceSelector: {matchLabels: {team: blue}}"));
  c.hear_pod(pod_entry("p", labelled("app: x", wish)), false);
  BOOST_TEST(reason(outcome(c)["p"]) == "4 node(s) didn't match pod affinity rules");
  space("team: blue");
  BOOST_TEST(outcome(c)["p"] == where);
}

BOOST_AUTO_TEST_CASE(required_spread_keeps_zones_even) {
  core c(seed);
  add_nodes(c);
  std::map<char, int> count;
  for (int i = 0; i < 8; ++i) {
    auto name = "p" + std::to_string(i);
    c.hear_pod(pod_entry(name, labelled("app: web", spread(zone, 1))), false);
    ++count[outcome(c)[name][0]];
    BOOST_TEST(std::abs(count['a'] - count['b']) <= 1);
  }
}

BOOST_AUTO_TEST_CASE(pods_on_their_way_out_do_not_count_for_a_spread) {
  core c(seed);
  c.hear_node(node_entry("a1", zone + ": zone-a"), false);
  c.hear_node(node_entry("b1", zone + ": zone-b", "unschedulable: true"), false);
  auto place = [&](const char* name, const char* node, bool going) {
    auto entry = pod_entry(name, labelled("app: web", ""));
    k8s::core::v1::Pod object;
    gateway::read_entry(*entry, object);
    object.mutable_spec()->set_node_name(node);
    if (going) object.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
    c.hear_pod(entry_of(core_kind("pods"), object), false);
  };
  place("old", "a1", false);
  place("other", "b1", false);
  place("third", "a1", false);
  auto honour = ", nodeTaintsPolicy: Ignore";
  c.hear_pod(pod_entry("new", labelled("app: web", spread(zone, 1, honour))), false);
  BOOST_TEST(outcome(c)["new"] != "a1");
  place("old", "a1", true);
  BOOST_TEST(outcome(c)["new"] == "a1");
}

BOOST_AUTO_TEST_CASE(nodes_that_a_pod_may_not_use_do_not_count_as_domains_unless_told) {
  core c(seed);
  add_nodes(c);
  auto in_a = "nodeSelector: {" + zone + ": zone-a}, ";
  for (int i = 0; i < 3; ++i) {
    auto name = "p" + std::to_string(i);
    c.hear_pod(pod_entry(name, labelled("app: web", in_a + spread(zone, 1))), false);
    BOOST_TEST(outcome(c)[name][0] == 'a');
  }
  c.hear_pod(pod_entry("q", labelled("app: web", in_a + spread(zone, 1,
                                                               ", nodeAffinityPolicy: "
                                                               "Ignore"))),
             false);
  BOOST_TEST(reason(outcome(c)["q"]) ==
             "2 node(s) didn't match Pod's node affinity/selector, 2 node(s) didn't match pod "
             "topology spread constraints");
}

BOOST_AUTO_TEST_CASE(too_few_domains_count_as_empty_ones) {
  core c(seed);
  add_nodes(c);
  for (auto name : {"p1", "p2", "p3"})
    c.hear_pod(pod_entry(name, labelled("app: web", spread(zone, 1, ", minDomains: 3"))), false);
  auto said = outcome(c);
  BOOST_TEST(reason(said["p3"]) == "4 node(s) didn't match pod topology spread constraints");
}

BOOST_AUTO_TEST_CASE(nodes_without_the_label_are_told_apart) {
  core c(seed);
  c.hear_node(node_entry("plain"), false);
  c.hear_pod(pod_entry("p", labelled("app: web", spread(zone, 1))), false);
  BOOST_TEST(reason(outcome(c)["p"]) ==
             "1 node(s) didn't match pod topology spread constraints (missing required label)");
}

BOOST_AUTO_TEST_CASE(a_node_that_moves_to_another_zone_takes_its_counts_along) {
  core c(seed);
  c.hear_node(node_entry("a1", zone + ": zone-a"), false);
  c.hear_node(node_entry("b1", zone + ": zone-b"), false);
  for (auto name : {"p1", "p2"})
    c.hear_pod(pod_entry(name, labelled("app: web", spread(zone, 1))), false);
  outcome(c);
  c.hear_node(node_entry("b1", zone + ": zone-a"), false);
  c.hear_node(node_entry("c1", zone + ": zone-c"), false);
  c.hear_pod(pod_entry("p3", labelled("app: web", spread(zone, 1))), false);
  BOOST_TEST(outcome(c)["p3"] == "c1");
}

BOOST_AUTO_TEST_CASE(preferred_company_draws_and_repels) {
  core c(seed);
  add_nodes(c);
  c.hear_pod(pod_entry("web", labelled("app: web", "")), false);
  auto where = outcome(c)["web"];
  auto preferred = [&](const char* which, const std::string& key) {
    return "affinity: {" + std::string(which) +
           ": {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 100, podAffinityTerm: " +
           term(key, "app: web") + "}]}}";
  };
  c.hear_pod(pod_entry("fan", labelled("app: fan", preferred("podAffinity", host))), false);
  BOOST_TEST(outcome(c)["fan"] == where);
  c.hear_pod(pod_entry("foe", labelled("app: foe", preferred("podAntiAffinity", zone))), false);
  BOOST_TEST(outcome(c)["foe"][0] != where[0]);
}

/// What counters say is what counting anew says, whatever has happened.
BOOST_AUTO_TEST_CASE(a_core_that_has_heard_much_decides_as_one_that_has_heard_only_the_outcome) {
  for (uint64_t round = 1; round <= 20; ++round) {
    std::mt19937_64 random(round);
    core old(seed);
    std::map<std::string, storage::entry_ptr> nodes, pods;
    for (int step = 0; step < 200; ++step) {
      auto i = std::to_string(random() % 6);
      if (random() % 4 == 0) {
        auto name = "n" + i;
        if (nodes.contains(name) && random() % 3 == 0) {
          old.hear_node(nodes[name], true);
          nodes.erase(name);
          continue;
        }
        nodes[name] = node_entry(name, zone + ": zone-" + std::to_string(random() % 3));
        old.hear_node(nodes[name], false);
        continue;
      }
      auto name = "p" + std::to_string(random() % 30);
      if (pods.contains(name) && random() % 2 == 0) {
        old.hear_pod(pods[name], true);
        pods.erase(name);
        continue;
      }
      const std::string kinds[] = {"", spread(zone, 1), apart(term(host, "app: web")),
                                   together(term(zone, "app: web"))};
      auto entry =
          pod_entry(name, labelled(random() % 2 ? "app: web" : "app: db", kinds[random() % 4]));
      k8s::core::v1::Pod pod;
      gateway::read_entry(*entry, pod);
      pod.mutable_spec()->set_node_name("n" + i);
      pods[name] = entry_of(core_kind("pods"), pod);
      old.hear_pod(pods[name], false);
    }
    core fresh(seed);
    for (auto& [name, entry] : pods) fresh.hear_pod(entry, false);
    for (auto& [name, entry] : nodes) fresh.hear_node(entry, false);
    for (auto& spec : {spread(zone, 1), apart(term(host, "app: web")),
                       together(term(zone, "app: web")), spread(host, 2)}) {
      auto pod = pod_entry("new", labelled("app: web", spec));
      auto said = [&](core& c) {
        c.hear_pod(pod, false);
        std::string out;
        for (auto& d : c.decide(1, {}))
          if (auto t = std::get_if<scheduler::tell_pending>(&d))
            out = t->message;
          else
            out = "placed";
        c.hear_pod(pod, true);
        return out;
      };
      BOOST_TEST(said(old) == said(fresh), "round " << round << " " << spec);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
