#include "actors/controllers/orphans.hpp"

#include "actors/controllers/family.hpp"
#include "storage/labels.hpp"

#include <algorithm>

namespace troupe::controllers {

namespace {

/// A label as one text, for finding who bears it.
std::string label_text(std::string_view ns, std::string_view key, std::string_view value) {
  std::string out(ns);
  return out.append("\n").append(key).append("=").append(value);
}

} // namespace

/// Each label, and none at all, which all of the namespace have in common.
template<class Visit> void orphans::labels_of(const storage::entry& entry, Visit visit) {
  auto ns = namespace_in(entry.key());
  visit(label_text(ns, {}, {}));
  entry.index().labels(
      [&](std::string_view key, std::string_view value) { visit(label_text(ns, key, value)); });
}

void orphans::put(const storage::entry_ptr& entry) {
  if (auto known = all_.find(entry->key()); known != all_.end()) {
    if (!storage::same_labels(*known->second->entry, *entry)) {
      erase(entry->key());
      return put(entry);
    }
    auto same = all_.extract(known);
    same.key() = entry->key();
    same.mapped()->entry = entry;
    all_.insert(std::move(same));
    return;
  }
  auto& made = *all_.emplace(entry->key(), std::make_unique<orphan>(orphan{entry})).first->second;
  labels_of(*entry, [&](std::string label) { by_label_[std::move(label)].insert(&made); });
}

void orphans::erase(std::string_view key) {
  auto known = all_.extract(key);
  if (!known) return;
  auto& gone = *known.mapped();
  labels_of(*gone.entry, [&](const std::string& label) {
    auto hit = by_label_.find(label);
    hit->second.erase(&gone);
    if (hit->second.empty()) by_label_.erase(hit);
  });
}

void orphans::clear() {
  by_label_.clear();
  all_.clear();
}

storage::entry_ptr orphans::find(std::string_view key) const {
  auto hit = all_.find(key);
  return hit == all_.end() ? storage::entry_ptr{} : hit->second->entry;
}

std::vector<storage::entry_ptr> orphans::selected(std::string_view ns,
                                                  const label_selector& selector) const {
  auto label = label_text(ns, {}, {}); // unless the selector asks for one in particular
  for (auto& r : selector.requirements())
    if (r.what == requirement::op::in && r.values.size() == 1)
      label = label_text(ns, r.key, r.values[0]);
  std::vector<storage::entry_ptr> out;
  auto hit = by_label_.find(label);
  if (hit == by_label_.end()) return out;
  for (auto o : hit->second)
    if (selects(selector, *o->entry)) out.push_back(o->entry);
  std::sort(out.begin(), out.end(), [](auto& a, auto& b) { return a->key() < b->key(); });
  return out;
}

} // namespace troupe::controllers
