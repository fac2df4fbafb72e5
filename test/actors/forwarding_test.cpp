// What becomes of writes that a leader was asked for.
#include "actors/store/forwarding.hpp"

#include <boost/test/unit_test.hpp>

using namespace troupe;

namespace {

struct desk {
  forwarding writes{{.patience_ticks = 10, .bytes_max = 100}};
  std::map<uint64_t, result<storage::outcome>> heard;

  void add(uint64_t mark) { writes.add(write(mark), 0); }
  raft::proposal write(uint64_t mark) {
    return {{},
            std::make_shared<const std::string>(30, 'x'),
            [this, mark](result<storage::outcome> x) { heard.emplace(mark, std::move(x)); },
            mark};
  }
  std::string send(uint64_t term) {
    std::string out;
    for (auto& x : writes.take_unsent(term)) out += std::to_string(x.mark) + " ";
    return out;
  }
};

storage::outcome at(uint64_t revision) { return {revision, {}}; }

} // namespace

BOOST_AUTO_TEST_SUITE(forwarding_test)

BOOST_AUTO_TEST_CASE(each_write_is_sent_once_a_term) {
  desk d;
  d.add(1), d.add(2);
  BOOST_TEST(d.send(5) == "1 2 ");
  BOOST_TEST(d.send(5) == "");
  d.writes.settled(5); // the leader's own first entry
  BOOST_TEST(d.send(5) == "");
  d.writes.settled(6);
  BOOST_TEST(d.send(6) == "1 2 ");
  BOOST_TEST(d.heard.empty());
}

BOOST_AUTO_TEST_CASE(what_was_applied_before_the_next_term_is_not_sent_again) {
  desk d;
  d.add(1), d.add(2);
  d.send(5);
  d.writes.answered(2, at(7), 6);
  d.writes.settled(6);
  BOOST_TEST(d.send(6) == "1 ");
  BOOST_TEST(d.heard.empty());
  d.writes.reached(7);
  BOOST_REQUIRE(d.heard.contains(2));
  BOOST_TEST(d.heard.at(2)->revision == 7u);
  d.writes.answered(2, error{errc::unavailable, "a late word"}, 7);
  BOOST_TEST(d.heard.at(2).has_value());
}

BOOST_AUTO_TEST_CASE(what_went_by_in_a_snapshot_has_an_open_end) {
  desk d;
  d.add(1);
  d.send(5);
  d.add(2);
  d.writes.skipped(5); // it may be in there
  BOOST_TEST(d.heard.empty());
  BOOST_TEST(d.send(5) == "2 ");
  d.writes.settled(6);
  BOOST_REQUIRE(d.heard.contains(1));
  BOOST_TEST(d.heard.at(1).error().message.find("may have happened") != std::string::npos);
  BOOST_TEST(d.send(6) == "2 ");
}

BOOST_AUTO_TEST_CASE(who_does_not_lead_has_not_taken_it) {
  desk d;
  d.add(1);
  d.send(5);
  d.writes.answered(1, error{errc::not_leader, "not me"}, 0);
  BOOST_TEST(d.writes.has_unsent());
  BOOST_TEST(d.send(6) == "1 ");
}

BOOST_AUTO_TEST_CASE(a_former_leaders_proposals_wait_for_the_next_term) {
  desk d;
  std::vector<raft::proposal> own;
  own.push_back(d.write(1));
  d.writes.take_back(std::move(own), 5, 0);
  BOOST_TEST(d.send(6) == "");
  d.writes.settled(6);
  BOOST_TEST(d.send(6) == "1 ");
  std::vector<raft::proposal> late, never;
  late.push_back(d.write(2));
  d.writes.take_back(std::move(late), 5, 0); // it is settled already
  never.push_back(d.write(3));
  d.writes.take_back(std::move(never), 0, 0);
  BOOST_TEST(d.writes.take_held().size() == 2u);
  BOOST_TEST(!d.writes.has_unsent());
}

BOOST_AUTO_TEST_CASE(patience_and_room_have_an_end) {
  desk d;
  d.add(1), d.add(2), d.add(3);
  d.add(4);
  BOOST_REQUIRE(d.heard.contains(4));
  BOOST_TEST((d.heard.at(4).error().code == errc::too_many_requests));
  d.send(5);
  d.writes.settled(6);
  d.writes.tick(10, [] { return std::string("nobody leads"); });
  for (uint64_t mark : {1, 2, 3}) BOOST_TEST(d.heard.at(mark).error().message == "nobody leads");
  BOOST_TEST(!d.writes.has_unsent());
  BOOST_TEST(d.writes.idle());
}

// Before: writes on a server that was removed waited until their patience was over.
BOOST_AUTO_TEST_CASE(who_waits_on_a_server_that_ends_hears_so) {
  desk d;
  d.add(1), d.add(2), d.add(3);
  d.send(5);
  d.writes.answered(3, at(9), 7); // it has happened, and is not visible here yet
  d.writes.give_up("it ends");
  for (uint64_t mark : {1, 2}) BOOST_TEST((d.heard.at(mark).error().code == errc::unavailable));
  BOOST_TEST(d.heard.at(3)->revision == 9u);
  BOOST_TEST(d.writes.idle());
}

BOOST_AUTO_TEST_SUITE_END()
