#include "actors/nodes/fact_book.hpp"

#include "actors/gateway/decoded.hpp"
#include "actors/nodes/references.hpp"
#include "actors/volumes/binding.hpp"
#include "messages/codec/stored_parts.hpp"

namespace troupe::nodes {

namespace {

constexpr std::string_view pods = "pods", nodes = "nodes", claims = "persistentvolumeclaims",
                           pvs = "persistentvolumes", services = "services",
                           slices = "endpointslices.discovery.k8s.io";

bool is_network(std::string_view resource) {
  return resource == nodes || resource == services || resource == slices;
}

void fill(cluster::Name& to, std::string_view key) {
  auto slash = key.find('/');
  to.set_resource(std::string(key.substr(0, slash)));
  auto rest = key.substr(slash + 1);
  slash = rest.find('/');
  if (slash != rest.npos) {
    to.set_namespace_(std::string(rest.substr(0, slash)));
    rest = rest.substr(slash + 1);
  }
  to.set_name(std::string(rest));
}

void add_object(cluster::ToNode& to, const storage::entry& entry) {
  auto& o = *to.add_facts()->mutable_stands();
  fill(*o.mutable_name(), entry.key());
  o.set_revision(entry.mod_revision());
  o.set_value(std::string(entry.value()));
}

/// The node whose directory a volume is: it hears of it without any pod.
std::string owner_of(const storage::entry& entry) {
  k8s::core::v1::PersistentVolume v;
  v.ParsePartialFromArray(entry.value().data(), static_cast<int>(entry.value().size()));
  return volumes::node_of_own(v);
}

bool same_spec(const storage::entry& a, const storage::entry& b) {
  return codec::spec_in(a.value()) == codec::spec_in(b.value());
}

} // namespace

const std::vector<std::string>& fact_book::resources() {
  // What pods refer to comes first: when a pod is heard of, its references are as new.
  static const std::vector<std::string> all{"configmaps",
                                            "secrets",
                                            "serviceaccounts",
                                            "persistentvolumeclaims",
                                            "persistentvolumes",
                                            "runtimeclasses.node.k8s.io",
                                            "nodes",
                                            "services",
                                            "endpointslices.discovery.k8s.io",
                                            "pods"};
  return all;
}

void fact_book::read(const storage::snapshot& now) {
  pods_.clear();
  pods_of_node_.clear();
  users_.clear();
  for (auto& entry : now.list("pods/")) put_pod(entry, now);
  news_.clear();
}

void fact_book::heard(const storage::event& what, const storage::snapshot& now) {
  auto& entry = *what.now;
  auto resource = storage::resource_of(entry.key());
  bool there = what.what == storage::event::kind::put;
  if (resource == pods) {
    auto known = pods_.find(std::string(entry.key()));
    if (there && known != pods_.end() && what.before && same_spec(entry, *what.before))
      tell_stands(known->second.node, entry); // its status has changed, not what it refers to
    else if (there)
      put_pod(entry, now);
    else
      erase_pod(std::string(entry.key()));
    return;
  }
  auto tell = [&](const std::string& node) {
    there ? tell_stands(node, entry) : tell_gone(node, entry.key());
  };
  if (is_network(resource)) {
    for (auto& [node, wants_network] : listening_)
      if (wants_network || (resource == nodes && entry.key() == "nodes//" + node)) tell(node);
    return;
  }
  auto used = users_.find(std::string(entry.key()));
  if (resource == pvs)
    if (auto node = owner_of(entry); !node.empty()) {
      tell(node);
      if (used != users_.end() && used->second.size() == 1 && used->second.contains(node)) return;
    }
  if (used == users_.end()) return;
  std::vector<std::string> concerned;
  for (auto& [node, count] : used->second) concerned.push_back(node);
  for (auto& node : concerned) tell(node);
  if (resource != claims) return;
  // The claim may have been bound to a volume, which its pods refer to from now on. A pod that has
  // come back under its name since, perhaps elsewhere, is heard of in its turn.
  for (auto& node : concerned)
    for (auto& key : std::set<std::string>(pods_of_node_[node]))
      if (auto& held = pods_[key]; held.references.contains(std::string(entry.key())))
        if (auto pod = now.get(key); pod && pod->create_revision() == held.born) put_pod(*pod, now);
}

void fact_book::put_pod(const storage::entry& entry, const storage::snapshot& now) {
  auto node = entry.field("spec.nodeName");
  if (!node || node->empty()) return;
  std::string key(entry.key());
  auto& held = pods_[key];
  auto before = std::move(held.references);
  held.node = *node;
  held.born = entry.create_revision();
  held.references = references_of(*gateway::decoded<k8s::core::v1::Pod>(entry), now);
  pods_of_node_[held.node].insert(key);
  refer(held.node, held.references, now);
  tell_stands(held.node, entry);
  release(held.node, before);
}

void fact_book::erase_pod(const std::string& key) {
  auto held = pods_.extract(key);
  if (!held) return;
  auto& [node, references, born] = held.mapped();
  auto of_node = pods_of_node_.find(node);
  of_node->second.erase(key);
  if (of_node->second.empty()) pods_of_node_.erase(of_node);
  tell_gone(node, key);
  release(node, references);
}

void fact_book::refer(const std::string& node, const std::set<std::string>& keys,
                      const storage::snapshot& now) {
  for (auto& key : keys)
    if (++users_[key][node] == 1)
      if (auto entry = now.get(key)) tell_stands(node, *entry);
}

void fact_book::release(const std::string& node, const std::set<std::string>& keys) {
  for (auto& key : keys) {
    auto used = users_.find(key);
    auto of_node = used->second.find(node);
    if (--of_node->second > 0) continue;
    used->second.erase(of_node);
    if (used->second.empty()) users_.erase(used);
    tell_gone(node, key);
  }
}

void fact_book::tell_stands(const std::string& node, const storage::entry& entry) {
  if (listening_.contains(node)) add_object(news_[node], entry);
}

void fact_book::tell_gone(const std::string& node, std::string_view key) {
  if (listening_.contains(node)) fill(*news_[node].add_facts()->mutable_gone(), key);
}

cluster::ToNode fact_book::all(const std::string& node, const storage::snapshot& now) const {
  cluster::ToNode out;
  auto listener = listening_.find(node);
  if (listener != listening_.end() && listener->second) {
    for (auto resource : {nodes, services, slices})
      for (auto& entry : now.list(std::string(resource) + "/")) add_object(out, entry);
  } else if (auto own = now.get("nodes//" + node)) {
    add_object(out, *own);
  }
  for (auto& entry : now.list(std::string(pvs) + "/"))
    if (owner_of(entry) == node) add_object(out, entry);
  auto of_node = pods_of_node_.find(node);
  if (of_node != pods_of_node_.end()) {
    std::set<std::string> references;
    for (auto& key : of_node->second) {
      auto& of_pod = pods_.at(key).references;
      references.insert(of_pod.begin(), of_pod.end());
    }
    for (auto& keys : {references, of_node->second})
      for (auto& key : keys)
        if (auto entry = now.get(key)) add_object(out, *entry);
  }
  out.add_facts()->mutable_all_told();
  return out;
}

} // namespace troupe::nodes
