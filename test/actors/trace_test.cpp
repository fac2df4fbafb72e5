// What a trace shows: the object, what is there because of it, and nothing that is in it.
#include "actors/gateway/fields.hpp"
#include "actors/gateway/object.hpp"
#include "actors/insight/kin.hpp"
#include "actors/insight/trace.hpp"
#include "messages/api/deployment.pb.h"
#include "messages/api/event.pb.h"
#include "messages/api/pod.pb.h"
#include "messages/api/replica_set.pb.h"
#include "storage/live_state.hpp"

#include <boost/test/unit_test.hpp>

using namespace troupe;

namespace {

template<class Object>
storage::entry_ptr entry_of(const char* group, const char* plural, const Object& o) {
  auto& k = *schema::registry::built_in()->by_resource(group, "v1", plural);
  return storage::entry::make(gateway::key_of(k, o.metadata().namespace_(), o.metadata().name()),
                              gateway::index_of(k, o), gateway::stored_form(k, o));
}

template<class Object>
Object object(const char* name, const char* owner_kind = nullptr, const char* owner = nullptr) {
  Object out;
  auto& m = *out.mutable_metadata();
  m.set_namespace_("ns");
  m.set_name(name);
  m.set_uid(std::string("uid-") + name);
  if (owner) {
    auto& ref = *m.add_owner_references();
    ref.set_api_version("apps/v1");
    ref.set_kind(owner_kind);
    ref.set_name(owner);
    ref.set_uid(std::string("uid-") + owner);
  }
  return out;
}

using k8s::core::v1::Pod;
using deployment = k8s::apps::v1::Deployment;
using replica_set = k8s::apps::v1::ReplicaSet;

/// A store with these objects.
struct world {
  void put(const storage::entry_ptr& e) {
    storage::transaction tx;
    tx.put(e->key(), e->value(), e->index().packed());
    state.apply(std::move(tx), 1);
    state.publish();
  }
  bool takes(insight::kin& who, const storage::entry_ptr& e) {
    return who.takes(e->key(), e.get(), state.current(), *schema::registry::built_in());
  }
  storage::live_state state;
};

} // namespace

BOOST_AUTO_TEST_SUITE(trace_test)

BOOST_AUTO_TEST_CASE(what_an_object_owns_and_what_that_owns_are_its_kin) {
  world w;
  w.put(entry_of("apps", "deployments", object<deployment>("web")));
  auto set = entry_of("apps", "replicasets", object<replica_set>("web-1", "Deployment", "web"));
  w.put(set);
  insight::kin who{"deployments.apps/ns/web", w.state.current()};
  // The pod is met before its set: the way up leads over what is stored.
  BOOST_TEST(w.takes(who, entry_of("", "pods", object<Pod>("web-1-a", "ReplicaSet", "web-1"))));
  BOOST_TEST(w.takes(who, set));
  BOOST_TEST(!w.takes(who, entry_of("", "pods", object<Pod>("other"))));
  BOOST_TEST(!w.takes(who, entry_of("", "pods", object<Pod>("x", "ReplicaSet", "gone"))));
  // By its name alone, when a message has no more.
  BOOST_TEST(
      who.takes("pods/ns/web-1-a", nullptr, w.state.current(), *schema::registry::built_in()));
}

BOOST_AUTO_TEST_CASE(events_are_of_what_they_are_about) {
  world w;
  w.put(entry_of("", "pods", object<Pod>("a")));
  insight::kin who{"pods/ns/a", w.state.current()};
  auto about = [](const char* uid) {
    k8s::core::v1::Event e;
    e.mutable_metadata()->set_namespace_("ns");
    e.mutable_metadata()->set_name(std::string("e-") + uid);
    e.mutable_involved_object()->set_uid(uid);
    return entry_of("", "events", e);
  };
  BOOST_TEST(w.takes(who, about("uid-a")));
  BOOST_TEST(!w.takes(who, about("uid-b")));
}

BOOST_AUTO_TEST_CASE(what_is_not_there_yet_is_known_when_it_comes) {
  world w;
  insight::kin who{"deployments.apps/ns/web", w.state.current()};
  BOOST_TEST(w.takes(who, entry_of("apps", "deployments", object<deployment>("web"))));
  BOOST_TEST(
      w.takes(who, entry_of("apps", "replicasets", object<replica_set>("s", "Deployment", "web"))));
}

BOOST_AUTO_TEST_CASE(a_difference_names_what_selectors_see_and_no_contents) {
  auto before = object<Pod>("a"), after = before;
  before.mutable_status()->set_phase("Pending");
  after.mutable_status()->set_phase("Running");
  after.mutable_status()->set_message("a secret word");
  after.mutable_spec()->set_node_name("n1");
  auto told = trace::difference(entry_of("", "pods", before).get(), *entry_of("", "pods", after));
  BOOST_TEST(told.find("status.phase=Running") != told.npos, told);
  BOOST_TEST(told.find("spec.nodeName=n1") != told.npos, told);
  BOOST_TEST(told.find("secret") == told.npos, told);
}

BOOST_AUTO_TEST_CASE(nobody_is_told_when_nobody_listens) {
  BOOST_TEST(!trace::on());
  std::vector<std::string> heard;
  {
    trace::listener here{7, [&](auto& p) { heard.push_back(p.from + " " + std::string(p.key)); }};
    BOOST_TEST(trace::on());
    BOOST_TEST(trace::listens(7));
    trace::pass({.from = "store", .to = "x", .verb = "tells", .key = "pods/ns/a"});
  }
  BOOST_TEST(!trace::on());
  BOOST_TEST(!trace::listens(7));
  trace::pass({.from = "nobody", .to = "x", .verb = "tells", .key = "pods/ns/a"});
  BOOST_TEST(heard == std::vector<std::string>{"store pods/ns/a"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
