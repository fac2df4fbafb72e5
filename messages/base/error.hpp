// The one list of things that can go wrong, and the table from each code to what clients see.
// Expected failures travel as result<T>; the impossible is asserted, never returned.
#pragma once

#include <boost/system/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// Every expected failure, named as Kubernetes names its reasons.
enum class errc : uint8_t {
  bad_request,
  unauthorized,
  forbidden,
  not_found,
  method_not_allowed,
  not_acceptable,
  already_exists,
  conflict,
  gone,
  expired,
  too_large,
  unsupported_media_type,
  invalid,
  too_many_requests,
  internal,
  not_implemented,
  unavailable,
  server_timeout,
  timeout,
  storage_full,
  corrupt,
  not_leader,
};

/// One reason why an object was refused: the causes of a Kubernetes Status.
struct cause {
  std::string reason;  ///< FieldValueInvalid, FieldValueRequired, ...
  std::string message; ///< without the field's name
  std::string field;   ///< spec.containers[0].name

  bool operator==(const cause&) const = default;
};

/// What a Kubernetes Status carries in `details`, all optional.
struct error_details {
  std::string name;
  std::string group;
  std::string kind;
  std::string uid;
  std::vector<cause> causes;
  int retry_after_seconds = 0;

  bool operator==(const error_details&) const = default;
};

/// A failure: what it is, and a message that says what happened and what to do.
struct error {
  errc code = errc::internal;
  std::string message;
  error_details details = {};

  bool operator==(const error&) const = default;
};

/// How a code is shown to the outside.
struct errc_info {
  errc code;
  std::string_view reason; ///< the Status reason, empty where Kubernetes has none
  int http_status;
  bool retry; ///< the same request may succeed later, unchanged
};

/// The row of `code` in the table of codes.
const errc_info& info(errc code);

/// The same failure with `context` in front: "cannot start pod web-0: runc create: ...".
error with_context(error failure, std::string_view context);

/// A value or the reason why there is none.
template<class T>
using result = boost::system::result<T, error>;

[[noreturn]] void throw_exception_from_error(const error& failure, const boost::source_location&);

} // namespace troupe
