#include "actors/controllers/events_plan.hpp"
#include "actors/controllers/accounts_plan.hpp"
#include "actors/controllers/garbage_plan.hpp"
#include "actors/controllers/namespace_plan.hpp"
#include "actors/controllers/roles_plan.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(controller_plans_test)

using namespace troupe::controllers;

BOOST_AUTO_TEST_CASE(a_namespace_that_is_not_going_is_left_alone) {
  BOOST_TEST(plan(namespace_view{"a", false, false, {{"pods/a/p", "pods", {}}}}).empty());
  BOOST_TEST(plan(namespace_view{"a", true, true, {}}).empty());
}

BOOST_AUTO_TEST_CASE(what_nothing_holds_is_erased_before_the_namespace_is_released) {
  auto first = plan(
      namespace_view{"a", true, false, {{"pods/a/p", "pods", {}}, {"secrets/a/s", "secrets", {}}}});
  BOOST_TEST((first == std::vector<namespace_action>{erase_object{"pods/a/p"}}));
  auto second = plan(namespace_view{"a", true, false, {{"secrets/a/s", "secrets", {}}}});
  BOOST_TEST((second == std::vector<namespace_action>{erase_object{"secrets/a/s"}}));
  auto then = plan(namespace_view{"a", true, false, {}});
  BOOST_REQUIRE(then.size() == 1u);
  BOOST_TEST(std::holds_alternative<release_namespace>(then[0]));
}

BOOST_AUTO_TEST_CASE(what_others_must_finish_is_marked_once_and_told) {
  namespace_view view{
      "a",
      true,
      false,
      {{"widgets.x.io/a/w", "widgets.x.io", {"x.io/f"}}, {"secrets/a/s", "secrets", {}}}};
  view.contents.push_back({"pods/a/p", "pods", {}, false, true});
  using actions = std::vector<namespace_action>;
  tell_remaining of_pods{"pods. has 1 resource instances", ""};
  BOOST_TEST((plan(view) == actions{mark_object{"pods/a/p"}, of_pods}));
  view.contents.back().going = true;
  BOOST_TEST((plan(view) == actions{of_pods})); // nothing else goes before they have ended
  view.contents.pop_back();
  tell_remaining of_widgets{"widgets.x.io has 1 resource instances",
                            "x.io/f in 1 resource instances"};
  BOOST_TEST((plan(view) ==
              actions{mark_object{"widgets.x.io/a/w"}, erase_object{"secrets/a/s"}, of_widgets}));
  view.contents.pop_back();
  view.contents[0].going = true;
  BOOST_TEST((plan(view) == actions{of_widgets}));
}

BOOST_AUTO_TEST_CASE(a_namespace_says_what_it_waits_for_and_what_is_done) {
  google::protobuf::RepeatedPtrField<k8s::core::v1::NamespaceCondition> all;
  put_progress(all, {"pods. has 2 resource instances", ""}, {1000, 0});
  struct {
    const char *type, *status, *reason, *message;
  } rows[] = {
      {"NamespaceDeletionDiscoveryFailure", "False", "ResourcesDiscovered",
       "All resources successfully discovered"},
      {"NamespaceDeletionGroupVersionParsingFailure", "False", "ParsedGroupVersions",
       "All legacy kube types successfully parsed"},
      {"NamespaceDeletionContentFailure", "False", "ContentDeleted",
       "All content successfully deleted, may be waiting on finalization"},
      {"NamespaceContentRemaining", "True", "SomeResourcesRemain",
       "Some resources are remaining: pods. has 2 resource instances"},
      {"NamespaceFinalizersRemaining", "False", "ContentHasNoFinalizers",
       "All content-preserving finalizers finished"},
  };
  BOOST_REQUIRE(all.size() == 5);
  for (int i = 0; i < 5; ++i) {
    BOOST_TEST(all[i].type() == rows[i].type);
    BOOST_TEST(all[i].status() == rows[i].status);
    BOOST_TEST(all[i].reason() == rows[i].reason);
    BOOST_TEST(all[i].message() == rows[i].message);
  }
  put_progress(all, {}, {2000, 0});
  BOOST_TEST(all.size() == 5);
  BOOST_TEST(all[3].message() == "All content successfully removed");
  BOOST_TEST(all[3].last_transition_time().seconds() == 2000);
  BOOST_TEST(all[4].last_transition_time().seconds() == 1000);
}

BOOST_AUTO_TEST_CASE(an_active_namespace_gets_its_account_and_certificate_once) {
  accounts_view view{"a", true, false, false};
  BOOST_TEST(plan(view).size() == 2u);
  view.has_default_account = view.has_root_certificate = true;
  BOOST_TEST(plan(view).empty());
  BOOST_TEST(plan(accounts_view{"a", false, false, false}).empty());
}

namespace {

owner_reference owner(const char* uid, const char* name, bool blocks = true) {
  return {uid, owner_name(name), blocks};
}

const owned_view child{"r/a/r", "child", {owner("owner", "d")}, {}, false};

ownership family() {
  ownership all;
  all.put({"d/a/d", "owner", {}, {}, false});
  all.put(child);
  return all;
}

ownership family_that_waits() {
  auto all = family();
  all.put({"d/a/d", "owner", {}, {"foregroundDeletion"}, true});
  return all;
}

using garbage_actions = std::vector<garbage_action>;

} // namespace

BOOST_AUTO_TEST_CASE(dependents_follow_an_owner_that_is_gone) {
  auto all = family();
  BOOST_TEST(plan(all, "r/a/r").empty());
  all.erase("d/a/d");
  BOOST_TEST((plan(all, "r/a/r") == garbage_actions{delete_dependent{"r/a/r"}}));
}

BOOST_AUTO_TEST_CASE(one_of_several_owners_gone_is_only_forgotten) {
  auto all = family();
  auto r = child;
  r.owners.push_back(owner("other", "x"));
  all.put(r);
  BOOST_TEST((plan(all, "r/a/r") == garbage_actions{forget_owners{"r/a/r", {"other"}}}));
}

BOOST_AUTO_TEST_CASE(an_owner_is_looked_for_by_its_name_in_the_namespace_of_the_object) {
  auto all = family();
  auto r = child;
  r.owners = {owner("owner", "another-name")};
  all.put(r);
  BOOST_TEST((plan(all, "r/a/r") == garbage_actions{delete_dependent{"r/a/r"}}));
  all = family();
  all.erase("r/a/r");
  r = child;
  r.key = "r/elsewhere/r";
  all.put(r);
  BOOST_TEST((plan(all, r.key) ==
              garbage_actions{tell_misplaced_owner{r.key, "owner"}, delete_dependent{r.key}}));
  // An owner without a namespace is everybody's; who is in none cannot name one that is in one.
  all.put({"n//n", "node", {}, {}, false});
  r.owners = {owner("node", "n")};
  all.put(r);
  BOOST_TEST(plan(all, r.key).empty());
  r = {"c//c", "cluster-wide", {owner("gone", "x")}, {}, false};
  r.owners[0].beyond = true;
  all.put(r);
  BOOST_TEST(plan(all, r.key).empty());
}

BOOST_AUTO_TEST_CASE(a_foreground_deletion_waits_for_those_who_block_it) {
  auto all = family_that_waits();
  BOOST_TEST(plan(all, "d/a/d").empty());
  BOOST_TEST((plan(all, "r/a/r") == garbage_actions{delete_dependent{"r/a/r"}}));
  auto r = child;
  r.finalizers = {"x.io/f"};
  r.going = true;
  all.put(r);
  BOOST_TEST(plan(all, "d/a/d").empty());
  r.owners[0].blocks = false;
  all.put(r);
  garbage_actions last{drop_finalizer{"d/a/d", "foregroundDeletion"}};
  BOOST_TEST((plan(all, "d/a/d") == last));
  all.erase("r/a/r");
  BOOST_TEST((plan(all, "d/a/d") == last));
}

BOOST_AUTO_TEST_CASE(in_the_foreground_dependents_wait_for_their_own) {
  auto all = family_that_waits();
  all.put({"p/a/p", "pod", {owner("child", "r")}, {}, false});
  BOOST_TEST((plan(all, "r/a/r") == garbage_actions{delete_dependent{"r/a/r", true}}));
}

BOOST_AUTO_TEST_CASE(who_has_another_owner_leaves_the_one_that_waits) {
  auto all = family_that_waits();
  all.put({"d/a/e", "second", {}, {}, false});
  auto r = child;
  r.owners.push_back(owner("second", "e"));
  all.put(r);
  BOOST_TEST((plan(all, "r/a/r") == garbage_actions{forget_owners{"r/a/r", {"owner"}}}));
}

BOOST_AUTO_TEST_CASE(a_circle_does_not_wait_for_itself) {
  ownership all;
  all.put({"d/a/d", "owner", {owner("child", "r")}, {"foregroundDeletion"}, true});
  all.put(child);
  BOOST_TEST((plan(all, "r/a/r") == garbage_actions{delete_dependent{"r/a/r", true, true}}));
}

BOOST_AUTO_TEST_CASE(orphans_forget_their_owner_before_it_goes) {
  auto all = family();
  all.put({"d/a/d", "owner", {}, {"orphan"}, true});
  auto first = plan(all, "d/a/d");
  BOOST_REQUIRE(first.size() == 1u);
  BOOST_TEST((std::get<forget_owners>(first[0]) == forget_owners{"r/a/r", {"owner"}}));
  all.put({"r/a/r", "child", {}, {}, false});
  auto last = plan(all, "d/a/d");
  BOOST_REQUIRE(last.size() == 1u);
  BOOST_TEST(std::holds_alternative<drop_finalizer>(last[0]));
}

BOOST_AUTO_TEST_CASE(an_aggregated_role_has_the_rules_of_its_parts_once) {
  std::vector<k8s::rbac::v1::ClusterRole> roles(3);
  roles[0].mutable_metadata()->set_name("all");
  (*roles[0]
        .mutable_aggregation_rule()
        ->add_cluster_role_selectors()
        ->mutable_match_labels())["to"] = "all";
  for (int i : {1, 2}) {
    roles[i].mutable_metadata()->set_name("part-" + std::to_string(i));
    (*roles[i].mutable_metadata()->mutable_labels())["to"] = "all";
    roles[i].add_rules()->add_verbs("get");
  }
  auto actions = plan(roles);
  BOOST_REQUIRE(actions.size() == 1u);
  BOOST_TEST(actions[0].name == "all");
  BOOST_REQUIRE(actions[0].rules.size() == 1u);
  *roles[0].add_rules() = actions[0].rules[0];
  BOOST_TEST(plan(roles).empty());
}

BOOST_AUTO_TEST_CASE(events_are_forgotten_an_hour_after_they_were_last_told) {
  std::vector<event_view> all{{"new", 7'000}, {"old", 3'000}, {"older", 100}, {"edge", 3'400}};
  BOOST_TEST(plan(all, {7'000, 0}, 10) == (std::vector<std::string>{"older", "old", "edge"}),
             boost::test_tools::per_element());
  BOOST_TEST(plan(all, {7'000, 0}, 1) == std::vector<std::string>{"older"},
             boost::test_tools::per_element());
  BOOST_TEST(plan(all, {3'600, 0}, 10).empty());
}

BOOST_AUTO_TEST_SUITE_END()
