#include "messages/schema/qos.hpp"

#include "messages/api/pod.pb.h"
#include "messages/base/quantity.hpp"

namespace troupe::schema {

namespace {

quantity amount(const google::protobuf::Map<std::string, k8s::base::Quantity>& from,
                const char* name) {
  auto hit = from.find(name);
  auto parsed = quantity::parse(hit == from.end() ? "0" : std::string_view(hit->second.string()));
  return parsed ? *parsed : quantity{};
}

} // namespace

std::string qos_class(const k8s::core::v1::PodSpec& spec) {
  bool asks = false, guaranteed = true;
  auto look = [&](auto& of) {
    for (auto name : {"cpu", "memory"}) {
      auto request = amount(of.requests(), name), limit = amount(of.limits(), name);
      asks = asks || !request.zero() || !limit.zero();
      guaranteed = guaranteed && !limit.zero() && request == limit;
    }
  };
  if (spec.has_resources()) { // what is said for the pod counts, not what its containers share of it
    look(spec.resources());
  } else {
    for (auto& c : spec.containers()) look(c.resources());
    for (auto& c : spec.init_containers()) look(c.resources());
  }
  return !asks ? "BestEffort" : guaranteed ? "Guaranteed" : "Burstable";
}

} // namespace troupe::schema
