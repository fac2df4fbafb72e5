// One object as storage holds it: key, index and value in a single immutable allocation that
// everybody who asked shares. The value is opaque bytes; resourceVersion is the mod_revision here.
#pragma once

#include "storage/index.hpp"

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <atomic>
#include <cstdint>
#include <string_view>

namespace troupe::storage {

/// Largest key: a resource, a namespace and a name of Kubernetes' own limits fit twice.
inline constexpr size_t key_bytes_max = 1024;

class entry;
using entry_ptr = boost::intrusive_ptr<const entry>;

/// Immutable once shared; any thread may read it and drop it.
class entry {
public:
  std::string_view key() const { return {text(), key_size_}; }
  index_view index() const { return index_view{{text() + key_size_, index_size_}}; }
  std::string_view value() const { return {text() + key_size_ + index_size_, value_size_}; }

  uint64_t create_revision() const { return create_revision_; }
  uint64_t mod_revision() const { return mod_revision_; }

  std::optional<std::string_view> label(std::string_view name) const { return index().label(name); }
  std::optional<std::string_view> field(std::string_view name) const { return index().field(name); }

  /// Bytes of memory behind this entry.
  size_t memory_bytes() const { return sizeof(entry) + key_size_ + index_size_ + value_size_; }

  /// A new entry, not shared yet. `packed_index` must be well formed.
  static boost::intrusive_ptr<entry> make(std::string_view key, std::string_view packed_index,
                                          std::string_view value, uint64_t create_revision = 0,
                                          uint64_t mod_revision = 0);

  /// Dates an entry that nobody else has seen yet: the writer decides the revision when it applies.
  void stamp(uint64_t create_revision, uint64_t mod_revision) {
    create_revision_ = create_revision;
    mod_revision_ = mod_revision;
  }

  entry(const entry&) = delete;
  entry& operator=(const entry&) = delete;

private:
  entry() = default;
  ~entry() = default;

  const char* text() const { return reinterpret_cast<const char*>(this + 1); }
  static void destroy(const entry* dead);

  friend void intrusive_ptr_add_ref(const entry* x) {
    x->references_.fetch_add(1, std::memory_order_relaxed);
  }
  friend void intrusive_ptr_release(const entry* x) {
    if (x->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy(x);
  }

  mutable std::atomic<uint32_t> references_ = 0;
  uint32_t key_size_ = 0;
  uint32_t index_size_ = 0;
  uint32_t value_size_ = 0;
  uint64_t create_revision_ = 0;
  uint64_t mod_revision_ = 0;
};

/// The resource of a key: the text before its first '/' (`pods`, `deployments.apps`).
inline std::string_view resource_of(std::string_view key) { return key.substr(0, key.find('/')); }

/// Refuses keys that storage cannot hold: empty, too long, without a resource, or with a NUL.
result<void> check_key(std::string_view key);

} // namespace troupe::storage
