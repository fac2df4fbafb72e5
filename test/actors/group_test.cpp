// What the leader does about wishes, and what clients are told while nobody leads.
#include "actors/raft/group.hpp"

#include <boost/test/unit_test.hpp>

using namespace troupe;
using namespace troupe::raft;

namespace {

/// Servers 1 to `size`; server 1 looks, and hears those of `there`.
group_view seen(size_t size, std::set<member_id> there) {
  group_view out{.self = 1, .leader = 1, .term = 3};
  out.members.greatest_id = size;
  for (member_id id = 1; id <= size; ++id) {
    out.members.members[id] = {"10.0.0." + std::to_string(id) + ":6444", true, "x"};
    if (id != 1) out.peers[id] = {5, there.contains(id)};
  }
  return out;
}

using kind = group_wish::kind;
using change = membership_change::kind;

} // namespace

BOOST_AUTO_TEST_SUITE(group_test)

BOOST_AUTO_TEST_CASE(a_new_member_gets_a_number_that_nobody_had) {
  auto now = seen(3, {2, 3});
  now.members.members.erase(3);
  auto made = decide({kind::add, 0, "10.0.0.9:6444", "10.0.0.9:6443"}, now);
  BOOST_REQUIRE(made);
  BOOST_TEST((made->what == change::add_learner));
  BOOST_TEST(made->id == 4u);
  BOOST_TEST(made->api == "10.0.0.9:6443");
}

BOOST_AUTO_TEST_CASE(two_servers_at_one_address_are_refused_with_what_to_do) {
  auto made = decide({kind::add, 0, "10.0.0.2:6444", "x"}, seen(3, {2, 3}));
  BOOST_REQUIRE(!made);
  BOOST_TEST(made.error().message.find("troupe members remove 2") != std::string::npos);
  auto lonely = seen(1, {});
  lonely.members.members[1].address.clear();
  auto refused = decide({kind::add, 0, "10.0.0.2:6444", "x"}, lonely);
  BOOST_REQUIRE(!refused);
  BOOST_TEST(refused.error().message.find("--advertise") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(nobody_is_removed_whose_absence_would_lose_the_majority) {
  struct row {
    size_t size;
    std::set<member_id> there;
    member_id removed;
    bool fine;
  };
  const row rows[] = {{3, {2, 3}, 3, true},  {3, {2}, 3, true},    {3, {2}, 2, false},
                      {2, {2}, 2, true},     {2, {}, 2, true},     {5, {2, 3}, 4, true},
                      {5, {2, 3}, 2, false}, {3, {2, 3}, 1, true}, {3, {2}, 1, false},
                      {3, {2, 3}, 9, false}};
  for (auto& r : rows) {
    auto made = decide({kind::remove, r.removed, {}, {}}, seen(r.size, r.there));
    BOOST_TEST(made.has_value() == r.fine,
               "removing " << r.removed << " of " << r.size << " with " << r.there.size() + 1);
  }
}

BOOST_AUTO_TEST_CASE(a_lost_majority_is_told_with_numbers_and_what_to_do) {
  auto lost = why_no_leader(seen(3, {}).members, 1);
  for (auto part : {"1 of 3 servers", "2 are needed", "troupe recover"})
    BOOST_TEST(lost.find(part) != lost.npos, lost);
  auto choosing = why_no_leader(seen(3, {}).members, 2);
  BOOST_TEST(choosing.find("choosing a leader") != choosing.npos);
  BOOST_TEST(why_no_leader({}, 1).find("does not belong") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_heir_is_there_can_vote_and_lags_least) {
  auto now = seen(4, {2, 3, 4});
  now.peers[2].match = 7;
  now.peers[3].match = 9;
  now.peers[4].match = 12;
  now.members.members[4].voter = false;
  BOOST_TEST(heir(now) == 3u);
  now.peers[3].active = false;
  BOOST_TEST(heir(now) == 2u);
  BOOST_TEST(heir(seen(3, {})) == nobody);
  BOOST_TEST(heir(seen(1, {})) == nobody);
  now.leader = 2; // it is not this one's to give
  BOOST_TEST(heir(now) == nobody);
}

BOOST_AUTO_TEST_SUITE_END()
