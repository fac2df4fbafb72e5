#include "storage/snapshot.hpp"

namespace troupe::storage {

namespace {

// The word: a pointer of 48 bits (user space on x86-64 and arm64) below a count of 16 bits.
constexpr uint64_t one_reader = uint64_t{1} << 48;
constexpr uint64_t pointer_mask = one_reader - 1;

const detail::version* pointer_of(uint64_t word) {
  return reinterpret_cast<const detail::version*>(word & pointer_mask);
}

} // namespace

size_t snapshot::count_after(std::string_view prefix, std::string_view after) const {
  auto& objects = version_->held.objects;
  auto end = after_prefix(prefix);
  auto last = end.empty() ? objects.size() : objects.rank(end);
  auto first = objects.rank(std::string(after) + '\0');
  return last > first ? last - first : 0;
}

published_state::published_state(const snapshot& first) : word_{adopt(first)} {}

published_state::~published_state() { retire(word_.load()); }

uint64_t published_state::adopt(const snapshot& next) {
  auto version = next.version_.get();
  version->references.fetch_add(detail::version::bias, std::memory_order_relaxed);
  return reinterpret_cast<uintptr_t>(version);
}

/// Takes the bias back. Readers counted in the word are already accounted for by then, or will give
/// back a reference that this adds for them.
void published_state::retire(uint64_t word) {
  auto taking = static_cast<int64_t>(word >> 48);
  detail::release(pointer_of(word), detail::version::bias - taking);
}

snapshot published_state::current() const {
  // Announcing ourselves in the word keeps the version alive until we hold a reference.
  auto word = word_.fetch_add(one_reader, std::memory_order_acquire) + one_reader;
  auto version = pointer_of(word);
  detail::version_ptr held{version};
  while (pointer_of(word) == version)
    if (word_.compare_exchange_weak(word, word - one_reader, std::memory_order_release,
                                    std::memory_order_relaxed))
      return snapshot{std::move(held)};
  // The writer replaced it and turned our announcement into a reference: give that one back.
  detail::release(version, 1);
  return snapshot{std::move(held)};
}

void published_state::publish(const snapshot& next) {
  auto adopted = adopt(next);
  retire(word_.exchange(adopted, std::memory_order_acq_rel));
}

} // namespace troupe::storage
