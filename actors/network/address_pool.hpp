// The addresses of one machine's pods: each to one pod at a time, and one that was given back is
// used again as late as possible, so that nobody is taken for who was there before. Pure.
#pragma once

#include "messages/base/address.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>

namespace troupe::network_of_pods {

class address_pool {
public:
  /// An IPv4 range; its first address is the gateway's, its last is for nobody.
  explicit address_pool(const network& range);

  address gateway() const;
  /// The address of this owner, which it keeps until release(); none if all are taken.
  std::optional<address> take(const std::string& owner);
  /// The owner has this address already. False if it is another's or not of this range.
  bool keep(const std::string& owner, const address& own);
  void release(const std::string& owner);
  std::optional<address> of(const std::string& owner) const;

private:
  address at(uint32_t index) const;

  uint32_t base_ = 0, count_ = 0, next_ = 2;
  std::map<std::string, uint32_t> owners_;
  std::set<uint32_t> taken_;
};

} // namespace troupe::network_of_pods
