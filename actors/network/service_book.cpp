#include "actors/network/service_book.hpp"

namespace troupe::network_of_pods {

namespace {

constexpr const char* service_label = "kubernetes.io/service-name";
constexpr const char* slice_resource = "endpointslices.discovery.k8s.io";

std::string key_of(const cluster::Name& name) { return name.namespace_() + "/" + name.name(); }

} // namespace

std::set<std::string> service_book::heard(const cluster::ToNode& facts) {
  std::set<std::string> touched;
  auto touch = [&](const std::string& service) {
    if (!service.empty()) touched.insert(service);
  };
  bool all = false;
  for (auto& fact : facts.facts()) {
    if (fact.has_stands()) touch(put(fact.stands()));
    if (fact.has_gone()) touch(erase(fact.gone()));
    all = all || fact.has_all_told();
  }
  if (all)
    for (auto& name : not_told(facts)) touch(erase(name));
  return touched;
}

/// What is held and does not stand in `facts`, which tell all there is.
std::vector<cluster::Name> service_book::not_told(const cluster::ToNode& facts) const {
  std::set<std::string> told;
  for (auto& fact : facts.facts())
    if (fact.has_stands())
      told.insert(fact.stands().name().resource() + "/" + key_of(fact.stands().name()));
  std::vector<cluster::Name> out;
  auto look = [&](const char* resource, auto& held) {
    for (auto& [key, _] : held) {
      if (told.contains(std::string(resource) + "/" + key)) continue;
      auto slash = key.find('/');
      auto& name = out.emplace_back();
      name.set_resource(resource);
      name.set_namespace_(key.substr(0, slash));
      name.set_name(key.substr(slash + 1));
    }
  };
  look(slice_resource, slices_);
  look("services", services_);
  return out;
}

std::string service_book::put(const cluster::Object& object) {
  auto& resource = object.name().resource();
  auto key = key_of(object.name());
  if (resource == "services") {
    services_[key].ParsePartialFromString(object.value());
    return key;
  }
  if (resource == slice_resource) {
    auto before = erase(object.name());
    auto& held = slices_[key];
    held.slice.ParsePartialFromString(object.value());
    auto& labels = held.slice.metadata().labels();
    auto name = labels.find(service_label);
    if (name != labels.end()) held.service = object.name().namespace_() + "/" + name->second;
    of_service_[held.service].insert(key);
    return held.service.empty() ? before : held.service;
  }
  if (resource == "nodes" && object.name().name() == own_node_) {
    k8s::core::v1::Node node;
    if (node.ParsePartialFromString(object.value())) node_ = std::move(node);
  }
  return {};
}

std::string service_book::erase(const cluster::Name& name) {
  auto key = key_of(name);
  if (name.resource() == "services") return services_.erase(key) ? key : std::string{};
  if (name.resource() != slice_resource) return {};
  auto held = slices_.find(key);
  if (held == slices_.end()) return {};
  auto service = held->second.service;
  slices_.erase(held);
  auto all = of_service_.find(service);
  all->second.erase(key);
  if (all->second.empty()) of_service_.erase(all);
  return service;
}

const k8s::core::v1::Service* service_book::service(const std::string& key) const {
  auto hit = services_.find(key);
  return hit == services_.end() ? nullptr : &hit->second;
}

std::vector<const k8s::discovery::v1::EndpointSlice*>
service_book::slices(const std::string& key) const {
  std::vector<const k8s::discovery::v1::EndpointSlice*> out;
  auto all = of_service_.find(key);
  if (all == of_service_.end()) return out;
  for (auto& s : all->second) out.push_back(&slices_.at(s).slice);
  return out;
}

} // namespace troupe::network_of_pods
