// The checkpoint in LMDB: what is added is loaded, maps grow by themselves, history is forgotten
// from its old end.
#include "messages/base/log.hpp"
#include "storage/keeper.hpp"
#include "storage/live_state.hpp"
#include "storage/lmdb_checkpoint.hpp"
#include "test/storage/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

using namespace troupe;
using namespace troupe::storage;

namespace {

struct fixture {
  fixture() {
    log::threshold(log::level::error);
    open({});
  }

  void open(lmdb_settings settings) {
    kept.reset();
    auto opened = lmdb_checkpoint::open(where.path + "/state.mdb", nullptr, settings);
    BOOST_REQUIRE_MESSAGE(opened, opened.error().message);
    kept = std::move(*opened);
  }

  std::shared_ptr<const published_batch> put(const std::string& key, const std::string& value,
                                             uint64_t time_ms = 0) {
    transaction change;
    change.put(key, value);
    live.apply(std::move(change), 1);
    auto batch = std::make_shared<published_batch>();
    batch->events = live.publish();
    batch->revision = live.current().revision();
    batch->position = {batch->revision, 1};
    batch->time_ms = time_ms;
    batch->bytes = value.size();
    return batch;
  }

  test::temporary_directory where;
  std::shared_ptr<lmdb_checkpoint> kept;
  live_state live;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(lmdb_checkpoint_test, fixture)

BOOST_AUTO_TEST_CASE(a_full_map_grows_without_losing_anything) {
  open({.map_bytes = 256u << 10});
  for (int i = 0; i < 40; ++i) {
    auto done = kept->add({put("pods/a/" + std::to_string(i), std::string(100'000, 'v'))}, {}, 0);
    BOOST_REQUIRE_MESSAGE(done, done.error().message);
  }
  open({});
  auto loaded = kept->load();
  BOOST_REQUIRE(loaded);
  BOOST_TEST(loaded->contents.objects.size() == 40u);
  BOOST_TEST((loaded->meta.position == log_position{40, 1}));
}

BOOST_AUTO_TEST_CASE(a_map_that_may_not_grow_says_that_it_is_full_and_stays_sound) {
  open({.map_bytes = 256u << 10, .map_bytes_max = 256u << 10});
  BOOST_REQUIRE(kept->add({put("pods/a/1", "v")}, {}, 0));
  auto done = kept->add({put("pods/a/2", std::string(1u << 20, 'v'))}, {}, 0);
  BOOST_REQUIRE(!done);
  BOOST_TEST((done.error().code == errc::storage_full));
  BOOST_TEST(kept->load()->contents.objects.size() == 1u);
}

BOOST_AUTO_TEST_CASE(history_is_forgotten_by_age_and_the_rest_can_be_read) {
  keeper past{kept, {.history = {.age_ms = 1'000}}};
  past.reset(live.current(), {});
  for (uint64_t i = 1; i <= 10; ++i) {
    auto batch = *put("pods/a/1", "v" + std::to_string(i), i * 1'000);
    past.note(std::move(batch), live.current());
  }
  BOOST_REQUIRE(past.write_checkpoint(10'500)); // changes before 9,500 ms are too old
  BOOST_TEST((past.at(8).error().code == errc::expired));
  BOOST_TEST(past.at(9)->get("pods/a/1")->value() == "v9");
  BOOST_TEST(past.at(10)->get("pods/a/1")->value() == "v10");
}

BOOST_AUTO_TEST_CASE(history_is_forgotten_by_size) {
  for (int i = 0; i < 200; ++i)
    BOOST_REQUIRE(kept->add({put("pods/a/1", std::string(5'000, 'v'))}, {.bytes_max = 100'000}, 0));
  size_t rows = 0;
  auto oldest = kept->visit_history(UINT64_MAX, [&](checkpoint::undo) { return ++rows > 0; });
  BOOST_REQUIRE(oldest);
  BOOST_TEST(rows < 40u);
  BOOST_TEST(*oldest > 150u);
}

BOOST_AUTO_TEST_CASE(what_a_newer_snapshot_has_replaced_is_not_put_back) {
  // Before, a batch on its way to the disk took the checkpoint back behind a snapshot that had come
  // in meanwhile.
  auto late = put("pods/a/1", "old");
  state newer;
  newer.revision = 100;
  BOOST_REQUIRE(kept->replace(newer, {.position = {100, 2}}));
  BOOST_REQUIRE(kept->add({late}, {}, 0));
  BOOST_REQUIRE(kept->replace({}, {.position = {50, 1}}));
  auto loaded = kept->load();
  BOOST_TEST((loaded->meta.position == log_position{100, 2}));
  BOOST_TEST(loaded->contents.objects.size() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
