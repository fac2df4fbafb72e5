// YAML as people write manifests, to JSON and back. Reading keeps a map from the JSON to lines and
// columns, so that every later fault can be shown where its author wrote it.
#pragma once

#include "messages/base/error.hpp"
#include "messages/base/json_reader.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::yaml {

/// What a text may cost. Beyond any of these it is refused.
struct limits {
  size_t text_bytes_max = 16 * 1024 * 1024;
  int depth_max = 450;
  size_t documents_max = 10'000;
  size_t nodes_max = 4'000'000;
  /// Values written because an alias or merge key repeats them.
  size_t repeated_max = 100'000;
};

/// One document of a text, as JSON.
struct document {
  struct mark {
    size_t offset; ///< in `json`
    json::position at;
  };

  std::string json;
  std::vector<mark> marks; ///< by offset: every key and value
  size_t line = 1;         ///< where the document begins

  /// Where that which stands at `offset` of the JSON was written.
  json::position locate(size_t offset) const;
};

/// Every document of `text` that is not empty. Plain scalars mean what YAML 1.1 says they mean, as
/// kubectl reads them: yes, on and 0644 are true, true and 420. Duplicate keys are kept, for the
/// decoder to report. Failures name line and column.
result<std::vector<document>> to_json(std::string_view text, const limits& most = {});

/// `json` in block style with sorted keys, as `kubectl -o yaml` prints it.
result<std::string> from_json(std::string_view json);

} // namespace troupe::yaml
