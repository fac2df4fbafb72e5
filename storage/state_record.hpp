// An object as LMDB and backups hold it: revisions, key, index and value with a checksum, the value
// sealed where it must not lie in the clear. Pure: bytes in, bytes out.
#pragma once

#include "storage/entry.hpp"
#include "storage/sealer.hpp"

#include <string>

namespace troupe::storage {

/// Appends the record of `from` to `out`. `seal` may be null.
result<void> encode_record(std::string& out, const entry& from, const sealer* seal);

/// The entry of a record; errc::corrupt when a checksum or a size is wrong.
result<entry_ptr> decode_record(std::string_view record, const sealer* seal);

} // namespace troupe::storage
