// Bugs that are there on purpose: what a controller commits is changed on its way to the store, as
// if the controller had decided so, or it does not hear what it should.
#pragma once

#include "storage/transaction.hpp"
#include "test/sim/company/drama.hpp"

namespace troupe::sim {

/// For test_store::tamper; empty if there is no bug.
std::function<void(const std::string& who, storage::transaction&)> tampering(company_bug bug,
                                                                             const scene& there);
/// For test_store::deafen, likewise.
std::function<bool(const std::string& who, const std::string& resource)> deafness(company_bug bug);

} // namespace troupe::sim
