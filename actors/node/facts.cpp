#include "actors/node/facts.hpp"

#include "messages/schema/kind.hpp"

namespace troupe::node {

namespace {

const google::protobuf::Message* prototype_of(const std::string& resource) {
  for (auto& k : schema::registry::built_in()->all())
    if (k.group_resource() == resource && k.prototype) return k.prototype;
  return nullptr;
}

} // namespace

facts::key facts::key_of(std::string_view resource, std::string_view ns, std::string_view name) {
  std::string out(resource);
  return out.append("/").append(ns).append("/").append(name);
}

void facts::stand(const cluster::Object& what) {
  auto prototype = prototype_of(what.name().resource());
  if (!prototype) return;
  std::shared_ptr<google::protobuf::Message> made(prototype->New());
  if (!made->ParsePartialFromString(what.value())) return;
  std::lock_guard lock(mutex_);
  held_[key_of(what.name().resource(), what.name().namespace_(), what.name().name())] =
      std::move(made);
}

void facts::gone(const key& what) {
  std::lock_guard lock(mutex_);
  held_.erase(what);
}

std::set<facts::key> facts::keys() const {
  std::lock_guard lock(mutex_);
  std::set<key> out;
  for (auto& [k, v] : held_) out.insert(k);
  return out;
}

facts::message_ptr facts::find(const key& at) const {
  std::lock_guard lock(mutex_);
  auto hit = held_.find(at);
  return hit == held_.end() ? nullptr : hit->second;
}

std::vector<facts::message_ptr> facts::list_all(const std::string& prefix) const {
  std::lock_guard lock(mutex_);
  std::vector<message_ptr> out;
  for (auto at = held_.lower_bound(prefix); at != held_.end() && at->first.starts_with(prefix);
       ++at)
    out.push_back(at->second);
  return out;
}

} // namespace troupe::node
