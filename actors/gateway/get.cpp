#include "actors/gateway/page.hpp"
#include "actors/gateway/verbs.hpp"

namespace troupe::gateway {

void get(gateway& g, call_ptr c) {
  auto version = c->query.get("resourceVersion");
  auto asked = version.empty() ? result<uint64_t>(0) : read_version(version);
  if (!asked) return c->fail(asked.error());
  auto now = g.given.store->current();
  if (*asked > now.revision()) return c->fail(version_to_come(version, now.revision()));
  auto entry = now.get(key_of(*c->kind, c->where.ns, c->where.name));
  if (!entry) return c->fail(not_found(*c->kind, c->where.name));
  c->answer_object(200, entry->value(), entry->mod_revision());
}

} // namespace troupe::gateway
