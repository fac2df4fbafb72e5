// A directory of its own for a test, removed with it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace troupe::test {

struct temporary_directory {
  temporary_directory() {
    auto pattern = (std::filesystem::temp_directory_path() / "troupe-test-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~temporary_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  temporary_directory(const temporary_directory&) = delete;

  std::string path;
};

} // namespace troupe::test
