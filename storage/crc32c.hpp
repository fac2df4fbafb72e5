// CRC32C (Castagnoli), the checksum of every record that storage writes.
#pragma once

#include <cstdint>
#include <string_view>

namespace troupe::storage {

/// The CRC32C of `bytes`, continuing from `seed` (the checksum of what came before).
uint32_t crc32c(std::string_view bytes, uint32_t seed = 0);

namespace detail {
/// The table-driven form, used where the processor has no instruction for it.
uint32_t crc32c_portable(std::string_view bytes, uint32_t seed);
} // namespace detail

} // namespace troupe::storage
