// Who goes, who waits, who is refused, and that users take turns.
#include "actors/gateway/flow.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

BOOST_AUTO_TEST_SUITE(flow_test)

using namespace troupe::gateway;
using entry = flow_control::entry;

namespace {

struct stage {
  explicit stage(flow_limits limits) : flow{limits} {}

  entry enter(const std::string& user, flow_kind kind = flow_kind::writing) {
    return flow.enter(kind, user, [this, user] { turns += user; });
  }
  void leave(const std::string& user, flow_kind kind = flow_kind::writing) {
    if (auto next = flow.leave(kind, user)) next();
  }

  flow_control flow;
  std::string turns;
};

} // namespace

BOOST_AUTO_TEST_CASE(users_take_turns_however_much_one_of_them_asks) {
  stage s{{.writing = 1}};
  BOOST_TEST((s.enter("a") == entry::go));
  for (auto user : {"a", "a", "a", "a", "b", "b", "c"}) BOOST_TEST((s.enter(user) == entry::wait));
  for (int i = 0; i < 8; ++i) s.leave("a");
  BOOST_TEST(s.turns == "abcabaa");
  BOOST_TEST(s.flow.count(flow_kind::writing).running == 0);
  BOOST_TEST((s.enter("d") == entry::go));
}

BOOST_AUTO_TEST_CASE(a_full_queue_refuses_its_own_user_only) {
  stage s{{.writing = 1, .waiting_of_user = 2}};
  BOOST_TEST((s.enter("a") == entry::go));
  BOOST_TEST((s.enter("a") == entry::wait));
  BOOST_TEST((s.enter("a") == entry::wait));
  BOOST_TEST((s.enter("a") == entry::refuse));
  BOOST_TEST((s.enter("b") == entry::wait));
  BOOST_TEST(s.flow.count(flow_kind::writing).refused == 1);
}

BOOST_AUTO_TEST_CASE(reading_and_writing_do_not_wait_for_each_other) {
  stage s{{.reading = 1, .writing = 1}};
  BOOST_TEST((s.enter("a") == entry::go));
  BOOST_TEST((s.enter("a") == entry::wait));
  BOOST_TEST((s.enter("a", flow_kind::reading) == entry::go));
}

BOOST_AUTO_TEST_CASE(all_queues_together_are_bounded) {
  stage s{{.writing = 1, .waiting = 3}};
  BOOST_TEST((s.enter("a") == entry::go));
  for (auto user : {"a", "b", "c"}) BOOST_TEST((s.enter(user) == entry::wait));
  BOOST_TEST((s.enter("d") == entry::refuse));
}

BOOST_AUTO_TEST_CASE(watches_are_counted_by_user_and_never_wait) {
  stage s{{.watching_of_user = 2}};
  auto watching = flow_kind::watching;
  BOOST_TEST((s.enter("a", watching) == entry::go));
  BOOST_TEST((s.enter("a", watching) == entry::go));
  BOOST_TEST((s.enter("a", watching) == entry::refuse));
  BOOST_TEST((s.enter("b", watching) == entry::go));
  s.leave("a", watching);
  BOOST_TEST((s.enter("a", watching) == entry::go));
  BOOST_TEST(s.flow.count(watching).running == 3);
}

BOOST_AUTO_TEST_CASE(no_limit_is_no_limit) {
  stage s{{.reading = 0}};
  for (int i = 0; i < 1000; ++i) BOOST_TEST((s.enter("a", flow_kind::reading) == entry::go));
}

BOOST_AUTO_TEST_SUITE_END()
