// The way from this machine to the pods of all others: straight to the machine where it is a
// neighbour, over an overlay (VXLAN) where it is not. Programmed from Node objects alone.
#pragma once

#include "messages/api/node.pb.h"
#include "messages/base/address.hpp"
#include "messages/cluster/node.pb.h"
#include "messages/base/error.hpp"

#include <map>
#include <optional>
#include <string>

namespace troupe::network_of_pods {

/// Of another machine: where it is, and which pods are there.
struct other_machine {
  address host;
  network pods;

  bool operator==(const other_machine& o) const {
    return host == o.host && pods.base == o.pods.base && pods.bits == o.pods.bits;
  }
};
std::optional<other_machine> machine_of(const k8s::core::v1::Node& node);

/// What the overlay adds to a packet.
inline constexpr int overlay_bytes = 50;

class machine_routes {
public:
  explicit machine_routes(std::string own_node) : own_node_{std::move(own_node)} {}

  /// Takes facts in and programs what they change.
  void heard(const cluster::ToNode& facts);
  static void remove_all();

private:
  void put(const std::string& name, const std::optional<other_machine>& now);
  result<void> reach(const other_machine& there);

  std::string own_node_;
  bool overlay_ = false; ///< there is one
  std::optional<network> own_pods_;
  std::map<std::string, other_machine> others_; ///< reached already
  std::map<std::string, other_machine> later_;  ///< heard of before our own range
};

} // namespace troupe::network_of_pods
