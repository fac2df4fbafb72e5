#include "actors/nodes/pod_ranges.hpp"

namespace troupe::nodes {

namespace {

constexpr int ranges_bits_max = 16; // 65,536 nodes

uint32_t number(const address& a) {
  return uint32_t{a.bytes[0]} << 24 | uint32_t{a.bytes[1]} << 16 | uint32_t{a.bytes[2]} << 8 |
         a.bytes[3];
}

} // namespace

pod_ranges::pod_ranges(const network& all, int bits)
    : base_{number(all.base)}, bits_{bits},
      taken_(size_t{1} << std::min(std::max(bits - all.bits, 0), ranges_bits_max)) {}

void pod_ranges::mark(const std::string& range) {
  auto net = network::parse(range);
  if (!net || net->base.v6 || net->bits != bits_ || number(net->base) < base_) return;
  auto at = size_t{number(net->base) - base_} >> (32 - bits_);
  if (at >= taken_.size()) return;
  taken_[at] = true;
  next_ = std::max(next_, at + 1);
}

std::string pod_ranges::take() {
  for (size_t tried = 0; tried < taken_.size(); ++tried) {
    auto at = (next_ + tried) % taken_.size();
    if (taken_[at]) continue;
    taken_[at] = true;
    next_ = at + 1;
    auto first = base_ + static_cast<uint32_t>(at << (32 - bits_));
    address a;
    for (int i = 0; i < 4; ++i) a.bytes[i] = static_cast<uint8_t>(first >> (24 - 8 * i));
    return a.text() + "/" + std::to_string(bits_);
  }
  return {};
}

} // namespace troupe::nodes
