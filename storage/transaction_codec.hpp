// Transactions as the bytes of a log entry: messages/cluster/store.proto, with values of secret
// resources sealed. What is read back is checked as if it came from outside.
#pragma once

#include "storage/transaction.hpp"

#include <string>
#include <string_view>

namespace troupe::storage {

class sealer;

/// A transaction read back, with the wall clock of the one who proposed it.
struct dated_transaction {
  transaction changes;
  uint64_t time_ms = 0;
  uint64_t mark = 0;
};

/// Encodes for the log. `seal` may be null: then nothing is sealed. By `mark` its author recognizes
/// it when it is applied.
result<std::string> encode(const transaction& from, uint64_t time_ms, const sealer* seal,
                           uint64_t mark = 0);

/// Decodes and checks. errc::corrupt when the bytes are not a valid transaction.
result<dated_transaction> decode(std::string_view payload, const sealer* seal);

} // namespace troupe::storage
