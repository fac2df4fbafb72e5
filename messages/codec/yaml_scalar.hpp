// What a plain YAML scalar means, for reader and writer alike.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace troupe::yaml {

/// The JSON of a plain scalar that is not a string: null, true, 42. Nothing if it is a string.
/// Infinity and not-a-number, which JSON cannot say, come out empty.
std::optional<std::string> resolve_plain(std::string_view text);

} // namespace troupe::yaml
