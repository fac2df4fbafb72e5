#include "actors/network/proxy.hpp"

#include "actors/network/address_pool.hpp"
#include "actors/network/health_ports.hpp"
#include "actors/network/service_book.hpp"
#include "messages/base/log.hpp"

#include <optional>

namespace troupe::network_of_pods {

namespace {

constexpr std::chrono::seconds try_again{1}; // after the kernel refused something
constexpr const char* zone_label = "topology.kubernetes.io/zone";

struct proxy_state {
  proxy_state(proxy_actor::pointer self, proxy_settings given)
      : self{self}, given{std::move(given)}, book{this->given.node} {}

  void heard(const std::string& bytes) {
    cluster::ToNode facts;
    if (!facts.ParseFromString(bytes)) return;
    for (auto& s : book.heard(facts)) dirty.insert(s);
    for (auto& fact : facts.facts()) all_told = all_told || fact.has_all_told();
    if (look_around())
      for (auto& [key, _] : book.services()) dirty.insert(key);
    for (auto& fact : facts.facts()) hear_of_pod(fact);
    for (auto& fact : facts.facts())
      if (fact.what_case() == cluster::Fact::kMark) mark = fact.mark();
    program();
  }

  /// Ports of this machine that lead into pods.
  void hear_of_pod(const cluster::Fact& fact) {
    auto& name = fact.has_gone() ? fact.gone() : fact.stands().name();
    if (name.resource() != "pods") return;
    auto owner = "pod " + name.namespace_() + "/" + name.name();
    k8s::core::v1::Pod pod;
    if (fact.has_stands()) pod.ParsePartialFromString(fact.stands().value());
    set(owner, fact.has_stands() ? doors_of(pod, here) : doors{});
  }

  /// Learns where we are from our Node object. True if that has changed.
  bool look_around() {
    if (!book.node()) return false;
    auto range = network::parse(book.node()->spec().pod_cidr());
    standpoint now{given.node, {}, {}};
    auto zone = book.node()->metadata().labels().find(zone_label);
    if (zone != book.node()->metadata().labels().end()) now.zone = zone->second;
    for (auto& a : book.node()->status().addresses())
      if (auto ip = address::parse(a.address()); ip && a.type() != "Hostname" && !ip->v6)
        now.addresses.push_back(*ip);
    if (range) now.addresses.push_back(address_pool(*range).gateway());
    bool changed = now.zone != here.zone || now.addresses != here.addresses;
    here = std::move(now);
    // Until then, what an earlier process has left in the kernel knows better.
    if (!table && range && all_told) open_table(*range);
    return changed;
  }

  void open_table(const network& range) {
    given.table.own_pods = range;
    auto made = dataplane::service_table::open(given.table);
    if (!made) return complain(made.error());
    table.emplace(std::move(*made));
    if (given.own_doors) set("machine", given.own_doors(address_pool(range).gateway()));
  }

  void program() {
    if (!table) return;
    for (auto& key : dirty) {
      auto service = book.service(key);
      set("service " + key, service ? doors_of(*service, book.slices(key), here) : doors{});
      health.set(key, service ? health_of(*service, book.slices(key), here) : std::nullopt);
      if (given.board) count_ready(key);
    }
    dirty.clear();
    if (auto done = table->commit(); !done) return complain(done.error());
    if (given.board && !(joined.empty() && left.empty())) given.board->change(joined, left);
    joined.clear();
    left.clear();
    if (given.board && mark) given.board->taken_in(*std::exchange(mark, {}));
  }

  /// Counts to how many services a pod is ready; those that leave are led to only for want of
  /// others.
  void count_ready(const std::string& key) {
    std::set<address> now;
    for (auto slice : book.slices(key))
      for (auto& e : slice->endpoints())
        if (!e.conditions().has_ready() || e.conditions().ready())
          for (auto& text : e.addresses())
            if (auto ip = address::parse(text)) now.insert(*ip);
    auto& before = ready_of[key];
    for (auto& ip : now)
      if (!before.contains(ip) && ++services_of[ip] == 1) joined.push_back(ip);
    for (auto& ip : before)
      if (!now.contains(ip) && --services_of[ip] == 0) {
        services_of.erase(ip);
        left.push_back(ip);
      }
    before = std::move(now);
    if (before.empty()) ready_of.erase(key);
  }

  /// The doors of one owner from now on. A door belongs to who had it first.
  void set(const std::string& owner, doors wanted) {
    auto& before = doors_of_owner[owner];
    if (!table || before == wanted) {
      if (!table || before.empty()) doors_of_owner.erase(owner);
      return;
    }
    for (auto& [at, _] : before)
      if (!wanted.contains(at) && owner_of[at] == owner) {
        owner_of.erase(at);
        table->erase(at);
      }
    for (auto& [at, what] : wanted)
      if (owner_of.try_emplace(at, owner).first->second == owner) table->put(at, what);
    before = std::move(wanted);
    if (before.empty()) doors_of_owner.erase(owner);
  }

  void complain(const error& why) {
    log::warn("proxy", "the kernel refused a change of the services; it is tried again",
              {{"why", why.message}});
    self->delayed_send(self, try_again, resync_atom_v);
  }

  void again() {
    if (!table && look_around())
      for (auto& [key, _] : book.services()) dirty.insert(key);
    program();
  }

  proxy_actor::pointer self;
  proxy_settings given;
  service_book book;
  standpoint here;
  bool all_told = false; ///< what there is, at least once
  std::optional<dataplane::service_table> table;
  health_ports health;
  std::map<std::string, doors> doors_of_owner;
  std::map<dataplane::door, std::string> owner_of;
  std::set<std::string> dirty;                       ///< services to be looked at
  std::map<std::string, std::set<address>> ready_of; ///< by service
  std::map<address, int> services_of;                ///< to how many a pod is ready
  std::vector<address> joined, left;                 ///< since the last commit
  std::optional<uint64_t> mark;                      ///< whose answer waits for the kernel
};

} // namespace

proxy_actor::behavior_type proxy(proxy_actor::pointer self, proxy_settings given) {
  auto state = std::make_shared<proxy_state>(self, std::move(given));
  return {[state](told_atom, const std::string& facts) { state->heard(facts); },
          [state](resync_atom) { state->again(); }};
}

} // namespace troupe::network_of_pods
