// Objects without a controller, found by their labels: those that somebody may adopt. Most are
// never asked for, so that nothing is read of them but what selectors look at. Pure.
#pragma once

#include "messages/base/selector.hpp"
#include "storage/entry.hpp"

#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace troupe::controllers {

inline bool selects(const label_selector& selector, const storage::entry& entry) {
  return selector.matches([&](const std::string& key) { return entry.label(key); });
}

class orphans {
public:
  /// The object as it is now.
  void put(const storage::entry_ptr& entry);
  void erase(std::string_view key);
  void clear();
  /// The object at `key` as it was put last, or null.
  storage::entry_ptr find(std::string_view key) const;

  /// Those of a namespace that have the labels, in the order of their keys.
  std::vector<storage::entry_ptr> selected(std::string_view ns,
                                           const label_selector& selector) const;

private:
  struct orphan {
    storage::entry_ptr entry;
  };

  template<class Visit> static void labels_of(const storage::entry& entry, Visit visit);

  std::unordered_map<std::string_view, std::unique_ptr<orphan>> all_; ///< keys live in the entries
  std::unordered_map<std::string, std::unordered_set<const orphan*>> by_label_;
};

} // namespace troupe::controllers
