// Backups come back whole or not at all; a damaged data directory is found out by the check.
#include "storage/backup.hpp"
#include "storage/engine.hpp"
#include "test/storage/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <fstream>

using namespace troupe;
using namespace troupe::storage;

namespace {

snapshot some_objects(int count) {
  state made;
  made.revision = 1'000;
  for (int i = 0; i < count; ++i)
    made.objects.put(entry::make("pods/a/" + std::to_string(i), {}, std::string(50, 'v'), 1, 2));
  return snapshot{std::move(made)};
}

std::string saved(const snapshot& from) {
  std::string out;
  BOOST_REQUIRE(save_backup(from, {7, 3}, 123, nullptr, [&](std::string_view x) {
    out += x;
    return result<void>{};
  }));
  return out;
}

result<std::pair<state, backup_summary>> loaded(std::string bytes) {
  return load_backup(
      [&](size_t size) -> result<std::string> {
        auto piece = bytes.substr(0, size);
        bytes.erase(0, piece.size());
        return piece;
      },
      nullptr);
}

void write_over(const std::string& path, std::streamoff at, std::string_view bytes) {
  std::fstream file{path, std::ios::in | std::ios::out | std::ios::binary};
  file.seekp(at);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

struct store_fixture {
  engine_settings settings() const { return {.path = where.path + "/store"}; }

  void fill() {
    auto store = engine::open(settings());
    BOOST_REQUIRE_MESSAGE(store, store.error().message);
    for (int i = 0; i < 200; ++i) {
      transaction change;
      change.put("pods/a/" + std::to_string(i), std::string(500, 'v'));
      BOOST_REQUIRE(commit_and_wait(**store, std::move(change)));
    }
    BOOST_REQUIRE((*store)->save(where.path + "/backup"));
  }

  test::temporary_directory where;
};

} // namespace

BOOST_AUTO_TEST_SUITE(backup_test)

BOOST_AUTO_TEST_CASE(a_backup_comes_back_as_it_was) {
  auto back = loaded(saved(some_objects(20'000)));
  BOOST_REQUIRE_MESSAGE(back, back.error().message);
  auto& [contents, summary] = *back;
  BOOST_TEST(contents.revision == 1'000u);
  BOOST_TEST(contents.objects.size() == 20'000u);
  BOOST_TEST(contents.objects.find("pods/a/77")->mod_revision() == 2u);
  BOOST_TEST(summary.time_ms == 123u);
  BOOST_TEST((summary.position == log_position{7, 3}));
}

BOOST_AUTO_TEST_CASE(any_flipped_byte_and_any_cut_is_found) {
  auto bytes = saved(some_objects(5));
  for (size_t i = 0; i < bytes.size(); ++i) {
    auto changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ 0x10);
    auto back = loaded(changed);
    BOOST_REQUIRE_MESSAGE(!back, "byte " << i);
    BOOST_TEST((back.error().code == errc::corrupt));
    BOOST_TEST(!loaded(bytes.substr(0, i)));
  }
}

BOOST_FIXTURE_TEST_CASE(a_restored_store_has_everything_and_newer_revisions, store_fixture) {
  fill();
  auto done = restore(where.path + "/backup", where.path + "/new", nullptr);
  BOOST_REQUIRE_MESSAGE(done, done.error().message);
  auto store = engine::open({.path = where.path + "/new"});
  BOOST_REQUIRE_MESSAGE(store, store.error().message);
  BOOST_TEST((*store)->current().count("pods/") == 200u);
  BOOST_TEST((*store)->current().revision() == 1'000'200u);
  transaction change;
  change.put("pods/a/new", "v");
  BOOST_TEST(commit_and_wait(**store, std::move(change))->revision == 1'000'201u);
  store->reset();
  auto again = restore(where.path + "/backup", where.path + "/new", nullptr);
  BOOST_TEST((again.error().code == errc::already_exists));
}

BOOST_FIXTURE_TEST_CASE(an_open_data_directory_is_refused_to_others, store_fixture) {
  auto store = engine::open(settings());
  auto second = engine::open(settings());
  BOOST_REQUIRE(!second);
  BOOST_TEST((second.error().code == errc::conflict));
}

BOOST_FIXTURE_TEST_CASE(the_check_passes_a_sound_directory_and_changes_nothing, store_fixture) {
  fill();
  auto checked = check_data_directory(settings().path, nullptr);
  BOOST_REQUIRE_MESSAGE(checked, checked.error().message);
  BOOST_TEST(checked->objects == 200u);
  BOOST_TEST(checked->revision == 200u);
  BOOST_TEST(engine::open(settings()).has_value());
}

BOOST_FIXTURE_TEST_CASE(the_check_finds_damage_in_every_file, store_fixture) {
  fill();
  for (auto& x : std::filesystem::directory_iterator(settings().path)) {
    if (x.path().extension() == ".mdb-lock") continue; // rebuilt at each start
    test::temporary_directory copy;
    std::filesystem::copy(settings().path, copy.path + "/store");
    auto file = copy.path + "/store/" + x.path().filename().string();
    for (std::streamoff at = 0; at < 64'000; at += 512) write_over(file, at, "damage");
    auto checked = check_data_directory(copy.path + "/store", nullptr);
    BOOST_TEST_CONTEXT(file) {
      BOOST_REQUIRE(!checked);
      BOOST_TEST((checked.error().code == errc::corrupt));
    }
  }
}

BOOST_FIXTURE_TEST_CASE(a_load_that_ended_the_process_is_not_repeated_without_a_check,
                        store_fixture) {
  fill();
  std::ofstream{settings().path + "/.opening"};
  BOOST_REQUIRE(engine::open(settings())); // sound: it was killed by something else
  auto file = settings().path + "/state.mdb";
  for (std::streamoff at = 8'192; at < 64'000; at += 64) write_over(file, at, "\xff\xff\xff\xff");
  std::ofstream{settings().path + "/.opening"};
  auto opened = engine::open(settings());
  BOOST_REQUIRE(!opened);
  BOOST_TEST((opened.error().code == errc::corrupt));
}

BOOST_FIXTURE_TEST_CASE(a_nearly_full_disk_takes_deletions_and_nothing_else, store_fixture) {
  fill();
  auto full = settings();
  full.low_water_bytes = uint64_t{1} << 60;
  auto store = engine::open(full);
  transaction put, erase;
  put.put("pods/a/1", "v");
  erase.erase("pods/a/2");
  auto refused = commit_and_wait(**store, std::move(put));
  BOOST_REQUIRE(!refused);
  BOOST_TEST((refused.error().code == errc::storage_full));
  BOOST_TEST(commit_and_wait(**store, std::move(erase)).has_value());
  BOOST_TEST((*store)->current().count("pods/") == 199u);
}

BOOST_AUTO_TEST_SUITE_END()
