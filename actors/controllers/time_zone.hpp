// Time zones as the machine's zoneinfo files describe them. Pure: somebody else reads the file.
#pragma once

#include "messages/base/error.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::controllers {

class time_zone {
public:
  /// Universal time.
  time_zone() = default;
  /// From the bytes of a TZif file (RFC 8536).
  static result<time_zone> parse(std::string_view file);

  std::chrono::local_seconds to_local(std::chrono::sys_seconds at) const;
  /// When clocks are changed next, after this moment; nothing if they never are again.
  std::optional<std::chrono::sys_seconds> next_change(std::chrono::sys_seconds at) const;

private:
  /// What comes behind the changes that a file lists is said by its last line.
  static constexpr std::chrono::year rule_until{2400};
  bool follow(std::string_view rule);
  std::chrono::seconds offset_at(int64_t at) const;

  std::vector<int64_t> changes_;
  std::vector<int> offsets_; ///< after each change
  int first_offset_ = 0;     ///< before the first
};

} // namespace troupe::controllers
