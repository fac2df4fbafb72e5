// Encryption at rest: values of chosen resources are sealed before they reach a log, a snapshot or
// a backup. What is sealed and how is one decision behind this interface; see keyring.hpp.
#pragma once

#include "messages/base/error.hpp"

#include <string>
#include <string_view>

namespace troupe::storage {

/// Any thread may call it.
class sealer {
public:
  virtual ~sealer() = default;

  /// Whether values of this key must not be written in the clear.
  virtual bool covers(std::string_view key) const = 0;

  /// Seals `value`, bound to `key`: it opens under no other key.
  virtual result<std::string> seal(std::string_view key, std::string_view value) const = 0;

  /// errc::corrupt when the bytes were changed or belong to another key.
  virtual result<std::string> open(std::string_view key, std::string_view sealed) const = 0;
};

} // namespace troupe::storage
