// Which doors services have and what stands behind them, as tables.
#include "actors/network/health_ports.hpp"
#include "actors/network/proxy_plan.hpp"

#include <boost/test/unit_test.hpp>
#include <google/protobuf/text_format.h>

using namespace troupe;
using namespace troupe::network_of_pods;
using k8s::core::v1::Service;
using k8s::discovery::v1::EndpointSlice;

namespace {

template<class Message> Message read(const std::string& text) {
  Message out;
  BOOST_REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &out));
  return out;
}

/// Doors in words: "10.96.0.1:80/6 -> 10.0.0.1:8080 10.0.0.2:8080; ...".
std::string plan(const std::string& service, const std::string& slice) {
  standpoint here{"n1", "z1", {*address::parse("192.0.2.1")}};
  auto s = read<Service>(service);
  auto e = read<EndpointSlice>(slice);
  std::string out;
  for (auto& [at, what] : doors_of(s, {&e}, here)) {
    if (!out.empty()) out += "; ";
    out += at.ip.text() + ":" + std::to_string(at.port) + "/" + std::to_string(at.protocol) + " ->";
    for (auto& b : what.backends) out += " " + b.ip.text() + ":" + std::to_string(b.port);
    if (what.sticky_seconds > 0) out += " sticky " + std::to_string(what.sticky_seconds);
    if (what.silent) out += " silent";
    for (auto& n : what.allowed) out += " for " + n.base.text() + "/" + std::to_string(n.bits);
  }
  return out;
}

const std::string two = R"(
  address_type: "IPv4" ports { name: "" protocol: "TCP" port: 8080 }
  endpoints { addresses: "10.0.0.1" conditions { ready: true } node_name: "n1" }
  endpoints { addresses: "10.0.0.2" conditions { ready: true } node_name: "n2" })";

std::string service(const std::string& more) {
  return "spec { cluster_ip: \"10.96.0.1\" type: \"ClusterIP\" ports { protocol: \"TCP\" port: "
         "80 " +
         std::string("node_port: 30080 } ") + more + " }";
}
std::string plain(const std::string& more) {
  return "spec { cluster_ip: \"10.96.0.1\" ports { protocol: \"TCP\" port: 80 } " + more + " }";
}

} // namespace

BOOST_AUTO_TEST_SUITE(proxy_plan_test)

BOOST_AUTO_TEST_CASE(doors_of_services) {
  const std::string both = "10.0.0.1:8080 10.0.0.2:8080";
  struct {
    const char* what;
    std::string service, slice, wanted;
  } const rows[] = {
      {"a cluster address", plain(""), two, "10.96.0.1:80/6 -> " + both},
      {"node ports, too", service(""), two,
       "10.96.0.1:80/6 -> " + both + "; 192.0.2.1:30080/6 -> " + both},
      {"external addresses", plain("external_ips: \"198.51.100.7\""), two,
       "10.96.0.1:80/6 -> " + both + "; 198.51.100.7:80/6 -> " + both},
      {"only local ones from outside", service("external_traffic_policy: \"Local\""), two,
       "10.96.0.1:80/6 -> " + both + "; 192.0.2.1:30080/6 -> 10.0.0.1:8080"},
      {"only local ones from inside", plain("internal_traffic_policy: \"Local\""), two,
       "10.96.0.1:80/6 -> 10.0.0.1:8080"},
      {"others have it: silence", plain("internal_traffic_policy: \"Local\""),
       R"(address_type: "IPv4" ports { protocol: "TCP" port: 8080 }
          endpoints { addresses: "10.0.0.2" node_name: "n2" })",
       "10.96.0.1:80/6 -> silent"},
      {"nobody: refused", plain(""), "address_type: \"IPv4\"", "10.96.0.1:80/6 ->"},
      {"one that is not ready is left out", plain(""),
       R"(address_type: "IPv4" ports { protocol: "TCP" port: 8080 }
          endpoints { addresses: "10.0.0.1" conditions { ready: false } }
          endpoints { addresses: "10.0.0.2" })",
       "10.96.0.1:80/6 -> 10.0.0.2:8080"},
      {"rather one that leaves than nobody", plain(""),
       R"(address_type: "IPv4" ports { protocol: "TCP" port: 8080 }
          endpoints { addresses: "10.0.0.1" conditions { ready: false serving: true terminating: true } }
          endpoints { addresses: "10.0.0.2" conditions { ready: false serving: false terminating: true } })",
       "10.96.0.1:80/6 -> 10.0.0.1:8080"},
      {"hints for a zone", plain(""),
       R"(address_type: "IPv4" ports { protocol: "TCP" port: 8080 }
          endpoints { addresses: "10.0.0.1" hints { for_zones { name: "z1" } } }
          endpoints { addresses: "10.0.0.2" hints { for_zones { name: "z2" } } })",
       "10.96.0.1:80/6 -> 10.0.0.1:8080"},
      {"hints that not all have do not count", plain(""),
       R"(address_type: "IPv4" ports { protocol: "TCP" port: 8080 }
          endpoints { addresses: "10.0.0.1" hints { for_zones { name: "z1" } } }
          endpoints { addresses: "10.0.0.2" })",
       "10.96.0.1:80/6 -> " + both},
      {"sticky", plain("session_affinity: \"ClientIP\""), two,
       "10.96.0.1:80/6 -> " + both + " sticky 10800"},
      {"a load balancer for some",
       plain("type: \"LoadBalancer\" load_balancer_source_ranges: \" 198.51.100.0/24 \"") +
           " status { load_balancer { ingress { ip: \"192.0.2.9\" } } }",
       two, "10.96.0.1:80/6 -> " + both + "; 192.0.2.9:80/6 -> " + both + " for 198.51.100.0/24"},
      {"headless", "spec { cluster_ip: \"None\" ports { port: 80 } }", two, ""},
      {"external name", "spec { type: \"ExternalName\" external_name: \"example.com\" }", two, ""},
      {"another port's name", plain(""),
       R"(address_type: "IPv4" ports { name: "x" protocol: "TCP" port: 8080 }
          endpoints { addresses: "10.0.0.1" })",
       "10.96.0.1:80/6 ->"},
      {"IPv6 is another family's", plain(""),
       R"(address_type: "IPv6" ports { protocol: "TCP" port: 8080 }
          endpoints { addresses: "fd00::1" })",
       "10.96.0.1:80/6 ->"},
  };
  for (auto& row : rows) BOOST_TEST(plan(row.service, row.slice) == row.wanted, row.what);
}

BOOST_AUTO_TEST_CASE(load_balancers_hear_where_pods_are) {
  standpoint here{"n1", "", {}};
  auto s = read<Service>(R"(metadata { namespace: "shop" name: "web" } spec { type: "LoadBalancer"
    external_traffic_policy: "Local" health_check_node_port: 30100 })");
  auto e = read<EndpointSlice>(two);
  auto said = health_of(s, {&e}, here);
  BOOST_REQUIRE(said);
  BOOST_TEST(said->local_endpoints == 1);
  auto r = answer_of(*said);
  BOOST_TEST(r.status == 200);
  BOOST_TEST(*r.body[0] == "{\"service\":{\"namespace\":\"shop\",\"name\":\"web\"},"
                           "\"localEndpoints\":1,\"serviceProxyHealthy\":true}\n");
  said->local_endpoints = 0;
  BOOST_TEST(answer_of(*said).status == 503);
  s.mutable_spec()->set_external_traffic_policy("Cluster");
  BOOST_TEST(!health_of(s, {&e}, here).has_value());
}

BOOST_AUTO_TEST_CASE(ports_of_the_machine_lead_into_a_pod) {
  standpoint here{"n1", "", {*address::parse("192.0.2.1")}};
  auto pod = read<k8s::core::v1::Pod>(R"(
    spec { node_name: "n1" containers { ports { host_port: 80 container_port: 8080 protocol: "UDP" } } }
    status { pod_ip: "10.0.0.1" phase: "Running" })");
  auto got = doors_of(pod, here);
  BOOST_REQUIRE(got.size() == 1u);
  BOOST_TEST((got.begin()->first == dataplane::door{*address::parse("192.0.2.1"), 17, 80}));
  BOOST_TEST(got.begin()->second.backends[0].port == 8080);
  pod.mutable_status()->set_phase("Failed");
  BOOST_TEST(doors_of(pod, here).empty());
}

BOOST_AUTO_TEST_SUITE_END()
