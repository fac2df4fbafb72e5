#include "actors/scheduler/node_table.hpp"

#include "messages/api/node.pb.h"

#include <algorithm>

namespace troupe::scheduler {

namespace {

constexpr size_t changes_max = 65'536; // whoever is further behind derives everything again

} // namespace

int64_t& node_table::cell(std::vector<column>& columns, resource_id what, node_index n) {
  if (what >= columns.size()) columns.resize(what + 1u);
  auto& c = columns[what];
  if (n >= c.size()) c.resize(std::max<size_t>(n + 1u, entries_.size()));
  return c[n];
}

void node_table::note(node_index row, bool fixed) {
  if (changes_.size() >= changes_max) {
    changes_begin_ += changes_.size() / 2;
    changes_.erase(changes_.begin(),
                   changes_.begin() + static_cast<std::ptrdiff_t>(changes_.size() / 2));
  }
  changes_.push_back({row, fixed});
}

node_index node_table::find(std::string_view name) const {
  auto hit = by_name_.find(std::string(name));
  return hit == by_name_.end() ? no_node : hit->second;
}

node_index node_table::put_node(storage::entry_ptr entry, const k8s::core::v1::Node& node) {
  std::string name(name_of(*entry));
  auto n = find(name);
  bool fresh = n == no_node;
  if (fresh) {
    if (free_rows_.empty()) {
      n = rows();
      entries_.emplace_back();
      unschedulable_.emplace_back();
      taints_.emplace_back();
      images_.emplace_back();
      scored_cpu_.emplace_back();
      scored_memory_.emplace_back();
      ports_.emplace_back();
      pods_.emplace_back();
      reserved_.emplace_back();
    } else {
      n = free_rows_.back();
      free_rows_.pop_back();
    }
    by_name_.emplace(name, n);
  }
  std::vector<taint> taints;
  for (auto& t : node.spec().taints()) taints.emplace_back(t);
  bool relabelled =
      !fresh && (entries_[n]->index().packed() != entry->index().packed() || taints_[n] != taints);
  // Counters by zone follow labels and taints: the pods leave the old zone and enter the new one.
  if (relabelled)
    for (auto l : listeners_)
      for (auto& p : pods_[n]) l->pod_taken(*p, n);
  entries_[n] = std::move(entry);
  unschedulable_[n] = node.spec().unschedulable();
  taints_[n] = std::move(taints);
  for (auto& c : allocatable_)
    if (n < c.size()) c[n] = 0;
  for (auto& [what, quantity] : node.status().allocatable()) {
    auto id = names_.id(what);
    cell(allocatable_, id, n) = amount_of(id, quantity.string());
  }
  set_images(n, node);
  for (auto l : listeners_) {
    l->node_put(n);
    if (relabelled)
      for (auto& p : pods_[n]) l->pod_put(*p, n);
  }
  note(n, true);
  if (auto hit = waiting_.extract(name); !hit.empty())
    for (auto& key : hit.mapped()) seat(placed_.find(key)->second, n);
  return n;
}

void node_table::set_images(node_index n, const k8s::core::v1::Node& node) {
  for (auto& [image, bytes] : images_[n])
    if (auto hit = image_nodes_.find(image); --hit->second == 0) image_nodes_.erase(hit);
  images_[n].clear();
  for (auto& image : node.status().images())
    for (auto& name : image.names()) images_[n][name] = image.size_bytes();
  for (auto& [image, bytes] : images_[n]) ++image_nodes_[image];
}

int64_t node_table::image_bytes(node_index n, const std::string& image) const {
  auto hit = images_[n].find(image);
  return hit == images_[n].end() ? 0 : hit->second;
}

size_t node_table::spread_of(const std::string& image) const {
  auto hit = image_nodes_.find(image);
  return hit == image_nodes_.end() ? 0 : hit->second;
}

void node_table::erase_node(std::string_view name) {
  auto n = find(name);
  if (n == no_node) return;
  auto leaving = pods_[n];
  for (auto& p : leaving) {
    auto& held = placed_.find(p->key())->second;
    unseat(held);
    waiting_[held.node].insert(p->key());
  }
  for (auto& p : reserved_[n]) reservations_.erase(std::string(p->key()));
  reserved_[n].clear();
  set_images(n, {});
  for (auto& c : allocatable_)
    if (n < c.size()) c[n] = 0;
  for (auto l : listeners_) l->node_gone(n);
  taints_[n].clear();
  entries_[n] = nullptr;
  by_name_.erase(std::string(name));
  free_rows_.push_back(n);
  note(n, true);
}

void node_table::occupy(const pod_facts& pod, node_index n, int sign) {
  auto& form = *pod.form;
  auto& alike = priorities_[form.priority];
  alike += static_cast<size_t>(sign);
  if (alike == 0) priorities_.erase(form.priority);
  for (auto& need : form.needs.needs) cell(used_, need.what, n) += sign * need.amount;
  scored_cpu_[n] += sign * form.needs.scored_cpu_milli;
  scored_memory_[n] += sign * form.needs.scored_memory_bytes;
  for (auto& port : form.ports)
    if (sign > 0)
      ports_[n].push_back(port);
    else if (auto hit = std::find_if(ports_[n].begin(), ports_[n].end(),
                                     [&](auto& p) {
                                       return p.port == port.port && p.ip == port.ip &&
                                              p.protocol == port.protocol;
                                     });
             hit != ports_[n].end())
      ports_[n].erase(hit);
  note(n, false);
}

void node_table::seat(place& p, node_index n) {
  p.where = n;
  pods_[n].push_back(p.pod);
  occupy(*p.pod, n, 1);
  for (auto l : listeners_) l->pod_put(*p.pod, n);
}

void node_table::unseat(place& p) {
  auto n = std::exchange(p.where, no_node);
  auto& list = pods_[n];
  auto hit = std::find(list.begin(), list.end(), p.pod);
  *hit = std::move(list.back());
  list.pop_back();
  occupy(*p.pod, n, -1);
  for (auto l : listeners_) l->pod_taken(*p.pod, n);
}

/// The same pod in the same place, seen again: only what is known of it changes.
bool node_table::refresh(const pod_ptr& pod, std::string_view node) {
  auto hit = placed_.find(pod->key());
  if (hit == placed_.end()) return false;
  auto& old = *hit->second.pod;
  if (hit->second.where == no_node || hit->second.node != node || old.form != pod->form ||
      old.owner != pod->owner || old.going != pod->going ||
      old.entry->index().unpack().labels != pod->entry->index().unpack().labels)
    return false;
  auto& list = pods_[hit->second.where];
  *std::find(list.begin(), list.end(), hit->second.pod) = pod;
  auto held = placed_.extract(hit);
  held.mapped().pod = pod;
  held.key() = pod->key(); // into the memory of the new entry
  placed_.insert(std::move(held));
  return true;
}

bool node_table::put_pod(pod_ptr pod, std::string_view node) {
  if (refresh(pod, node)) return true;
  erase_pod(pod->key());
  auto n = find(node);
  auto key = pod->key();
  auto& held = placed_[key];
  held.pod = std::move(pod);
  held.node = node;
  if (n == no_node) {
    waiting_[held.node].insert(key);
    return false;
  }
  seat(held, n);
  return true;
}

pod_ptr node_table::erase_pod(std::string_view key) {
  auto hit = placed_.find(key);
  if (hit == placed_.end()) return nullptr;
  auto& held = hit->second;
  if (held.where != no_node) {
    unseat(held);
  } else if (auto list = waiting_.find(held.node); list != waiting_.end()) {
    list->second.erase(key);
    if (list->second.empty()) waiting_.erase(list);
  }
  auto pod = std::move(held.pod);
  placed_.erase(hit);
  return pod;
}

pod_ptr node_table::find_pod(std::string_view key) const {
  auto hit = placed_.find(key);
  return hit == placed_.end() ? nullptr : hit->second.pod;
}

void node_table::reserve(pod_ptr pod, node_index where) {
  release(pod->key());
  reservations_[std::string(pod->key())] = where;
  reserved_[where].push_back(std::move(pod));
  note(where, false);
}

void node_table::release(std::string_view key) {
  auto hit = reservations_.find(std::string(key));
  if (hit == reservations_.end()) return;
  auto& list = reserved_[hit->second];
  std::erase_if(list, [&](auto& p) { return p->key() == key; });
  note(hit->second, false);
  reservations_.erase(hit);
}

} // namespace troupe::scheduler
