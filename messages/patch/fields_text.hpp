// Sets of fields in their text form, fieldsV1, changed in one pass over the text: most of what a
// manager owns stays as it is and need not become a tree. Pure.
#pragma once

#include "messages/patch/field_set.hpp"

#include <optional>

namespace troupe::patch {

/// What unite() and subtract() of the set that `text` tells would be written as. Nothing if the
/// text is not as write_fields() writes it: then only its tree can be changed.
std::optional<std::string> unite(std::string_view text, const field_set& more);
std::optional<std::string> subtract(std::string_view text, const field_set& less);

} // namespace troupe::patch
