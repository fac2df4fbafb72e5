// Three interleaved streams of the processor's crc32 instruction would be faster still; one stream
// already checks 8 GB/s, more than any disk or copy around it.
#include "storage/crc32c.hpp"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace troupe::storage {

namespace {

constexpr uint32_t polynomial = 0x82F63B78; // reflected

constexpr auto make_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    auto crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? polynomial : 0);
    table[i] = crc;
  }
  return table;
}

constexpr auto table = make_table();

#if defined(__x86_64__)
[[gnu::target("sse4.2")]] uint32_t crc32c_sse42(std::string_view bytes, uint32_t seed) {
  uint64_t crc = ~seed;
  auto p = bytes.data();
  auto left = bytes.size();
  for (; left >= 8; p += 8, left -= 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    crc = _mm_crc32_u64(crc, word);
  }
  auto narrow = static_cast<uint32_t>(crc);
  for (; left > 0; ++p, --left) narrow = _mm_crc32_u8(narrow, static_cast<uint8_t>(*p));
  return ~narrow;
}
#endif

} // namespace

uint32_t detail::crc32c_portable(std::string_view bytes, uint32_t seed) {
  auto crc = ~seed;
  for (auto c : bytes) crc = table[(crc ^ static_cast<uint8_t>(c)) & 0xff] ^ (crc >> 8);
  return ~crc;
}

uint32_t crc32c(std::string_view bytes, uint32_t seed) {
#if defined(__x86_64__)
  static const bool fast = __builtin_cpu_supports("sse4.2");
  if (fast) return crc32c_sse42(bytes, seed);
#endif
  return detail::crc32c_portable(bytes, seed);
}

} // namespace troupe::storage
