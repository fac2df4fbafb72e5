// RFC 6902 JSON patch and RFC 7396 merge patch. Pure, with limits on what a patch may blow up to.
#pragma once

#include "messages/base/error.hpp"
#include "messages/base/json.hpp"

namespace troupe::patch {

constexpr size_t json_patch_operations_max = 10'000;
/// What copies may add up to, so that doubling a node again and again ends early.
constexpr size_t json_patch_copied_bytes_max = 3u << 20;

/// Applies `operations` (an array) to `document`. bad_request: malformed; invalid: does not apply
/// (a missing path, a failed test); too_large: over a limit.
result<void> apply_json_patch(json::value& document, const json::value& operations);

/// Merges `patch` over `document`: null removes, objects merge, everything else replaces.
void apply_merge_patch(json::value& document, const json::value& patch);

} // namespace troupe::patch
