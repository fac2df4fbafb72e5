// SHA-256 (FIPS 180-4), for names that others compute as well; what guards secrets uses OpenSSL.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace troupe {

std::array<uint8_t, 32> sha256(std::string_view text);

} // namespace troupe
