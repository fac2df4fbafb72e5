#include "messages/base/error.hpp"

#include <cassert>
#include <stdexcept>

namespace troupe {

namespace {

constexpr errc_info table[] = {
    {errc::bad_request, "BadRequest", 400, false},
    {errc::unauthorized, "Unauthorized", 401, false},
    {errc::forbidden, "Forbidden", 403, false},
    {errc::not_found, "NotFound", 404, false},
    {errc::method_not_allowed, "MethodNotAllowed", 405, false},
    {errc::not_acceptable, "NotAcceptable", 406, false},
    {errc::already_exists, "AlreadyExists", 409, false},
    {errc::conflict, "Conflict", 409, true},
    {errc::gone, "Gone", 410, false},
    {errc::expired, "Expired", 410, false},
    {errc::too_large, "RequestEntityTooLarge", 413, false},
    {errc::unsupported_media_type, "UnsupportedMediaType", 415, false},
    {errc::invalid, "Invalid", 422, false},
    {errc::too_many_requests, "TooManyRequests", 429, true},
    {errc::internal, "InternalError", 500, false},
    {errc::not_implemented, "NotImplemented", 501, false},
    {errc::unavailable, "ServiceUnavailable", 503, true},
    {errc::server_timeout, "ServerTimeout", 504, true},
    {errc::timeout, "Timeout", 504, true},
    {errc::storage_full, "InsufficientStorage", 507, true},
    {errc::corrupt, "InternalError", 500, false},
    {errc::not_leader, "ServiceUnavailable", 503, true},
};

} // namespace

const errc_info& info(errc code) {
  const auto& row = table[static_cast<size_t>(code)];
  assert(row.code == code);
  return row;
}

error with_context(error failure, std::string_view context) {
  failure.message.insert(0, std::string(context) + ": ");
  return failure;
}

void throw_exception_from_error(const error& failure, const boost::source_location&) {
  throw std::logic_error("value() of a failed result: " + failure.message);
}

} // namespace troupe
