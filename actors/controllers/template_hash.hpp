// A short word that stands for a version of a template. Pure.
#pragma once

#include <string>
#include <string_view>

namespace troupe::controllers {

/// Ten letters at most that can be part of a name and say nothing. The same bytes and number of
/// collisions give the same word.
std::string short_hash(std::string_view bytes, int collisions);

} // namespace troupe::controllers
