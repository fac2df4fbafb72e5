// A store of its own in a temporary directory, for tests of what reads it.
#pragma once

#include "actors/gateway/fields.hpp"
#include "actors/gateway/object.hpp"
#include "messages/base/log.hpp"
#include "storage/engine.hpp"
#include "test/storage/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

namespace troupe::test {

struct store_fixture {
  store_fixture() {
    log::threshold(log::level::error);
    auto opened = storage::engine::open({.path = where.path + "/store"});
    BOOST_REQUIRE(opened);
    store = std::move(*opened);
  }

  /// Stores the object under its own name and namespace, as it is.
  void put(const schema::kind& kind, const google::protobuf::Message& object) {
    auto& m = gateway::meta(object);
    storage::transaction tx;
    tx.put(gateway::key_of(kind, m.namespace_(), m.name()), gateway::stored_form(kind, object),
           gateway::index_of(kind, object));
    BOOST_REQUIRE(storage::commit_and_wait(*store, std::move(tx)));
  }
  void put(const char* plural, const google::protobuf::Message& object) {
    put(*schema::registry::built_in()->by_resource("", "v1", plural), object);
  }

  temporary_directory where;
  std::unique_ptr<storage::engine> store;
};

} // namespace troupe::test
