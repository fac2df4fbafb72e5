// Names, labels, keys, addresses: tables of what is taken and what is refused.
#include "messages/base/address.hpp"
#include "messages/base/names.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(names_test)

using namespace troupe;

namespace {

struct row {
  names::faults (*rule)(std::string_view);
  std::string value;
  bool good;
};

std::string of(size_t size, char c = 'a') { return std::string(size, c); }

} // namespace

BOOST_AUTO_TEST_CASE(hostile_22_names_are_taken_or_refused_as_kubernetes_does) {
  using namespace std::string_literals;
  const row rows[] = {
      {names::dns_label, "web-1", true},
      {names::dns_label, of(63), true},
      {names::dns_label, of(64), false},
      {names::dns_label, "", false},
      {names::dns_label, "-a", false},
      {names::dns_label, "a.b", false},
      {names::dns_label, "Web", false},
      {names::dns_label,
       "w\xc3\xa9"
       "b",
       false},
      {names::dns_label, "a\0b"s, false},
      {names::dns_subdomain, "web-1.example.com", true},
      {names::dns_subdomain, of(253), true},
      {names::dns_subdomain, of(254), false},
      {names::dns_subdomain, "..", false},
      {names::dns_subdomain, "a..b", false},
      {names::dns_subdomain, "%2e%2e/", false},
      {names::dns1035_label, "web", true},
      {names::dns1035_label, "1web", false},
      {names::wildcard_subdomain, "*.example.com", true},
      {names::wildcard_subdomain, "*example.com", false},
      {names::fully_qualified, "a.example.com", true},
      {names::fully_qualified, "example.com", false},
      {names::domain_path, "example.com/a/b", true},
      {names::domain_path, "example.com", false},
      {names::qualified, "app", true},
      {names::qualified, "example.com/app", true},
      {names::qualified, "example.com/", false},
      {names::qualified, "/app", false},
      {names::qualified, "a/b/c", false},
      {names::qualified, of(64), false},
      {names::label_value, "", true},
      {names::label_value, of(63), true},
      {names::label_value, of(64), false},
      {names::label_value, "a b", false},
      {names::config_key, "app.yaml", true},
      {names::config_key, "../x", false},
      {names::config_key, "..", false},
      {names::config_key, "..data", false},
      {names::config_key, ".hidden", true},
      {names::path_segment, "system:node", true},
      {names::path_segment, "a/b", false},
      {names::path_segment, "..", false},
      {names::env_name, "MY.VAR-1 x", true},
      {names::env_name, "A=B", false},
      {names::env_name, "A\nB", false},
      {names::c_identifier, "_a1", true},
      {names::c_identifier, "1a", false},
      {names::port_name, "http-2", true},
      {names::port_name, "2", false},
      {names::port_name, "a--b", false},
      {names::port_name, "sixteen-letters-", false},
      {names::percent, "25%", true},
      {names::percent, "25", false},
      {names::percent, "-1%", false},
      {names::relative_path, "a/b", true},
      {names::relative_path, "/a", false},
      {names::relative_path, "../../etc/x", false},
      {names::relative_path, "a/..", false},
      {names::relative_path, "a..b", true},
      {names::ip, "10.0.0.1", true},
      {names::ip, "010.0.0.1", false},
      {names::ip, "1.2.3", false},
      {names::ip, "fe80::1%eth0", false},
      {names::cidr, "10.0.0.0/8", true},
      {names::cidr, "10.0.0.0/33", false},
      {names::cidr, "::/0", true},
  };
  for (auto& r : rows) BOOST_TEST(r.rule(r.value).empty() == r.good, r.value.substr(0, 40));
}

BOOST_AUTO_TEST_CASE(addresses_are_written_in_their_shortest_form) {
  const char* rows[][2] = {{"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
                           {"::", "::"},
                           {"1:0:0:2:0:0:0:3", "1:0:0:2::3"},
                           {"::ffff:1.2.3.4", "::ffff:1.2.3.4"},
                           {"1::", "1::"},
                           {"0:1:2:3:4:5:6:7", "0:1:2:3:4:5:6:7"}};
  for (auto& r : rows) {
    auto parsed = address::parse(r[0]);
    BOOST_REQUIRE_MESSAGE(parsed, r[0]);
    BOOST_TEST(parsed->text() == r[1]);
  }
  for (auto bad : {"", ":", ":::", "1::2::3", "12345::", "1:2:3:4:5:6:7:8:9", "1.2.3.4.5",
                   "::1.2.3", "1:2:3:4:5:6:7"})
    BOOST_TEST(!address::parse(bad), bad);
}

BOOST_AUTO_TEST_CASE(addresses_that_programs_read_differently_are_refused) {
  auto of = [](names::faults (*rule)(std::string_view), const char* value) {
    auto found = rule(value);
    return found.empty() ? std::string() : found[0];
  };
  const std::string no_ip = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
  const std::string no_cidr = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
  BOOST_TEST(of(names::ip, "10.0.0.5") == "");
  BOOST_TEST(of(names::ip, "FE80:0:0:0:0:0:0:0abc") == "");
  BOOST_TEST(of(names::ip, "010.000.000.005") == "must not have leading 0s");
  BOOST_TEST(of(names::ip, "::ffff:1.1.1.1") == "must not be an IPv4-mapped IPv6 address");
  BOOST_TEST(of(names::ip, "1.2.3.400") == no_ip);
  BOOST_TEST(of(names::cidr, "10.0.0.0/8") == "");
  BOOST_TEST(of(names::cidr, "10.0.0.0/08") == "must not have leading 0s in IP or prefix length");
  BOOST_TEST(of(names::cidr, "010.0.0.0/8") == "must not have leading 0s in IP or prefix length");
  BOOST_TEST(of(names::cidr, "192.168.0.5/24") ==
             "must not have bits set beyond the prefix length");
  BOOST_TEST(of(names::cidr, "10.0.0.0/64") == no_cidr);
}

BOOST_AUTO_TEST_CASE(networks_know_what_they_hold) {
  auto n = *network::parse("10.1.2.3/16");
  BOOST_TEST(n.text() == "10.1.0.0/16");
  BOOST_TEST(n.host_bits);
  BOOST_TEST(n.contains(*address::parse("10.1.255.255")));
  BOOST_TEST(!n.contains(*address::parse("10.2.0.0")));
  BOOST_TEST(n.strictly_contains(*network::parse("10.1.3.0/24")));
  BOOST_TEST(!n.strictly_contains(n));
  BOOST_TEST(!n.contains(*address::parse("::ffff:10.1.0.1")));
}

BOOST_AUTO_TEST_CASE(a_label_that_has_only_its_dots_wrong_is_told_so) {
  BOOST_TEST(names::dns_label("a.b") == names::faults{"must not contain dots"},
             boost::test_tools::per_element());
  BOOST_TEST(names::dns_label("A.b").at(0).starts_with("a lowercase RFC 1123 label"));
}

BOOST_AUTO_TEST_SUITE_END()
