// A whole control plane in this process, behind real sockets on the loopback: for tests of who may
// join it and of what those who joined may say.
#pragma once

#include "actors/gateway/bootstrap_token.hpp"
#include "bin/admin.hpp"
#include "bin/clock.hpp"
#include "bin/control_plane.hpp"
#include "bin/join.hpp"
#include "messages/base/log.hpp"
#include "messages/codec/json_encode.hpp"
#include "test/storage/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

namespace troupe::test {

struct whole {
  whole() {
    log::threshold(log::level::error);
    control_plane_options options;
    options.data_directory = where.path + "/s";
    options.address = "127.0.0.1";
    options.advertised = "127.0.0.1";
    options.port = 0;
    options.link_port = 0;
    options.controllers = "none";
    options.replicated = true;
    auto started = control_plane::start(options);
    BOOST_REQUIRE_MESSAGE(started, started.error().message);
    plane = std::move(*started);
    auto way = access(options.data_directory);
    BOOST_REQUIRE(way);
    admin = *way;
  }

  std::string url() const { return "https://127.0.0.1:" + std::to_string(plane->port()); }

  /// A token as `troupe token create` makes it.
  std::string token(const std::string& id, int64_t expires_at, const std::string& group = {}) {
    gateway::bootstrap_token t{id, "0123456789abcdef"};
    auto secret = gateway::bootstrap_secret(t, expires_at, "", group);
    auto made = call(admin, {.method = "POST",
                             .target = "/api/v1/namespaces/kube-system/secrets",
                             .headers = {{"Content-Type", "application/json"}},
                             .body = codec::to_json(secret, {"v1", "Secret", {}})});
    BOOST_REQUIRE_MESSAGE(made, made.error().message);
    return join_token{t.id + "." + t.secret, hash_of_authority(admin.authority_pem)}.text();
  }

  result<node_credentials> join_as(const std::string& node, const std::string& with) {
    return join(where.path + "/j" + std::to_string(++joins), node, url(), with);
  }

  temporary_directory where;
  std::unique_ptr<control_plane> plane;
  cluster_access admin;
  int joins = 0;
};

template<class T> inline void refused(const result<T>& x, const std::string& why) {
  BOOST_REQUIRE(!x);
  BOOST_TEST(x.error().message.find(why) != std::string::npos, x.error().message);
  BOOST_TEST(x.error().message.find('\n') == std::string::npos);
}

} // namespace troupe::test
