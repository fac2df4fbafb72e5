// Hearing of a request's answer, whoever gives it and however late: when it begins, and when the
// last of it is on its way. The audit log and the flow control are told this way.
#pragma once

#include "net/http/responder.hpp"

namespace troupe::gateway {

/// Any thread, one call after the other.
class answer_listener {
public:
  virtual ~answer_listener() = default;
  /// `whole` is null when the answer is a stream that has just begun.
  virtual void begun(int status, const http::response* whole) = 0;
  /// Exactly once, after begun().
  virtual void ended() = 0;
};

/// An exchange that tells `by` of the answer and passes everything on to `to`.
std::shared_ptr<http::exchange> listened(std::shared_ptr<http::exchange> to,
                                         std::shared_ptr<answer_listener> by);

} // namespace troupe::gateway
