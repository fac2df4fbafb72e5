// The table form of objects that `kubectl get` shows: columns of the kind, one row an object, and
// the metadata-only form that other clients ask for.
#pragma once

#include "messages/schema/kind.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::codec {

/// What comes with each row.
enum class include : uint8_t { none, metadata, object };
include include_of(std::string_view word);

/// Collects rows; pages of a list and the one object of a get alike.
class table {
public:
  /// `now_seconds` is what ages are counted to.
  table(const schema::kind& kind, include rows_carry, std::string_view meta_version,
        int64_t now_seconds);

  /// Adds the row of one object as it is stored.
  void add(std::string_view stored, uint64_t revision);
  /// The whole document. `columns` may be left out, as in all but the first event of a watch.
  std::string finish(std::string_view resource_version, std::string_view continue_token,
                     std::string_view remaining, bool columns = true);

private:
  const schema::kind& kind_;
  include carry_;
  std::string version_;
  int64_t now_seconds_;
  std::string rows_;
};

/// Appends the PartialObjectMetadata of a stored object.
void write_partial(std::string_view stored, uint64_t revision, std::string_view meta_version,
                   std::string& out, bool with_type = true);

} // namespace troupe::codec
