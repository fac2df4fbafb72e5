#include "actors/gateway/verbs.hpp"

namespace troupe::gateway {

void get(gateway& g, call_ptr c) {
  auto version = c->query.get("resourceVersion");
  if (!version.empty() && !read_version(version)) return c->fail(read_version(version).error());
  auto now = g.given.store->current();
  auto entry = now.get(key_of(*c->kind, c->where.ns, c->where.name));
  if (!entry) return c->fail(not_found(*c->kind, c->where.name));
  c->answer_object(200, entry->value(), entry->mod_revision());
}

} // namespace troupe::gateway
