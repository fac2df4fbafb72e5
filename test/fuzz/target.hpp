// What every fuzz target is: one function over bytes, and a check that stops the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace troupe::fuzz {

inline std::string_view text(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Stops the process if a property does not hold.
inline void holds(bool property, const char* what) {
  if (property) return;
  fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

} // namespace troupe::fuzz
