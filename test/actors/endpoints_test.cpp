#include "actors/service/endpoints_object.hpp"
#include "actors/service/load_balancers_plan.hpp"
#include "messages/codec/json_encode.hpp"
#include "messages/codec/stored_parts.hpp"
#include "test/support/scheduling.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <random>
#include <set>

BOOST_AUTO_TEST_SUITE(endpoints_test)

using namespace troupe;
using namespace troupe::service;
using namespace troupe::testing;
using k8s::core::v1::Service;

namespace {

Service service_of(const std::string& spec) {
  auto object = read_yaml(core_kind("services"),
                          "{metadata: {name: s, namespace: d, uid: u}, spec: {" + spec + "}}");
  return static_cast<Service&>(*object);
}

const std::string web = "selector: {app: web}, ports: [{port: 80, targetPort: 8080}]";

backend pod_at(const std::string& name, const std::string& ip, bool ready = true,
               const std::string& more = "") {
  auto object =
      read_yaml(core_kind("pods"), "{metadata: {name: " + name + ", namespace: d, uid: uid-" +
                                       name + "}, spec: {nodeName: \"node-" + name +
                                       "\", containers: [{name: c, ports: [{name: http, "
                                       "containerPort: 8081}]}]" +
                                       more + "}, status: {phase: Running, podIPs: [{ip: " + ip +
                                       "}], conditions: [{type: Ready, status: \"" +
                                       (ready ? "True" : "False") + "\"}]}}");
  return backend::of(entry_of(core_kind("pods"), *object));
}

std::vector<const backend*> all(const std::vector<backend>& pods) {
  std::vector<const backend*> out;
  for (auto& p : pods) out.push_back(&p);
  return out;
}

std::vector<backend> crowd(size_t count) {
  std::vector<backend> out;
  for (size_t i = 0; i < count; ++i)
    out.push_back(pod_at("p" + std::to_string(i),
                         "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1)));
  return out;
}

const zone_lookup zones = [](const std::string& node) { return "zone-of-" + node; };

/// The slices of the service `s` as a store would hold them, and what a controller knows of them.
class shelf {
public:
  /// Plans and applies, about all or `some`. Returns how many slices were touched.
  size_t write(const Service& s, const std::vector<const backend*>& pods,
               const zone_lookup& zone_of, const hint_rule& hints,
               const std::set<std::string>* some = nullptr) {
    auto actions = plan(groups_of(s, pods, zone_of, hints), map_, reader(), head(), some);
    for (auto& a : actions) {
      if (auto u = std::get_if<update_slice>(&a)) {
        auto list = EndpointSlice::kEndpointsFieldNumber;
        put(u->key, codec::with(codec::to_wire(u->slice), list, u->endpoints));
      }
      if (auto d = std::get_if<delete_slice>(&a)) {
        slices_.erase(d->key);
        stored_.erase(d->key);
        map_.drop(d->key);
      }
      if (auto c = std::get_if<create_slice>(&a))
        put("slice-" + std::to_string(made_++), codec::to_wire(c->slice));
    }
    return actions.size();
  }

  /// About all; checks that nothing is left to do then.
  size_t settle(const Service& s, const std::vector<backend>& pods) {
    auto touched = write(s, all(pods), zones, hint_rule::of(s, all(pods), zones));
    BOOST_TEST(idle(s, all(pods), zones, hint_rule::of(s, all(pods), zones)));
    return touched;
  }

  bool idle(const Service& s, const std::vector<const backend*>& pods, const zone_lookup& zone_of,
            const hint_rule& hints) const {
    return plan(groups_of(s, pods, zone_of, hints), map_, reader(), head()).empty();
  }

  std::vector<int> sizes() const {
    std::vector<int> out;
    for (auto& [_, s] : slices_) out.push_back(s.endpoints_size());
    return out;
  }

  void put(const std::string& key, const EndpointSlice& slice) { put(key, codec::to_wire(slice)); }
  void put(const std::string& key, std::string stored) {
    map_.note(key, stored);
    BOOST_REQUIRE(slices_[key].ParseFromString(stored));
    stored_[key] = std::move(stored);
  }

  std::string text() const {
    std::string out;
    for (auto& [key, s] : slices_) out += key + ": " + s.ShortDebugString() + "\n";
    return out;
  }

  std::vector<EndpointSlice> list() const {
    std::vector<EndpointSlice> out;
    for (auto& [_, s] : slices_) out.push_back(s);
    return out;
  }

private:
  slice_reader reader() const {
    return [this](const std::string& key) { return std::string_view(stored_.at(key)); };
  }
  static k8s::meta::v1::ObjectMeta head() {
    k8s::meta::v1::ObjectMeta out;
    (*out.mutable_labels())["kubernetes.io/service-name"] = "s";
    return out;
  }

  std::map<std::string, EndpointSlice> slices_;
  std::map<std::string, std::string> stored_;
  slice_map map_;
  int made_ = 0;
};

std::vector<EndpointSlice> slices_of(const Service& s, const std::vector<backend>& pods) {
  shelf there;
  there.settle(s, pods);
  return there.list();
}

} // namespace

BOOST_AUTO_TEST_CASE(endpoints_are_cut_into_slices_of_a_hundred) {
  auto s = service_of(web);
  shelf slices;
  BOOST_TEST(slices.settle(s, {}) == 1u); // an empty one says that there is nothing
  BOOST_TEST(slices.sizes() == std::vector<int>{0});
  BOOST_TEST(slices.settle(s, crowd(250)) == 3u); // and becomes one of those that are needed
  BOOST_TEST(slices.sizes() == (std::vector<int>{100, 100, 50}));
  BOOST_TEST(slices.settle(s, crowd(251)) == 1u);
  BOOST_TEST(slices.sizes() == (std::vector<int>{100, 100, 51}));
}

BOOST_AUTO_TEST_CASE(a_change_of_one_endpoint_touches_one_slice) {
  auto s = service_of(web);
  auto pods = crowd(300);
  shelf slices;
  slices.settle(s, pods);
  pods[150].ready = false;
  BOOST_TEST(slices.settle(s, pods) == 1u);
  pods.erase(pods.begin() + 20);
  BOOST_TEST(slices.settle(s, pods) == 1u);
}

// Before, a slice went and another came whenever all pods did, or the ports changed.
BOOST_AUTO_TEST_CASE(a_slice_that_is_needed_no_more_becomes_the_one_that_is) {
  shelf slices;
  auto only = [&] {
    auto all = slices.text();
    return all.starts_with("slice-0: ") && std::count(all.begin(), all.end(), '\n') == 1;
  };
  slices.settle(service_of(web), {});
  BOOST_TEST(slices.settle(service_of(web), crowd(3)) == 1u);
  BOOST_TEST(slices.sizes() == std::vector<int>{3});
  BOOST_TEST(only());
  auto moved = service_of("selector: {app: a}, ports: [{port: 80, targetPort: 9090}]");
  BOOST_TEST(slices.settle(moved, crowd(3)) == 1u);
  BOOST_TEST(slices.list()[0].ports(0).port() == 9090);
  BOOST_TEST(only());
  BOOST_TEST(slices.settle(moved, {}) == 1u);
  BOOST_TEST(slices.list()[0].ports_size() == 0);
  BOOST_TEST(only());
}

BOOST_AUTO_TEST_CASE(slices_that_empty_become_fewer) {
  auto s = service_of(web);
  auto pods = crowd(300);
  shelf slices;
  slices.settle(s, pods);
  std::vector<backend> few;
  for (size_t i = 0; i < pods.size(); i += 10) few.push_back(pods[i]);
  slices.settle(s, few);
  BOOST_TEST(slices.sizes() == std::vector<int>{30});
  slices.settle(s, {});
  BOOST_TEST(slices.sizes() == std::vector<int>{0});
}

BOOST_AUTO_TEST_CASE(a_plan_about_some_comes_to_the_same_as_a_plan_about_all) {
  const char* const services[] = {
      "selector: {app: web}, ports: [{port: 80, targetPort: http}]",
      "selector: {app: web}, ports: [{port: 80}], ipFamilies: [IPv4, IPv6]",
      "selector: {app: web}",
      "selector: {app: web}, ports: [{port: 80}], trafficDistribution: PreferClose",
  };
  for (unsigned seed = 1; seed <= 60; ++seed) {
    std::mt19937 random{seed};
    auto pick = [&](unsigned below) { return random() % below; };
    auto s = service_of(services[seed % std::size(services)]);
    std::map<std::string, backend> pods;
    shelf by_some, by_all;
    hint_rule before;
    unsigned made = 0;
    auto most = 1 + pick(400);
    auto random_pod = [&](unsigned number) {
      auto low = std::to_string(number % 250 + 1), high = std::to_string(number / 250);
      auto name = "p" + std::to_string(number);
      auto pod = pod_at(name, "10.0." + high + "." + low, pick(3) > 0);
      if (pick(2) == 0) pod.ips.push_back("fd00::" + high + ":" + low);
      if (pick(5) == 0) pod.ports[0].number = 9'000 + static_cast<int>(pick(2));
      if (pick(9) == 0) pod.ports.clear();
      return pod;
    };
    for (int step = 0; step < 40; ++step) {
      std::set<std::string> changed, names;
      auto concern = [&](const backend& b) {
        names.insert(std::string(b.name()));
        for (auto& ip : b.ips) changed.insert(identity_of(b.uid, ip));
      };
      bool ending = step > 30;
      for (auto count = pick(step % 7 == 0 ? 150 : 6); count > 0; --count) {
        auto draw = ending ? 9 : pick(10);
        auto which = pods.empty()
                         ? pods.end()
                         : std::next(pods.begin(), pick(static_cast<unsigned>(pods.size())));
        if (draw < 5 && pods.size() < most) {
          auto fresh = random_pod(made++);
          concern(fresh);
          pods.insert_or_assign(std::string(fresh.name()), fresh);
        } else if (which != pods.end()) {
          concern(which->second);
          if (draw < 7) which->second.ready = !which->second.ready;
          if (draw == 7) which->second.going = true;
          if (draw == 8) which->second.over = true;
          if (draw == 9) pods.erase(which);
        }
      }
      std::vector<const backend*> some, all;
      for (auto& [name, pod] : pods) {
        all.push_back(&pod);
        if (names.contains(name)) some.push_back(&pod);
      }
      auto zone_of = [&](const std::string& node) { return node.substr(node.size() - 1); };
      auto hints = hint_rule::of(s, all, zone_of);
      if (step == 0 || hints != before)
        by_some.write(s, all, zone_of, hints);
      else
        by_some.write(s, some, zone_of, hints, &changed);
      before = hints;
      by_all.write(s, all, zone_of, hints);
      BOOST_REQUIRE_MESSAGE(by_some.text() == by_all.text(), "seed " << seed << ", step " << step);
      BOOST_REQUIRE_MESSAGE(by_some.idle(s, all, zone_of, hints), "seed " << seed);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_map_told_of_changes_is_as_if_told_of_the_last_alone) {
  const auto seed = std::random_device{}();
  BOOST_TEST_MESSAGE("seed " << seed);
  std::mt19937 random{seed};
  constexpr int pods = 12, rounds = 200;
  slice_map changing;
  for (int i = 0; i < rounds; ++i) {
    EndpointSlice slice;
    slice.set_address_type("IPv4");
    for (auto left = random() % pods; left > 0; --left) { // in any order, some twice
      auto& e = *slice.add_endpoints();
      auto number = std::to_string(random() % pods);
      e.add_addresses("10.0.0." + number);
      e.mutable_target_ref()->set_uid("uid-" + number);
    }
    slice_map fresh;
    changing.note("s", codec::to_wire(slice));
    fresh.note("s", codec::to_wire(slice));
    auto listed = [](const slice_map& map) {
      std::vector<std::string> out{map.all().at("s").group};
      for (auto identity : map.all().at("s").endpoints) out.push_back(*identity);
      for (int number = 0; number < pods; ++number) {
        auto text = std::to_string(number);
        auto held = map.holding(identity_of("uid-" + text, "10.0.0." + text)).size();
        out.push_back(text + " in " + std::to_string(held));
      }
      return out;
    };
    BOOST_TEST(listed(changing) == listed(fresh), boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(an_endpoint_that_somebody_wrote_twice_is_there_once) {
  auto s = service_of(web);
  auto pods = crowd(2);
  shelf slices;
  slices.settle(s, pods);
  slices.put("foreign", slices.list()[0]);
  slices.settle(s, pods);
  BOOST_TEST(slices.sizes() == std::vector<int>{2});
}

BOOST_AUTO_TEST_CASE(an_endpoint_tells_how_its_pod_is) {
  struct row {
    bool ready, going, anyway;
    const char* expected; ///< ready, serving, terminating
  };
  const row rows[] = {
      {true, false, false, "yyn"}, {false, false, false, "nnn"}, {true, true, false, "nyy"},
      {false, true, false, "nny"}, {false, false, true, "ynn"},  {true, true, true, "yyy"},
  };
  for (auto& r : rows) {
    auto s = service_of(web + (r.anyway ? ", publishNotReadyAddresses: true" : ""));
    auto pod = pod_at("p", "10.0.0.1", r.ready);
    pod.going = r.going;
    auto e = endpoint_of(s, pod, "IPv4", zones);
    auto& c = e.conditions();
    std::string said;
    for (bool b : {c.ready(), c.serving(), c.terminating()}) said += b ? 'y' : 'n';
    BOOST_TEST(said == r.expected);
    BOOST_TEST(e.zone() == "zone-of-node-p");
  }
}

BOOST_AUTO_TEST_CASE(ports_are_found_by_number_and_name) {
  auto pod = pod_at("p", "10.0.0.1");
  auto port = [&](const std::string& ports) {
    auto found = ports_at(service_of("selector: {a: b}, ports: [" + ports + "]"), pod);
    return found.empty() ? 0 : found[0].port();
  };
  BOOST_TEST(port("{port: 80}") == 80);
  BOOST_TEST(port("{port: 80, targetPort: 8080}") == 8080);
  BOOST_TEST(port("{port: 80, targetPort: http}") == 8081);
  BOOST_TEST(port("{port: 80, targetPort: http, protocol: UDP}") == 0);
  BOOST_TEST(port("{port: 80, targetPort: other}") == 0);
}

BOOST_AUTO_TEST_CASE(pods_with_other_ports_or_families_get_slices_of_their_own) {
  auto s = service_of("selector: {a: b}, ports: [{port: 80, targetPort: http}], ipFamilies: [IPv4, "
                      "IPv6]");
  std::vector<backend> pods{pod_at("a", "10.0.0.1"), pod_at("b", "10.0.0.2"),
                            pod_at("c", "\"fd00::1\"")};
  pods[1].ports[0].number = 9999;
  shelf slices;
  slices.settle(s, pods);
  BOOST_TEST(slices.sizes().size() == 3u);
}

// Before, such a pod was nowhere, and a headless service had no name for it.
BOOST_AUTO_TEST_CASE(a_pod_without_the_port_of_its_service_is_in_a_slice_without_ports) {
  auto s = service_of("clusterIP: None, selector: {a: b}, ports: [{port: 80, targetPort: http}]");
  std::vector<backend> pods{pod_at("a", "10.0.0.1"), pod_at("b", "10.0.0.2")};
  pods[1].ports.clear();
  auto slices = slices_of(s, pods);
  BOOST_REQUIRE(slices.size() == 2u);
  for (auto& slice : slices) {
    BOOST_REQUIRE(slice.endpoints_size() == 1);
    BOOST_TEST(slice.ports_size() == (slice.endpoints(0).target_ref().name() == "a" ? 1 : 0));
  }
  k8s::core::v1::Endpoints object; // which tell of ports only
  bring_endpoints(object, s, slices);
  BOOST_REQUIRE(object.subsets_size() == 1);
  BOOST_TEST(object.subsets(0).addresses_size() == 1);
  BOOST_TEST(slices_of(s, {pods[1]}).size() == 1u);
  BOOST_TEST(slices_of(s, {pods[1]})[0].endpoints_size() == 1);
}

BOOST_AUTO_TEST_CASE(a_host_name_is_told_in_the_domain_of_its_service_only) {
  auto s = service_of("clusterIP: None, " + web);
  auto mine = pod_at("p", "10.0.0.1", true, ", hostname: h, subdomain: s");
  auto other = pod_at("q", "10.0.0.2", true, ", hostname: h, subdomain: t");
  BOOST_TEST(endpoint_of(s, mine, "IPv4", zones).hostname() == "h");
  BOOST_TEST(!endpoint_of(s, other, "IPv4", zones).has_hostname());
}

BOOST_AUTO_TEST_CASE(hints_name_the_zone_where_that_is_asked_for_and_bearable) {
  auto hints = [](const std::string& more, const std::string& where) {
    auto s = service_of(web + more);
    auto zone_of = [&](const std::string& node) {
      auto zone = where.substr(static_cast<size_t>(node.back() - '0'), 1);
      return zone == " " ? "" : zone;
    };
    auto pods = crowd(where.size());
    auto rule = hint_rule::of(s, all(pods), zone_of);
    auto h = groups_of(s, all(pods), zone_of, rule)[0].endpoints[0].hints();
    return h.for_zones_size() * 10 + h.for_nodes_size();
  };
  BOOST_TEST(hints("", "ab") == 0);
  BOOST_TEST(hints(", trafficDistribution: PreferClose", "ab") == 10);
  BOOST_TEST(hints(", trafficDistribution: PreferSameNode", "ab") == 11);
  // Each endpoint tells what it knows, whatever the others do.
  BOOST_TEST(hints(", trafficDistribution: PreferClose", "a ") == 10);
  BOOST_TEST(hints(", trafficDistribution: PreferClose", " a") == 0);
  BOOST_TEST(hints(", trafficDistribution: PreferSameNode", "  ") == 1);
}

BOOST_AUTO_TEST_CASE(of_two_annotations_that_ask_for_hints_the_older_one_counts) {
  auto asks = [](const char* older, const char* newer) {
    auto s = service_of(web);
    auto& notes = *s.mutable_metadata()->mutable_annotations();
    notes["service.kubernetes.io/topology-aware-hints"] = older;
    notes["service.kubernetes.io/topology-mode"] = newer;
    return asks_for_hints(s);
  };
  BOOST_TEST(asks("auto", "Disabled"));
  BOOST_TEST(!asks("disabled", "Auto"));
}

BOOST_AUTO_TEST_CASE(endpoints_show_ready_and_other_addresses) {
  auto s = service_of(web);
  std::vector<backend> pods{pod_at("a", "10.0.0.2"), pod_at("b", "10.0.0.1", false),
                            pod_at("c", "10.0.0.3")};
  pods[2].going = true;
  k8s::core::v1::Endpoints object;
  BOOST_TEST(bring_endpoints(object, s, slices_of(s, pods)));
  BOOST_REQUIRE(object.subsets_size() == 1);
  BOOST_TEST(object.subsets(0).addresses_size() == 1);
  BOOST_TEST(object.subsets(0).addresses(0).ip() == "10.0.0.2");
  BOOST_TEST(object.subsets(0).not_ready_addresses_size() == 1);
  BOOST_TEST(object.subsets(0).ports(0).port() == 8080);
  BOOST_TEST(!bring_endpoints(object, s, slices_of(s, pods)));
  BOOST_TEST(mirrored(object).size() == 1u);
}

BOOST_AUTO_TEST_CASE(endpoints_stop_at_a_thousand_addresses) {
  auto s = service_of(web);
  auto pods = crowd(1'001);
  k8s::core::v1::Endpoints object;
  bring_endpoints(object, s, slices_of(s, pods));
  BOOST_TEST(object.subsets(0).addresses_size() == 1'000);
  BOOST_TEST(object.metadata().annotations().at("endpoints.kubernetes.io/over-capacity") ==
             "truncated");
}

BOOST_AUTO_TEST_CASE(a_load_balancer_is_reached_at_the_nodes) {
  std::map<std::string, std::string> nodes{{"a", "10.1.0.1"}, {"b", "10.1.0.2"}};
  auto s = service_of("type: LoadBalancer, " + web);
  auto status = plan_ingress(s, nodes);
  BOOST_REQUIRE(status.has_value());
  BOOST_TEST(status->ingress_size() == 2);
  *s.mutable_status()->mutable_load_balancer() = *status;
  BOOST_TEST(!plan_ingress(s, nodes).has_value());
  nodes.erase("a");
  status = plan_ingress(s, nodes);
  BOOST_TEST(status->ingress(0).ip() == "10.1.0.2");
  s.mutable_spec()->set_type("ClusterIP");
  BOOST_TEST(plan_ingress(s, nodes)->ingress_size() == 0);
  BOOST_TEST(!plan_ingress(service_of("type: LoadBalancer, loadBalancerClass: x, " + web), nodes)
                  .has_value());
}

BOOST_AUTO_TEST_SUITE_END()
