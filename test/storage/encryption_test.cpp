// Encryption at rest: what is sealed opens only whole, in its place and with its key; and nothing
// of it lies in the clear anywhere in a data directory or a backup.
#include "storage/backup.hpp"
#include "storage/engine.hpp"
#include "storage/keyring.hpp"
#include "test/storage/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <fstream>
#include <sys/stat.h>

using namespace troupe;
using namespace troupe::storage;

namespace {

std::shared_ptr<const keyring> ring_of(std::vector<sealing_key> keys) {
  auto made = keyring::make(std::move(keys), {"secrets"});
  BOOST_REQUIRE_MESSAGE(made, made.error().message);
  return *made;
}

sealing_key key(uint32_t number) {
  return {number, std::string(32, static_cast<char>('a' + number))};
}

bool any_file_contains(const std::string& folder, std::string_view text) {
  for (auto& x : std::filesystem::recursive_directory_iterator(folder)) {
    if (!x.is_regular_file()) continue;
    std::ifstream in{x.path(), std::ios::binary};
    std::string bytes{std::istreambuf_iterator<char>{in}, {}};
    if (bytes.find(text) != bytes.npos) return true;
  }
  return false;
}

} // namespace

BOOST_AUTO_TEST_SUITE(encryption_test)

BOOST_AUTO_TEST_CASE(a_sealed_value_opens_only_unchanged_and_under_its_own_key) {
  auto ring = ring_of({key(1)});
  auto sealed = *ring->seal("secrets/a/b", "hunter2");
  BOOST_TEST(sealed.find("hunter2") == sealed.npos);
  BOOST_TEST(*ring->open("secrets/a/b", sealed) == "hunter2");
  BOOST_TEST(!ring->open("secrets/a/c", sealed));
  for (size_t i = 0; i < sealed.size(); ++i) {
    auto changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    BOOST_TEST(!ring->open("secrets/a/b", changed));
  }
  for (size_t size = 0; size < sealed.size(); ++size)
    BOOST_TEST(!ring->open("secrets/a/b", sealed.substr(0, size)));
  BOOST_TEST(*ring->open("secrets/a/b", *ring->seal("secrets/a/b", "")) == "");
}

BOOST_AUTO_TEST_CASE(two_seals_of_one_value_share_nothing) {
  auto ring = ring_of({key(1)});
  BOOST_TEST(*ring->seal("secrets/a/b", "same") != *ring->seal("secrets/a/b", "same"));
}

BOOST_AUTO_TEST_CASE(after_rotation_the_new_key_seals_and_the_old_one_still_opens) {
  auto old_ring = ring_of({key(1)});
  auto sealed = *old_ring->seal("secrets/a/b", "v");
  auto new_ring = ring_of({key(1), key(2)});
  BOOST_TEST(*new_ring->open("secrets/a/b", sealed) == "v");
  BOOST_TEST(key_number_of(*new_ring->seal("secrets/a/b", "v")) == 2u);
  auto failed = old_ring->open("secrets/a/b", *new_ring->seal("secrets/a/b", "v"));
  BOOST_REQUIRE(!failed);
  BOOST_TEST(failed.error().message == "sealing key 2 is not in the key file");
}

BOOST_AUTO_TEST_CASE(a_key_file_is_made_once_rotated_and_refused_when_others_may_read_it) {
  test::temporary_directory where;
  auto path = where.path + "/keys";
  BOOST_TEST(!load_key_file(path, false));
  auto made = load_key_file(path, true);
  BOOST_REQUIRE_MESSAGE(made, made.error().message);
  BOOST_TEST(made->size() == 1u);
  BOOST_REQUIRE(rotate_key_file(path));
  auto rotated = load_key_file(path, true);
  BOOST_REQUIRE_EQUAL(rotated->size(), 2u);
  BOOST_TEST((*rotated)[0].bytes == (*made)[0].bytes);
  BOOST_TEST((*rotated)[1].number == 2u);
  BOOST_REQUIRE_EQUAL(::chmod(path.c_str(), 0640), 0);
  BOOST_TEST((load_key_file(path, true).error().code == errc::forbidden));
}

BOOST_AUTO_TEST_CASE(a_key_is_rotated_in_steps_while_values_are_sealed_and_opened) {
  test::temporary_directory where;
  auto path = where.path + "/keys";
  auto ring = [&] { return *keyring::make(*load_key_file(path, true), {"secrets"}); };
  current_keyring here{ring()};
  auto old_sealed = *here.seal("secrets/a/b", "v");
  auto line = *next_key_line(path);
  BOOST_REQUIRE(add_key(path, line));
  BOOST_REQUIRE(add_key(path, line)); // again changes nothing
  BOOST_REQUIRE(here.replace(ring()));
  BOOST_TEST(here.now()->numbers() == (std::vector<uint32_t>{1, 2}),
             boost::test_tools::per_element());
  BOOST_TEST(key_number_of(*here.seal("secrets/a/b", "v")) == 1u); // it only opens
  BOOST_REQUIRE(use_key(path, 2));
  BOOST_REQUIRE(here.replace(ring()));
  BOOST_TEST(key_number_of(*here.seal("secrets/a/b", "v")) == 2u);
  BOOST_TEST(*here.open("secrets/a/b", old_sealed) == "v");
  BOOST_TEST(load_key_file(path, false)->size() == 2u); // still for its owner alone
  BOOST_TEST((use_key(path, 7).error().code == errc::not_found));
  BOOST_TEST((add_key(path, "2 YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY=").error().code ==
              errc::conflict));
  auto forgetful = *keyring::make({{9, std::string(32, 'k')}}, {"secrets"});
  BOOST_TEST(!here.replace(forgetful)); // what it has sealed would never open again
  BOOST_TEST(!keyring::make({{9, std::string(32, 'k'), false}}, {}));
}

BOOST_AUTO_TEST_CASE(keys_come_from_a_command_and_bad_ones_are_refused) {
  auto keys = load_keys_from_command("echo 3 YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY=");
  BOOST_REQUIRE_MESSAGE(keys, keys.error().message);
  BOOST_TEST(keys->at(0).number == 3u);
  BOOST_TEST(keys->at(0).bytes == "abcdefghijklmnopqrstuvwxyzabcdef");
  test::temporary_directory where;
  auto path = where.path + "/keys"; // a file that had a key of its own before
  BOOST_REQUIRE(load_key_file(path, true));
  std::ofstream{path, std::ios::app} << "command echo 3 "
                                        "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY=\n";
  auto both = load_key_file(path, false);
  BOOST_REQUIRE_MESSAGE(both, both.error().message);
  BOOST_TEST((*keyring::make(*both, {}))->sealing() == 3u);
  BOOST_REQUIRE(use_key(path, 1)); // the command stays a command
  BOOST_TEST(load_key_file(path, false)->size() == 2u);
  std::ofstream{path, std::ios::app} << "command false\n";
  BOOST_TEST(!load_key_file(path, false));
  BOOST_TEST(!load_keys_from_command("echo command echo 3 YWJj"));
  BOOST_TEST(!load_keys_from_command("false"));
  BOOST_TEST(!load_keys_from_command(""));
  BOOST_TEST(!load_keys_from_command("echo 3 c2hvcnQ="));
  BOOST_TEST(!parse_keys("x y"));
  BOOST_TEST(!keyring::make({key(1), key(1)}, {}));
  BOOST_TEST(!keyring::make({}, {}));
}

BOOST_AUTO_TEST_CASE(no_file_of_the_store_shows_a_secret) {
  test::temporary_directory where;
  std::string secret = "correct horse battery staple";
  engine_settings settings{.path = where.path + "/store", .seal = ring_of({key(1)})};
  for (int life = 0; life < 2; ++life) {
    auto store = engine::open(settings);
    BOOST_REQUIRE_MESSAGE(store, store.error().message);
    if (life == 1) BOOST_TEST((*store)->current().get("secrets/a/s")->value() == secret + "9");
    for (int i = 0; i < 10; ++i) {
      transaction change;
      change.put("secrets/a/s", secret + std::to_string(i));
      change.put("pods/a/p", "plain pod");
      BOOST_REQUIRE(commit_and_wait(**store, std::move(change)));
    }
    BOOST_TEST(!any_file_contains(where.path, secret)); // the log
    BOOST_REQUIRE((*store)->save(where.path + "/backup"));
  }
  BOOST_TEST(!any_file_contains(where.path, secret)); // LMDB, history, backup
  BOOST_TEST(any_file_contains(where.path, "plain pod"));
  auto without_key = engine::open({.path = where.path + "/store"});
  BOOST_REQUIRE(!without_key);
  BOOST_TEST(without_key.error().message.find("no key to open it") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
