#include "actors/node/static_pods.hpp"

#include "actors/node/images/digest.hpp"
#include "actors/nodes/references.hpp"
#include "messages/base/span.hpp"
#include "messages/codec/manifest.hpp"
#include "messages/schema/defaults.hpp"
#include "messages/schema/validate.hpp"

namespace troupe::node {

namespace {

constexpr size_t pods_of_file_max = 64;

std::string annotation(const Pod& pod, const char* name) {
  auto hit = pod.metadata().annotations().find(name);
  return hit == pod.metadata().annotations().end() ? std::string{} : hit->second;
}

/// Classes that are there before any server is.
int32_t priority_of(const std::string& name) {
  if (name == "system-node-critical") return 2'000'001'000;
  if (name == "system-cluster-critical") return 2'000'000'000;
  return 0;
}

result<Pod> settle(Pod pod, const std::string& node, timestamp now) {
  auto bad = [&](const std::string& why) {
    return error{errc::invalid, "pod " + pod.metadata().name() + ": " + why};
  };
  auto& m = *pod.mutable_metadata();
  if (m.name().empty()) return bad("it has no name");
  pod.clear_status();
  auto hash = hex_of(digest_of(pod.SerializeAsString() + '\n' + node)).substr(0, 32);
  m.set_name(m.name() + "-" + node);
  if (m.namespace_().empty()) m.set_namespace_("default");
  m.set_uid(hash);
  m.clear_owner_references();
  m.clear_finalizers();
  m.clear_deletion_timestamp();
  m.mutable_creation_timestamp()->set_seconds(now.seconds);
  auto& notes = *m.mutable_annotations();
  notes.erase(config_mirror_annotation);
  notes[config_source_annotation] = "file";
  notes[config_hash_annotation] = hash;
  notes[config_seen_annotation] = format_time(now.seconds);
  auto& spec = *pod.mutable_spec();
  spec.set_node_name(node);
  auto& stay = *spec.add_tolerations(); // nobody can put it elsewhere
  stay.set_operator_("Exists");
  stay.set_effect("NoExecute");
  if (!spec.priority_class_name().empty() && !spec.has_priority())
    spec.set_priority(priority_of(spec.priority_class_name()));
  if (nodes::refers_to_objects(pod))
    return bad("a static pod cannot refer to config maps, secrets, claims or service accounts");
  if (spec.ephemeral_containers_size()) return bad("a static pod has no ephemeral containers");
  schema::set_defaults(pod);
  for (auto& fault : schema::validate_create(pod)) return bad(fault.field + ": " + fault.message);
  return pod;
}

} // namespace

result<std::vector<Pod>> read_static_pods(std::string_view manifest, const std::string& node,
                                          timestamp now) {
  auto read = codec::read_manifests(manifest);
  for (auto& f : read.findings)
    if (f.weight == codec::finding::level::error)
      return error{errc::invalid, f.object + " " + f.field + ": " + f.message};
  std::vector<Pod> out;
  for (auto& one : read.objects) {
    auto pod = std::dynamic_pointer_cast<Pod>(one.object);
    if (!pod) return error{errc::invalid, one.kind + " " + one.name + " is no pod"};
    auto made = settle(*pod, node, now);
    if (!made) return made.error();
    out.push_back(std::move(*made));
    if (out.size() > pods_of_file_max)
      return error{errc::too_large, "more than " + std::to_string(pods_of_file_max) + " pods"};
  }
  return out;
}

bool is_static(const Pod& pod) {
  return !annotation(pod, config_source_annotation).empty() && mirrored_by(pod).empty();
}

std::string mirrored_by(const Pod& object) { return annotation(object, config_mirror_annotation); }

Pod mirror_of(const Pod& pod) {
  Pod out = pod;
  out.clear_status();
  auto& m = *out.mutable_metadata();
  (*m.mutable_annotations())[config_mirror_annotation] = m.uid();
  m.clear_uid();
  m.clear_creation_timestamp();
  m.clear_deletion_timestamp();
  m.clear_deletion_grace_period_seconds();
  return out;
}

void static_pods::want(std::map<std::string, pod_ptr> pods) {
  std::lock_guard lock(mutex_);
  wanted_ = std::move(pods);
}

std::map<std::string, static_pods::pod_ptr> static_pods::wanted() const {
  std::lock_guard lock(mutex_);
  return wanted_;
}

static_pods::pod_ptr static_pods::find(const std::string& uid) const {
  std::lock_guard lock(mutex_);
  auto hit = begun_.find(uid);
  return hit == begun_.end() ? nullptr : hit->second;
}

void static_pods::begin(const std::string& uid, pod_ptr pod) {
  std::lock_guard lock(mutex_);
  begun_[uid] = std::move(pod);
}

void static_pods::forget(const std::string& uid) {
  std::lock_guard lock(mutex_);
  begun_.erase(uid);
}

std::vector<std::string> static_pods::end_unwanted(timestamp now) {
  std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (auto& [uid, pod] : begun_) {
    if (wanted_.contains(uid) || pod->metadata().has_deletion_timestamp()) continue;
    auto ending = std::make_shared<Pod>(*pod);
    auto grace = span_of(pod->spec().termination_grace_period_seconds()).count();
    ending->mutable_metadata()->mutable_deletion_timestamp()->set_seconds(now.seconds + grace);
    ending->mutable_metadata()->set_deletion_grace_period_seconds(grace);
    pod = std::move(ending);
    out.push_back(uid);
  }
  return out;
}

} // namespace troupe::node
