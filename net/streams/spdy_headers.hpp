// The header blocks of SPDY/3.1: zlib with the protocol's dictionary and one history for the whole
// connection. Bounded: a block that unfolds to more than the limit is an error.
#pragma once

#include "net/http/response.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::streams {

inline constexpr size_t spdy_header_block_bytes_max = 64 * 1024;

/// The dictionary that both sides start from (permanent: part of the protocol).
const std::string& spdy_dictionary();

class spdy_inflater {
public:
  spdy_inflater();
  ~spdy_inflater();
  spdy_inflater(const spdy_inflater&) = delete;
  spdy_inflater& operator=(const spdy_inflater&) = delete;

  /// The headers of one block; several values of a name become several headers. Nothing on error,
  /// after which the connection cannot go on.
  std::optional<http::header_list> unfold(std::string_view block);

private:
  struct zlib;
  std::unique_ptr<zlib> zlib_;
};

class spdy_deflater {
public:
  spdy_deflater();
  ~spdy_deflater();
  spdy_deflater(const spdy_deflater&) = delete;
  spdy_deflater& operator=(const spdy_deflater&) = delete;

  std::string fold(const http::header_list& headers);

private:
  struct zlib;
  std::unique_ptr<zlib> zlib_;
};

} // namespace troupe::streams
