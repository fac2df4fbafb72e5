#include "storage/tree.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace troupe::storage {

namespace detail {

constexpr uint16_t fanout = 32;
constexpr uint16_t thin = fanout / 4; ///< a node with fewer slots is merged into its neighbour

/// A leaf holds entries. An inner node holds children and, for each, its smallest entry: a plain
/// pointer, because the child that is held keeps that entry alive.
struct tree_node {
  explicit tree_node(bool is_leaf) : leaf{is_leaf} {}

  mutable std::atomic<uint32_t> references = 0;
  uint16_t used = 0;
  const bool leaf;
  uint64_t entries = 0; ///< in the whole subtree
  /// Of each key, the eight bytes that follow what all keys of the node share: see refresh().
  std::array<uint64_t, fanout> heads;
  uint16_t shared_bytes = 0;
};

struct leaf_node : tree_node {
  leaf_node() : tree_node{true} {}
  std::array<entry_ptr, fanout> items;
};

struct inner_node : tree_node {
  inner_node() : tree_node{false} {}
  std::array<tree_node_ptr, fanout> children;
  std::array<const entry*, fanout> least{};
};

void intrusive_ptr_add_ref(const tree_node* x) {
  x->references.fetch_add(1, std::memory_order_relaxed);
}

void intrusive_ptr_release(const tree_node* x) {
  if (x->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (x->leaf)
    delete static_cast<const leaf_node*>(x);
  else
    delete static_cast<const inner_node*>(x);
}

} // namespace detail

namespace {

using namespace detail;

leaf_node& as_leaf(tree_node& x) { return static_cast<leaf_node&>(x); }
const leaf_node& as_leaf(const tree_node& x) { return static_cast<const leaf_node&>(x); }
inner_node& as_inner(tree_node& x) { return static_cast<inner_node&>(x); }
const inner_node& as_inner(const tree_node& x) { return static_cast<const inner_node&>(x); }

const entry* least_of(const tree_node& x) {
  return x.leaf ? as_leaf(x).items[0].get() : as_inner(x).least[0];
}

const entry* slot_entry(const leaf_node& x, uint16_t i) { return x.items[i].get(); }
const entry* slot_entry(const inner_node& x, uint16_t i) { return x.least[i]; }

/// Eight bytes of `key` from `skip` on, as a number that sorts as they do; zeros beyond the end.
uint64_t head_of(std::string_view key, size_t skip) {
  uint64_t bytes = 0;
  if (skip < key.size())
    std::memcpy(&bytes, key.data() + skip, std::min<size_t>(8, key.size() - skip));
  return __builtin_bswap64(bytes);
}

/// Notes anew what tells the keys of a node apart. To be called whenever they change.
template<class Node> void refresh(Node& x) {
  if (x.used == 0) return;
  auto first = slot_entry(x, 0)->key();
  auto last = slot_entry(x, x.used - 1)->key();
  auto parting = std::mismatch(first.begin(), first.end(), last.begin(), last.end()).first;
  x.shared_bytes = static_cast<uint16_t>(parting - first.begin());
  for (uint16_t i = 0; i < x.used; ++i)
    x.heads[i] = head_of(slot_entry(x, i)->key(), x.shared_bytes);
}

/// The first slot whose key is not less than `key`. Most steps compare numbers in the node itself
/// and touch no entry.
template<class Node> uint16_t lower_slot(const Node& x, std::string_view key) {
  if (x.used == 0) return 0;
  if (auto order =
          key.substr(0, x.shared_bytes).compare(slot_entry(x, 0)->key().substr(0, x.shared_bytes)))
    return order < 0 ? 0 : x.used;
  auto begin = x.heads.begin();
  auto [low, high] = std::equal_range(begin, begin + x.used, head_of(key, x.shared_bytes));
  while (low != high) { // equal heads: the whole keys decide
    auto middle = low + (high - low) / 2;
    if (slot_entry(x, static_cast<uint16_t>(middle - begin))->key() < key)
      low = middle + 1;
    else
      high = middle;
  }
  return static_cast<uint16_t>(low - begin);
}

/// The child that holds `key` if any does: the last one that begins at or before it.
uint16_t child_slot(const inner_node& inner, std::string_view key) {
  auto at = lower_slot(inner, key);
  if (at < inner.used && inner.least[at]->key() == key) return at;
  return at == 0 ? 0 : at - 1;
}

bool ours_alone(const tree_node& x) { return x.references.load(std::memory_order_acquire) == 1; }

void copy_head(tree_node& to, const tree_node& from) {
  to.used = from.used;
  to.entries = from.entries;
  to.shared_bytes = from.shared_bytes;
  std::copy_n(from.heads.begin(), from.used, to.heads.begin());
}

/// Makes the leaf behind `slot` ours alone, by a copy where others hold it, so that it may change.
leaf_node& own_leaf(tree_node_ptr& slot) {
  auto& old = as_leaf(*slot);
  if (ours_alone(old)) return old;
  auto copy = new leaf_node;
  std::copy_n(old.items.begin(), old.used, copy->items.begin());
  copy_head(*copy, old);
  slot.reset(copy);
  return *copy;
}

inner_node& own_inner(tree_node_ptr& slot) {
  auto& old = as_inner(*slot);
  if (ours_alone(old)) return old;
  auto copy = new inner_node;
  std::copy_n(old.children.begin(), old.used, copy->children.begin());
  std::copy_n(old.least.begin(), old.used, copy->least.begin());
  copy_head(*copy, old);
  slot.reset(copy);
  return *copy;
}

template<class Array, class Item>
void insert_at(Array& items, uint16_t used, uint16_t at, Item item) {
  std::move_backward(items.begin() + at, items.begin() + used, items.begin() + used + 1);
  items[at] = std::move(item);
}

template<class Array> void remove_at(Array& items, uint16_t used, uint16_t at) {
  std::move(items.begin() + at + 1, items.begin() + used, items.begin() + at);
  items[used - 1] = nullptr;
}

void insert(leaf_node& leaf, uint16_t at, entry_ptr added) {
  insert_at(leaf.items, leaf.used, at, std::move(added));
  leaf.entries = ++leaf.used;
  refresh(leaf);
}

/// Inserts `child` without counting its entries: a split moves entries, it adds none.
void insert(inner_node& inner, uint16_t at, tree_node_ptr child) {
  insert_at(inner.least, inner.used, at, least_of(*child));
  insert_at(inner.children, inner.used, at, std::move(child));
  ++inner.used;
  refresh(inner);
}

void recount(inner_node& inner) {
  inner.entries = 0;
  for (uint16_t i = 0; i < inner.used; ++i) inner.entries += inner.children[i]->entries;
}

/// Where a full node parts before something is inserted at `at`. Keys that arrive in order leave
/// full nodes behind.
uint16_t split_point(uint16_t at) { return at == fanout ? fanout : fanout / 2; }

/// Inserts into a full leaf; returns its new right neighbour.
tree_node_ptr split_insert(leaf_node& left, uint16_t at, entry_ptr added) {
  auto right = new leaf_node;
  tree_node_ptr made{right};
  auto point = split_point(at);
  std::move(left.items.begin() + point, left.items.end(), right->items.begin());
  left.entries = left.used = point;
  right->entries = right->used = static_cast<uint16_t>(fanout - point);
  if (at < point || (at == point && point != fanout))
    insert(left, at, std::move(added));
  else
    insert(*right, static_cast<uint16_t>(at - point), std::move(added));
  refresh(left);
  refresh(*right);
  return made;
}

tree_node_ptr split_insert(inner_node& left, uint16_t at, tree_node_ptr child) {
  auto right = new inner_node;
  tree_node_ptr made{right};
  auto point = split_point(at);
  std::move(left.children.begin() + point, left.children.end(), right->children.begin());
  std::move(left.least.begin() + point, left.least.end(), right->least.begin());
  left.used = point;
  right->used = static_cast<uint16_t>(fanout - point);
  if (at < point || (at == point && point != fanout))
    insert(left, at, std::move(child));
  else
    insert(*right, static_cast<uint16_t>(at - point), std::move(child));
  for (auto node : {&left, right}) {
    refresh(*node);
    recount(*node);
  }
  return made;
}

struct put_outcome {
  entry_ptr replaced;
  tree_node_ptr split; ///< the new right neighbour, if the node had to part
};

put_outcome put_into(tree_node_ptr& slot, entry_ptr added) {
  if (slot->leaf) {
    auto& leaf = own_leaf(slot);
    auto at = lower_slot(leaf, added->key());
    if (at < leaf.used && leaf.items[at]->key() == added->key()) {
      leaf.items[at].swap(added);
      return {std::move(added), nullptr};
    }
    if (leaf.used == fanout) return {nullptr, split_insert(leaf, at, std::move(added))};
    insert(leaf, at, std::move(added));
    return {};
  }
  auto& inner = own_inner(slot);
  auto at = child_slot(inner, added->key());
  auto first = at == 0 && added->key() < inner.least[0]->key();
  auto below = put_into(inner.children[at], std::move(added));
  inner.least[at] = least_of(*inner.children[at]);
  if (first) refresh(inner);
  if (!below.replaced) ++inner.entries;
  if (!below.split) return below;
  auto next = static_cast<uint16_t>(at + 1);
  if (inner.used == fanout) return {nullptr, split_insert(inner, next, std::move(below.split))};
  insert(inner, next, std::move(below.split));
  return {};
}

void remove_child(inner_node& inner, uint16_t at) {
  remove_at(inner.children, inner.used, at);
  remove_at(inner.least, inner.used, at);
  --inner.used;
  refresh(inner);
}

/// Moves everything of child `at + 1` into child `at` if it leaves room to grow.
void merge_with_next(inner_node& inner, uint16_t at) {
  const auto& right = *inner.children[at + 1];
  if (inner.children[at]->used + right.used > fanout * 3 / 4) return;
  if (right.leaf) {
    auto& left = own_leaf(inner.children[at]);
    std::copy_n(as_leaf(right).items.begin(), right.used, left.items.begin() + left.used);
    left.used += right.used;
    left.entries += right.entries;
    refresh(left);
  } else {
    auto& left = own_inner(inner.children[at]);
    std::copy_n(as_inner(right).children.begin(), right.used, left.children.begin() + left.used);
    std::copy_n(as_inner(right).least.begin(), right.used, left.least.begin() + left.used);
    left.used += right.used;
    left.entries += right.entries;
    refresh(left);
  }
  remove_child(inner, static_cast<uint16_t>(at + 1));
}

/// Removes `key`, which must be there.
entry_ptr erase_from(tree_node_ptr& slot, std::string_view key) {
  if (slot->leaf) {
    auto& leaf = own_leaf(slot);
    auto at = lower_slot(leaf, key);
    auto removed = std::move(leaf.items[at]);
    remove_at(leaf.items, leaf.used, at);
    leaf.entries = --leaf.used;
    refresh(leaf);
    return removed;
  }
  auto& inner = own_inner(slot);
  auto at = child_slot(inner, key);
  auto removed = erase_from(inner.children[at], key);
  --inner.entries;
  auto& child = *inner.children[at];
  if (child.used == 0) {
    remove_child(inner, at);
    return removed;
  }
  inner.least[at] = least_of(child);
  refresh(inner);
  if (child.used < thin) {
    if (at + 1 < inner.used)
      merge_with_next(inner, at);
    else if (at > 0)
      merge_with_next(inner, static_cast<uint16_t>(at - 1));
  }
  return removed;
}

} // namespace

size_t tree::size() const { return root_ ? root_->entries : 0; }

const entry* tree::find(std::string_view key) const {
  if (!root_) return nullptr;
  const tree_node* node = root_.get();
  while (!node->leaf) node = as_inner(*node).children[child_slot(as_inner(*node), key)].get();
  auto& leaf = as_leaf(*node);
  auto at = lower_slot(leaf, key);
  return at < leaf.used && leaf.items[at]->key() == key ? leaf.items[at].get() : nullptr;
}

entry_ptr tree::put(entry_ptr added) {
  if (!root_) root_ = new leaf_node;
  auto outcome = put_into(root_, std::move(added));
  if (outcome.split) {
    auto above = new inner_node;
    insert(*above, 0, std::move(root_));
    insert(*above, 1, std::move(outcome.split));
    recount(*above);
    root_ = above;
  }
  return std::move(outcome.replaced);
}

entry_ptr tree::erase(std::string_view key) {
  if (!find(key)) return nullptr;
  auto removed = erase_from(root_, key);
  while (!root_->leaf && root_->used == 1) {
    auto only = as_inner(*root_).children[0];
    root_ = std::move(only);
  }
  if (root_->used == 0) root_ = nullptr;
  return removed;
}

size_t tree::rank(std::string_view key) const {
  if (!root_) return 0;
  size_t before = 0;
  const tree_node* node = root_.get();
  while (!node->leaf) {
    auto& inner = as_inner(*node);
    auto at = child_slot(inner, key);
    for (uint16_t i = 0; i < at; ++i) before += inner.children[i]->entries;
    node = inner.children[at].get();
  }
  return before + lower_slot(as_leaf(*node), key);
}

size_t tree::count(std::string_view prefix) const {
  auto end = after_prefix(prefix);
  return (end.empty() ? size() : rank(end)) - rank(prefix);
}

tree::cursor::cursor(const tree& of, std::string_view from) {
  const tree_node* node = of.root_.get();
  for (; node && !node->leaf; node = as_inner(*node).children[path_[depth_ - 1].child].get())
    path_[depth_++] = {node, child_slot(as_inner(*node), from)};
  if (node) path_[depth_++] = {node, lower_slot(as_leaf(*node), from)};
  settle();
}

void tree::cursor::next() {
  ++path_[depth_ - 1].child;
  settle();
}

/// Brings the path to the next entry at or after where it points.
void tree::cursor::settle() {
  while (depth_ > 0) {
    auto& [node, child] = path_[depth_ - 1];
    if (child == node->used) {
      if (--depth_ > 0) ++path_[depth_ - 1].child;
    } else if (node->leaf) {
      at_ = as_leaf(*node).items[child].get();
      return;
    } else {
      assert(depth_ < depth_max);
      path_[depth_++] = {as_inner(*node).children[child].get(), 0};
    }
  }
  at_ = nullptr;
}

std::string after_prefix(std::string_view prefix) {
  std::string end{prefix};
  while (!end.empty() && static_cast<uint8_t>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(end.back() + 1);
  return end;
}

} // namespace troupe::storage
