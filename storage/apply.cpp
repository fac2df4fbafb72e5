#include "storage/apply.hpp"

namespace troupe::storage {

namespace {

bool holds(const precondition& wanted, const entry* current) {
  switch (wanted.what) {
  case precondition::kind::absent: return !current;
  case precondition::kind::exists: return current;
  case precondition::kind::revision_is:
    return current && current->mod_revision() == wanted.mod_revision;
  }
  return false;
}

std::optional<refusal> find_refusal(const state& in, const transaction& change, uint64_t term) {
  if (change.leader_term != 0 && change.leader_term != term)
    return refusal{refusal::reason::stale_term};
  for (size_t i = 0; i < change.preconditions.size(); ++i) {
    auto& wanted = change.preconditions[i];
    auto current = in.objects.find(wanted.key);
    if (!holds(wanted, current))
      return refusal{refusal::reason::precondition_failed, i,
                     current ? current->mod_revision() : 0};
  }
  for (size_t i = 0; i < change.mutations.size(); ++i)
    if (auto& x = change.mutations[i]; x.what == mutation::kind::erase && !in.objects.find(x.key()))
      return refusal{refusal::reason::not_there, i, 0};
  return {};
}

event_ptr put(state& to, mutation& change, uint64_t cause) {
  auto current = to.objects.find(change.key());
  change.object->stamp(current ? current->create_revision() : to.revision, to.revision);
  entry_ptr now = std::move(change.object);
  auto before = to.objects.put(now);
  return new event{event::kind::put, std::move(now), std::move(before), cause};
}

event_ptr erase(state& to, mutation& change, uint64_t cause) {
  auto before = to.objects.erase(change.key());
  auto last = std::move(change.object);
  if (last->value().empty())
    last = entry::make(before->key(), before->index().packed(), before->value());
  last->stamp(before->create_revision(), to.revision);
  return new event{event::kind::erase, std::move(last), std::move(before), cause};
}

} // namespace

outcome apply(state& to, transaction change, uint64_t term, std::vector<event_ptr>& events) {
  if (auto refused = find_refusal(to, change, term)) return {to.revision, refused};
  ++to.revision;
  for (auto& x : change.mutations)
    events.push_back(x.what == mutation::kind::put ? put(to, x, change.cause)
                                                   : erase(to, x, change.cause));
  return {to.revision, {}};
}

} // namespace troupe::storage
