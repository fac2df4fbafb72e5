// A layer's archive becomes a directory that overlayfs can mount. The archive is hostile until
// proven otherwise: nothing is written outside the directory, and bytes, files and time are
// bounded.
#pragma once

#include "messages/base/error.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace troupe::node {

struct unpack_limits {
  uint64_t bytes_max = 32ull << 30;         ///< of files in one layer
  uint64_t entries_max = 2'000'000;         ///< files, directories, links
  uint64_t ratio_max = 300;                 ///< uncompressed to compressed ...
  uint64_t ratio_from_bytes = 256ull << 20; ///< ... once so much has come out
  size_t path_bytes_max = 4096;
};

struct unpacked {
  std::string diff_id; ///< digest of the uncompressed archive
  uint64_t bytes = 0;
};

/// Unpacks the archive (tar; plain, gzip or zstd) at `blob` into the empty directory `into`.
/// Whiteouts become overlayfs' own. Fails with what is wrong and with which entry.
result<unpacked> unpack_layer(const std::filesystem::path& blob, const std::filesystem::path& into,
                              const unpack_limits& limits = {});

} // namespace troupe::node
