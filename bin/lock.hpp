// Held while a cluster or an agent runs from a data directory, so that nobody else does or takes it
// away.
#pragma once

#include "messages/base/error.hpp"

#include <filesystem>

namespace troupe {

class data_lock {
public:
  /// conflict if somebody holds it. Makes the directory if it is not there.
  static result<data_lock> take(const std::filesystem::path& data);
  /// Whether anything ever ran from there.
  static bool known(const std::filesystem::path& data);

  /// The process that has it; 0 if nobody has.
  static int holder(const std::filesystem::path& data);

  data_lock() = default;
  data_lock(data_lock&& other) noexcept;
  data_lock& operator=(data_lock&& other) noexcept;
  ~data_lock();

private:
  int fd_ = -1;
};

} // namespace troupe
