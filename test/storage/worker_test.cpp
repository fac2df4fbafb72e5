// The background thread: jobs in order, all of them before it ends, and a word when it is calm.
#include "storage/worker.hpp"

#include <boost/test/unit_test.hpp>

#include <future>
#include <vector>

BOOST_AUTO_TEST_SUITE(worker_test)

using troupe::storage::worker;

BOOST_AUTO_TEST_CASE(jobs_run_in_order_and_all_before_it_ends) {
  std::vector<int> seen;
  {
    worker w;
    for (int i = 0; i < 100; ++i) w.post([&seen, i] { seen.push_back(i); });
  }
  BOOST_REQUIRE(seen.size() == 100u);
  BOOST_TEST(std::is_sorted(seen.begin(), seen.end()));
}

BOOST_AUTO_TEST_CASE(it_says_once_when_it_is_calm_after_work) {
  std::atomic<int> calm = 0;
  std::promise<int> first;
  worker w{[&] {
    if (++calm == 1) first.set_value(1);
  }};
  BOOST_TEST(calm == 0); // nothing was done yet
  std::atomic<int> done = 0;
  for (int i = 0; i < 10; ++i) w.post([&] { ++done; });
  BOOST_REQUIRE(first.get_future().wait_for(std::chrono::seconds{20}) == std::future_status::ready);
  BOOST_TEST(done == 10);
  std::promise<void> again;
  w.post([&] { again.set_value(); });
  again.get_future().wait();
  BOOST_TEST(calm == 1);
}

BOOST_AUTO_TEST_SUITE_END()
