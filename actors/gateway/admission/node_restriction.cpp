// Nodes write what is theirs: what others write is none of this part's business.
#include "actors/gateway/admission/parts.hpp"

#include "actors/gateway/node_authorizer.hpp"
#include "actors/gateway/node_restriction.hpp"

namespace troupe::gateway {

result<void> admit_node_restriction(const admission_request& r) {
  auto node = node_of(r.c.who);
  if (!node) return {};
  auto why = why_node_may_not_write({*node, *r.c.kind, r.c.where.subresource, r.object, r.old});
  if (why.empty()) return {};
  return forbidden(*r.c.kind, meta(r.object).name(), why);
}

} // namespace troupe::gateway
