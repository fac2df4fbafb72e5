// The persistent map against std::map: every operation, and old versions stay what they were.
#include "storage/tree.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <random>

using namespace troupe::storage;

namespace {

using model = std::map<std::string, uint64_t>;

entry_ptr made(const std::string& key, uint64_t revision) {
  return entry::make(key, {}, "value of " + key, revision, revision);
}

void check_same(const tree& tested, const model& expected) {
  BOOST_REQUIRE_EQUAL(tested.size(), expected.size());
  tree::cursor at{tested, ""};
  for (auto& [key, revision] : expected) {
    BOOST_REQUIRE(at);
    BOOST_REQUIRE_EQUAL(at.get()->key(), key);
    BOOST_REQUIRE_EQUAL(at.get()->mod_revision(), revision);
    at.next();
  }
  BOOST_REQUIRE(!at);
}

std::string key_of(uint64_t number) {
  return "pods/ns" + std::to_string(number % 7) + "/" + std::to_string(number);
}

} // namespace

BOOST_AUTO_TEST_SUITE(tree_test)

BOOST_AUTO_TEST_CASE(an_empty_tree_has_nothing) {
  tree t;
  BOOST_TEST(t.empty());
  BOOST_TEST(t.find("pods/a/b") == nullptr);
  BOOST_TEST(t.erase("pods/a/b") == nullptr);
  BOOST_TEST(t.count("") == 0u);
  BOOST_TEST(!tree::cursor(t, ""));
}

BOOST_AUTO_TEST_CASE(a_random_history_agrees_with_std_map_and_old_copies_stay) {
  std::mt19937_64 random{7};
  tree t;
  model m;
  std::vector<std::pair<tree, model>> kept;
  for (uint64_t step = 1; step <= 30'000; ++step) {
    // Alternate growth and decline, so that nodes split and merge.
    auto grow = (step / 5'000) % 2 == 0;
    auto key = key_of(random() % 4'000);
    if (random() % 4 < (grow ? 3u : 1u)) {
      auto replaced = t.put(made(key, step));
      BOOST_REQUIRE_EQUAL(replaced != nullptr, m.contains(key));
      m[key] = step;
    } else {
      auto removed = t.erase(key);
      BOOST_REQUIRE_EQUAL(removed != nullptr, m.erase(key) == 1);
    }
    if (step % 3'000 == 0) kept.emplace_back(t, m);
    if (step % 1'000 == 0) check_same(t, m);
  }
  for (auto& [old_tree, old_model] : kept) check_same(old_tree, old_model);
  while (!m.empty()) {
    BOOST_REQUIRE(t.erase(m.begin()->first));
    m.erase(m.begin());
  }
  BOOST_TEST(t.empty());
}

BOOST_AUTO_TEST_CASE(ranges_ranks_and_counts_agree_with_std_map) {
  std::mt19937_64 random{11};
  tree t;
  model m;
  for (int i = 0; i < 3'000; ++i) {
    auto key = key_of(random() % 9'000);
    t.put(made(key, 1));
    m[key] = 1;
  }
  for (int i = 0; i < 2'000; ++i) {
    auto from = key_of(random() % 9'000);
    auto expected = m.lower_bound(from);
    tree::cursor at{t, from};
    BOOST_REQUIRE_EQUAL(static_cast<bool>(at), expected != m.end());
    if (at) BOOST_REQUIRE_EQUAL(at.get()->key(), expected->first);
    BOOST_REQUIRE_EQUAL(t.rank(from), std::distance(m.begin(), expected));
  }
  size_t in_ns3 = 0;
  for (auto& [key, _] : m) in_ns3 += key.starts_with("pods/ns3/");
  BOOST_TEST(t.count("pods/ns3/") == in_ns3);
  BOOST_TEST(t.count("") == m.size());
  BOOST_TEST(t.count("\xff\xff") == 0u);
}

BOOST_AUTO_TEST_CASE(keys_in_order_fill_their_nodes) {
  tree t;
  for (int i = 100'000; i < 200'000; ++i) t.put(made("pods/a/" + std::to_string(i), 1));
  BOOST_TEST(t.size() == 100'000u);
  BOOST_TEST(t.find("pods/a/150000")->key() == "pods/a/150000");
}

BOOST_AUTO_TEST_SUITE_END()
