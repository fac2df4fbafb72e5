// Puts a volume's files on disk so that a reader sees all of the old or all of the new: the files
// lie in a dated directory, "..data" points to it, and everything else points through "..data".
#pragma once

#include "actors/node/volumes/volume_files.hpp"

#include <filesystem>
#include <optional>

namespace troupe::node {

/// Makes `directory` show exactly `files`; nothing is touched if it does already. With `group`, the
/// files belong to it and are readable by it.
result<void> write_volume(const std::filesystem::path& directory, const volume_files& files,
                          std::optional<int64_t> group);

} // namespace troupe::node
