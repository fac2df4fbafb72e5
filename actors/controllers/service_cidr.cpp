#include "actors/controllers/service_cidr.hpp"

#include "actors/controllers/reconciler.hpp"
#include "actors/controllers/service_cidr_plan.hpp"

#include <set>

namespace troupe::controllers {

namespace {

class service_cidr_controller : public reconciler {
public:
  service_cidr_controller(controller_actor::pointer self, environment given)
      : reconciler{self, std::move(given), "service-cidrs-controller"} {
    listen(ranges, [this](auto& entry, bool gone) { hear_range(std::string(entry->key()), gone); });
    // What is taken matters to nobody until a range is to go.
    listen(addresses, [this](auto&, bool) {
      for (auto& key : going) mark(key);
    });
  }

private:
  void forget() override {
    known.clear();
    going.clear();
  }

  /// Ranges may lie in each other.
  void hear_range(const std::string& key, bool gone) {
    if (gone) {
      known.erase(key);
      going.erase(key);
    } else {
      known.insert(key);
    }
    for (auto& k : known) mark(k);
  }

  void reconcile(round& r) override {
    auto entry = r.now.find(r.key);
    ServiceCIDR range;
    if (!entry || !gateway::read_entry(*entry, range)) return;
    if (!range.metadata().has_deletion_timestamp()) {
      going.erase(r.key);
      if (auto kept = keep(range)) return write(r, *entry, *kept, "");
      if (auto told = tell_ready(range, true, r.at)) write(r, *entry, *told, "status");
      return;
    }
    going.insert(r.key);
    if (in_use(range, staying(r), taken(r))) {
      if (auto told = tell_ready(range, false, r.at)) write(r, *entry, *told, "status");
      return;
    }
    timestamp due{range.metadata().deletion_timestamp().seconds() + range_grace_seconds, 0};
    if (due > r.at) return r.again_at(due);
    if (auto released = release(range)) write(r, *entry, *released, "");
  }

  void write(round& r, const storage::entry& entry, const ServiceCIDR& range,
             std::string_view subresource) {
    auto made = std::make_unique<ServiceCIDR>(range);
    if (auto ok = r.write.update(ranges, entry, std::move(made), subresource); !ok)
      r.fail(ok.error());
  }

  std::vector<network> staying(const round& r) const {
    std::vector<network> out;
    for (auto& entry : r.now.list(gateway::prefix_of(ranges))) {
      ServiceCIDR other;
      if (!gateway::read_entry(entry, other) || other.metadata().has_deletion_timestamp()) continue;
      for (auto& cidr : other.spec().cidrs())
        if (auto n = network::parse(cidr)) out.push_back(*n);
    }
    return out;
  }

  /// The addresses that services have; other people's are their own.
  std::vector<address> taken(const round& r) const {
    std::vector<address> out;
    for (auto& entry : r.now.list(gateway::prefix_of(addresses))) {
      k8s::networking::v1::IPAddress held;
      if (!gateway::read_entry(entry, held)) continue;
      auto& labels = held.metadata().labels();
      auto by = labels.find("ipaddress.kubernetes.io/managed-by");
      if (by == labels.end() || by->second != "ipallocator.k8s.io") continue;
      if (auto a = address::parse(held.metadata().name())) out.push_back(*a);
    }
    return out;
  }

  const schema::kind& ranges = built_in("networking.k8s.io", "v1", "servicecidrs");
  const schema::kind& addresses = built_in("networking.k8s.io", "v1", "ipaddresses");
  std::set<std::string> known, going;
};

} // namespace

controller_actor::behavior_type service_cidrs(controller_actor::pointer self, environment given) {
  return run<service_cidr_controller>(self, std::move(given));
}

} // namespace troupe::controllers
