#include "actors/controllers/recorder.hpp"

#include "actors/gateway/fields.hpp"
#include "actors/gateway/write.hpp"
#include "messages/api/event.pb.h"

namespace troupe::controllers {

namespace {

constexpr size_t pending_max = 10'000;
constexpr size_t remembered_max = 20'000;
constexpr int messages_max = 10; // of one topic, before the rest is put together
constexpr int64_t topic_seconds = 600;
constexpr size_t message_bytes_max = 1024;

std::string hex(uint64_t number) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out(16, '0');
  for (auto i = out.size(); i-- > 0; number >>= 4) out[i] = digits[number & 15];
  return out;
}

} // namespace

recorder::recorder(const environment& given, std::string source)
    : given_{given}, source_{std::move(source)}, kind_{*schema::registry::built_in()->by_resource(
                                                     "", "v1", "events")},
      spaces_{*schema::registry::built_in()->by_resource("", "v1", "namespaces")} {}

void recorder::note(const schema::kind& kind, const k8s::meta::v1::ObjectMeta& about,
                    const char* type, const char* reason, std::string message) {
  k8s::core::v1::ObjectReference ref;
  ref.set_api_version(kind.api_version());
  ref.set_kind(kind.name);
  ref.set_namespace_(about.namespace_());
  ref.set_name(about.name());
  ref.set_uid(about.uid());
  if (about.has_resource_version()) ref.set_resource_version(about.resource_version());
  note(std::move(ref), type, reason, std::move(message));
}

void recorder::note(k8s::core::v1::ObjectReference about, const char* type, const char* reason,
                    std::string message, const char* action) {
  if (message.size() > message_bytes_max) message.resize(message_bytes_max);
  auto subject = about.uid() + '\n' + type + '\n' + reason + '\n';
  auto identity = subject + message;
  if (!written_.contains(identity) && !pending_.contains(identity)) {
    if (topics_.size() >= remembered_max) topics_.clear();
    auto& t = topics_[subject];
    auto now = given_.now().seconds;
    if (now - t.began > topic_seconds) t = {now, 0};
    if (++t.messages > messages_max) {
      identity = subject;
      message = "(combined from similar events): " + message;
    }
  }
  if (pending_.size() >= pending_max && !pending_.contains(identity)) return;
  auto& p = pending_[identity];
  if (p.count++ == 0) p = {std::move(about), type, reason, action, {}, 1};
  p.message = std::move(message);
}

void recorder::publish(const storage::snapshot& now) {
  if (pending_.empty()) return;
  if (written_.size() >= remembered_max) written_.clear();
  std::map<std::string, storage::transaction> by_namespace;
  for (auto& [identity, p] : pending_) {
    auto ns = p.about.namespace_().empty() ? "default" : p.about.namespace_();
    auto key = gateway::key_of(spaces_, {}, ns);
    auto space = now.find(key);
    if (!space || space->field("status.phase") == "Terminating") continue;
    auto& tx = by_namespace[ns];
    if (tx.preconditions.empty()) tx.require_exists(key);
    write(p, identity, now, tx);
  }
  pending_.clear();
  // An event that is lost is no harm: what happened stands in the objects themselves.
  for (auto& [ns, tx] : by_namespace)
    if (!tx.mutations.empty()) given_.store->commit(std::move(tx), [](result<storage::outcome>) {});
}

void recorder::write(const pending& p, const std::string& identity, const storage::snapshot& now,
                     storage::transaction& tx) {
  k8s::core::v1::Event event;
  auto ns = p.about.namespace_().empty() ? "default" : p.about.namespace_();
  auto at = given_.now();
  auto known = written_.find(identity);
  auto old = known == written_.end() ? storage::entry_ptr{}
                                     : now.get(gateway::key_of(kind_, ns, known->second));
  if (old && gateway::read_entry(*old, event)) {
    event.set_count(event.count() + p.count);
  } else {
    auto& m = *event.mutable_metadata();
    m.set_namespace_(ns);
    m.set_name(p.about.name().substr(0, 236) + "." + hex(given_.random()));
    gateway::begin_life(given_.random, event, at);
    *event.mutable_involved_object() = p.about;
    event.set_reason(p.reason);
    event.set_type(p.type);
    if (!p.action.empty()) event.set_action(p.action);
    event.mutable_source()->set_component(source_);
    event.set_reporting_component(source_);
    event.mutable_first_timestamp()->set_seconds(at.seconds);
    event.set_count(p.count);
    written_[identity] = m.name();
  }
  event.set_message(p.message);
  event.mutable_last_timestamp()->set_seconds(at.seconds);
  tx.put(gateway::key_of(kind_, ns, event.metadata().name()), gateway::stored_form(kind_, event),
         gateway::index_of(kind_, event));
}

} // namespace troupe::controllers
