// The persistent ordered map: a B+ tree whose nodes are shared between versions. Copying a tree is
// copying a pointer; a change copies only the nodes on its path that somebody else still holds.
#pragma once

#include "storage/entry.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::storage {

namespace detail {
struct tree_node;
void intrusive_ptr_add_ref(const tree_node* x);
void intrusive_ptr_release(const tree_node* x);
using tree_node_ptr = boost::intrusive_ptr<tree_node>;
} // namespace detail

/// An ordered map from key to entry. Values of it are independent: any thread may read its own copy
/// while another changes another copy. One value is not for several threads at once.
class tree {
public:
  class cursor;

  size_t size() const;
  bool empty() const { return size() == 0; }

  /// The entry at `key`, or null. Valid while this tree (or a copy taken now) lives.
  const entry* find(std::string_view key) const;

  /// Stores `added` at its key; returns what it replaced, or null.
  entry_ptr put(entry_ptr added);

  /// Removes the entry at `key`; returns it, or null.
  entry_ptr erase(std::string_view key);

  /// How many keys are less than `key`.
  size_t rank(std::string_view key) const;

  /// How many keys start with `prefix`.
  size_t count(std::string_view prefix) const;

private:
  detail::tree_node_ptr root_;
};

/// Walks a tree in the order of keys. Holds no reference: the tree must outlive it unchanged.
class tree::cursor {
public:
  cursor() = default;

  /// Stands at the first key that is not less than `from`.
  cursor(const tree& of, std::string_view from);

  const entry* get() const { return at_; }
  explicit operator bool() const { return at_ != nullptr; }
  void next();

private:
  struct step {
    const detail::tree_node* node;
    uint32_t child;
  };
  static constexpr size_t depth_max = 12; // 8^12 entries at least

  void settle();

  std::array<step, depth_max> path_;
  uint32_t depth_ = 0;
  const entry* at_ = nullptr;
};

/// The smallest string greater than every string that starts with `prefix`; empty when none is.
std::string after_prefix(std::string_view prefix);

} // namespace troupe::storage
