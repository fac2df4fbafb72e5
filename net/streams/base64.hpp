// Base64 in its two alphabets, strict: nothing but the alphabet, correct padding, no loose bits.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace troupe::streams {

std::string base64_encoded(std::string_view bytes);
std::optional<std::string> base64_decoded(std::string_view text);

/// Without padding.
std::string base64url_encoded(std::string_view bytes);
std::optional<std::string> base64url_decoded(std::string_view text);

} // namespace troupe::streams
