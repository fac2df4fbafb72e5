// Every kind of the registry, with every field of it filled in, through JSON, YAML and protobuf and
// back.
#include "messages/api/event.pb.h"
#include "messages/base/time.hpp"
#include "messages/codec/envelope.hpp"
#include "messages/codec/json_decode.hpp"
#include "messages/codec/json_encode.hpp"
#include "messages/codec/normalize.hpp"
#include "messages/codec/yaml.hpp"
#include "messages/schema/kind.hpp"
#include "test/support/filled.hpp"

#include <boost/test/unit_test.hpp>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/message.h>

BOOST_AUTO_TEST_SUITE(round_trip_test)

using namespace troupe;

namespace {

using google::protobuf::Message;
using test::fill;

} // namespace

BOOST_AUTO_TEST_CASE(every_kind_survives_every_form) {
  for (auto& kind : schema::registry::built_in()->all()) {
    BOOST_TEST_CONTEXT(kind.api_version() << " " << kind.name) {
      std::unique_ptr<Message> object(kind.prototype->New()), again(kind.prototype->New());
      fill(*object, 0);
      // What JSON cannot tell from its absence is not there after the first trip; from then on
      // nothing changes.
      auto version = kind.api_version();
      auto json = codec::to_json(*object, {version, kind.name, {}});
      auto read = codec::from_json(json, *again);
      BOOST_REQUIRE_MESSAGE(read.has_value(), read.error().message);
      BOOST_TEST(read->kind == kind.name);
      for (auto& p : read->problems) BOOST_ERROR(p.message());
      auto wire = codec::to_wire(*again);
      BOOST_TEST(
          (*json::parse(codec::to_json(*again, {version, kind.name, {}})) == *json::parse(json)));

      auto yaml = yaml::from_json(json);
      BOOST_REQUIRE(yaml.has_value());
      auto documents = yaml::to_json(*yaml);
      BOOST_REQUIRE_MESSAGE(documents.has_value(), documents.error().message);
      BOOST_REQUIRE(documents->size() == 1u);
      BOOST_TEST((*json::parse(documents->front().json) == *json::parse(json)));

      auto envelope = codec::seal_envelope(version, kind.name, wire);
      auto opened = codec::open_envelope(envelope);
      BOOST_REQUIRE(opened.has_value());
      std::string normal;
      BOOST_REQUIRE(codec::normalize(*kind.shape, opened->raw, normal).has_value());
      BOOST_TEST((normal == wire));
    }
  }
}

// Nobody could reckon with such a time, nor say it as JSON.
BOOST_AUTO_TEST_CASE(times_beyond_the_years_0_to_9999_are_refused_in_protobuf) {
  auto& kind = *schema::registry::built_in()->by_kind("v1", "Event");
  auto taken = [&](int64_t seconds, int32_t nanos = 0) {
    k8s::core::v1::Event e;
    e.mutable_first_timestamp()->set_seconds(seconds);
    e.mutable_event_time()->set_nanos(nanos);
    std::string out;
    return codec::normalize(*kind.shape, e.SerializeAsString(), out).has_value();
  };
  BOOST_TEST(taken(0));
  BOOST_TEST(taken(parse_time("0000-01-01T00:00:00Z")->seconds));
  BOOST_TEST(!taken(parse_time("0000-01-01T00:00:00Z")->seconds - 1));
  BOOST_TEST(taken(parse_time("9999-12-31T23:59:59Z")->seconds));
  BOOST_TEST(!taken(parse_time("9999-12-31T23:59:59Z")->seconds + 1));
  BOOST_TEST(!taken(std::numeric_limits<int64_t>::min()));
  BOOST_TEST(taken(0, 999'999'999));
  BOOST_TEST(!taken(0, 1'000'000'000));
  BOOST_TEST(!taken(0, -1));
}

BOOST_AUTO_TEST_SUITE_END()
