// A line of the shell as words. Pure.
#pragma once

#include "messages/base/error.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace troupe::shell {

/// Splits at blanks; quotes and backslashes hold words together; # begins a comment. Fails if a
/// quote is not closed.
result<std::vector<std::string>> split(std::string_view line);

/// What a line ends with: `\watch 5` runs it again and again.
struct repeated {
  std::vector<std::string> words;
  int every_seconds = 0; ///< 0: once
};
result<repeated> take_watch(std::vector<std::string> words);

} // namespace troupe::shell
