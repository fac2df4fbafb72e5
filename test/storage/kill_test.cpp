// A real process on a real disk, killed with SIGKILL in the middle of its writes, again and again:
// nothing it acknowledged is lost.
#include "messages/base/log.hpp"
#include "storage/engine.hpp"
#include "test/storage/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <random>
#include <sys/wait.h>
#include <unistd.h>

using namespace troupe;
using namespace troupe::storage;

namespace {

engine_settings settings_in(const std::string& path) {
  engine_settings settings{.path = path};
  settings.log = {.first_segment_bytes = 64u << 10, .segment_bytes = 256u << 10};
  settings.keep.checkpoint_bytes = 100'000; // checkpoints are killed as well
  return settings;
}

/// Writes numbers from `first` on and says each on `out` once it is acknowledged. Never returns.
[[noreturn]] void write_forever(const std::string& path, uint64_t first, int out) {
  log::threshold(log::level::error);
  auto store = engine::open(settings_in(path));
  if (!store) ::_exit(1);
  for (auto i = first;; ++i) {
    transaction change;
    change.put("pods/a/" + std::to_string(i % 50), std::to_string(i) + std::string(i % 3'000, '.'));
    if (!commit_and_wait(**store, std::move(change))) ::_exit(2);
    if (::write(out, &i, sizeof i) != sizeof i) ::_exit(3);
  }
}

} // namespace

BOOST_AUTO_TEST_SUITE(kill_test)

BOOST_AUTO_TEST_CASE(no_acknowledged_write_is_lost_in_a_hundred_kills) {
  log::threshold(log::level::error);
  test::temporary_directory where;
  auto path = where.path + "/store";
  std::mt19937_64 random{9};
  uint64_t acknowledged = 0;
  for (int life = 0; life < 100; ++life) {
    int ends[2];
    BOOST_REQUIRE_EQUAL(::pipe(ends), 0);
    auto child = ::fork();
    if (child == 0) write_forever(path, acknowledged + 1, ends[1]);
    ::close(ends[1]);
    auto until = random() % 150; // acknowledgements, then the kill, wherever the writer is by then
    uint64_t last = acknowledged;
    for (uint64_t heard = 0; heard < until && ::read(ends[0], &last, sizeof last) == sizeof last;)
      ++heard;
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    while (::read(ends[0], &last, sizeof last) == sizeof last) {
    }
    ::close(ends[0]);
    BOOST_REQUIRE(WIFSIGNALED(status));
    acknowledged = std::max(acknowledged, last);
    auto store = engine::open(settings_in(path));
    BOOST_REQUIRE_MESSAGE(store, "life " << life << ": " << store.error().message);
    auto now = (*store)->current();
    BOOST_REQUIRE_GE(now.revision(), acknowledged);
    // Everything up to the newest revision is there: at most one was written and not acknowledged.
    BOOST_REQUIRE_LE(now.revision(), acknowledged + 1);
    for (auto i = acknowledged > 49 ? acknowledged - 49 : 1; i <= acknowledged; ++i) {
      auto x = now.get("pods/a/" + std::to_string(i % 50));
      BOOST_REQUIRE(x);
      BOOST_REQUIRE_GE(x->mod_revision(), i);
    }
    acknowledged = now.revision();
  }
}

BOOST_AUTO_TEST_SUITE_END()
