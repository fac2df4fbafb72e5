// One member from end to end: commit, read, watch, close, open again.
#include "storage/engine.hpp"
#include "test/storage/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <filesystem>
#include <latch>
#include <thread>

using namespace troupe;
using namespace troupe::storage;

namespace {

struct fixture {
  fixture() { open(); }

  void open() {
    store.reset();
    auto opened = engine::open({.path = where.path + "/store"});
    BOOST_REQUIRE_MESSAGE(opened, opened.error().message);
    store = std::move(*opened);
  }

  outcome commit(transaction change) {
    auto done = commit_and_wait(*store, std::move(change));
    BOOST_REQUIRE_MESSAGE(done, done.error().message);
    return *done;
  }

  outcome put(std::string key, std::string value) {
    transaction change;
    change.put(key, value);
    return commit(std::move(change));
  }

  test::temporary_directory where;
  std::unique_ptr<engine> store;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(engine_test, fixture)

BOOST_AUTO_TEST_CASE(what_was_committed_is_read) {
  transaction change;
  change.require_absent("pods/default/web-1");
  change.put("pods/default/web-1", "bytes", *pack({.labels = {{"app", "web"}}}));
  auto done = commit(std::move(change));
  BOOST_TEST(done.revision == 1u);
  auto pod = store->current().get("pods/default/web-1");
  BOOST_REQUIRE(pod);
  BOOST_TEST(pod->value() == "bytes");
  BOOST_TEST(pod->label("app").value_or("") == "web");
  BOOST_TEST(pod->create_revision() == 1u);
  BOOST_TEST(pod->mod_revision() == 1u);
}

BOOST_AUTO_TEST_CASE(a_failed_precondition_changes_nothing_and_says_why) {
  put("pods/default/a", "1");
  transaction change;
  change.require_exists("pods/default/a").require_revision("pods/default/a", 7);
  change.put("pods/default/b", "2");
  auto done = commit(std::move(change));
  BOOST_REQUIRE(done.refused);
  BOOST_TEST(done.refused->which == 1u);
  BOOST_TEST(done.refused->current_revision == 1u);
  BOOST_TEST(store->current().revision() == 1u);
  BOOST_TEST(!store->current().get("pods/default/b"));
}

BOOST_AUTO_TEST_CASE(everything_is_there_after_opening_again) {
  for (int i = 0; i < 100; ++i) put("pods/default/p" + std::to_string(i), "v" + std::to_string(i));
  transaction change;
  change.erase("pods/default/p7");
  commit(std::move(change));
  open();
  auto now = store->current();
  BOOST_TEST(now.revision() == 101u);
  BOOST_TEST(now.count("pods/default/") == 99u);
  BOOST_TEST(!now.get("pods/default/p7"));
  BOOST_TEST(now.get("pods/default/p99")->value() == "v99");
  BOOST_TEST(put("pods/default/q", "").revision == 102u);
}

// Before, the checkpoint that was due after a long replay was forgotten, and never asked for again.
BOOST_AUTO_TEST_CASE(a_long_tail_of_the_log_is_checkpointed_after_it_was_replayed) {
  for (int i = 0; i < 300; ++i) put("pods/a/" + std::to_string(i), std::string(10'000, 'v'));
  test::temporary_directory copy; // as a kill leaves it
  std::filesystem::copy(where.path + "/store", copy.path + "/store");
  engine_settings settings{.path = copy.path + "/store"};
  settings.keep.checkpoint_bytes = 2u << 20;
  store = std::move(*engine::open(settings));
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  auto written = [&] { return store->care().look()->room.bytes > (2u << 20); };
  while (!written() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  BOOST_TEST(written());
  BOOST_TEST(store->current().count("pods/") == 300u);
}

BOOST_AUTO_TEST_CASE(a_watch_hears_everything_after_its_revision) {
  put("pods/default/a", "1");
  auto listed = store->current();
  std::atomic<int> wakes = 0;
  std::latch woken{1};
  auto watching = store->subscribe({.resource = "pods",
                                    .prefix = "pods/default/",
                                    .after_revision = listed.revision(),
                                    .wake = [&] {
                                      if (++wakes == 1) woken.count_down();
                                    }});
  BOOST_REQUIRE(watching);
  std::vector<event_ptr> events;
  BOOST_TEST(*watching->read(events) == 0u);
  put("pods/other/a", "not ours");
  put("pods/default/a", "2");
  transaction change;
  change.erase("pods/default/a", "final");
  commit(std::move(change));
  woken.wait();
  BOOST_TEST(*watching->read(events) == 2u);
  BOOST_TEST(events[0]->now->value() == "2");
  BOOST_TEST(events[0]->before->value() == "1");
  BOOST_TEST((events[1]->what == event::kind::erase));
  BOOST_TEST(events[1]->now->value() == "final");
  BOOST_TEST(events[1]->revision() == 4u);
  BOOST_TEST(events[1]->before->value() == "2");
  BOOST_TEST(watching->progress() == 4u);
  BOOST_TEST(wakes == 1);
}

BOOST_AUTO_TEST_CASE(any_kept_revision_can_be_read_before_and_after_opening_again) {
  for (int i = 1; i <= 20; ++i)
    put("pods/default/p" + std::to_string(i % 5), "v" + std::to_string(i));
  transaction change;
  change.erase("pods/default/p3");
  commit(std::move(change));
  auto check_past = [&] {
    for (uint64_t revision = 0; revision <= 21; ++revision) {
      auto past = store->at(revision);
      BOOST_REQUIRE_MESSAGE(past, past.error().message);
      BOOST_TEST(past->revision() == revision);
      BOOST_TEST(past->count("pods/") == std::min<uint64_t>(revision, 5) - (revision == 21));
      if (revision > 0 && revision < 21)
        BOOST_TEST(past->get("pods/default/p" + std::to_string(revision % 5))->value() ==
                   "v" + std::to_string(revision));
    }
    BOOST_TEST((store->at(22).error().code == errc::bad_request));
  };
  check_past();
  open();
  check_past();
}

BOOST_AUTO_TEST_CASE(the_changes_of_one_object_are_told_newest_first_with_their_causes) {
  for (int life = 0; life < 2; ++life) {
    for (uint64_t cause = 1; cause <= 2; ++cause) {
      transaction change;
      change.cause = 10 * life + cause;
      change.put("pods/a/x", "v" + std::to_string(change.cause));
      commit(std::move(change));
      put("pods/a/other", "not asked for");
    }
    open(); // half of it is in LMDB, then
  }
  put("pods/a/other", "waits for a checkpoint");
  transaction removal;
  removal.cause = 99;
  removal.erase("pods/a/x");
  commit(std::move(removal));
  auto told = store->history("pods/a/x", 100);
  BOOST_REQUIRE_MESSAGE(told, told.error().message);
  std::vector<uint64_t> causes;
  for (auto& x : *told) causes.push_back(x.cause);
  BOOST_TEST(causes == (std::vector<uint64_t>{99, 12, 11, 2, 1}), boost::test_tools::per_element());
  BOOST_TEST(!told->front().after);
  BOOST_TEST(told->front().before->value() == "v12");
  BOOST_TEST(!told->back().before);
  BOOST_TEST(store->history("pods/a/x", 2)->size() == 2u);
}

BOOST_AUTO_TEST_CASE(keys_longer_than_lmdb_allows_are_kept) {
  auto key = "examples." + std::string(250, 'g') + "/" + std::string(63, 'n') + "/" +
             std::string(253, 'o');
  put(key, "here");
  put(key + "2", "as well");
  open();
  BOOST_TEST(store->current().get(key)->value() == "here");
  BOOST_TEST(store->current().get(key + "2")->value() == "as well");
}

BOOST_AUTO_TEST_CASE(bad_transactions_are_refused_before_they_are_logged) {
  auto refuse = [&](transaction change, errc code) {
    auto done = commit_and_wait(*store, std::move(change));
    BOOST_REQUIRE(!done);
    BOOST_TEST((done.error().code == code));
  };
  refuse({}, errc::bad_request);
  refuse(std::move(transaction{}.put("no-resource", "x")), errc::bad_request);
  refuse(std::move(transaction{}.put("pods/a", "x").put("pods/a", "y")), errc::bad_request);
  refuse(std::move(transaction{}.put("pods/" + std::string(2000, 'x'), "x")), errc::bad_request);
  refuse(std::move(transaction{}.put("pods/a", std::string(9u << 20, 'x'))), errc::too_large);
}

BOOST_AUTO_TEST_SUITE_END()
