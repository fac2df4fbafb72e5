// Whether the pages of an LMDB file hang together. LMDB trusts every page number it reads, and one
// that leads out of the file ends the process; here the file is only read, so that damage is a
// message. The layout is that of LMDB 0.9 on 64-bit machines and permanent.
#pragma once

#include "storage/files.hpp"

namespace troupe::storage {

struct page_count {
  uint64_t page_bytes = 0;
  uint64_t in_file = 0; ///< pages the file is long
  uint64_t free = 0;    ///< of those, kept for later use
};

/// How much is read: the way to every leaf, or the leaves and what they point to as well. A file that
/// is shorter than it once was is always read wholly.
enum class page_depth : uint8_t { branches, everything };

/// Walks from the newest state of the file to its pages. errc::corrupt when a page is missing, is
/// another one, or is used twice. While others write, a read transaction must be open, or what was
/// freed may change under it.
result<page_count> check_pages(const file& in, page_depth depth, const pacer& pace = {});

} // namespace troupe::storage
