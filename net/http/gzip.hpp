// Compresses large answers for clients that ask for it; requests are never unfolded.
#pragma once

#include "net/http/request.hpp"
#include "net/http/response.hpp"

namespace troupe::http {

/// Smaller answers are sent as they are: compressing them costs more than sending them.
inline constexpr size_t gzip_bytes_min = 128 * 1024;

/// True if the client takes gzip (`Accept-Encoding`, quality values heeded).
bool takes_gzip(const request& in);

/// `text` as a gzip stream, at a level that favours speed. Empty if that fails.
std::string gzipped(std::string_view text);

/// Compresses the body of `what` if it is large, not compressed yet, and `in` takes gzip.
void compress_if_wanted(const request& in, response& what);

} // namespace troupe::http
