// When certificates are made anew: the clock is an argument.
#include "bin/clock.hpp"
#include "bin/pki.hpp"
#include "bin/renewal.hpp"
#include "messages/base/log.hpp"
#include "net/tls/life.hpp"
#include "test/storage/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>

using namespace troupe;
using namespace std::chrono_literals;

namespace {

constexpr int64_t day = 24 * 3600;

std::string certificate(int64_t begins, int64_t ends) {
  static auto authority = tls::make_authority("ca", tls::wall_time{0s}, std::chrono::days{36'500});
  tls::certificate_spec spec;
  spec.common_name = "x";
  spec.use = {.client = true};
  spec.not_before = tls::wall_time{std::chrono::seconds{begins}};
  spec.not_after = tls::wall_time{std::chrono::seconds{ends}};
  return tls::issue(*authority, spec)->certificate_pem;
}

} // namespace

BOOST_AUTO_TEST_SUITE(renewal_test)

BOOST_AUTO_TEST_CASE(it_is_due_when_two_thirds_of_the_shortest_life_are_over) {
  auto one = certificate(0, 300 * day), other = certificate(10 * day, 40 * day);
  constexpr auto now = 20 * day;
  BOOST_TEST(due_seconds({one}, now) == 200 * day);
  BOOST_TEST(due_seconds({one, other}, now) == 30 * day);
  BOOST_TEST(due_seconds({one, "nonsense"}, now) == 0);
}

BOOST_AUTO_TEST_CASE(what_was_made_while_the_clock_was_ahead_is_due_at_once) {
  auto early = certificate(400 * day, 765 * day);
  BOOST_TEST(due_seconds({early}, day) == 0);
  BOOST_TEST(due_seconds({early}, 400 * day) > 400 * day);
}

BOOST_AUTO_TEST_CASE(a_clock_that_jumps_is_noticed_and_failures_are_paced) {
  struct row {
    int64_t due, now;
    unsigned failures;
    std::chrono::seconds wait;
  };
  const row rows[] = {{100, 100, 0, 0s},     {100, 500 * day, 0, 0s}, {160, 100, 0, 60s},
                      {day, 0, 0, 3600s},    {100, 100, 1, 30s},      {100, 100, 2, 60s},
                      {100, 100, 99, 3600s}, {day, 0, 1, 30s}};
  for (auto& r : rows) BOOST_TEST(wait_before(r.due, r.now, r.failures).count() == r.wait.count());
}

BOOST_AUTO_TEST_CASE(certificates_of_a_server_are_made_anew_at_their_time_and_not_before) {
  test::temporary_directory where;
  auto made = [&](int64_t at_day) {
    auto keys = prepare_pki(where.path, own_names(), own_addresses("10.0.0.1"), 1,
                            tls::wall_time{std::chrono::seconds{at_day * day}});
    BOOST_REQUIRE_MESSAGE(keys, keys.error().message);
    return *keys;
  };
  auto first = made(20'000);
  auto later = made(20'000 + 240);
  BOOST_TEST((later.server == first.server));
  auto renewed = made(20'000 + 245);
  BOOST_TEST((renewed.server != first.server));
  BOOST_TEST((renewed.link != first.link));
  BOOST_TEST((renewed.authority == first.authority));
  // After 400 days switched off everything starts again with new ones.
  auto late = made(20'000 + 700);
  BOOST_TEST((late.admin != renewed.admin));
  // Reached at another address, the server needs another certificate.
  auto moved = prepare_pki(where.path, own_names(), own_addresses("10.0.0.2"), 1,
                           tls::wall_time{std::chrono::seconds{(20'000 + 700) * day}});
  BOOST_REQUIRE(moved);
  BOOST_TEST((moved->server != late.server));
  BOOST_TEST(tls::names_address(moved->server.certificate_pem, "10.0.0.2"));
  BOOST_TEST(!tls::names_address(moved->server.certificate_pem, "10.0.0.1"));
}

BOOST_AUTO_TEST_CASE(it_renews_when_it_is_due_and_when_it_is_asked) {
  log::threshold(log::level::error);
  std::mutex mutex;
  std::condition_variable changed;
  int64_t clock = 0, due = 100;
  int renewed = 0;
  auto until = [&](int count) {
    std::unique_lock lock{mutex};
    return changed.wait_for(lock, 10s, [&] { return renewed >= count; });
  };
  auto locked = [&](auto& value) {
    std::lock_guard lock{mutex};
    return value;
  };
  renewal r{{.now =
                 [&] {
                   return timestamp{locked(clock), 0};
                 },
             .due = [&] { return locked(due); },
             .renew = [&]() -> result<void> {
               std::lock_guard lock{mutex};
               due = clock + 100;
               ++renewed;
               changed.notify_all();
               return {};
             }}};
  r.now();
  BOOST_TEST(until(1));
  r.now();
  BOOST_TEST(until(2));
}

BOOST_AUTO_TEST_SUITE_END()
