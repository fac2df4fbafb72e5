// Decides which approved signing requests of clients are signed, with what, and which requests
// nobody needs any more. Pure: no actors, clock or I/O.
#pragma once

#include "messages/api/certificate.pb.h"
#include "messages/base/time.hpp"
#include "net/tls/authority.hpp"

#include <chrono>
#include <string>
#include <variant>
#include <vector>

namespace troupe::controllers {

using k8s::certificates::v1::CertificateSigningRequest;

struct certificate_request_view {
  const CertificateSigningRequest& request;
  timestamp now;
};

struct sign_certificate {
  tls::certificate_spec as;
};
/// It cannot be signed as it is.
struct refuse_certificate {
  std::string why;
};
struct erase_request {};
/// By then nobody needs it any more.
struct await_expiry {
  timestamp at;
};

using certificate_request_action =
    std::variant<sign_certificate, refuse_certificate, erase_request, await_expiry>;

/// What comes next. Planning again on the outcome returns nothing but waiting.
std::vector<certificate_request_action> plan(const certificate_request_view& observed);

} // namespace troupe::controllers
