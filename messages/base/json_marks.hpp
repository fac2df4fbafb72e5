// Which characters of a JSON string do not stand for themselves, found many at a time.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace troupe::json {

static_assert(std::endian::native == std::endian::little, "the first byte of a word is its lowest");

constexpr uint64_t every_byte(uint8_t byte) { return 0x0101010101010101ull * byte; }

/// A mark in the high bit of each of eight bytes that is a quote, a backslash or a control
/// character. The lowest mark is exact; higher ones may be false.
inline uint64_t escape_marks(uint64_t word) {
  auto less = [](uint64_t w, uint8_t n) { return (w - every_byte(n)) & ~w & every_byte(0x80); };
  auto equal = [&](uint8_t byte) { return less(word ^ every_byte(byte), 1); };
  return less(word, 0x20) | equal('"') | equal('\\');
}

#ifdef __SSE2__

/// How many characters plain_characters() looks at.
constexpr int plain_step = 16;

/// How many of the plain_step characters at `at` come before the first that is a quote, a
/// backslash, a control character or not ASCII.
inline int plain_characters(const char* at) {
  auto text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  auto equal = [&](char c) { return _mm_cmpeq_epi8(text, _mm_set1_epi8(c)); };
  // Read as signed numbers, what is not ASCII lies below the control characters.
  auto marks = _mm_or_si128(_mm_cmplt_epi8(text, _mm_set1_epi8(0x20)),
                            _mm_or_si128(equal('"'), equal('\\')));
  return std::countr_zero(static_cast<uint32_t>(_mm_movemask_epi8(marks)) | 1u << plain_step);
}

#else

constexpr int plain_step = 8;

inline int plain_characters(const char* at) {
  uint64_t word;
  memcpy(&word, at, sizeof word);
  return std::countr_zero(escape_marks(word) | (word & every_byte(0x80))) / 8;
}

#endif

} // namespace troupe::json
