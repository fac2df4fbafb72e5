// The continue token of a list in pages: where to go on, and in which revision. Clients only carry
// it.
#pragma once

#include "messages/base/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::gateway {

struct page_token {
  uint64_t revision = 0; ///< 0: no token, or one that goes on in the present
  std::string after;     ///< the last key shown, without the prefix of the list
};

std::string write_page_token(const page_token& token);
/// An empty text is no token; a malformed one is bad_request.
result<page_token> read_page_token(std::string_view text);

/// What a client is told that asks for a version that has not happened, `now` being the newest.
error version_to_come(std::string_view asked, uint64_t now);

} // namespace troupe::gateway
