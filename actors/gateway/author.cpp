#include "actors/gateway/author.hpp"

#include "actors/gateway/write.hpp"

namespace troupe::gateway {

namespace {

constexpr const char* controller_manager =
    "kube-controller-manager"; // what clients know controllers by
constexpr int names_tried_max = 8;

write_options options_of(const std::string& manager) {
  write_options out;
  out.field_manager = manager;
  return out;
}

} // namespace

author::author(gateway& g, std::string_view name, const storage::snapshot& now)
    : author{g,
             user{"system:serviceaccount:kube-system:" + std::string(name),
                  {},
                  {"system:serviceaccounts", "system:serviceaccounts:kube-system",
                   "system:authenticated"},
                  {}},
             controller_manager, now} {}

author::author(gateway& g, user who, std::string manager, const storage::snapshot& now)
    : g_{g}, manager_{std::move(manager)}, now_{now} {
  call_.kinds = g.kinds();
  call_.now = g.given.now();
  call_.who = std::move(who);
  call_.pending = [this](std::string_view key) { return written(key); };
}

void author::begin(const schema::kind& kind, std::string_view verb, std::string_view ns,
                   std::string_view name, std::string_view subresource) {
  call_.kind = &kind;
  call_.sub = subresource.empty() ? nullptr : kind.find_subresource(subresource);
  auto& at = call_.where;
  at.resource = true;
  at.verb = verb;
  at.group = kind.group;
  at.version = kind.version;
  at.plural = kind.plural;
  at.ns = ns;
  at.name = name;
  at.subresource = subresource;
}

result<const storage::entry*> author::create(const schema::kind& kind, object fresh) {
  auto& m = meta(*fresh);
  if (m.name().empty() && !m.generate_name().empty())
    for (int i = 0; i < names_tried_max; ++i) {
      m.set_name(generated_name(m.generate_name(), g_.given.random));
      auto key = key_of(kind, m.namespace_(), m.name());
      if (!touched(key) && !now_.find(key)) break;
    }
  auto key = key_of(kind, m.namespace_(), m.name());
  if (touched(key)) return already_exists(kind, m.name());
  begin(kind, "create", m.namespace_(), {}, {});
  if (auto ok = add(plan_create(g_, call_, std::move(fresh), options_of(manager_), now_)); !ok)
    return ok.error();
  return tx_.mutations[places_.at(key)].object.get();
}

result<void> author::update(const schema::kind& kind, const storage::entry& old, object fresh,
                            std::string_view subresource) {
  auto at = split_key(old.key());
  if (touched(old.key())) return stale(kind, at.name);
  begin(kind, "update", at.ns, at.name, subresource);
  return add(plan_update(g_, call_, std::move(fresh), old, options_of(manager_), now_));
}

result<void> author::update_but_for(const schema::kind& kind, const storage::entry& old,
                                    object fresh, const stored_list& list) {
  auto at = split_key(old.key());
  if (touched(old.key())) return stale(kind, at.name);
  begin(kind, "update", at.ns, at.name, {});
  return add(plan_update(g_, call_, std::move(fresh), old, list, options_of(manager_), now_));
}

result<void> author::remove(const schema::kind& kind, const storage::entry& old,
                            const k8s::meta::v1::DeleteOptions& options) {
  auto at = split_key(old.key());
  if (touched(old.key())) return stale(kind, at.name);
  begin(kind, "delete", at.ns, at.name, {});
  return add(plan_delete(call_, now_, old, options));
}

result<void> author::remove(const schema::kind& kind, const storage::entry& old) {
  return remove(kind, old, {});
}

void author::rely_on(const storage::entry& seen) {
  require({storage::precondition::kind::revision_is, std::string(seen.key()), seen.mod_revision()});
}

void author::require(storage::precondition p) {
  if (required_.emplace(p.what, p.key).second) tx_.preconditions.push_back(std::move(p));
}

result<void> author::add(result<change> made) {
  if (!made) return made.error();
  if (!made->commit) return {};
  for (auto& p : made->tx.preconditions) require(std::move(p));
  for (auto& m : made->tx.mutations) {
    auto [place, fresh] = places_.emplace(std::string(m.key()), tx_.mutations.size());
    if (fresh)
      tx_.mutations.push_back(std::move(m));
    else
      tx_.mutations[place->second] = std::move(m); // a quota, charged once more
  }
  return {};
}

storage::transaction author::take() {
  places_.clear();
  required_.clear();
  return std::exchange(tx_, {});
}

} // namespace troupe::gateway
