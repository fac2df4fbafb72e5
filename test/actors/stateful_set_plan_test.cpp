// Stateful sets against a model of numbered pods.
#include "actors/controllers/stateful_set_plan.hpp"

#include "actors/gateway/fields.hpp"
#include "actors/gateway/object.hpp"

#include <boost/test/unit_test.hpp>

#include <random>

BOOST_AUTO_TEST_SUITE(stateful_set_plan_test)

using namespace troupe;
using namespace troupe::controllers;
using k8s::apps::v1::StatefulSet;

namespace {

struct model {
  StatefulSet set;
  std::map<int, pod_view> pods;
  std::string revision = "db-1";
  timestamp now{10'000, 0};
  int created = 0, deleted = 0;

  explicit model(int replicas, const char* management = "OrderedReady") {
    set.mutable_metadata()->set_name("db");
    set.mutable_metadata()->set_namespace_("ns");
    set.mutable_spec()->set_replicas(replicas);
    set.mutable_spec()->set_pod_management_policy(management);
    set.mutable_spec()->mutable_update_strategy()->set_type("RollingUpdate");
    set.mutable_spec()->mutable_update_strategy()->mutable_rolling_update()->set_partition(0);
  }

  pod_view& put(int ordinal, const std::string& of, pod_phase phase, bool ready,
                const char* lost_label = "") {
    k8s::core::v1::Pod pod;
    pod.mutable_metadata()->set_namespace_("ns");
    give_identity(pod, set, ordinal, of);
    pod.mutable_metadata()->mutable_labels()->erase(lost_label);
    auto& kind = *schema::registry::built_in()->by_resource("", "v1", "pods");
    auto v = pod_view::of(storage::entry::make(gateway::key_of(kind, "ns", pod.metadata().name()),
                                               gateway::index_of(kind, pod),
                                               gateway::stored_form(kind, pod)));
    v.phase = phase;
    v.ready = ready;
    v.ready_since = {now.seconds - 1, 0};
    return pods.insert_or_assign(ordinal, std::move(v)).first->second;
  }

  stateful_set_view view() const {
    stateful_set_view v{set, {}, revision, now};
    for (auto& [n, p] : pods) v.pods.push_back(&p);
    return v;
  }

  /// Carries out the plan; returns what it did as words: "+1" created, "-2" deleted.
  std::vector<std::string> step() {
    *set.mutable_status() = status_of(view());
    std::vector<std::string> done;
    for (auto& action : plan(view())) {
      if (auto a = std::get_if<create_numbered>(&action)) {
        done.push_back("+" + std::to_string(a->ordinal));
        put(a->ordinal, std::string(a->revision), pod_phase::pending, false);
      } else if (auto a = std::get_if<delete_numbered>(&action)) {
        auto n = *ordinal_of("db", a->pod->name);
        done.push_back("-" + std::to_string(n));
        pods.at(n).going = true;
      } else if (auto a = std::get_if<restore_labels>(&action)) {
        auto n = *ordinal_of("db", a->pod->name);
        done.push_back("=" + std::to_string(n));
        auto was = pods.at(n);
        put(n, std::string(was.label("controller-revision-hash")), was.phase, was.ready);
      }
    }
    return done;
  }
  void run(bool ready = true) {
    std::erase_if(pods, [](auto& x) { return x.second.going; });
    for (auto& [n, p] : pods) p.phase = pod_phase::running, p.ready = ready;
  }
  void settle() {
    for (int i = 0; i < 200; ++i) {
      auto done = step();
      run();
      if (done.empty() && step().empty()) return;
    }
    BOOST_FAIL("it does not settle");
  }
  std::string revision_of(int n) const {
    return std::string(pods.at(n).label("controller-revision-hash"));
  }
};

using words = std::vector<std::string>;

} // namespace

BOOST_AUTO_TEST_CASE(in_order_a_sick_pod_holds_up_shrinking_unless_it_is_the_first_that_is_sick) {
  struct {
    std::vector<int> sick;
    words first;
  } rows[] = {
      {{}, {"-4"}}, {{4}, {"-4"}}, {{2}, {"-4"}}, {{4, 2}, {}}, {{4, 3}, {}}, {{0}, {}},
  };
  for (auto& row : rows) {
    model m{5};
    for (int i = 0; i < 5; ++i) m.put(i, m.revision, pod_phase::running, true);
    for (auto i : row.sick) m.pods.at(i).ready = false;
    m.set.mutable_spec()->set_replicas(2);
    BOOST_TEST(m.step() == row.first, "the first of " << row.sick.size() << " sick pods");
    m.set.mutable_spec()->set_pod_management_policy("Parallel");
    BOOST_TEST(m.step().size() == 3u - row.first.size());
  }
}

BOOST_AUTO_TEST_CASE(names_end_in_the_number) {
  BOOST_TEST(ordinal_of("db", "db-12").value() == 12);
  for (auto name : {"db", "db-", "db-01", "db-x", "dbx-1", "db-1-2", "db-99999999999"})
    BOOST_TEST(!ordinal_of("db", name));
}

BOOST_AUTO_TEST_CASE(in_order_each_pod_waits_for_the_one_before) {
  model m{3};
  BOOST_TEST(m.step() == words{"+0"});
  BOOST_TEST(m.step().empty()); // not running yet
  m.run(false);
  BOOST_TEST(m.step().empty()); // not ready yet
  m.run();
  BOOST_TEST(m.step() == words{"+1"});
  m.settle();
  BOOST_TEST(m.pods.size() == 3u);
  m.set.mutable_spec()->set_replicas(1);
  BOOST_TEST(m.step() == words{"-2"}); // the highest number first
  BOOST_TEST(m.step().empty());
  m.settle();
  BOOST_TEST(m.pods.size() == 1u);
}

BOOST_AUTO_TEST_CASE(in_parallel_all_come_and_go_at_once) {
  model m{3, "Parallel"};
  BOOST_TEST((m.step() == words{"+0", "+1", "+2"}));
  m.run();
  m.set.mutable_spec()->set_replicas(0);
  BOOST_TEST((m.step() == words{"-2", "-1", "-0"}));
}

BOOST_AUTO_TEST_CASE(a_pod_that_ended_is_made_again_under_its_name) {
  model m{2};
  m.settle();
  m.pods.at(1).phase = pod_phase::failed;
  BOOST_TEST(m.step() == words{"-1"});
  m.run();
  BOOST_TEST(m.step() == words{"+1"});
}

BOOST_AUTO_TEST_CASE(a_new_revision_goes_from_the_highest_number_down_one_at_a_time) {
  model m{3};
  m.settle();
  m.revision = "db-2";
  BOOST_TEST(m.step() == words{"-2"});
  BOOST_TEST(m.set.status().current_revision() == "db-1");
  m.run();
  BOOST_TEST(m.step() == words{"+2"});
  BOOST_TEST(m.revision_of(2) == "db-2");
  BOOST_TEST(m.step().empty()); // waits until it is ready
  m.settle();
  for (int i : {0, 1, 2}) BOOST_TEST(m.revision_of(i) == "db-2");
  BOOST_TEST(m.set.status().current_revision() == "db-2");
  BOOST_TEST(m.set.status().updated_replicas() == 3);
}

BOOST_AUTO_TEST_CASE(numbers_below_the_partition_keep_their_revision) {
  model m{3};
  m.settle();
  m.set.mutable_spec()->mutable_update_strategy()->mutable_rolling_update()->set_partition(2);
  m.revision = "db-2";
  m.settle();
  BOOST_TEST(m.revision_of(1) == "db-1");
  BOOST_TEST(m.revision_of(2) == "db-2");
  m.pods.erase(0); // made again as it was
  m.settle();
  BOOST_TEST(m.revision_of(0) == "db-1");
}

BOOST_AUTO_TEST_CASE(on_delete_nothing_is_renewed_before_somebody_deletes_it) {
  model m{2};
  m.set.mutable_spec()->mutable_update_strategy()->set_type("OnDelete");
  m.settle();
  m.revision = "db-2";
  BOOST_TEST(m.step().empty());
  m.pods.erase(0);
  m.settle();
  BOOST_TEST(m.revision_of(0) == "db-2"); // it was made again as the first version
  BOOST_TEST(m.revision_of(1) == "db-1");
}

BOOST_AUTO_TEST_CASE(more_than_one_may_be_missing_if_the_set_says_so) {
  model m{5, "Parallel"};
  m.settle();
  m.set.mutable_spec()
      ->mutable_update_strategy()
      ->mutable_rolling_update()
      ->mutable_max_unavailable()
      ->set_int_val(2);
  m.revision = "db-2";
  BOOST_TEST((m.step() == words{"-4", "-3"}));
}

// Before, a sick pod below held up all those above it, and all sick ones went at once.
BOOST_AUTO_TEST_CASE(in_parallel_a_new_revision_waits_only_for_those_above) {
  struct {
    std::vector<int> sick, fresh;
    int partition;
    words first;
  } rows[] = {
      {{}, {}, 0, {"-3"}},         {{0}, {}, 0, {"-3"}}, {{0, 1}, {}, 0, {"-3"}},
      {{3}, {}, 0, {"-3"}},        {{3}, {3}, 0, {}},    {{0}, {3}, 0, {"-2"}},
      {{2}, {3}, 0, {"-2"}},       {{2}, {2, 3}, 0, {}}, {{0}, {2, 3}, 2, {}},
      {{0}, {1, 2, 3}, 0, {"-0"}},
  };
  for (auto& row : rows) {
    model m{4, "Parallel"};
    for (int i = 0; i < 4; ++i) m.put(i, "db-1", pod_phase::running, true);
    for (auto i : row.fresh) m.put(i, "db-2", pod_phase::running, true);
    for (auto i : row.sick) m.pods.at(i).ready = false;
    m.set.mutable_spec()->mutable_update_strategy()->mutable_rolling_update()->set_partition(
        row.partition);
    m.revision = "db-2";
    BOOST_TEST(m.step() == row.first, "row " << &row - rows);
    BOOST_TEST(m.step() == words{}, "row " << &row - rows << " has done what it can");
  }
}

BOOST_AUTO_TEST_CASE(where_more_may_be_missing_sick_pods_of_the_old_revision_go_at_once) {
  model m{4, "Parallel"};
  for (int i = 0; i < 4; ++i) m.put(i, "db-1", pod_phase::running, true);
  m.pods.at(0).ready = m.pods.at(1).ready = false;
  auto& rolling = *m.set.mutable_spec()->mutable_update_strategy()->mutable_rolling_update();
  rolling.mutable_max_unavailable()->set_int_val(2);
  m.revision = "db-2";
  BOOST_TEST((m.step() == words{"-1", "-0"}));
}

// Before, a service that chooses one pod by its name lost it for good.
BOOST_AUTO_TEST_CASE(a_pod_gets_back_the_labels_that_tell_its_number) {
  model m{2};
  m.settle();
  m.put(1, "db-1", pod_phase::running, true, "statefulset.kubernetes.io/pod-name");
  BOOST_TEST(m.step() == words{"=1"});
  BOOST_TEST(m.pods.at(1).label("statefulset.kubernetes.io/pod-name") == "db-1");
  BOOST_TEST(m.step() == words{});
}

BOOST_AUTO_TEST_CASE(numbers_can_start_anywhere) {
  model m{2};
  m.set.mutable_spec()->mutable_ordinals()->set_start(5);
  m.settle();
  BOOST_TEST((m.pods.contains(5) && m.pods.contains(6) && m.pods.size() == 2u));
}

BOOST_AUTO_TEST_CASE(claims_follow_the_retention_policy) {
  model m{2};
  m.set.mutable_spec()->add_volume_claim_templates()->mutable_metadata()->set_name("data");
  auto& policy = *m.set.mutable_spec()->mutable_persistent_volume_claim_retention_policy();
  struct {
    const char *deleted, *scaled;
    claim_owner wanted, surplus;
  } rows[] = {{"Retain", "Retain", claim_owner::nobody, claim_owner::nobody},
              {"Delete", "Retain", claim_owner::set, claim_owner::set},
              {"Retain", "Delete", claim_owner::nobody, claim_owner::pod},
              {"Delete", "Delete", claim_owner::set, claim_owner::pod}};
  for (auto& row : rows) {
    policy.set_when_deleted(row.deleted);
    policy.set_when_scaled(row.scaled);
    BOOST_TEST((claim_owner_of(m.set, 1) == row.wanted));
    BOOST_TEST((claim_owner_of(m.set, 2) == row.surplus));
  }
  BOOST_TEST(claims_of(m.set, 1)[0].metadata().name() == "data-db-1");
  k8s::core::v1::Pod pod;
  give_identity(pod, m.set, 1, "db-1");
  BOOST_TEST(pod.spec().volumes(0).volume_source().persistent_volume_claim().claim_name() ==
             "data-db-1");
  BOOST_TEST(pod.spec().hostname() == "db-1");
  BOOST_TEST(pod.metadata().labels().at("apps.kubernetes.io/pod-index") == "1");
}

BOOST_AUTO_TEST_CASE(whatever_happens_at_most_one_is_missing_by_our_doing_and_all_settles) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      std::mt19937 chance{seed};
      auto pick = [&](int n) { return static_cast<int>(chance() % static_cast<unsigned>(n)); };
      model m{1 + pick(5)};
      m.settle();
      for (int i = 0; i < 60; ++i) {
        if (pick(6) == 0) m.revision = "db-" + std::to_string(1 + pick(4));
        if (pick(10) == 0 && !m.pods.empty()) m.pods.begin()->second.phase = pod_phase::failed;
        int healthy = 0, after = 0;
        for (auto& [n, p] : m.pods) healthy += p.phase == pod_phase::running && p.ready && !p.going;
        m.step();
        for (auto& [n, p] : m.pods) after += p.phase == pod_phase::running && p.ready && !p.going;
        BOOST_TEST(after >= healthy - 1);
        if (pick(2)) m.run();
      }
      m.settle();
      BOOST_TEST(m.pods.size() == static_cast<size_t>(m.set.spec().replicas()));
      for (auto& [n, p] : m.pods) BOOST_TEST(m.revision_of(n) == m.revision);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
