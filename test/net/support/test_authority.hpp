// One CA and ready certificates for tests, made once per program.
#pragma once

#include "net/tls/authority.hpp"
#include "net/tls/context.hpp"

namespace troupe::test {

inline tls::wall_time now() {
  return std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
}

struct test_authority {
  tls::key_pair ca = *tls::make_authority("test-ca", now(), std::chrono::days{10});

  tls::key_pair issue(const std::string& name, tls::usages use,
                      std::vector<std::string> organizations = {},
                      tls::wall_time not_after = now() + std::chrono::days{1}) const {
    return *tls::issue(ca, {.common_name = name,
                            .organizations = std::move(organizations),
                            .dns_names = {"localhost", name},
                            .ip_addresses = {"127.0.0.1"},
                            .use = use,
                            .not_before = now() - std::chrono::days{2},
                            .not_after = not_after});
  }
  tls::credentials credentials(const tls::key_pair& pair) const {
    return {pair.certificate_pem, pair.key_pem, ca.certificate_pem};
  }
  tls::credentials server() const { return credentials(issue("server", {.server = true})); }
  tls::credentials client(const std::string& name) const {
    return credentials(issue(name, {.client = true}));
  }
};

inline const test_authority& authority() {
  static const test_authority made;
  return made;
}

} // namespace troupe::test
