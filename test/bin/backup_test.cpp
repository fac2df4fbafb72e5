// Backups in a directory: their names, which ones go, and one that is saved and restored.
#include "bin/backup.hpp"

#include "bin/pki.hpp"
#include "storage/engine.hpp"
#include "storage/keyring.hpp"
#include "test/storage/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

using namespace troupe;

BOOST_AUTO_TEST_SUITE(backup_test)

BOOST_AUTO_TEST_CASE(names_sort_by_time_and_nothing_else_is_taken_for_one) {
  BOOST_TEST(backup_name(1'767'323'045) == "20260102T030405Z");
  BOOST_TEST(backup_time("20260102T030405Z") == 1'767'323'045);
  for (auto other : {"", "notes", "20260102T030405", ".20260102T030405Z.part", "20260102t030405Z"})
    BOOST_TEST(backup_time(other) == 0, other);
}

BOOST_AUTO_TEST_CASE(the_newest_stay_and_never_none) {
  std::vector<std::string> all{"c", "a", "b"};
  BOOST_TEST((superseded(all, 2) == std::vector<std::string>{"a"}));
  BOOST_TEST(superseded(all, 9).empty());
  BOOST_TEST((superseded(all, 0) == std::vector<std::string>{"a", "b"}));
}

BOOST_AUTO_TEST_CASE(what_was_saved_is_restored_with_its_keys) {
  test::temporary_directory where;
  auto keys = std::filesystem::path(where.path) / "pki";
  auto now = tls::wall_time{std::chrono::seconds{1'767'323'045}};
  BOOST_REQUIRE(prepare_pki(keys, own_names(), own_addresses(""), 1, now));
  auto read = storage::load_key_file((keys / "secrets.key").string(), true);
  BOOST_REQUIRE(read);
  auto ring = storage::keyring::make(std::move(*read), {"secrets"});
  BOOST_REQUIRE(ring);
  std::shared_ptr<const storage::sealer> seal = std::move(*ring);
  backup_settings given{where.path + "/backups", std::chrono::seconds{3600}, 2};
  BOOST_TEST(backup_due(given) == 0);
  {
    auto store = storage::engine::open({.path = where.path + "/store", .seal = seal});
    BOOST_REQUIRE(store);
    storage::transaction change;
    change.put("secrets/a/b", "hidden");
    BOOST_REQUIRE(storage::commit_and_wait(**store, std::move(change)));
    for (int i = 0; i < 3; ++i)
      BOOST_REQUIRE(
          save_backup_folder(given, (*store)->current(), keys, *seal, 1'767'323'045 + i * 3600));
  }
  auto all = backups_in(given.directory);
  BOOST_TEST(all.size() == 2u);
  BOOST_TEST(backup_due(given) == 1'767'323'045 + 3 * 3600);
  auto folder = (given.directory / all.back()).string();
  BOOST_TEST(backup_command({"check", folder}) == 0);
  BOOST_TEST(backup_command({"restore", folder, "--data", where.path + "/new"}) == 0);
  BOOST_TEST(backup_command({"restore", folder, "--data", where.path + "/new"}) == 1);
  auto store = storage::engine::open({.path = where.path + "/new/store", .seal = seal});
  BOOST_REQUIRE(store);
  auto entry = (*store)->current().get("secrets/a/b");
  BOOST_REQUIRE(entry);
  BOOST_TEST(entry->value() == "hidden");
  for (auto name : shared_keys)
    BOOST_TEST(std::filesystem::exists(where.path + "/new/pki/" + name), name);
}

BOOST_AUTO_TEST_SUITE_END()
