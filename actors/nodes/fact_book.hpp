// Which facts concern which node: kept up to date from the store's events, so that a change of one
// object finds its nodes without looking at the others. Pure: no actor, clock or I/O.
#pragma once

#include "messages/cluster/node.pb.h"
#include "storage/event.hpp"
#include "storage/snapshot.hpp"

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe::nodes {

class fact_book {
public:
  /// The resources whose changes heard() wants to see.
  static const std::vector<std::string>& resources();

  /// Forgets everything and reads it again. Nodes that have arrived stay; tell them all().
  void read(const storage::snapshot& now);

  /// One change, in the order of its resource; `now` is at least as new.
  void heard(const storage::event& what, const storage::snapshot& now);

  /// An agent of `node` listens from now on, or not any more.
  void arrived(const std::string& node, bool wants_network) { listening_[node] = wants_network; }
  void left(const std::string& node) { listening_.erase(node); }

  /// Everything that concerns a node, as an agent that has just arrived must hear it.
  cluster::ToNode all(const std::string& node, const storage::snapshot& now) const;

  /// What is to be told since the last call, by node.
  std::map<std::string, cluster::ToNode> take_news() { return std::exchange(news_, {}); }

private:
  struct held_pod {
    std::string node;
    std::set<std::string> references;
    uint64_t born = 0; ///< the revision that made the pod
  };

  void put_pod(const storage::entry& entry, const storage::snapshot& now);
  void erase_pod(const std::string& key);
  void refer(const std::string& node, const std::set<std::string>& keys,
             const storage::snapshot& now);
  void release(const std::string& node, const std::set<std::string>& keys);
  /// Tells one listening node, or nobody.
  void tell_stands(const std::string& node, const storage::entry& entry);
  void tell_gone(const std::string& node, std::string_view key);

  std::unordered_map<std::string, held_pod> pods_; ///< those that have a node, by key
  std::unordered_map<std::string, std::set<std::string>> pods_of_node_;
  /// How many pods of a node refer to a key.
  std::unordered_map<std::string, std::map<std::string, int>> users_;
  std::map<std::string, bool> listening_; ///< agents, and whether they want network facts
  std::map<std::string, cluster::ToNode> news_;
};

} // namespace troupe::nodes
