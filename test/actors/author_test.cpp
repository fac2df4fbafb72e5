// What the server writes by itself.
#include "actors/gateway/author.hpp"
#include "actors/gateway/bootstrap.hpp"
#include "messages/api/config.pb.h"
#include "messages/api/endpoint_slice.pb.h"
#include "messages/api/quota.pb.h"
#include "messages/codec/json_encode.hpp"
#include "messages/codec/stored_parts.hpp"
#include "test/support/gateway_environment.hpp"
#include "test/support/store_fixture.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(author_test)

using namespace troupe;
using k8s::discovery::v1::EndpointSlice;

namespace {

struct desk : test::store_fixture {
  gateway::worker_threads work{1};
  gateway::gateway api{test::environment_of(*store, work)};
  const schema::kind& slices =
      *schema::registry::built_in()->by_resource("discovery.k8s.io", "v1", "endpointslices");
  const std::string key = gateway::key_of(slices, "default", "s");

  desk() {
    BOOST_REQUIRE(gateway::bootstrap(api));
    auto now = store->current();
    gateway::author by{api, "first", now};
    auto slice = std::make_unique<EndpointSlice>();
    slice->mutable_metadata()->set_name("s");
    slice->mutable_metadata()->set_namespace_("default");
    slice->set_address_type("IPv4");
    slice->add_endpoints()->add_addresses("10.0.0.1");
    BOOST_REQUIRE(by.create(slices, std::move(slice)));
    BOOST_REQUIRE(storage::commit_and_wait(*store, by.take()));
  }

  /// The slice with another label and these addresses.
  EndpointSlice changed(const std::vector<std::string>& addresses) const {
    EndpointSlice out;
    BOOST_REQUIRE(gateway::read_entry(*store->current().find(key), out));
    (*out.mutable_metadata()->mutable_labels())["a"] = "b";
    out.clear_endpoints();
    for (auto& a : addresses) out.add_endpoints()->add_addresses(a);
    return out;
  }

  /// What would be stored of it.
  template<class Update> std::string after(Update update) {
    auto now = store->current();
    gateway::author by{api, "second", now};
    BOOST_REQUIRE(update(by, *now.find(key)));
    auto written = by.written(key);
    return written ? std::string(written->value()) : "nothing";
  }

  std::string whole(const EndpointSlice& slice) {
    return after([&](auto& by, auto& old) {
      return by.update(slices, old, std::make_unique<EndpointSlice>(slice));
    });
  }

  std::string in_two(EndpointSlice slice) {
    auto list = EndpointSlice::kEndpointsFieldNumber;
    std::string records(codec::records_of(codec::to_wire(slice), list));
    slice.clear_endpoints();
    return after([&](auto& by, auto& old) {
      return by.update_but_for(slices, old, std::make_unique<EndpointSlice>(slice),
                               {EndpointSlice::kEndpointsFieldNumber, records});
    });
  }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(a_list_that_stays_bytes_is_stored_as_if_it_did_not, desk) {
  for (auto& addresses : std::vector<std::vector<std::string>>{
           {"10.0.0.1"}, {}, {"10.0.0.2"}, {"10.0.0.1", "10.0.0.3"}}) {
    auto fresh = changed(addresses);
    auto stored = whole(fresh);
    BOOST_TEST(stored == in_two(fresh));
    EndpointSlice read;
    BOOST_REQUIRE(read.ParseFromString(stored));
    BOOST_TEST(read.endpoints_size() == static_cast<int>(addresses.size()));
    BOOST_TEST(read.metadata().generation() == 2);
  }
}

BOOST_FIXTURE_TEST_CASE(a_list_that_says_the_same_adds_nothing, desk) {
  EndpointSlice same;
  BOOST_REQUIRE(gateway::read_entry(*store->current().find(key), same));
  BOOST_TEST(in_two(same) == "nothing");
}

BOOST_AUTO_TEST_CASE(a_list_is_taken_out_and_put_back_where_it_was) {
  EndpointSlice slice;
  slice.mutable_metadata()->set_name("s");
  slice.set_address_type("IPv4");
  for (auto list = EndpointSlice::kEndpointsFieldNumber; int n : {0, 1, 3}) {
    slice.clear_endpoints();
    for (int i = 0; i < n; ++i) slice.add_endpoints()->add_addresses(std::to_string(i));
    auto stored = codec::to_wire(slice);
    auto rest = codec::without(stored, list);
    BOOST_TEST(codec::records_of(rest, list).empty());
    BOOST_TEST(codec::with(rest, list, codec::records_of(stored, list)) == stored);
  }
}

// Otherwise a count that is under way when the object comes would miss it for good.
BOOST_FIXTURE_TEST_CASE(a_quota_that_nobody_has_counted_yet_is_charged_too, desk) {
  auto& quotas = *schema::registry::built_in()->by_resource("", "v1", "resourcequotas");
  auto& maps = *schema::registry::built_in()->by_resource("", "v1", "configmaps");
  auto named = [](auto object, const char* name) {
    object->mutable_metadata()->set_name(name);
    object->mutable_metadata()->set_namespace_("default");
    return object;
  };
  auto quota = named(std::make_unique<k8s::core::v1::ResourceQuota>(), "q");
  (*quota->mutable_spec()->mutable_hard())["configmaps"].set_string("5");
  auto before = store->current();
  gateway::author first{api, "first", before};
  BOOST_REQUIRE(first.create(quotas, std::move(quota)));
  BOOST_REQUIRE(storage::commit_and_wait(*store, first.take()));

  auto now = store->current();
  gateway::author by{api, "second", now};
  BOOST_REQUIRE(by.create(maps, named(std::make_unique<k8s::core::v1::ConfigMap>(), "a")));
  BOOST_REQUIRE(by.create(maps, named(std::make_unique<k8s::core::v1::ConfigMap>(), "b")));
  auto charged = by.written(gateway::key_of(quotas, "default", "q"));
  BOOST_REQUIRE(charged);
  k8s::core::v1::ResourceQuota q;
  BOOST_REQUIRE(gateway::read_entry(*charged, q));
  BOOST_TEST(q.status().used().at("configmaps").string() == "2");
  BOOST_TEST(q.status().hard().empty());
}

BOOST_AUTO_TEST_SUITE_END()
