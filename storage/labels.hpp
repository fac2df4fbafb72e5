// Labels of entries, compared as they are packed.
#pragma once

#include "storage/entry.hpp"

namespace troupe::storage {

/// The part of a packed index that holds the labels, in the order of names.
inline std::string_view packed_labels(const entry& of) {
  constexpr size_t counts = 4; // bytes before the first label: how many labels and fields there are
  auto packed = of.index().packed();
  auto begin = packed.data() + std::min(counts, packed.size()), end = begin;
  of.index().labels(
      [&](std::string_view, std::string_view value) { end = value.data() + value.size(); });
  return {begin, static_cast<size_t>(end - begin)};
}

inline bool same_labels(const entry& a, const entry& b) {
  return packed_labels(a) == packed_labels(b);
}

} // namespace troupe::storage
