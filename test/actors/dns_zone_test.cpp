// The cluster's names, by the words of the Kubernetes DNS specification.
#include "actors/network/dns_zone.hpp"

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

std::string text(const dns::record& r) {
  struct {
    std::string operator()(const dns::record::a& d) const {
      return "A " + std::to_string(d.address[0]) + "." + std::to_string(d.address[1]) + "." +
             std::to_string(d.address[2]) + "." + std::to_string(d.address[3]);
    }
    std::string operator()(const dns::record::aaaa&) const { return "AAAA"; }
    std::string operator()(const dns::srv& d) const {
      return "SRV " + std::to_string(d.port) + " " + d.target;
    }
    std::string operator()(const dns::soa&) const { return "SOA"; }
    std::string operator()(const dns::record::name_data& d) const {
      return (d.kind == dns::type::ptr ? "PTR " : "CNAME ") + d.target;
    }
    std::string operator()(const dns::record::txt& d) const { return "TXT " + d.text; }
  } words;
  return std::visit(words, r.data);
}

struct names {
  names() : zone{"cluster.local"} {
    auto web = read<Service>(R"(
      metadata { name: "web" namespace: "default" }
      spec { cluster_ip: "10.96.0.1" ports { name: "http" protocol: "TCP" port: 80 } })");
    zone.put("default/web", &web, {});
    auto db = read<Service>(R"(
      metadata { name: "db" namespace: "default" } spec { cluster_ip: "None" })");
    slice = read<EndpointSlice>(R"(
      ports { name: "sql" protocol: "TCP" port: 5432 }
      endpoints { addresses: "10.244.0.5" hostname: "db-0" conditions { ready: true } }
      endpoints { addresses: "10.244.0.6" conditions { ready: true } }
      endpoints { addresses: "10.244.0.7" conditions { ready: false } })");
    zone.put("default/db", &db, {&slice});
    auto out = read<Service>(R"(
      metadata { name: "out" namespace: "default" }
      spec { type: "ExternalName" external_name: "www.example.com" })");
    zone.put("default/out", &out, {});
    auto alias = read<Service>(R"(
      metadata { name: "alias" namespace: "default" }
      spec { type: "ExternalName" external_name: "web.default.svc.cluster.local" })");
    zone.put("default/alias", &alias, {});
  }

  std::string ask(const std::string& name, dns::type kind) {
    auto found = zone.resolve({name, kind});
    if (auto other = std::get_if<dns::referral>(&found)) {
      std::string out;
      for (auto& r : other->begun) out += text(r) + ", ";
      return out + "ask for " + other->name;
    }
    auto& a = std::get<dns::answer>(found);
    std::string out;
    for (auto& r : a.answers) out += (out.empty() ? "" : ", ") + text(r);
    if (a.code == dns::code::no_such_name) out += "no such name";
    if (a.code == dns::code::ok && a.answers.empty()) out += "nothing";
    if (a.code == dns::code::server_failure) out += "failure";
    return out;
  }

  dns_zone zone;
  EndpointSlice slice;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(dns_zone_test, names)

BOOST_AUTO_TEST_CASE(questions_and_answers) {
  using dns::type;
  const std::string zone_name = ".default.svc.cluster.local";
  struct {
    std::string name;
    dns::type kind;
    std::string wanted;
  } const rows[] = {
      {"web" + zone_name, type::a, "A 10.96.0.1"},
      {"web" + zone_name, type::aaaa, "nothing"},
      {"_http._tcp.web" + zone_name, type::srv, "SRV 80 web.default.svc.cluster.local"},
      {"_http._udp.web" + zone_name, type::srv, "no such name"},
      {"1.0.96.10.in-addr.arpa", type::ptr, "PTR web.default.svc.cluster.local"},
      {"db" + zone_name, type::a, "A 10.244.0.5, A 10.244.0.6"},
      {"db-0.db" + zone_name, type::a, "A 10.244.0.5"},
      {"10-244-0-6.db" + zone_name, type::a, "A 10.244.0.6"},
      {"10-244-0-7.db" + zone_name, type::a, "no such name"},
      {"_sql._tcp.db" + zone_name, type::srv,
       "SRV 5432 db-0.db.default.svc.cluster.local, "
       "SRV 5432 10-244-0-6.db.default.svc.cluster.local"},
      {"5.0.244.10.in-addr.arpa", type::ptr, "PTR db-0.db.default.svc.cluster.local"},
      {"out" + zone_name, type::a, "CNAME www.example.com, ask for www.example.com"},
      {"out" + zone_name, type::cname, "CNAME www.example.com"},
      {"alias" + zone_name, type::a, "CNAME web.default.svc.cluster.local, A 10.96.0.1"},
      {"10-244-3-4.default.pod.cluster.local", type::a, "A 10.244.3.4"},
      {"x.default.pod.cluster.local", type::a, "no such name"},
      {"nobody" + zone_name, type::a, "no such name"},
      {"default.svc.cluster.local", type::a, "nothing"}, // it exists: names end in it
      {"svc.cluster.local", type::a, "nothing"},
      {"other.svc.cluster.local", type::a, "no such name"},
      {"dns-version.cluster.local", type::txt, "TXT 1.1.0"},
      {"www.example.com", type::a, "ask for www.example.com"},
      {"notcluster.local", type::a, "ask for notcluster.local"},
      {"9.9.9.9.in-addr.arpa", type::ptr, "ask for 9.9.9.9.in-addr.arpa"},
  };
  for (auto& row : rows) BOOST_TEST(ask(row.name, row.kind) == row.wanted, row.name);
}

BOOST_AUTO_TEST_CASE(names_go_with_their_service) {
  zone.put("default/web", nullptr, {});
  BOOST_TEST(ask("web.default.svc.cluster.local", dns::type::a) == "no such name");
  BOOST_TEST(ask("1.0.96.10.in-addr.arpa", dns::type::ptr) == "ask for 1.0.96.10.in-addr.arpa");
  for (auto key : {"default/db", "default/out", "default/alias"}) zone.put(key, nullptr, {});
  BOOST_TEST(ask("default.svc.cluster.local", dns::type::a) == "no such name");
}

BOOST_AUTO_TEST_CASE(aliases_in_a_circle_end) {
  auto a = read<Service>(R"(metadata { name: "a" namespace: "x" }
    spec { type: "ExternalName" external_name: "b.x.svc.cluster.local" })");
  auto b = read<Service>(R"(metadata { name: "b" namespace: "x" }
    spec { type: "ExternalName" external_name: "a.x.svc.cluster.local" })");
  zone.put("x/a", &a, {});
  zone.put("x/b", &b, {});
  BOOST_TEST(ask("a.x.svc.cluster.local", dns::type::a) == "failure");
}

BOOST_AUTO_TEST_SUITE_END()
