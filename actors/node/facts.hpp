// What the servers have told this node: objects by resource, namespace and name, parsed once. Any
// thread may look; only the NODE AGENT changes it.
#pragma once

#include "messages/cluster/node.pb.h"

#include <google/protobuf/message.h>

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace troupe::node {

class facts {
public:
  using key = std::string; ///< "configmaps/default/web"
  static key key_of(std::string_view resource, std::string_view ns, std::string_view name);

  /// Takes in one object; an unknown resource or bytes that are none are left out.
  void stand(const cluster::Object& what);
  void gone(const key& what);

  /// The keys of everything that is held.
  std::set<key> keys() const;

  template<class Object>
  std::shared_ptr<const Object> find(std::string_view resource, std::string_view ns,
                                     std::string_view name) const {
    return std::dynamic_pointer_cast<const Object>(find(key_of(resource, ns, name)));
  }
  template<class Object>
  std::vector<std::shared_ptr<const Object>> list(std::string_view resource,
                                                  std::string_view ns = {}) const {
    std::vector<std::shared_ptr<const Object>> out;
    for (auto& one :
         list_all(std::string(resource) + "/" + std::string(ns) + (ns.empty() ? "" : "/")))
      if (auto typed = std::dynamic_pointer_cast<const Object>(one))
        out.push_back(std::move(typed));
    return out;
  }

private:
  using message_ptr = std::shared_ptr<const google::protobuf::Message>;
  message_ptr find(const key& at) const;
  std::vector<message_ptr> list_all(const std::string& prefix) const;

  mutable std::mutex mutex_;
  std::map<key, message_ptr> held_;
};

} // namespace troupe::node
