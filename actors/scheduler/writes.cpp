#include "actors/scheduler/writes.hpp"

#include "actors/controllers/conditions.hpp"
#include "actors/gateway/fields.hpp"
#include "actors/gateway/write.hpp"
#include "messages/api/pod.pb.h"

namespace troupe::scheduler {

namespace {

using controllers::set_condition;
using k8s::core::v1::Pod;

const schema::kind& pods() {
  static auto& kind = *schema::registry::built_in()->by_resource("", "v1", "pods");
  return kind;
}

void put(const storage::entry& old, const Pod& pod, storage::transaction& tx) {
  tx.require_revision(std::string(old.key()), old.mod_revision());
  tx.put(old.key(), gateway::stored_form(pods(), pod), gateway::index_of(pods(), pod));
}

bool write(const bind_pod& d, const storage::entry& old, Pod& pod, timestamp at,
           storage::transaction& tx) {
  if (!pod.spec().node_name().empty() || pod.metadata().has_deletion_timestamp() ||
      pod.spec().scheduling_gates_size() > 0)
    return false;
  pod.mutable_spec()->set_node_name(d.node);
  pod.mutable_status()->clear_nominated_node_name();
  auto& conditions = *pod.mutable_status()->mutable_conditions();
  set_condition(conditions, "PodScheduled", true, "", "", at);
  auto& scheduled = *controllers::find_condition(conditions, "PodScheduled");
  scheduled.clear_reason();
  scheduled.clear_message();
  put(old, pod, tx);
  return true;
}

bool write(const tell_pending& d, const storage::entry& old, Pod& pod, timestamp at,
           storage::transaction& tx) {
  if (!pod.spec().node_name().empty() || pod.metadata().has_deletion_timestamp()) return false;
  auto& status = *pod.mutable_status();
  bool changed =
      set_condition(*status.mutable_conditions(), "PodScheduled", false, d.reason, d.message, at);
  if (status.nominated_node_name() != d.nominated) {
    changed = true;
    d.nominated.empty() ? status.clear_nominated_node_name()
                        : status.set_nominated_node_name(d.nominated);
  }
  if (changed) put(old, pod, tx);
  return true;
}

bool write(const preempt_pod& d, const storage::entry& old, Pod& pod, timestamp at,
           storage::transaction& tx) {
  if (pod.metadata().has_deletion_timestamp()) return false;
  auto& conditions = *pod.mutable_status()->mutable_conditions();
  set_condition(conditions, "DisruptionTarget", true, "PreemptionByScheduler", d.message, at);
  auto grace = gateway::grace_of(pod);
  auto& m = *pod.mutable_metadata();
  m.mutable_deletion_timestamp()->set_seconds(at.seconds + grace);
  m.set_deletion_grace_period_seconds(grace);
  if (grace > 0 || !m.finalizers().empty()) {
    put(old, pod, tx);
    return true;
  }
  tx.require_revision(std::string(old.key()), old.mod_revision());
  tx.erase(old.key(), gateway::stored_form(pods(), pod), gateway::index_of(pods(), pod));
  return true;
}

} // namespace

bool write(const decision& d, const storage::snapshot& now, timestamp at,
           storage::transaction& tx) {
  return std::visit(
      [&](auto& what) {
        auto entry = now.find(what.pod->key());
        Pod pod;
        if (!entry || !gateway::read_entry(*entry, pod)) return false;
        if (pod.metadata().uid() != what.pod->uid) return false;
        return write(what, *entry, pod, at, tx);
      },
      d);
}

} // namespace troupe::scheduler
