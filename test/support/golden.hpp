// Where the recorded cases of a real API server lie, if they are on this machine.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace troupe::test {

/// The folder with golden cases: $TROUPE_GOLDEN, or shared/golden beside the checkout. May not
/// exist.
inline std::filesystem::path golden() {
  if (auto chosen = std::getenv("TROUPE_GOLDEN")) return chosen;
  return std::filesystem::path(TROUPE_SOURCE_DIR) / "../shared/golden";
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace troupe::test
