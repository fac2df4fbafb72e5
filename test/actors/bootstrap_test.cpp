// What every cluster begins with, held against what Kubernetes begins with.
#include "actors/gateway/api_services.hpp"
#include "actors/gateway/bootstrap.hpp"
#include "actors/gateway/default_roles.hpp"
#include "actors/gateway/default_upkeep.hpp"
#include "actors/gateway/workers.hpp"
#include "messages/api/apiextensions.pb.h"
#include "messages/schema/default_flow.hpp"
#include "messages/schema/defaults.hpp"
#include "messages/schema/validate.hpp"
#include "test/support/gateway_environment.hpp"
#include "test/support/store_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <set>
#include <thread>

BOOST_AUTO_TEST_SUITE(bootstrap_test)

using namespace troupe;

namespace {

template<class List> std::string joined(const List& list) {
  std::string out;
  for (auto& x : list) out.append(out.empty() ? "" : ",").append(x);
  return out;
}

template<class Objects> auto& named(const Objects& all, const std::string& name) {
  auto hit =
      std::find_if(all.begin(), all.end(), [&](auto& x) { return x.metadata().name() == name; });
  BOOST_REQUIRE_MESSAGE(hit != all.end(), name);
  return *hit;
}

} // namespace

BOOST_AUTO_TEST_CASE(roles_are_those_of_kubernetes) {
  auto roles = gateway::default_cluster_roles();
  BOOST_TEST(roles.size() == 69u);
  std::set<std::string> names;
  for (auto& r : roles) {
    BOOST_TEST(names.insert(r.metadata().name()).second, r.metadata().name());
    for (auto& rule : r.rules()) {
      std::vector<std::string> verbs(rule.verbs().begin(), rule.verbs().end());
      std::vector<std::string> resources(rule.resources().begin(), rule.resources().end());
      BOOST_TEST(std::is_sorted(resources.begin(), resources.end()), r.metadata().name());
      BOOST_TEST(std::is_sorted(verbs.begin(), verbs.end()), r.metadata().name());
    }
  }
  auto& edit = named(roles, "edit");
  BOOST_TEST(edit.aggregation_rule().cluster_role_selectors_size() == 1);
  BOOST_TEST(edit.metadata().labels().contains("rbac.authorization.k8s.io/aggregate-to-admin"));
  auto& jobs = named(roles, "system:controller:job-controller");
  BOOST_TEST(jobs.rules_size() == 5);
  BOOST_TEST(joined(jobs.rules(3).verbs()) == "create,delete,list,patch,watch");
  BOOST_TEST(jobs.rules(4).api_groups(1) == "events.k8s.io");
}

BOOST_AUTO_TEST_CASE(bindings_lead_to_roles_that_are_there) {
  auto roles = gateway::default_cluster_roles();
  auto bindings = gateway::default_cluster_role_bindings();
  for (auto& b : bindings) named(roles, b.role_ref().name());
  auto& job = named(bindings, "system:controller:job-controller");
  BOOST_TEST(job.subjects(0).kind() == "ServiceAccount");
  BOOST_TEST(job.subjects(0).namespace_() == "kube-system");
  BOOST_TEST(job.subjects(0).name() == "job-controller");
  BOOST_TEST(named(bindings, "cluster-admin").subjects(0).kind() == "Group");
  BOOST_TEST(named(bindings, "system:node").subjects_size() == 0);
  auto local = gateway::default_roles();
  for (auto& b : gateway::default_role_bindings()) named(local, b.role_ref().name());
}

BOOST_AUTO_TEST_CASE(flow_schemas_lead_to_levels_that_are_there) {
  auto levels = schema::default_priority_levels();
  auto schemas = schema::default_flow_schemas(5);
  BOOST_TEST(levels.size() == 8u);
  BOOST_TEST(schemas.size() == 13u);
  for (auto& s : schemas) {
    named(levels, s.spec().priority_level_configuration().name());
    BOOST_TEST(schema::validate_create(s).empty(), s.metadata().name());
  }
  for (auto& l : levels) {
    auto again = l;
    schema::set_defaults(again);
    BOOST_TEST(again.SerializeAsString() == l.SerializeAsString(), l.metadata().name());
    BOOST_TEST(schema::validate_create(l).empty(), l.metadata().name());
  }
}

BOOST_AUTO_TEST_CASE(groups_that_are_served_here_say_so) {
  auto services = gateway::own_api_services(*schema::registry::built_in(), 5);
  BOOST_TEST(services[0].metadata().name() == "v1.");
  BOOST_TEST(named(services, "v2.autoscaling").spec().version_priority() == 30);
  BOOST_TEST(services[0].status().conditions(0).reason() == "Local");
}

BOOST_AUTO_TEST_CASE(what_a_default_role_lacks_is_added_and_extras_stay) {
  auto roles = gateway::default_cluster_roles();
  auto& wanted = named(roles, "system:basic-user");
  auto found = wanted;
  BOOST_TEST(!gateway::catch_up(found, wanted));
  found.mutable_rules()->DeleteSubrange(1, 1);
  found.mutable_rules(0)->set_resources(0, "mine");
  (*found.mutable_metadata()->mutable_labels())["kubernetes.io/bootstrapping"] = "other";
  found.mutable_metadata()->clear_annotations();
  BOOST_TEST(gateway::catch_up(found, wanted));
  BOOST_REQUIRE(found.rules_size() == 3);
  BOOST_TEST(found.rules(0).resources(0) == "mine");
  BOOST_TEST(found.rules(1).resources(0) == "selfsubjectaccessreviews");
  BOOST_TEST(found.rules(1).verbs(0) == "create");
  BOOST_TEST(found.rules(2).resources(0) == "selfsubjectreviews");
  BOOST_TEST(found.metadata().labels().at("kubernetes.io/bootstrapping") == "other");
  BOOST_TEST(found.metadata().annotations_size() == 1);
  BOOST_TEST(!gateway::catch_up(found, wanted));

  found.clear_rules();
  (*found.mutable_metadata()
        ->mutable_annotations())["rbac.authorization.kubernetes.io/autoupdate"] = "false";
  BOOST_TEST(!gateway::catch_up(found, wanted));
  BOOST_TEST(found.rules_size() == 0);

  auto& gatherer = named(roles, "edit");
  found = gatherer;
  found.clear_aggregation_rule();
  BOOST_TEST(gateway::catch_up(found, gatherer));
  BOOST_TEST(found.aggregation_rule().cluster_role_selectors_size() == 1);
}

BOOST_AUTO_TEST_CASE(a_default_binding_gets_its_subjects_back_and_its_role) {
  auto bindings = gateway::default_cluster_role_bindings();
  auto& wanted = named(bindings, "system:public-info-viewer");
  auto found = wanted;
  found.mutable_metadata()->set_uid("u");
  found.mutable_subjects(0)->set_name("mine");
  BOOST_TEST(gateway::catch_up(found, wanted));
  BOOST_TEST(found.subjects_size() == 3);
  BOOST_TEST(found.subjects(2).name() == "system:authenticated");
  BOOST_TEST(!gateway::catch_up(found, wanted));
  found.mutable_role_ref()->set_name("view");
  BOOST_TEST(gateway::catch_up(found, wanted));
  BOOST_TEST(found.metadata().uid().empty());
  BOOST_TEST(found.SerializeAsString() == wanted.SerializeAsString());
}

BOOST_AUTO_TEST_CASE(flow_objects_follow_unless_they_say_no) {
  const std::string key = "apf.kubernetes.io/autoupdate-spec";
  auto schemas = schema::default_flow_schemas(5);
  auto& wanted = named(schemas, "service-accounts");
  auto found = wanted;
  BOOST_TEST(!gateway::catch_up(found, wanted));
  auto said = [&]() -> std::string& {
    return (*found.mutable_metadata()->mutable_annotations())[key];
  };
  auto change = [&] { found.mutable_spec()->set_matching_precedence(7); };
  change();
  BOOST_TEST(gateway::catch_up(found, wanted));
  BOOST_TEST(found.spec().matching_precedence() == 9000);
  BOOST_TEST(found.metadata().generation() == 2);
  change();
  said() = "F";
  BOOST_TEST(!gateway::catch_up(found, wanted));
  BOOST_TEST(found.spec().matching_precedence() == 7);
  // Unsaid, a spec that somebody changed is theirs.
  found.mutable_metadata()->mutable_annotations()->erase(key);
  BOOST_TEST(gateway::catch_up(found, wanted));
  BOOST_TEST(said() == "false");
  BOOST_TEST(found.spec().matching_precedence() == 7);

  auto levels = schema::default_priority_levels();
  auto all = named(levels, "catch-all");
  all.mutable_spec()->mutable_limited()->set_nominal_concurrency_shares(1);
  (*all.mutable_metadata()->mutable_annotations())[key] = "false";
  BOOST_TEST(gateway::catch_up(all, named(levels, "catch-all")));
  BOOST_TEST(all.spec().limited().nominal_concurrency_shares() == 5);
  BOOST_TEST(all.metadata().annotations().at(key) == "true");
  auto exempt = named(levels, "exempt");
  exempt.mutable_spec()->mutable_exempt()->set_lendable_percent(10);
  BOOST_TEST(!gateway::catch_up(exempt, named(levels, "exempt")));
}

BOOST_AUTO_TEST_CASE(former_defaults_are_told_from_peoples_own) {
  const std::string key = "apf.kubernetes.io/autoupdate-spec";
  k8s::meta::v1::ObjectMeta meta;
  BOOST_TEST(!gateway::goes_with_defaults(meta));
  for (auto word : {"true", "1", "T"}) {
    (*meta.mutable_annotations())[key] = word;
    BOOST_TEST(gateway::goes_with_defaults(meta), word);
  }
  for (auto word : {"false", "", "yes"}) {
    (*meta.mutable_annotations())[key] = word;
    BOOST_TEST(!gateway::goes_with_defaults(meta), word);
  }
}

BOOST_FIXTURE_TEST_CASE(flow_schemas_that_are_defaults_no_more_go_at_a_start, test::store_fixture) {
  gateway::worker_threads work{1};
  gateway::gateway api{test::environment_of(*store, work)};
  BOOST_REQUIRE(gateway::bootstrap(api));
  auto& kind = *api.kinds()->by_resource("flowcontrol.apiserver.k8s.io", "v1", "flowschemas");
  auto schemas = schema::default_flow_schemas(5);
  auto former = named(schemas, "probes"), own = former;
  former.mutable_metadata()->set_name("former");
  (*former.mutable_metadata()->mutable_annotations())["apf.kubernetes.io/autoupdate-spec"] = "true";
  own.mutable_metadata()->set_name("own");
  own.mutable_metadata()->clear_annotations();
  put(kind, former);
  put(kind, own);
  BOOST_REQUIRE(gateway::bootstrap(api));
  auto now = store->current();
  BOOST_TEST(!now.find(gateway::key_of(kind, {}, "former")));
  BOOST_TEST(bool(now.find(gateway::key_of(kind, {}, "own"))));
}

BOOST_FIXTURE_TEST_CASE(a_server_hears_of_definitions_that_another_stored, test::store_fixture) {
  gateway::worker_threads work{1};
  gateway::gateway api{test::environment_of(*store, work)};
  k8s::apiextensions::v1::CustomResourceDefinition d;
  d.mutable_metadata()->set_name("ws.g.example.com");
  auto& spec = *d.mutable_spec();
  spec.set_group("g.example.com");
  spec.mutable_names()->set_plural("ws");
  spec.mutable_names()->set_kind("W");
  auto& version = *spec.add_versions();
  version.set_name("v1");
  version.set_served(true);
  version.set_storage(true);
  auto& served = *d.mutable_status()->add_conditions();
  served.set_type("Established");
  served.set_status("True");
  put(*api.kinds()->by_kind("apiextensions.k8s.io/v1", "CustomResourceDefinition"), d);
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  auto known = [&] { return api.kinds()->by_kind("g.example.com/v1", "W") != nullptr; };
  while (!known() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  BOOST_TEST(known());
}

BOOST_FIXTURE_TEST_CASE(a_second_start_writes_nothing_and_mends_what_was_taken,
                        test::store_fixture) {
  gateway::worker_threads work{1};
  gateway::gateway api{test::environment_of(*store, work)};
  BOOST_REQUIRE(gateway::bootstrap(api));
  auto first = store->current().revision();
  BOOST_REQUIRE(gateway::bootstrap(api));
  BOOST_TEST(store->current().revision() == first);

  auto& roles = *api.kinds()->by_resource("rbac.authorization.k8s.io", "v1", "clusterroles");
  auto key = gateway::key_of(roles, {}, "system:node");
  k8s::rbac::v1::ClusterRole role;
  BOOST_REQUIRE(gateway::read_entry(*store->current().get(key), role));
  auto uid = role.metadata().uid();
  role.clear_rules();
  put(roles, role);
  BOOST_REQUIRE(gateway::bootstrap(api));
  BOOST_TEST(store->current().revision() == first + 2);
  BOOST_REQUIRE(gateway::read_entry(*store->current().get(key), role));
  BOOST_TEST(role.metadata().uid() == uid);
  BOOST_TEST(role.rules_size() > 5);
}

BOOST_AUTO_TEST_SUITE_END()
