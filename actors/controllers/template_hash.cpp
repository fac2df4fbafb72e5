#include "actors/controllers/template_hash.hpp"

#include <cstdint>

namespace troupe::controllers {

std::string short_hash(std::string_view bytes, int collisions) {
  // FNV-1a of 32 bits. Words that exist in clusters are made of it: permanent.
  uint32_t hash = 2166136261u;
  auto take = [&](unsigned char c) { hash = (hash ^ c) * 16777619u; };
  for (unsigned char c : bytes) take(c);
  for (auto n = static_cast<uint32_t>(collisions); n > 0; n >>= 8)
    take(static_cast<unsigned char>(n & 255));
  static constexpr std::string_view letters = "bcdfghjklmnpqrstvwxz2456789";
  std::string out;
  for (auto digit : std::to_string(hash))
    out += letters[static_cast<size_t>(digit) % letters.size()];
  return out;
}

} // namespace troupe::controllers
