#include "actors/controllers/family.hpp"

#include "actors/controllers/conditions.hpp"
#include "actors/controllers/disruption_plan.hpp"
#include "actors/controllers/pod_view.hpp"
#include "actors/controllers/revisions.hpp"
#include "actors/gateway/fields.hpp"
#include "actors/gateway/object.hpp"
#include "messages/api/pod.pb.h"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(family_test)

using namespace troupe;
using namespace troupe::controllers;

namespace {

storage::entry_ptr pod(const char* name, const char* app, const char* owner = nullptr,
                       const char* kind = "ReplicaSet", const char* version = "apps/v1") {
  k8s::core::v1::Pod p;
  p.mutable_metadata()->set_name(name);
  p.mutable_metadata()->set_namespace_("ns");
  (*p.mutable_metadata()->mutable_labels())["app"] = app;
  if (owner) {
    auto& ref = *p.mutable_metadata()->add_owner_references();
    ref.set_kind(kind);
    ref.set_api_version(version);
    ref.set_uid(owner);
    ref.set_controller(true);
  }
  auto& k = *schema::registry::built_in()->by_resource("", "v1", "pods");
  return storage::entry::make(gateway::key_of(k, "ns", name), gateway::index_of(k, p),
                              gateway::stored_form(k, p));
}

owner_view set(const char* name, const char* selector) {
  return {std::string("replicasets.apps/ns/") + name, "ns", std::string("uid-") + name,
          *label_selector::parse(selector)};
}

struct fixture {
  family<pod_view> all{"ReplicaSet", "apps/"};
  std::vector<std::string> marked;

  void hear(const storage::entry_ptr& e, bool gone = false) {
    all.hear_child(e, gone, [&](auto& key) { marked.push_back(key); });
  }
  auto claims(const char* name) {
    return all.claimed_by(*all.owner(std::string("replicasets.apps/ns/") + name));
  }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(a_change_of_a_child_concerns_its_owner_alone, fixture) {
  all.put_owner(set("a", "app=a"));
  all.put_owner(set("b", "app=b"));
  hear(pod("1", "a", "uid-a"));
  BOOST_TEST(marked == std::vector<std::string>{"replicasets.apps/ns/a"});
  BOOST_TEST(claims("a").mine.size() == 1u);
  BOOST_TEST(claims("b").mine.size() == 0u);
  hear(pod("1", "a", "uid-a"), true);
  BOOST_TEST(claims("a").mine.empty());
}

BOOST_FIXTURE_TEST_CASE(children_of_other_kinds_are_none_of_its_business, fixture) {
  all.put_owner(set("a", "app=a"));
  hear(pod("1", "a", "uid-a", "Job", "batch/v1"));
  hear(pod("2", "a", "uid-a", "ReplicaSet", "example.com/v1"));
  BOOST_TEST(marked.empty());
  BOOST_TEST(claims("a").mine.empty());
  BOOST_TEST(claims("a").adopt.empty());
}

BOOST_FIXTURE_TEST_CASE(orphans_are_offered_to_those_that_select_them, fixture) {
  all.put_owner(set("a", "app=a"));
  all.put_owner(set("some", "app in (a,c)"));
  hear(pod("1", "a"));
  hear(pod("2", "b"));
  BOOST_TEST(marked.size() == 2u);
  BOOST_TEST(claims("a").adopt.size() == 1u);
  BOOST_TEST(claims("some").adopt.size() == 1u);
  hear(pod("1", "a", "uid-a")); // adopted
  BOOST_TEST(claims("a").mine.size() == 1u);
  BOOST_TEST(claims("some").adopt.empty());
}

BOOST_FIXTURE_TEST_CASE(children_that_are_not_selected_any_more_are_released, fixture) {
  all.put_owner(set("a", "app=a"));
  hear(pod("1", "other", "uid-a"));
  BOOST_TEST(claims("a").release.size() == 1u);
  auto going = set("a", "app=a");
  going.going = true;
  all.put_owner(going);
  hear(pod("2", "a"));
  BOOST_TEST(claims("a").adopt.empty()); // who goes adopts nobody
}

BOOST_AUTO_TEST_CASE(a_template_comes_back_from_its_revision_as_it_was) {
  k8s::core::v1::PodTemplateSpec t;
  (*t.mutable_metadata()->mutable_labels())["app"] = "x";
  auto& c = *t.mutable_spec()->add_containers();
  c.set_name("c");
  c.set_image("i:1");
  auto data = revision_data(t);
  BOOST_TEST(data.starts_with(R"({"spec":{"template":{"$patch":"replace",)"));
  BOOST_TEST(template_of(data).spec().containers(0).image() == "i:1");
  auto first = plan_history("ds", data, 0, {});
  BOOST_REQUIRE(first.create);
  BOOST_TEST(first.create->revision() == 1);
  revision_view one{{}, {}, false, first.current, 1, data};
  revision_view two{{}, {}, false, "ds-other", 2, "{}"};
  BOOST_TEST(!plan_history("ds", data, 0, {&one}).renumber);
  auto back = plan_history("ds", data, 0, {&one, &two}); // an older one is wanted again
  BOOST_TEST(back.renumber == &one);
  BOOST_TEST(back.number == 3);
  BOOST_TEST(outdated({&two, &one}, {}, 1) == std::vector<const revision_view*>{&one});
  BOOST_TEST(outdated({&two, &one}, {one.name}, 0) == std::vector<const revision_view*>{&two});
}

BOOST_AUTO_TEST_CASE(budgets_allow_what_healthy_pods_exceed) {
  struct {
    const char* least; ///< minAvailable, empty if maxUnavailable is given
    const char* most;
    int wanted, pods, healthy, allowed, needed;
  } rows[] = {{"2", "", 0, 3, 3, 1, 2},    {"2", "", 0, 3, 2, 0, 2},   {"50%", "", 5, 5, 5, 2, 3},
              {"", "1", 4, 4, 4, 1, 3},    {"", "50%", 3, 3, 3, 2, 1}, {"", "1", 4, 3, 3, 0, 3},
              {"", "100%", 2, 2, 0, 0, 0}, {"1", "", 0, 0, 0, 0, 1}};
  for (auto& row : rows) {
    k8s::policy::v1::PodDisruptionBudget b;
    auto put = [](auto& v, std::string text) {
      if (text.ends_with('%'))
        v.set_type(1), v.set_str_val(text);
      else
        v.set_int_val(std::stoi(text));
    };
    if (*row.least) put(*b.mutable_spec()->mutable_min_available(), row.least);
    if (*row.most) put(*b.mutable_spec()->mutable_max_unavailable(), row.most);
    std::vector<pod_view> pods(static_cast<size_t>(row.pods));
    disruption_view v{b, {}, row.wanted, {1000, 0}};
    for (int i = 0; i < row.pods; ++i) pods[static_cast<size_t>(i)].ready = i < row.healthy;
    for (auto& p : pods) v.pods.push_back(&p);
    auto out = plan(v);
    BOOST_TEST_CONTEXT(row.least << " " << row.most << " of " << row.pods) {
      BOOST_TEST(out.status.disruptions_allowed() == row.allowed);
      BOOST_TEST(out.status.desired_healthy() == row.needed);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_budget_of_which_nobody_knows_the_whole_lets_nobody_go) {
  k8s::policy::v1::PodDisruptionBudget b;
  b.mutable_metadata()->set_generation(3);
  b.mutable_spec()->mutable_max_unavailable()->set_int_val(1);
  b.mutable_status()->set_disruptions_allowed(1);
  auto status =
      plan({b, {}, 0, {1000, 0}, "jobs.batch does not implement the scale subresource"}).status;
  BOOST_TEST(status.disruptions_allowed() == 0);
  BOOST_REQUIRE(status.conditions_size() == 1);
  auto& c = status.conditions(0);
  BOOST_TEST(c.status() == "False");
  BOOST_TEST(c.reason() == "SyncFailed");
  BOOST_TEST(c.message() == "jobs.batch does not implement the scale subresource");
  BOOST_TEST(c.observed_generation() == 0); // what the rest of the status is about
}

BOOST_AUTO_TEST_CASE(selectors_are_told_in_the_words_that_people_search_for) {
  k8s::meta::v1::LabelSelector s;
  (*s.mutable_match_labels())["b"] = "2";
  (*s.mutable_match_labels())["a"] = "1";
  auto& e = *s.add_match_expressions();
  e.set_key("tier");
  e.set_operator_("In");
  e.add_values("x");
  e.add_values("y");
  BOOST_TEST(printed(s) == "&LabelSelector{MatchLabels:map[string]string{a: 1,b: 2,},"
                           "MatchExpressions:[]LabelSelectorRequirement{LabelSelectorRequirement{"
                           "Key:tier,Operator:In,Values:[x y],},},}");
}

BOOST_AUTO_TEST_CASE(an_eviction_that_was_let_through_counts_until_the_pod_goes_or_time_is_up) {
  k8s::policy::v1::PodDisruptionBudget b;
  b.mutable_spec()->mutable_min_available()->set_int_val(1);
  (*b.mutable_status()->mutable_disrupted_pods())["p"].set_seconds(1000);
  pod_view p, other;
  p.name = "p", other.name = "other";
  p.ready = other.ready = true;
  auto at = [&](int64_t when) { return plan(disruption_view{b, {&p, &other}, 0, {when, 0}}); };
  BOOST_TEST(at(1001).status.disruptions_allowed() == 0);
  BOOST_TEST(at(1001).look_again->seconds == 1000 + eviction_seconds_max);
  BOOST_TEST(at(1000 + eviction_seconds_max).status.disruptions_allowed() == 1);
  BOOST_TEST(at(1001).stayed.empty());
  BOOST_TEST((at(1000 + eviction_seconds_max).stayed == std::vector<const pod_view*>{&p}));
  p.going = true;
  BOOST_TEST(at(1001).status.disrupted_pods().empty());
}

BOOST_AUTO_TEST_CASE(that_a_pod_is_about_to_be_taken_away_is_forgotten_if_nobody_does_it) {
  k8s::core::v1::Pod pod;
  BOOST_TEST(!disruption_forgotten_at(pod));
  set_pod_condition(pod, "DisruptionTarget", true, "EvictionByEvictionAPI", "", {1000, 0});
  BOOST_REQUIRE(disruption_forgotten_at(pod));
  BOOST_TEST(disruption_forgotten_at(pod)->seconds == 1000 + eviction_seconds_max);
  auto still = [&](auto change) {
    auto other = pod;
    change(other);
    return disruption_forgotten_at(other).has_value();
  };
  BOOST_TEST(!still([](auto& p) { p.mutable_status()->set_phase("Failed"); }));
  BOOST_TEST(!still([](auto& p) { p.mutable_metadata()->mutable_deletion_timestamp(); }));
  BOOST_TEST(!still([](auto& p) {
    set_pod_condition(p, "DisruptionTarget", true, "TerminationByKubelet", "", {1000, 0});
  }));
  BOOST_TEST(!still([](auto& p) {
    set_pod_condition(p, "DisruptionTarget", false, "", "", {1000, 0});
  }));
}

BOOST_AUTO_TEST_SUITE_END()
