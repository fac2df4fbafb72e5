// One call's way through the audit log: what is noted of it, stage by stage.
#pragma once

#include "actors/gateway/audit/log.hpp"
#include "actors/gateway/call.hpp"

namespace troupe::gateway {

/// What the gateway finds out about a call that is audited.
class audited {
public:
  virtual ~audited() = default;
  virtual void acts_as(const user& other) = 0;
  virtual void decided(bool allowed) = 0;
};

/// Begins to audit a call of `who`, if the policy tells of it: says so in the answer, and notes
/// every stage. Null if it does not.
std::shared_ptr<audited> audit(const std::shared_ptr<audit_log>& log, call& c, const user& who,
                               std::function<timestamp()> now, uint64_t random);

} // namespace troupe::gateway
