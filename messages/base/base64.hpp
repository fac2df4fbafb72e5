// Base64 as JSON carries bytes (RFC 4648, padded), and its URL form as tokens carry them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace troupe::base64 {

void encode(std::string& out, std::string_view bytes);
std::string encode(std::string_view bytes);
/// Strict: padded, no other characters than line breaks; nothing if malformed.
std::optional<std::string> decode(std::string_view text);

std::string encode_url(std::string_view bytes);
std::optional<std::string> decode_url(std::string_view text);

} // namespace troupe::base64
