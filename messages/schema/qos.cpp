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
  auto look = [&](auto& containers) {
    for (auto& c : containers)
      for (auto name : {"cpu", "memory"}) {
        auto request = amount(c.resources().requests(), name),
             limit = amount(c.resources().limits(), name);
        asks = asks || !request.zero() || !limit.zero();
        guaranteed = guaranteed && !limit.zero() && request == limit;
      }
  };
  look(spec.containers());
  look(spec.init_containers());
  return !asks ? "BestEffort" : guaranteed ? "Guaranteed" : "Burstable";
}

} // namespace troupe::schema
