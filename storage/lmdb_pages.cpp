#include "storage/lmdb_pages.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

namespace troupe::storage {

namespace {

// LMDB's layout: permanent.
constexpr size_t head_bytes = 16; // of a page
constexpr size_t node_bytes = 8;  // of a node, before its key
constexpr size_t root_bytes = 48; // of what describes a tree
constexpr uint32_t magic = 0xBEEFC0DE, version = 1;
enum page_flag : uint16_t { branch = 1, leaf = 2, overflow = 4, meta = 8 };
enum node_flag : uint16_t { elsewhere = 1, tree_root = 2 };
constexpr uint64_t no_page = ~uint64_t{0}, first_page = 2;
constexpr unsigned levels_max = 32;

constexpr uint64_t pages_max = uint64_t{1} << 32;
constexpr size_t pace_bytes = 1u << 20;

template<class Number> Number at(std::string_view bytes, size_t offset) {
  Number out;
  std::memcpy(&out, bytes.data() + offset, sizeof out);
  return out;
}

error corrupt(const std::string& what) {
  return {errc::corrupt, "the file of the checkpoint is damaged: " + what};
}
error corrupt(uint64_t page, const std::string& what) {
  return corrupt("page " + std::to_string(page) + " " + what);
}

/// What describes a tree: in a meta page, or in a leaf of the main tree.
struct tree_view {
  explicit tree_view(std::string_view x) : levels{at<uint16_t>(x, 6)}, root{at<uint64_t>(x, 40)} {}
  unsigned levels;
  uint64_t root;
};

struct node_view {
  uint32_t low; ///< the size of the data, or the lower half of a page's number
  uint16_t flags;
  std::string_view key, data;
};

class walk {
public:
  walk(const file& in, page_depth depth, const pacer& pace) : in_{in}, depth_{depth}, pace_{pace} {}

  result<page_count> run() {
    auto newest = read_metas();
    if (!newest) return newest.error();
    used_.resize(pages_);
    // The last page that was ever given may not have been written, as it was free again. Or it is
    // lost: then nothing but the leaves tells whether it is needed.
    if (at<uint64_t>(*newest, head_bytes + 24 + 2 * root_bytes) >= pages_)
      depth_ = page_depth::everything;
    tree_view free_tree{std::string_view{*newest}.substr(head_bytes + 24)};
    tree_view main_tree{std::string_view{*newest}.substr(head_bytes + 24 + root_bytes)};
    std::vector<tree_view> tables;
    auto note_table = [&](const node_view& x) -> result<void> {
      if ((x.flags & tree_root) == 0) return {};
      if (x.data.size() != root_bytes) return corrupt("a table has no description");
      tables.emplace_back(x.data);
      return {};
    };
    std::vector<uint64_t> free;
    auto note_free = [&](const node_view& x) -> result<void> { return take_free(x.data, free); };
    if (auto done = tree(main_tree, true, note_table); !done) return done.error();
    for (auto& x : tables)
      if (auto done = tree(x, depth_ == page_depth::everything, {}); !done) return done.error();
    if (auto done = tree(free_tree, true, note_free); !done) return done.error();
    uint64_t free_here = 0;
    for (auto page : free) {
      if (page < pages_ && used_[page]) return corrupt(page, "is in use and free");
      free_here += page < pages_;
    }
    return page_count{page_bytes_, pages_, free_here};
  }

private:
  using node_visitor = std::function<result<void>(const node_view&)>;

  /// Both must be sound, as LMDB wants them; the one with the newer transaction counts.
  result<std::string> read_metas() {
    auto size = in_.size();
    if (!size) return size.error();
    page_bytes_ = 4096; // where the first one tells its real size
    std::optional<std::string> newest;
    uint64_t transaction = 0;
    for (uint64_t i = 0; i < 2; ++i) {
      auto bytes = in_.read(i * page_bytes_, head_bytes + 24 + 2 * root_bytes + 16);
      if (!bytes) return bytes.error();
      if (bytes->size() < head_bytes + 24 + 2 * root_bytes + 16)
        return corrupt("it ends before its second page");
      if ((at<uint16_t>(*bytes, 10) & meta) == 0 || at<uint32_t>(*bytes, head_bytes) != magic)
        return corrupt(i, "does not say what is in the file");
      if (at<uint32_t>(*bytes, head_bytes + 4) != version)
        return corrupt(i, "is of another version of LMDB");
      page_bytes_ = at<uint32_t>(*bytes, head_bytes + 24);
      if (page_bytes_ < 512 || page_bytes_ > 65'536) return corrupt(i, "tells no size of pages");
      auto number = at<uint64_t>(*bytes, head_bytes + 24 + 2 * root_bytes + 8);
      if (newest && number < transaction) continue;
      transaction = number;
      newest = std::move(*bytes);
    }
    pages_ = *size / page_bytes_;
    if (pages_ > pages_max) return corrupt("it is too large");
    return std::move(*newest);
  }

  /// `whole`: its leaves are read too, and told to `visit`.
  result<void> tree(const tree_view& x, bool whole, const node_visitor& visit) {
    if (x.root == no_page) return {};
    if (x.levels == 0 || x.levels > levels_max) return corrupt(x.root, "begins no tree");
    return page(x.root, x.levels, whole, visit);
  }

  result<void> page(uint64_t number, unsigned levels, bool whole, const node_visitor& visit) {
    if (auto taken = take(number, 1); !taken) return taken;
    if (levels == 1 && !whole) return {};
    auto read = read_page(number, levels == 1 ? leaf : branch);
    if (!read) return read.error();
    std::string_view bytes = *read;
    auto lower = at<uint16_t>(bytes, 12), upper = at<uint16_t>(bytes, 14);
    if (lower < head_bytes || lower > upper || upper > bytes.size())
      return corrupt(number, "does not say where its records are");
    for (size_t i = head_bytes; i + 1 < lower; i += 2) {
      auto x = node(bytes, at<uint16_t>(bytes, i), levels == 1);
      if (!x) return corrupt(number, "has a record that does not fit");
      auto done = levels > 1 ? page(child_of(*x), levels - 1, whole, visit) : record(*x, visit);
      if (!done) return done;
    }
    return {};
  }

  static uint64_t child_of(const node_view& x) { return uint64_t{x.flags} << 32 | x.low; }

  static std::optional<node_view> node(std::string_view page, size_t offset, bool with_data) {
    if (offset < head_bytes || offset + node_bytes > page.size()) return {};
    auto bytes = page.substr(offset);
    node_view out{at<uint32_t>(bytes, 0), at<uint16_t>(bytes, 4), {}, {}};
    auto key = at<uint16_t>(bytes, 6);
    if (node_bytes + key > bytes.size()) return {};
    out.key = bytes.substr(node_bytes, key);
    bytes.remove_prefix(node_bytes + key);
    if (!with_data) return out;
    auto size = (out.flags & elsewhere) != 0 ? sizeof(uint64_t) : size_t{out.low};
    if (size > bytes.size()) return {};
    out.data = bytes.substr(0, size);
    return out;
  }

  /// A record of a leaf; a long one lies in pages of its own.
  result<void> record(node_view x, const node_visitor& visit) {
    std::string far;
    if ((x.flags & elsewhere) != 0) {
      auto number = at<uint64_t>(x.data, 0);
      auto count = (head_bytes + x.low + page_bytes_ - 1) / page_bytes_;
      if (auto taken = take(number, count); !taken) return taken;
      auto head = read_page(number, overflow);
      if (!head) return head.error();
      if (at<uint32_t>(*head, 12) != count) return corrupt(number, "has another length");
      if (!visit) return {};
      auto rest = in_.read(number * page_bytes_ + head_bytes, x.low);
      if (!rest) return rest.error();
      far = std::move(*rest);
      x.data = far;
    }
    return visit ? visit(x) : result<void>{};
  }

  /// How many, then their numbers. Some may lie beyond the end: they were never written.
  result<void> take_free(std::string_view data, std::vector<uint64_t>& to) const {
    auto count = data.size() < 8 ? no_page : at<uint64_t>(data, 0);
    if (count > data.size() / 8 - 1 || data.size() < 8)
      return corrupt("a list of free pages is cut short");
    for (uint64_t i = 1; i <= count; ++i) to.push_back(at<uint64_t>(data, i * 8));
    return {};
  }

  result<void> take(uint64_t number, uint64_t count) {
    if (number < first_page || number >= pages_ || count > pages_ - number)
      return corrupt(number, "is missing: the file ends after " + std::to_string(pages_) +
                                 (pages_ == 1 ? " page" : " pages"));
    for (auto i = number; i < number + count; ++i) {
      if (used_[i]) return corrupt(i, "is used twice");
      used_[i] = true;
    }
    return {};
  }

  result<std::string> read_page(uint64_t number, page_flag kind) {
    auto bytes = in_.read(number * page_bytes_, page_bytes_);
    if (!bytes) return with_context(bytes.error(), "page " + std::to_string(number));
    if (bytes->size() != page_bytes_ || at<uint64_t>(*bytes, 0) != number)
      return corrupt(number, "is another one");
    if ((at<uint16_t>(*bytes, 10) & (branch | leaf | overflow | meta)) != kind)
      return corrupt(number, "is of another kind");
    read_bytes_ += page_bytes_;
    if (read_bytes_ >= pace_bytes && pace_ && !pace_(std::exchange(read_bytes_, 0)))
      return stopped_reading();
    return bytes;
  }

  const file& in_;
  page_depth depth_;
  const pacer& pace_;
  uint64_t page_bytes_ = 0, pages_ = 0;
  size_t read_bytes_ = 0;
  std::vector<bool> used_;
};

} // namespace

result<page_count> check_pages(const file& in, page_depth depth, const pacer& pace) {
  return walk{in, depth, pace}.run();
}

} // namespace troupe::storage
