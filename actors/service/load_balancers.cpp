#include "actors/service/load_balancers.hpp"

#include "actors/controllers/reconciler.hpp"
#include "actors/gateway/decoded.hpp"
#include "actors/service/load_balancers_plan.hpp"

namespace troupe::service {

namespace {

using controllers::built_in;
using k8s::core::v1::Node;
using k8s::core::v1::Service;

class load_balancers_controller : public controllers::reconciler {
public:
  load_balancers_controller(controller_actor::pointer self, controllers::environment given)
      : reconciler{self, std::move(given), "service-controller"} {
    listen(nodes, [this](auto& entry, bool gone) {
      std::string name(gateway::split_key(entry->key()).name);
      auto address = gone ? "" : outside_address(*gateway::decoded<Node>(*entry));
      auto known = addresses.find(name);
      if (known == addresses.end() ? address.empty() : known->second == address) return;
      address.empty() ? void(addresses.erase(name)) : void(addresses[name] = address);
      for (auto& key : balanced) mark(key);
    });
    listen(services, [this](auto& entry, bool gone) {
      std::string key(entry->key());
      bool is = !gone && entry->field("spec.type") == "LoadBalancer";
      bool was = balanced.contains(key);
      is ? void(balanced.insert(key)) : void(balanced.erase(key));
      if (is || was) mark(key);
    });
  }

private:
  void forget() override {
    addresses.clear();
    balanced.clear();
  }

  void reconcile(controllers::round& r) override {
    auto entry = r.now.find(r.key);
    if (!entry) return;
    auto object = gateway::load(services, *entry);
    auto& service = static_cast<Service&>(*object);
    auto status = plan_ingress(service, addresses);
    if (!status) return;
    bool first = service.status().load_balancer().ingress().empty();
    bool any = !status->ingress().empty();
    *service.mutable_status()->mutable_load_balancer() = std::move(*status);
    if (any)
      r.events.note(services, service.metadata(), "Normal",
                    first ? "EnsuredLoadBalancer" : "UpdatedLoadBalancer",
                    first ? "Ensured load balancer" : "Updated load balancer with new hosts");
    if (auto ok = r.write.update(services, *entry, std::move(object), "status"); !ok)
      r.fail(ok.error());
  }

  const schema::kind& nodes = built_in("", "v1", "nodes");
  const schema::kind& services = built_in("", "v1", "services");
  std::map<std::string, std::string> addresses; ///< by node
  std::set<std::string> balanced;               ///< keys of services
};

} // namespace

controller_actor::behavior_type load_balancers(controller_actor::pointer self,
                                               controllers::environment given) {
  return controllers::run<load_balancers_controller>(self, std::move(given));
}

} // namespace troupe::service
