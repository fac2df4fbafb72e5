// Snapshots under a running writer, and watches that never miss, repeat or reorder an event.
#include "storage/live_state.hpp"

#include <boost/test/unit_test.hpp>

#include <random>
#include <thread>

using namespace troupe;
using namespace troupe::storage;

namespace {

struct fixture {
  void put(std::string key, std::string value = "v") {
    transaction change;
    change.put(key, value);
    live.apply(std::move(change), 1);
  }

  watch subscribe(watch_options options) {
    auto made = live.subscribe(std::move(options));
    BOOST_REQUIRE_MESSAGE(made, made.error().message);
    return std::move(*made);
  }

  std::vector<uint64_t> read(watch& from, size_t max = 1'000'000) {
    std::vector<event_ptr> events;
    auto count = from.read(events, max);
    BOOST_REQUIRE_MESSAGE(count, count.error().message);
    BOOST_REQUIRE_EQUAL(*count, events.size());
    std::vector<uint64_t> out;
    for (auto& x : events) out.push_back(x->revision());
    return out;
  }

  live_state live{{.events_max = 10}};
};

using numbers = std::vector<uint64_t>;

} // namespace

BOOST_FIXTURE_TEST_SUITE(live_state_test, fixture)

BOOST_AUTO_TEST_CASE(nothing_shows_before_it_is_published) {
  put("pods/a/1");
  BOOST_TEST(live.current().revision() == 0u);
  live.publish();
  BOOST_TEST(live.current().revision() == 1u);
}

BOOST_AUTO_TEST_CASE(a_snapshot_stays_what_it_was) {
  put("pods/a/1", "old");
  live.publish();
  auto then = live.current();
  put("pods/a/1", "new");
  put("pods/a/2");
  live.publish();
  BOOST_TEST(then.get("pods/a/1")->value() == "old");
  BOOST_TEST(then.count("") == 1u);
}

BOOST_AUTO_TEST_CASE(a_list_is_continued_page_by_page) {
  for (int i = 0; i < 25; ++i) put("pods/a/" + std::to_string(100 + i));
  put("podtemplates/a/x");
  live.publish();
  auto now = live.current();
  std::string after;
  size_t seen = 0;
  for (bool more = true; more;) {
    more = false;
    size_t page = 0;
    for (auto& x : now.list("pods/", after)) {
      if (page++ == 10) {
        more = true;
        break;
      }
      after = x.key();
      ++seen;
    }
    BOOST_TEST(now.count_after("pods/", after) == 25 - seen);
  }
  BOOST_TEST(seen == 25u);
}

BOOST_AUTO_TEST_CASE(a_watch_that_falls_off_the_ring_hears_expired) {
  put("pods/a/0");
  live.publish();
  auto slow = subscribe({.resource = "pods", .after_revision = 0});
  for (int i = 0; i < 11; ++i) put("pods/a/" + std::to_string(i));
  live.publish();
  std::vector<event_ptr> events;
  auto done = slow.read(events);
  BOOST_REQUIRE(!done);
  BOOST_TEST((done.error().code == errc::expired));
  BOOST_TEST(done.error().message == "too old resource version: 0 (2)");
  BOOST_TEST(
      (live.subscribe({.resource = "pods", .after_revision = 1}).error().code == errc::expired));
  auto fresh = subscribe({.resource = "pods", .after_revision = 2});
  BOOST_TEST(read(fresh) == (numbers{3, 4, 5, 6, 7, 8, 9, 10, 11, 12}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_sleeping_watch_of_a_quiet_namespace_does_not_expire) {
  int wakes = 0;
  auto quiet = subscribe({.resource = "pods", .prefix = "pods/quiet/", .wake = [&] { ++wakes; }});
  read(quiet);
  for (int i = 0; i < 100; ++i) {
    put("pods/busy/x");
    live.publish();
  }
  BOOST_TEST(wakes == 0);
  put("pods/quiet/x");
  live.publish();
  BOOST_TEST(wakes == 1);
  BOOST_TEST(read(quiet) == numbers{101}, boost::test_tools::per_element());
  BOOST_TEST(quiet.progress() == 101u);
}

BOOST_AUTO_TEST_CASE(other_resources_advance_the_progress_of_a_watch) {
  auto pods = subscribe({.resource = "pods"});
  put("nodes//n1");
  live.publish();
  read(pods);
  BOOST_TEST(pods.progress() == 1u); // what a bookmark may say
}

BOOST_AUTO_TEST_CASE(events_of_one_transaction_are_not_parted_by_a_limit) {
  transaction change;
  for (int i = 0; i < 5; ++i) change.put("pods/a/" + std::to_string(i), "v");
  live.apply(std::move(change), 1);
  put("pods/a/9");
  live.publish();
  auto watching = subscribe({.resource = "pods"});
  BOOST_TEST(read(watching, 2) == (numbers{1, 1, 1, 1, 1}), boost::test_tools::per_element());
  BOOST_TEST(watching.progress() == 1u);
  BOOST_TEST(read(watching, 2) == numbers{2}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_reset_expires_every_watch_and_wakes_it) {
  int wakes = 0;
  auto watching = subscribe({.resource = "pods", .wake = [&] { ++wakes; }});
  read(watching);
  state other;
  other.revision = 50;
  live.reset(std::move(other));
  BOOST_TEST(wakes == 1);
  std::vector<event_ptr> events;
  BOOST_TEST((watching.read(events).error().code == errc::expired));
}

// etcd #15271: after a restore, a watch of a revision to come was sent events of the past.
BOOST_AUTO_TEST_CASE(a_watch_of_a_revision_to_come_hears_nothing_of_the_past) {
  auto watching = subscribe({.resource = "pods", .after_revision = 5});
  for (int i = 0; i < 4; ++i) put("pods/a/" + std::to_string(i));
  live.publish();
  BOOST_TEST(read(watching).empty());
  for (int i = 0; i < 3; ++i) put("pods/a/" + std::to_string(i));
  live.publish();
  BOOST_TEST(read(watching) == (numbers{6, 7}), boost::test_tools::per_element());
  state restored; // an older one: what it asked for comes again, under other events
  restored.revision = 2;
  live.reset(std::move(restored));
  std::vector<event_ptr> events;
  BOOST_TEST((watching.read(events).error().code == errc::expired));
  auto again = subscribe({.resource = "pods", .after_revision = 7});
  for (int i = 0; i < 6; ++i) put("pods/a/" + std::to_string(i)); // 3 to 8
  live.publish();
  BOOST_TEST(read(again) == numbers{8}, boost::test_tools::per_element());
}

// etcd #17529: a watcher on a slow stream lost events without hearing of it.
BOOST_AUTO_TEST_CASE(a_slow_watcher_hears_every_event_or_that_it_is_too_slow) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    std::mt19937_64 random{seed};
    live_state live{{.events_max = 10}};
    auto slow = *live.subscribe({.resource = "pods"});
    uint64_t expected = 1, written = 0;
    bool expired = false;
    while (written < 60 && !expired) {
      for (auto count = random() % 6; count > 0; --count, ++written) {
        transaction change;
        change.put("pods/a/" + std::to_string(random() % 5), "v");
        live.apply(std::move(change), 1);
      }
      live.publish();
      std::vector<event_ptr> events;
      auto heard = slow.read(events, random() % 5);
      expired = !heard;
      if (expired) BOOST_TEST((heard.error().code == errc::expired));
      for (auto& x : events) BOOST_REQUIRE_MESSAGE(x->revision() == expected++, "seed " << seed);
    }
  }
}

// etcd #18089 and #19179: a deletion at the very revision of a compaction was never told.
BOOST_AUTO_TEST_CASE(a_deletion_where_the_past_ends_is_told_or_the_watch_expires) {
  for (int behind = 0; behind < 12; ++behind) {
    live_state live{{.events_max = 10}};
    auto act = [&live](auto what) {
      transaction change;
      what(change);
      live.apply(std::move(change), 1);
      live.publish();
    };
    act([](auto& x) { x.put("pods/a/gone", "v"); });
    act([](auto& x) { x.erase("pods/a/gone"); }); // revision 2
    for (int i = 0; i < behind; ++i)
      act([i](auto& x) { x.put("pods/a/" + std::to_string(i), "v"); });
    auto watching = live.subscribe({.resource = "pods", .after_revision = 1});
    // The ring covers revision 2 until ten newer events are there.
    BOOST_TEST(watching.has_value() == (behind < 10), behind);
    if (!watching) {
      BOOST_TEST((watching.error().code == errc::expired));
      continue;
    }
    std::vector<event_ptr> events;
    BOOST_REQUIRE(watching->read(events));
    BOOST_REQUIRE(!events.empty());
    BOOST_TEST((events[0]->what == event::kind::erase));
    BOOST_TEST(events[0]->revision() == 2u);
  }
}

BOOST_AUTO_TEST_CASE(an_attachment_is_made_once_and_shared) {
  put("pods/a/1");
  auto events = live.publish();
  auto first = events[0]->attach(std::make_shared<const std::string>("first"));
  auto second = events[0]->attach(std::make_shared<const std::string>("second"));
  BOOST_TEST(first == second);
}

BOOST_AUTO_TEST_CASE(readers_and_watchers_on_other_threads_see_an_ordered_history) {
  live_state wide{{}};
  constexpr uint64_t last = 20'000;
  std::atomic<bool> failed = false;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&] {
      uint64_t seen = 0;
      while (seen < last) {
        auto now = wide.current();
        auto revision = now.revision();
        if (revision < seen) failed = true;
        // Key k is written at revisions k, k + 100, ...: the newest must be there.
        if (revision > 0) {
          auto x = now.get("pods/a/" + std::to_string(revision % 100));
          if (!x || x->mod_revision() != revision) failed = true;
        }
        seen = revision;
      }
    });
  threads.emplace_back([&] {
    std::atomic<bool> woken = false;
    auto watching = *wide.subscribe({.resource = "pods", .wake = [&] {
                                       woken = true;
                                       woken.notify_one();
                                     }});
    std::vector<event_ptr> events;
    while (events.size() < last) {
      if (auto done = watching.read(events); !done) return void(failed = true);
      if (events.size() < last) woken.wait(false);
      woken = false;
    }
    for (uint64_t i = 0; i < last; ++i)
      if (events[i]->revision() != i + 1) failed = true;
  });
  std::mt19937_64 random{5};
  for (uint64_t revision = 1; revision <= last; ++revision) {
    transaction change;
    change.put("pods/a/" + std::to_string(revision % 100), "v");
    wide.apply(std::move(change), 1);
    if (random() % 3 == 0 || revision == last) wide.publish();
  }
  threads.clear();
  BOOST_TEST(!failed);
}

BOOST_AUTO_TEST_SUITE_END()
