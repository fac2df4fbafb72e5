// Server-side apply: a manager states what it wants; its fields are set, fields it no longer states
// and nobody else owns are removed, and fields that others own with another value are conflicts.
// Pure.
#pragma once

#include "messages/patch/managed_fields.hpp"

namespace troupe::patch {

struct apply_request {
  const schema::kind& kind;
  const json::value& wanted; ///< what the manager states, as it came
  std::string manager;
  std::string subresource;
  bool force = false;
  timestamp now;
};

struct applied {
  json::value object;
  std::vector<manager> managers;
};

/// Applies to `live` with its managers; for a new object `live` is an empty one. Fails with
/// conflict and a cause for each field that another manager owns, unless forced.
result<applied> apply(const apply_request& request, const json::value& live,
                      std::vector<manager> managers);

/// The same, but a manager named kubectl takes over without a conflict what `kubectl apply` without
/// the server's help has left behind in an annotation; and keeps the annotation up to date.
result<applied> apply_migrating(apply_request request, const json::value& live,
                                const std::vector<manager>& managers);

/// Finds what a list of managed elements may not hold: the same key twice, or a key missing.
result<void> check_lists(const json::value& value, const schema::type& type);

} // namespace troupe::patch
