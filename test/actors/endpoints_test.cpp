#include "actors/service/endpoints_object.hpp"
#include "actors/service/load_balancers_plan.hpp"
#include "test/support/scheduling.hpp"

#include <boost/test/unit_test.hpp>

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

/// The slices after the actions, as the store would hold them.
void apply(std::vector<slice_action>& actions, std::vector<EndpointSlice>& slices) {
  std::set<size_t> gone;
  std::vector<EndpointSlice> made;
  for (auto& a : actions) {
    if (auto u = std::get_if<update_slice>(&a)) slices[u->which] = u->slice;
    if (auto d = std::get_if<delete_slice>(&a)) gone.insert(d->which);
    if (auto c = std::get_if<create_slice>(&a)) made.push_back(c->slice);
  }
  for (auto i = gone.rbegin(); i != gone.rend(); ++i)
    slices.erase(slices.begin() + static_cast<std::ptrdiff_t>(*i));
  slices.insert(slices.end(), made.begin(), made.end());
}

/// Plans and applies; checks that nothing is left to do. Returns how many slices were touched.
size_t settle(const Service& s, const std::vector<backend>& pods,
              std::vector<EndpointSlice>& slices) {
  k8s::meta::v1::ObjectMeta head;
  (*head.mutable_labels())["kubernetes.io/service-name"] = "s";
  auto actions = plan(groups_of(s, all(pods), zones), slices, head);
  apply(actions, slices);
  BOOST_TEST(plan(groups_of(s, all(pods), zones), slices, head).empty());
  return actions.size();
}

std::vector<int> sizes(const std::vector<EndpointSlice>& slices) {
  std::vector<int> out;
  for (auto& s : slices) out.push_back(s.endpoints_size());
  return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(endpoints_are_cut_into_slices_of_a_hundred) {
  auto s = service_of(web);
  std::vector<EndpointSlice> slices;
  BOOST_TEST(settle(s, {}, slices) == 1u); // an empty one says that there is nothing
  BOOST_TEST(sizes(slices) == std::vector<int>{0});
  BOOST_TEST(settle(s, crowd(250), slices) == 4u); // and it goes: it has no ports
  BOOST_TEST(sizes(slices) == (std::vector<int>{100, 100, 50}));
  BOOST_TEST(settle(s, crowd(251), slices) == 1u);
  BOOST_TEST(sizes(slices) == (std::vector<int>{100, 100, 51}));
}

BOOST_AUTO_TEST_CASE(a_change_of_one_endpoint_touches_one_slice) {
  auto s = service_of(web);
  auto pods = crowd(300);
  std::vector<EndpointSlice> slices;
  settle(s, pods, slices);
  pods[150].ready = false;
  BOOST_TEST(settle(s, pods, slices) == 1u);
  pods.erase(pods.begin() + 20);
  BOOST_TEST(settle(s, pods, slices) == 1u);
}

BOOST_AUTO_TEST_CASE(slices_that_empty_become_fewer) {
  auto s = service_of(web);
  auto pods = crowd(300);
  std::vector<EndpointSlice> slices;
  settle(s, pods, slices);
  std::vector<backend> few;
  for (size_t i = 0; i < pods.size(); i += 10) few.push_back(pods[i]);
  settle(s, few, slices);
  BOOST_TEST(sizes(slices) == std::vector<int>{30});
  settle(s, {}, slices);
  BOOST_TEST(sizes(slices) == std::vector<int>{0});
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
  std::vector<EndpointSlice> slices;
  settle(s, pods, slices);
  BOOST_TEST(slices.size() == 3u);
}

BOOST_AUTO_TEST_CASE(a_host_name_is_told_in_the_domain_of_its_service_only) {
  auto s = service_of("clusterIP: None, " + web);
  auto mine = pod_at("p", "10.0.0.1", true, ", hostname: h, subdomain: s");
  auto other = pod_at("q", "10.0.0.2", true, ", hostname: h, subdomain: t");
  BOOST_TEST(endpoint_of(s, mine, "IPv4", zones).hostname() == "h");
  BOOST_TEST(!endpoint_of(s, other, "IPv4", zones).has_hostname());
}

BOOST_AUTO_TEST_CASE(hints_name_the_zone_where_that_is_asked_for_and_bearable) {
  auto hints = [](const std::string& more, const std::vector<std::string>& where) {
    auto s = service_of(web + more);
    std::vector<Endpoint> list;
    for (auto& zone : where) {
      auto& e = list.emplace_back();
      e.mutable_conditions()->set_ready(true);
      e.set_node_name("n");
      if (!zone.empty()) e.set_zone(zone);
    }
    give_hints(s, list);
    auto& h = list[0].hints();
    return h.for_zones_size() * 10 + h.for_nodes_size();
  };
  BOOST_TEST(hints("", {"a", "b"}) == 0);
  BOOST_TEST(hints(", trafficDistribution: PreferClose", {"a", "b"}) == 10);
  BOOST_TEST(hints(", trafficDistribution: PreferSameNode", {"a", "b"}) == 11);
  BOOST_TEST(hints(", trafficDistribution: PreferClose", {"a", ""}) == 0);
}

BOOST_AUTO_TEST_CASE(endpoints_show_ready_and_other_addresses) {
  auto s = service_of(web);
  std::vector<backend> pods{pod_at("a", "10.0.0.2"), pod_at("b", "10.0.0.1", false),
                            pod_at("c", "10.0.0.3")};
  pods[2].going = true;
  k8s::core::v1::Endpoints object;
  BOOST_TEST(bring_endpoints(object, s, all(pods)));
  BOOST_REQUIRE(object.subsets_size() == 1);
  BOOST_TEST(object.subsets(0).addresses_size() == 1);
  BOOST_TEST(object.subsets(0).addresses(0).ip() == "10.0.0.2");
  BOOST_TEST(object.subsets(0).not_ready_addresses_size() == 1);
  BOOST_TEST(object.subsets(0).ports(0).port() == 8080);
  BOOST_TEST(!bring_endpoints(object, s, all(pods)));
  BOOST_TEST(mirrored(object).size() == 1u);
}

BOOST_AUTO_TEST_CASE(endpoints_stop_at_a_thousand_addresses) {
  auto s = service_of(web);
  auto pods = crowd(1'001);
  k8s::core::v1::Endpoints object;
  bring_endpoints(object, s, all(pods));
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
