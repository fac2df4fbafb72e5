// Who a container runs as: numbers from names, looked up in the container's own files. The parsing
// is pure.
#pragma once

#include "messages/base/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::node {

struct identity {
  int64_t uid = 0, gid = 0;
  std::vector<int64_t> groups; ///< supplementary, from the group file
  std::string home;
  bool named = false; ///< the user was given by name
};

/// "", "1000", "app", "1000:100", "app:staff" as an image's USER, by the texts of /etc/passwd and
/// /etc/group.
result<identity> find_identity(std::string_view user, std::string_view passwd,
                               std::string_view group);

/// A file inside a root file system, at most 1 MiB; empty if it is not there.
std::string read_in_root(const std::string& root, const std::string& path);

} // namespace troupe::node
