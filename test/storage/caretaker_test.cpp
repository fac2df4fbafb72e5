// The care for a member's files: room is given back while everything goes on, a crash at any step
// of it costs nothing, and damage is found and written over from memory.
#include "messages/base/log.hpp"
#include "storage/caretaker.hpp"
#include "storage/engine.hpp"
#include "storage/lmdb_pages.hpp"
#include "test/storage/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace troupe;
using namespace troupe::storage;

namespace {

bool at_full_speed(size_t) { return true; }

struct fixture {
  fixture() {
    log::threshold(log::level::error);
    open();
  }
  ~fixture() { log::threshold(log::level::info); }

  engine_settings settings() const {
    return {.path = path(),
            .log = {.first_segment_bytes = 64u << 10, .segment_bytes = 64u << 10},
            .keep = {.checkpoint_bytes = checkpoint_bytes},
            .wall_clock_ms = [] { return uint64_t{7'000}; }};
  }
  std::string path() const { return where.path + "/store"; }
  std::string file() const { return path() + "/state.mdb"; }

  void open() {
    store.reset();
    auto opened = engine::open(settings());
    BOOST_REQUIRE_MESSAGE(opened, opened.error().message);
    store = std::move(*opened);
  }

  void put(int i, size_t bytes = 2'000) {
    transaction change;
    change.put("pods/a/" + std::to_string(i), std::string(bytes, static_cast<char>('a' + i % 26)));
    BOOST_REQUIRE(commit_and_wait(*store, std::move(change)));
  }
  void erase(int i) {
    transaction change;
    change.erase("pods/a/" + std::to_string(i));
    BOOST_REQUIRE(commit_and_wait(*store, std::move(change)));
  }
  /// Many objects of which few are left.
  void fill_and_empty() {
    for (int i = 0; i < 300; ++i) put(i);
    checkpoint_now();
    for (int i = 10; i < 300; ++i) erase(i);
    checkpoint_now();
  }
  void checkpoint_now() { BOOST_REQUIRE(store->care().write_checkpoint()); }

  std::string bytes_of(const std::string& name) const {
    std::ifstream in{name, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
  }
  void write_over(const std::string& name, size_t at, std::string_view bytes) const {
    std::fstream out{name, std::ios::in | std::ios::out | std::ios::binary};
    out.seekp(static_cast<std::streamoff>(at));
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }

  test::temporary_directory where;
  size_t checkpoint_bytes = 1u << 30; ///< only when asked to
  std::unique_ptr<engine> store;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(caretaker_test, fixture)

BOOST_AUTO_TEST_CASE(defragmenting_gives_room_back_and_loses_nothing) {
  fill_and_empty();
  auto past = store->current().revision() - 100;
  auto before = store->care().look()->room;
  auto done = store->care().defragment();
  BOOST_REQUIRE_MESSAGE(done, done.error().message);
  auto after = store->care().look()->room;
  BOOST_TEST(after.bytes < before.bytes);
  BOOST_TEST(after.free_bytes == 0u);
  BOOST_TEST(std::filesystem::file_size(file()) == after.bytes);
  put(1'000);
  checkpoint_now();
  open();
  BOOST_TEST(store->current().count("pods/") == 11u);
  BOOST_TEST(store->at(past)->count("pods/") == 110u); // history came along
}

BOOST_AUTO_TEST_CASE(others_read_the_past_and_write_while_it_is_defragmented) {
  fill_and_empty();
  auto revision = store->current().revision() - 100;
  std::atomic<bool> over = false;
  std::atomic<int> reads = 0, wrong = 0;
  std::jthread reader{[&] {
    for (uint64_t i = 0; !over || reads == 0; ++i) {
      auto past = store->at(revision - i % 100); // few of them are remembered: it reads the file
      wrong += !past || past->count("pods/") != 110 + i % 100;
      ++reads;
    }
  }};
  for (int round = 0; round < 20; ++round) {
    put(2'000 + round);
    checkpoint_now();
    BOOST_REQUIRE(store->care().defragment());
  }
  over = true;
  reader.join();
  BOOST_TEST(reads > 0);
  BOOST_TEST(wrong == 0);
  open();
  BOOST_TEST(store->current().count("pods/") == 30u);
}

BOOST_AUTO_TEST_CASE(much_room_that_holds_nothing_is_given_back_unasked) {
  auto keen = settings();
  keen.care.free_bytes_max = 100'000;
  keen.keep.history.bytes_max = 1; // the past would hold it
  store.reset();
  store = std::move(*engine::open(keen));
  for (int i = 0; i < 300; ++i) put(i);
  checkpoint_now();
  auto full = std::filesystem::file_size(file());
  for (int i = 0; i < 300; ++i) erase(i);
  checkpoint_now();
  put(1);
  checkpoint_now();
  BOOST_TEST(std::filesystem::file_size(file()) < full / 2);
  BOOST_TEST(store->current().count("pods/") == 1u);
}

BOOST_AUTO_TEST_CASE(a_kill_at_any_moment_of_defragmenting_costs_nothing) {
  fill_and_empty();
  store.reset();
  for (int life = 0; life < 40; ++life) {
    int ends[2];
    BOOST_REQUIRE_EQUAL(::pipe(ends), 0);
    auto child = ::fork();
    if (child == 0) {
      auto opened = engine::open(settings());
      if (!opened) ::_exit(1);
      (void)!::write(ends[1], "x", 1);
      while ((*opened)->care().defragment()) {
      }
      ::_exit(2);
    }
    ::close(ends[1]);
    char begun = 0;
    BOOST_REQUIRE_EQUAL(::read(ends[0], &begun, 1), 1);
    ::close(ends[0]);
    ::usleep(static_cast<unsigned>(life * 300)); // somewhere in it: the moment is the point
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    BOOST_REQUIRE(WIFSIGNALED(status));
    open();
    BOOST_REQUIRE_EQUAL(store->current().count("pods/"), 10u);
    BOOST_TEST(!std::filesystem::exists(file() + "-new"));
    store.reset();
  }
}

BOOST_AUTO_TEST_CASE(sound_files_are_found_sound_while_they_are_written) {
  fill_and_empty();
  std::atomic<bool> over = false;
  std::string found; // the checker's until it ends
  std::jthread checker{[&] {
    do {
      auto report = store->care().check(at_full_speed);
      found += report ? report->damage : report.error().message;
    } while (!over);
  }};
  for (int i = 0; i < 400; ++i) {
    put(i % 50, 4'000);
    if (i % 10 == 0) checkpoint_now();
  }
  over = true;
  checker.join();
  BOOST_TEST(found == "");
}

BOOST_AUTO_TEST_CASE(a_value_that_rots_is_found_and_written_over_from_memory) {
  for (int i = 0; i < 50; ++i) put(i);
  checkpoint_now();
  auto at = bytes_of(file()).find(std::string(100, 'c'));
  BOOST_REQUIRE(at != std::string::npos);
  write_over(file(), at + 50, "\x01");
  auto report = store->care().check(at_full_speed);
  BOOST_REQUIRE(report);
  BOOST_TEST(report->damage.find("checksum") != std::string::npos);
  BOOST_TEST(report->healed);
  BOOST_TEST(store->care().look()->last_check->time_ms == 7'000u);
  put(60);
  checkpoint_now();
  open();
  BOOST_TEST(store->current().count("pods/") == 51u);
  BOOST_TEST(store->care().check(at_full_speed)->damage.empty());
}

BOOST_AUTO_TEST_CASE(a_page_that_leads_astray_is_found_and_written_over_from_memory) {
  // Before, LMDB followed it and the process ended by a signal.
  for (int i = 0; i < 300; ++i) put(i);
  checkpoint_now();
  auto bytes = bytes_of(file());
  size_t spoiled = 0;
  for (size_t at = 8'192; at + 4'096 <= bytes.size(); at += 4'096)
    if (bytes[at + 10] == 1) { // a branch: its children are elsewhere from now on
      for (size_t i = at + 2'048; i < at + 4'096; i += 8)
        write_over(file(), i, "\xff\xff\xff\x7f\xff\xff");
      ++spoiled;
    }
  BOOST_REQUIRE(spoiled > 0);
  auto report = store->care().check(at_full_speed);
  BOOST_REQUIRE(report);
  BOOST_TEST(report->damage.find("page") != std::string::npos);
  BOOST_TEST(report->healed);
  open();
  BOOST_TEST(store->current().count("pods/") == 300u);
}

BOOST_AUTO_TEST_CASE(a_closed_log_segment_that_rots_is_found_and_let_go) {
  for (int i = 0; i < 100; ++i) put(i);
  BOOST_REQUIRE(store->care().look()->log_segments > 2);
  write_over(path() + "/log-0000000000000001", 10'000, "\x01");
  auto report = store->care().check(at_full_speed);
  BOOST_REQUIRE(report);
  BOOST_TEST(report->damage.find("log-0000000000000001") != std::string::npos);
  BOOST_TEST(report->healed);
  open();
  BOOST_TEST(store->current().count("pods/") == 100u);
}

BOOST_AUTO_TEST_CASE(a_check_that_is_told_to_stop_says_that_it_did_not_end) {
  fill_and_empty();
  auto report = store->care().check([](size_t) { return false; });
  BOOST_REQUIRE(!report);
  BOOST_TEST((report.error().code == errc::unavailable));
  BOOST_TEST(!store->care().look()->last_check);
}

BOOST_AUTO_TEST_CASE(a_checkpoint_cut_short_is_refused_in_words_wherever_it_is_cut) {
  // Before, the first start ended by a signal.
  for (int i = 0; i < 30; ++i) put(i);
  for (int i = 30; i < 40; ++i) { // in pages of their own, the last of the file
    put(i, 20'000);
    checkpoint_now();
  }
  store.reset();
  auto size = std::filesystem::file_size(file());
  test::temporary_directory kept;
  std::filesystem::copy_file(file(), kept.path + "/whole");
  size_t refused = 0;
  for (uint64_t part = size - 4'096; part > 1'000; part -= 4'096) {
    std::filesystem::resize_file(file(), part - 100);
    auto opened = engine::open(settings());
    BOOST_TEST_CONTEXT(part) {
      if (opened) { // what is lost was free
        BOOST_TEST((*opened)->current().count("pods/") == 40u);
      } else {
        ++refused;
        BOOST_TEST((opened.error().code == errc::corrupt));
        BOOST_TEST(opened.error().message.find("state.mdb") != std::string::npos);
      }
    }
    std::filesystem::copy_file(kept.path + "/whole", file(),
                               std::filesystem::copy_options::overwrite_existing);
  }
  BOOST_TEST(refused > 40u);
  open();
  BOOST_TEST(store->current().count("pods/") == 40u);
}

BOOST_AUTO_TEST_SUITE_END()
