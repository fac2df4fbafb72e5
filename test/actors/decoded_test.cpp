#include "actors/gateway/decoded.hpp"

#include "actors/controllers/orphans.hpp"
#include "actors/gateway/fields.hpp"
#include "actors/gateway/object.hpp"
#include "actors/service/backend.hpp"
#include "messages/api/pod.pb.h"
#include "messages/codec/stored_parts.hpp"
#include "storage/labels.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <thread>

BOOST_AUTO_TEST_SUITE(decoded_test)

using namespace troupe;
using namespace std::string_literals;
using k8s::core::v1::Pod;

namespace {

Pod pod(const std::string& name, const std::string& app = "a") {
  Pod p;
  p.mutable_metadata()->set_name(name);
  p.mutable_metadata()->set_namespace_("ns");
  p.mutable_metadata()->set_uid("uid-" + name);
  (*p.mutable_metadata()->mutable_labels())["app"] = app;
  return p;
}

storage::entry_ptr stored(const Pod& p) {
  auto& k = *schema::registry::built_in()->by_resource("", "v1", "pods");
  return storage::entry::make(gateway::key_of(k, "ns", p.metadata().name()),
                              gateway::index_of(k, p), gateway::stored_form(k, p));
}

} // namespace

BOOST_AUTO_TEST_CASE(an_object_is_decoded_once_for_all_who_ask) {
  auto entry = stored(pod("one"));
  auto first = gateway::decoded<Pod>(*entry);
  BOOST_TEST(first->metadata().uid() == "uid-one");
  BOOST_TEST(gateway::decoded<Pod>(*entry) == first);
  auto same = stored(pod("one")); // other bytes that say the same
  BOOST_TEST(gateway::decoded<Pod>(*same) != first);
}

BOOST_AUTO_TEST_CASE(what_was_decoded_outlives_its_place_in_the_memory) {
  auto entry = stored(pod("first"));
  auto first = gateway::decoded<Pod>(*entry);
  for (int i = 0; i < 10'000; ++i) {
    auto other = stored(pod(std::to_string(i)));
    BOOST_REQUIRE(gateway::decoded<Pod>(*other)->metadata().name() == std::to_string(i));
  }
  BOOST_TEST(first->metadata().name() == "first");
  BOOST_TEST(gateway::decoded<Pod>(*entry)->metadata().name() == "first");
}

BOOST_AUTO_TEST_CASE(large_objects_are_not_remembered) {
  auto p = pod("large");
  (*p.mutable_metadata()->mutable_annotations())["much"] = std::string(64 * 1024, 'x');
  auto entry = stored(p);
  auto first = gateway::decoded<Pod>(*entry);
  BOOST_TEST(gateway::decoded<Pod>(*entry) != first);
}

BOOST_AUTO_TEST_CASE(many_threads_ask_at_once) {
  std::vector<storage::entry_ptr> entries;
  for (int i = 0; i < 2'000; ++i) entries.push_back(stored(pod(std::to_string(i))));
  std::atomic<int> wrong = 0;
  {
    std::vector<std::jthread> all;
    for (int t = 0; t < 4; ++t)
      all.emplace_back([&] {
        for (size_t i = 0; i < entries.size(); ++i)
          if (gateway::decoded<Pod>(*entries[i])->metadata().name() != std::to_string(i)) ++wrong;
      });
  }
  BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(labels_are_compared_as_they_are_packed) {
  auto with = [](std::string key, std::string value) {
    auto p = pod("x");
    p.mutable_metadata()->mutable_labels()->clear();
    if (!key.empty()) (*p.mutable_metadata()->mutable_labels())[key] = value;
    return stored(p);
  };
  BOOST_TEST(storage::same_labels(*with("a", "b"), *with("a", "b")));
  BOOST_TEST(!storage::same_labels(*with("a", "bc"), *with("ab", "c")));
  BOOST_TEST(!storage::same_labels(*with("a", "b"), *with("", "")));
  BOOST_TEST(storage::same_labels(*with("", ""), *with("", "")));
}

BOOST_AUTO_TEST_CASE(specs_are_compared_but_for_the_node) {
  auto spec = [](const char* node, const char* account) {
    k8s::core::v1::PodSpec s;
    s.set_node_name(node);
    s.set_service_account_name(account);
    return s.SerializeAsString();
  };
  auto same = [](const std::string& a, const std::string& b) {
    return codec::same_but_for(k8s::core::v1::PodSpec::kNodeNameFieldNumber, a, b);
  };
  BOOST_TEST(same(spec("n", "x"), spec("m", "x")));
  BOOST_TEST(same(spec("n", "x"), ""s + spec("n", "x")));
  BOOST_TEST(!same(spec("n", "x"), spec("n", "y")));
  BOOST_TEST(!same(spec("n", "x"), ""));
}

BOOST_AUTO_TEST_CASE(orphans_are_found_by_the_labels_that_they_have_now) {
  controllers::orphans all;
  auto found = [&](const char* selector) {
    std::string names;
    for (auto& e : all.selected("ns", *label_selector::parse(selector)))
      names += std::string(gateway::split_key(e->key()).name) + " ";
    return names;
  };
  for (auto name : {"b", "a", "c"}) all.put(stored(pod(name)));
  BOOST_TEST(found("app=a") == "a b c "); // in the order of their names
  BOOST_TEST(found("app in (a,b)") == "a b c ");
  all.put(stored(pod("b", "other")));
  all.put(stored(pod("c"))); // as it was
  BOOST_TEST(found("app=a") == "a c ");
  BOOST_TEST(found("app=other") == "b ");
  all.erase(stored(pod("a"))->key());
  BOOST_TEST(found("app") == "b c ");
  BOOST_TEST(all.selected("elsewhere", *label_selector::parse("app")).empty());
}

BOOST_AUTO_TEST_CASE(a_backend_is_read_from_the_bytes_of_its_pod) {
  auto p = pod("web");
  auto& spec = *p.mutable_spec();
  spec.set_node_name("n1");
  spec.set_hostname("h");
  spec.set_subdomain("s");
  auto add = [](auto& c, const char* name, const char* protocol, int number) {
    auto& port = *c.add_ports();
    if (*name) port.set_name(name);
    if (*protocol) port.set_protocol(protocol);
    port.set_container_port(number);
  };
  auto& sidecar = *spec.add_init_containers();
  sidecar.set_restart_policy("Always");
  add(sidecar, "mesh", "TCP", 15);
  add(*spec.add_init_containers(), "once", "TCP", 16); // ends before anybody asks
  auto& c = *spec.add_containers();
  add(c, "http", "", 80);
  add(c, "", "TCP", 81); // nobody can name it
  add(c, "dns", "UDP", 53);
  auto before = service::backend::of(stored(p));
  BOOST_TEST(before.over); // no address yet
  BOOST_TEST(!before.ready);
  auto& status = *p.mutable_status();
  status.set_phase("Running");
  status.set_pod_ip("10.0.0.1");
  auto& ready = *status.add_conditions();
  ready.set_type("Ready");
  ready.set_status("True");
  auto alone = service::backend::of(stored(p));
  BOOST_TEST(alone.ips == std::vector<std::string>{"10.0.0.1"});
  status.add_pod_ips()->set_ip("10.0.0.1");
  status.add_pod_ips()->set_ip("fd00::1");
  auto b = service::backend::of(stored(p));
  BOOST_TEST((b.ips == std::vector<std::string>{"10.0.0.1", "fd00::1"}));
  BOOST_TEST(b.uid == "uid-web");
  BOOST_TEST(b.node == "n1");
  BOOST_TEST(b.hostname == "h");
  BOOST_TEST(b.subdomain == "s");
  BOOST_TEST((b.ready && !b.going && !b.over));
  using port = service::backend::named_port;
  BOOST_TEST(
      (b.ports == std::vector<port>{{"http", "TCP", 80}, {"dns", "UDP", 53}, {"mesh", "TCP", 15}}));
  p.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(5);
  status.set_phase("Failed");
  auto last = service::backend::of(stored(p));
  BOOST_TEST((last.going && last.over));
}

BOOST_AUTO_TEST_SUITE_END()
