// What every cluster begins with, held against what Kubernetes begins with.
#include "actors/gateway/api_services.hpp"
#include "actors/gateway/default_roles.hpp"
#include "messages/schema/default_flow.hpp"
#include "messages/schema/defaults.hpp"
#include "messages/schema/validate.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

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

BOOST_AUTO_TEST_SUITE_END()
