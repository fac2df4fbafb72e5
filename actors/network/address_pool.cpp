#include "actors/network/address_pool.hpp"

namespace troupe::network_of_pods {

namespace {

uint32_t number(const address& a) {
  return uint32_t{a.bytes[0]} << 24 | uint32_t{a.bytes[1]} << 16 | uint32_t{a.bytes[2]} << 8 |
         a.bytes[3];
}

} // namespace

address_pool::address_pool(const network& range)
    : base_{number(range.base)}, count_{range.bits >= 31 || range.base.v6
                                            ? 0
                                            : uint32_t{1} << (32 - range.bits)} {}

address address_pool::at(uint32_t index) const {
  address a;
  for (int i = 0; i < 4; ++i) a.bytes[i] = static_cast<uint8_t>((base_ + index) >> (24 - 8 * i));
  return a;
}

address address_pool::gateway() const { return at(1); }

std::optional<address> address_pool::take(const std::string& owner) {
  if (auto own = of(owner)) return own;
  for (uint32_t tried = 0; tried + 3 < count_; ++tried) {
    auto index = next_;
    next_ = next_ + 2 < count_ ? next_ + 1 : 2;
    if (!taken_.insert(index).second) continue;
    owners_[owner] = index;
    return at(index);
  }
  return {};
}

bool address_pool::keep(const std::string& owner, const address& own) {
  if (own.v6 || number(own) < base_ + 2 || number(own) - base_ + 1 >= count_) return false;
  auto index = number(own) - base_;
  auto mine = owners_.find(owner);
  if (mine != owners_.end()) return mine->second == index;
  if (!taken_.insert(index).second) return false;
  owners_[owner] = index;
  if (index >= next_) next_ = index + 2 < count_ ? index + 1 : 2; // what is older comes last again
  return true;
}

void address_pool::release(const std::string& owner) {
  auto own = owners_.find(owner);
  if (own == owners_.end()) return;
  taken_.erase(own->second);
  owners_.erase(own);
}

std::optional<address> address_pool::of(const std::string& owner) const {
  auto own = owners_.find(owner);
  if (own == owners_.end()) return {};
  return at(own->second);
}

} // namespace troupe::network_of_pods
