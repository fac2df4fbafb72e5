// Which pods are on which node, kept up to date from what is heard of pods. Pure.
#pragma once

#include "storage/entry.hpp"

#include <string>
#include <unordered_map>
#include <unordered_set>

namespace troupe::controllers {

class pods_by_node {
public:
  using keys = std::unordered_set<std::string>;

  /// Returns the node that the pod is on now; empty if none.
  std::string_view hear(const storage::entry& pod, bool gone) {
    std::string key(pod.key());
    auto node = gone ? std::string_view{} : pod.field("spec.nodeName").value_or("");
    auto known = node_of_.find(key);
    if (known != node_of_.end() && known->second == node) return node;
    if (known != node_of_.end()) {
      auto list = nodes_.find(known->second);
      list->second.erase(key);
      if (list->second.empty()) nodes_.erase(list);
      node_of_.erase(known);
    }
    if (node.empty()) return node;
    nodes_[std::string(node)].insert(key);
    node_of_.emplace(std::move(key), node);
    return node;
  }

  const keys& on(const std::string& node) const {
    static const keys none;
    auto hit = nodes_.find(node);
    return hit == nodes_.end() ? none : hit->second;
  }

  void clear() { *this = {}; }

private:
  std::unordered_map<std::string, keys> nodes_;
  std::unordered_map<std::string, std::string> node_of_;
};

} // namespace troupe::controllers
