// The formats of texts that schemas of custom kinds may ask for.
#pragma once

#include <string_view>

namespace troupe::schema {

/// Whether `text` is written in that format. Of formats that nobody knows, every text is.
bool fits_format(std::string_view format, std::string_view text);

} // namespace troupe::schema
