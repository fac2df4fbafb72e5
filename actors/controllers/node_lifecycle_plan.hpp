// Decides which taints a node's state calls for, and how fast nodes may be emptied when many fail
// at once. Pure: no actors, clock or I/O.
#pragma once

#include "messages/api/node.pb.h"
#include "messages/base/time.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace troupe::controllers {

enum class node_health : uint8_t { ready, not_ready, unknown };
node_health health_of(const k8s::core::v1::Node& node);

/// Region and zone of a node, "" without labels: nodes that may fail together.
std::string zone_of(const k8s::core::v1::Node& node);

/// Whether pods of a node whose state calls for it are sent away: not yet, unless that has begun;
/// from now on; or not at all any more, because nothing is well and the fault must be elsewhere.
enum class emptying : uint8_t { wait, begin, stop };

/// The taints that the node is to have now: those of others are kept, those of its state come and
/// go. Planning again on the outcome changes nothing.
std::vector<k8s::core::v1::Taint> plan_taints(const k8s::core::v1::Node& node, emptying pods,
                                              timestamp now);
/// Whether its state calls for sending its pods away.
bool wants_emptying(const k8s::core::v1::Node& node);
/// Whether that has begun.
bool being_emptied(const k8s::core::v1::Node& node);

/// How many nodes of a zone may be emptied in which time. A zone of which most fails at once is
/// more likely to have lost its network than its machines: then slower, or not at all.
class zone_pace {
public:
  struct settings {
    double nodes_per_second = 0.1;
    double slow_nodes_per_second = 0.01;
    double unhealthy_share = 0.55;
    size_t large_zone = 50;
  };
  explicit zone_pace(settings given) : given_{given} {}
  zone_pace() : zone_pace(settings{}) {}

  void put(const std::string& node, const std::string& zone, bool healthy);
  void erase(const std::string& node);

  /// Whether a node of this zone may be emptied now (which counts), or in how many seconds to ask
  /// again.
  struct answer {
    bool now = false;
    double again_seconds = 0;
  };
  answer ask(const std::string& zone, timestamp now);
  /// No node of any zone is well.
  bool everything_fails() const;
  /// Nodes per second at the moment.
  double rate(const std::string& zone) const;

private:
  struct zone_state {
    size_t healthy = 0, unhealthy = 0;
    std::optional<timestamp> last;
  };
  void count(const std::string& zone, bool healthy, int sign);

  settings given_;
  std::map<std::string, std::pair<std::string, bool>> nodes_;
  std::map<std::string, zone_state> zones_;
};

} // namespace troupe::controllers
