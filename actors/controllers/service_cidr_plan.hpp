// What becomes of a range of service addresses: decides on plain data.
#pragma once

#include "messages/api/network_address.pb.h"
#include "messages/base/address.hpp"
#include "messages/base/time.hpp"

#include <optional>
#include <vector>

namespace troupe::controllers {

using k8s::networking::v1::ServiceCIDR;

/// How long a range that nobody needs stays after its deletion began: who gives out addresses knows
/// of it by then.
constexpr int64_t range_grace_seconds = 10;

/// Whether addresses that are taken lie in `range` and in none of the ranges that stay.
bool in_use(const ServiceCIDR& range, const std::vector<network>& staying,
            const std::vector<address>& taken);

/// `range` with the mark that keeps it, if it lacks that.
std::optional<ServiceCIDR> keep(const ServiceCIDR& range);
/// `range` without it, if it has it.
std::optional<ServiceCIDR> release(const ServiceCIDR& range);
/// `range` with a status that says whether it gives out addresses, if it does not say so yet.
std::optional<ServiceCIDR> tell_ready(const ServiceCIDR& range, bool ready, timestamp now);

} // namespace troupe::controllers
