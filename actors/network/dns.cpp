#include "actors/network/dns.hpp"

#include "actors/network/address_pool.hpp"
#include "actors/network/dns_zone.hpp"
#include "actors/network/service_book.hpp"
#include "messages/base/log.hpp"
#include "net/dns/server.hpp"

#include <shared_mutex>

namespace troupe::network_of_pods {

namespace {

struct dns_state {
  explicit dns_state(dns_settings given)
      : given{std::move(given)}, book{this->given.node}, zone{this->given.domain} {}

  void heard(const std::string& bytes) {
    cluster::ToNode facts;
    if (!facts.ParseFromString(bytes)) return;
    auto touched = book.heard(facts);
    if (!touched.empty()) {
      std::unique_lock lock{zone_mutex};
      for (auto& key : touched) zone.put(key, book.service(key), book.slices(key));
    }
    if (!server && !given_up && book.node()) begin();
  }

  void begin() {
    auto range = network::parse(book.node()->spec().pod_cidr());
    if (!range) return;
    auto made = dns::server::start({.own = address_pool(*range).gateway(),
                                    .port = given.port,
                                    .resolve =
                                        [this](const dns::question& asked) {
                                          std::shared_lock lock{zone_mutex};
                                          return zone.resolve(asked);
                                        },
                                    .upstream = given.upstream,
                                    .random = given.random});
    if (made) {
      server = std::move(*made);
      return;
    }
    given_up = true;
    log::error("dns", "pods of this machine cannot look up names", {{"why", made.error().message}});
  }

  dns_settings given;
  service_book book;
  std::shared_mutex zone_mutex;
  dns_zone zone;
  bool given_up = false;
  std::unique_ptr<dns::server> server; ///< last: its thread reads the zone
};

} // namespace

dns_actor::behavior_type dns_service(dns_actor::pointer, dns_settings given) {
  auto state = std::make_shared<dns_state>(std::move(given));
  return {[state](told_atom, const std::string& facts) { state->heard(facts); }};
}

} // namespace troupe::network_of_pods
