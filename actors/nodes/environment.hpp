// What the server's side of the nodes is given: the store, time and chance from outside, and how
// tokens of service accounts are made.
#pragma once

#include "messages/base/address.hpp"
#include "messages/base/time.hpp"
#include "messages/cluster/node.pb.h"
#include "storage/store.hpp"

#include <caf/actor_control_block.hpp>

#include <chrono>
#include <functional>

namespace troupe::nodes {

struct environment {
  storage::store* store = nullptr;
  std::function<timestamp()> now;
  std::function<uint64_t()> random;
  /// Any thread; the answer's `request` is the caller's to set.
  std::function<cluster::Token(const cluster::TokenWanted&)> issue_token;
  network pod_network = *network::parse("10.244.0.0/16");
  int pod_range_bits = 24;
  /// Hears who speaks for a node from now on; null: nobody. Lets it be asked by its name.
  std::function<void(const std::string& node, const caf::weak_actor_ptr& who)> introduce =
      [](const std::string&, const caf::weak_actor_ptr&) {};
  /// A NODE passes on what its agent reports and concerns other machines. Any thread.
  std::function<void(const std::string& node, const cluster::Report& what)> pass_on =
      [](const std::string&, const cluster::Report&) {};
  /// How long a node may be without an agent before its state counts as unknown.
  std::chrono::seconds lost_after{40};
};

} // namespace troupe::nodes
