// How long a certificate holds, and when it is made anew: when two thirds of its life are over.
#pragma once

#include "messages/base/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::tls {

/// Seconds since 1970, UTC.
struct life {
  int64_t begins = 0, ends = 0;

  int64_t renewal() const { return ends - (ends - begins) / 3; }
};

/// Of the first certificate in `pem`.
result<life> read_life(std::string_view pem);

/// Whether the first certificate in `pem` names this IP address.
bool names_address(std::string_view pem, const std::string& address);

} // namespace troupe::tls
