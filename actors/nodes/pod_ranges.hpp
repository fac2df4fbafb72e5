// Which addresses the pods of which node get: one range for each node that serves a network, never
// the same for two. Pure.
#pragma once

#include "messages/base/address.hpp"

#include <string>
#include <vector>

namespace troupe::nodes {

class pod_ranges {
public:
  /// Ranges of `bits` within `all`, which is IPv4.
  pod_ranges(const network& all, int bits);

  /// A node has this range; a text that is none of ours is none of our business.
  void mark(const std::string& range);
  /// A free range, marked; empty when all are taken.
  std::string take();

private:
  uint32_t base_;
  int bits_;
  std::vector<bool> taken_;
  size_t next_ = 0; ///< where to look first: ranges of nodes that went are used last
};

} // namespace troupe::nodes
