#include "actors/gateway/definition_removal.hpp"

#include "actors/gateway/api_services.hpp"
#include "actors/gateway/custom.hpp"
#include "actors/gateway/fields.hpp"
#include "actors/gateway/write.hpp"
#include "messages/api/custom.pb.h"
#include "messages/codec/json_encode.hpp"

#include <algorithm>

namespace troupe::gateway {

namespace {

using k8s::apiextensions::v1::CustomResourceDefinition;

constexpr const char* finalizer = "customresourcecleanup.apiextensions.k8s.io";
/// How many objects go in one transaction.
constexpr size_t objects_max = 2'000;

std::string prefix_of_objects(const CustomResourceDefinition& d) {
  return d.spec().names().plural() + "." + d.spec().group() + "/";
}

void tell_terminating(CustomResourceDefinition& d, const char* reason, const char* message,
                      timestamp now) {
  auto& all = *d.mutable_status()->mutable_conditions();
  auto hit =
      std::find_if(all.begin(), all.end(), [](auto& c) { return c.type() == "Terminating"; });
  auto& c = hit == all.end() ? *all.Add() : *hit;
  if (c.status() != "True") c.mutable_last_transition_time()->set_seconds(now.seconds);
  c.set_type("Terminating");
  c.set_status("True");
  c.set_reason(reason);
  c.set_message(message);
}

/// Takes the definition away, or what kept it if others keep it, too.
void let_go(const call& c, const storage::snapshot& now, const storage::entry& entry,
            CustomResourceDefinition& d, storage::transaction& tx) {
  auto& all = *d.mutable_metadata()->mutable_finalizers();
  all.erase(std::remove(all.begin(), all.end(), finalizer), all.end());
  auto& kind = definition_kind();
  auto key = std::string(entry.key());
  tx.require_revision(key, entry.mod_revision());
  if (!all.empty()) {
    tx.put(key, stored_form(kind, d), index_of(kind, d));
    return;
  }
  d.mutable_metadata()->set_deletion_grace_period_seconds(0);
  tx.erase(key, stored_form(kind, d), index_of(kind, d));
  withdraw_versions(c, now, d, nullptr, tx);
  settle_waiting(*c.kinds, now, d, c.now, tx);
}

/// Removes an object, or marks it if somebody else has to let it go first.
void remove_object(const storage::entry& entry, timestamp at, storage::transaction& tx) {
  k8s::base::Custom object;
  if (!read_entry(entry, object) || object.metadata().finalizers().empty()) {
    tx.erase(entry.key(), entry.value(), entry.index().packed());
    return;
  }
  auto& m = *object.mutable_metadata();
  if (m.has_deletion_timestamp()) return;
  begin_deletion(m, at.seconds, 0);
  m.clear_resource_version();
  tx.require_revision(std::string(entry.key()), entry.mod_revision());
  tx.put(entry.key(), codec::to_wire(object), entry.index().packed());
}

} // namespace

change plan_definition_removal(const call& c, const storage::snapshot& now,
                               const storage::entry& entry, CustomResourceDefinition& d,
                               bool dry_run) {
  auto& kind = definition_kind();
  auto& m = *d.mutable_metadata();
  if (!m.has_deletion_timestamp()) {
    m.mutable_deletion_timestamp()->set_seconds(c.now.seconds);
    auto& all = *m.mutable_finalizers();
    if (std::find(all.begin(), all.end(), finalizer) == all.end()) m.add_finalizers(finalizer);
    tell_terminating(d, "InstanceDeletionPending",
                     "CustomResourceDefinition marked for deletion; CustomResource deletion will "
                     "begin soon",
                     c.now);
  }
  change out;
  auto marked = stored_form(kind, d);
  out.answer = [marked](call& c, uint64_t revision) { c.answer_object(200, marked, revision); };
  out.revision = entry.mod_revision();
  if (dry_run) {
    out.commit = false;
    return out;
  }
  bool any = false;
  for (auto& object : now.list(prefix_of_objects(d))) {
    if (out.tx.mutations.size() >= objects_max) {
      out.more = true;
      break;
    }
    auto before = out.tx.mutations.size();
    remove_object(object, c.now, out.tx);
    bool gone = out.tx.mutations.size() > before &&
                out.tx.mutations.back().what == storage::mutation::kind::erase;
    any = any || !gone;
  }
  if (!any && !out.more) {
    let_go(c, now, entry, d, out.tx);
    return out;
  }
  if (any && !out.more)
    tell_terminating(d, "InstanceDeletionInProgress", "CustomResource deletion is in progress",
                     c.now);
  auto stored = stored_form(kind, d);
  auto key = std::string(entry.key());
  if (stored != entry.value()) {
    out.tx.require_revision(key, entry.mod_revision());
    out.tx.put(key, stored, index_of(kind, d));
  }
  out.commit = !out.tx.mutations.empty();
  return out;
}

void release_definition(const call& c, const storage::snapshot& now, std::string_view key,
                        storage::transaction& tx) {
  if (!c.kind->custom() || !is_leaving(*c.kind, now)) return;
  for (auto& other : now.list(std::string(key.substr(0, key.find('/') + 1)))) {
    if (other.key() == key) continue;
    // Whoever goes last finds this one gone, and looks again.
    tx.require_exists(std::string(other.key()));
    return;
  }
  auto entry = now.get(key_of(definition_kind(), {}, c.kind->group_resource()));
  CustomResourceDefinition d;
  if (entry && read_entry(*entry, d)) let_go(c, now, *entry, d, tx);
}

} // namespace troupe::gateway
