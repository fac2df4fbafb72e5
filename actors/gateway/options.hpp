// The options in a request's query (and, for deletions, in its body), checked. Pure.
#pragma once

#include "messages/api/request_options.pb.h"
#include "messages/base/selector.hpp"
#include "messages/schema/kind.hpp"
#include "net/http/url.hpp"
#include "storage/entry.hpp"

#include <optional>

namespace troupe::gateway {

enum class field_validation : uint8_t { ignore, warn, strict };

/// Options of create, update and patch.
struct write_options {
  bool dry_run = false;
  bool force = false;
  std::string field_manager;
  field_validation fields = field_validation::warn;
};
/// `document` is CreateOptions, UpdateOptions or PatchOptions, for the error.
result<write_options> read_write_options(const http::query& query, std::string_view document);

/// Which objects of a kind are meant.
struct selection {
  label_selector labels;
  std::vector<field_requirement> fields;

  bool matches(const storage::entry& entry) const;
  bool all() const { return labels.empty() && fields.empty(); }
  /// The one name that it comes down to, if there is one.
  std::optional<std::string_view> one_name() const;
};

/// Options of list and watch.
struct list_options {
  selection wanted;
  uint64_t limit = 0; ///< 0: all
  std::string continue_token;
  std::string version;       ///< as it was sent, empty if it was not
  std::string version_match; ///< "", "Exact", "NotOlderThan"
  bool bookmarks = false;
  bool initial_events = false;
  std::optional<int64_t> timeout_seconds;
};
result<list_options> read_list_options(const schema::kind& kind, const http::query& query);

/// Merges query parameters over what the body said, and checks the result.
result<void> read_delete_options(const http::query& query, k8s::meta::v1::DeleteOptions& options);

/// A resourceVersion as a number; bad_request if it is none.
result<uint64_t> read_version(std::string_view text);

} // namespace troupe::gateway
