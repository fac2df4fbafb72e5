// The ranges from which services get their addresses: those of every ServiceCIDR that is ready and
// stays.
#pragma once

#include "actors/gateway/admission/parts.hpp"

namespace troupe::gateway {

/// The one that every cluster has, as kubeadm has it.
inline constexpr const char* own_service_range = "10.96.0.0/16";

/// The addresses of one range of the fourth version that services may have.
struct service_range {
  std::string text; ///< "10.96.0.0/16"
  uint32_t base, first, last;

  bool holds(uint32_t address) const {
    return address >= base && address - base <= last - base + 1;
  }
  bool gives(uint32_t address) const { return address >= first && address <= last; }
};

std::vector<service_range> ready_ranges(const admission_request& r);

/// An address that nobody has, from the upper part of a range while there is one: people who choose
/// for themselves take from the lower. 0 if all are taken.
uint32_t free_address(const std::vector<service_range>& ranges,
                      const std::function<uint64_t()>& random,
                      const std::function<bool(uint32_t)>& taken);

} // namespace troupe::gateway
