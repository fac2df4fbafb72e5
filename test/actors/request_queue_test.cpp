// What waits for the RAFT actor.
#include "actors/store/replicated_store.hpp"

#include <boost/test/unit_test.hpp>

#include <future>

BOOST_AUTO_TEST_SUITE(request_queue_test)

using namespace troupe;

namespace {

raft::replica::proposal any_write() {
  return {{}, std::make_shared<const std::string>("x"), [](auto) {}, 1};
}

/// Takes on a thread of its own, as the actor does; false if it has to wait for who wakes it.
bool may_take(request_queue& queue, size_t& taken) {
  auto actor = std::async(std::launch::async, [&] {
    auto batch = queue.take();
    return batch.writes.size() + batch.reads.size() + batch.jobs.size();
  });
  constexpr std::chrono::seconds patience{5};
  if (actor.wait_for(patience) != std::future_status::ready) {
    fprintf(stderr, "the queue is held while the actor is woken\n");
    std::_Exit(1); // both wait for each other
  }
  taken += actor.get();
  return true;
}

} // namespace

BOOST_AUTO_TEST_CASE(who_is_woken_finds_what_came_and_waits_for_nobody) {
  request_queue queue{100};
  size_t taken = 0, wakes = 0;
  queue.push(any_write()); // before there is an actor
  queue.set_wake([&] { wakes += may_take(queue, taken); });
  BOOST_TEST(wakes == 1);
  queue.push(any_write());
  queue.push([](result<void>) {});
  queue.push_job([] {});
  BOOST_TEST(wakes == 4);
  BOOST_TEST(taken == 4);
}

BOOST_AUTO_TEST_CASE(what_comes_behind_waits_without_waking) {
  request_queue queue{100};
  size_t wakes = 0;
  queue.set_wake([&] { ++wakes; });
  for (int i = 0; i < 3; ++i) queue.push(any_write());
  BOOST_TEST(wakes == 1);
  BOOST_TEST(queue.take().writes.size() == 3);
}

BOOST_AUTO_TEST_CASE(nobody_is_woken_once_it_is_closed) {
  request_queue queue{100};
  size_t wakes = 0;
  queue.set_wake([&] { ++wakes; });
  queue.close();
  bool refused = false;
  queue.push([&](result<void> x) { refused = !x; });
  BOOST_TEST(refused);
  BOOST_TEST(wakes == 0);
}

BOOST_AUTO_TEST_SUITE_END()
