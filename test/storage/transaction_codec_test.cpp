// Transactions are written by hand and read by what store.proto generates: both say the same.
#include "messages/cluster/store.pb.h"
#include "storage/transaction_codec.hpp"

#include <boost/test/unit_test.hpp>

using namespace troupe;
using namespace troupe::storage;

BOOST_AUTO_TEST_SUITE(transaction_codec_test)

BOOST_AUTO_TEST_CASE(what_is_written_by_hand_is_what_protobuf_writes) {
  transaction full;
  full.leader_term = 3;
  full.cause = 1 << 20;
  full.require_absent("pods/default/a").require_revision("pods/default/b", 77);
  full.put("pods/default/a", std::string(5'000, 'v'), {}).erase("pods/default/b", "final", {});
  transaction small;
  small.put("pods/default/a", {}, {});
  for (const transaction* each : {&full, &small})
    for (uint64_t mark : {uint64_t{0}, uint64_t{0x8877665544332211}}) {
      auto bytes = encode(*each, mark ? 1'700'000'000'000 : 0, nullptr, mark);
      BOOST_REQUIRE(bytes);
      cluster::Transaction read;
      BOOST_REQUIRE(read.ParseFromString(*bytes));
      BOOST_TEST(read.SerializeAsString() == *bytes);
      BOOST_TEST(read.mark() == mark);
      BOOST_TEST(read.GetReflection()->GetUnknownFields(read).field_count() == 0);
      auto back = decode(*bytes, nullptr);
      BOOST_REQUIRE(back);
      BOOST_TEST(back->changes.mutations.size() == each->mutations.size());
      BOOST_TEST(back->changes.preconditions.size() == each->preconditions.size());
      BOOST_TEST(back->mark == mark);
    }
}

BOOST_AUTO_TEST_SUITE_END()
