#include "messages/patch/managed_fields.hpp"

#include "messages/api/custom.pb.h"
#include "messages/api/meta.pb.h"
#include "messages/base/json_arena.hpp"
#include "messages/codec/json_encode.hpp"
#include "messages/patch/created_fields.hpp"
#include "messages/patch/differing.hpp"

#include <google/protobuf/message.h>

#include <algorithm>

namespace troupe::patch {

namespace {

using k8s::meta::v1::ObjectMeta;

constexpr size_t update_managers_max = 10; // older ones are merged into one
constexpr const char* ancient = "ancient-changes";

std::string text_of(const schema::kind& kind, std::string_view wire) {
  std::string text;
  if (kind.custom())
    codec::custom_to_json(wire, {}, text);
  else
    codec::wire_to_json(*kind.shape, wire, {}, text);
  return text;
}

json::value tree_of(const schema::kind& kind, std::string_view wire, json::arena& memory) {
  auto tree = json::parse_in(memory, text_of(kind, wire));
  return tree ? std::move(*tree) : json::value(json::object{});
}

void write_entry(ObjectMeta& metadata, const manager& by, std::string fields) {
  auto& e = *metadata.add_managed_fields();
  e.set_manager(by.name);
  e.set_operation(by.apply ? "Apply" : "Update");
  e.set_api_version(by.api_version);
  if (by.time_seconds) {
    e.mutable_time()->set_seconds(by.time_seconds);
    e.mutable_time()->set_nanos(0);
  }
  e.set_fields_type("FieldsV1");
  e.mutable_fields_v1()->set_raw(std::move(fields));
  if (!by.subresource.empty()) e.set_subresource(by.subresource);
}

bool forgets_all(const ObjectMeta& m) {
  return m.managed_fields_size() == 1 && m.managed_fields(0).ByteSizeLong() == 0;
}

void merge_ancient(std::vector<manager>& all) {
  auto updates = std::count_if(all.begin(), all.end(), [](auto& m) { return !m.apply; });
  if (static_cast<size_t>(updates) <= update_managers_max) return;
  std::stable_sort(all.begin(), all.end(),
                   [](auto& a, auto& b) { return a.time_seconds < b.time_seconds; });
  manager merged;
  merged.name = ancient;
  for (auto it = all.begin();
       it != all.end() && static_cast<size_t>(updates) > update_managers_max - 1;) {
    if (it->apply || !it->subresource.empty()) {
      ++it;
      continue;
    }
    merged.api_version = it->api_version;
    merged.time_seconds = it->time_seconds;
    merged.fields.give(it->fields.set());
    it = all.erase(it);
    --updates;
  }
  all.push_back(std::move(merged));
}

} // namespace

field_set without_identity(field_set set) {
  set.self = false;
  for (auto key : {"f:apiVersion", "f:kind"}) set.below.erase(key);
  auto hit = set.below.find("f:metadata");
  if (hit == set.below.end()) return set;
  auto& metadata = hit->second;
  metadata.self = false;
  for (auto key : {"f:name", "f:namespace", "f:creationTimestamp", "f:selfLink", "f:uid",
                   "f:generation", "f:managedFields", "f:resourceVersion", "f:clusterName"})
    metadata.below.erase(key);
  if (metadata.below.empty()) set.below.erase(hit);
  return set;
}

std::vector<manager> read_managers(const ObjectMeta& metadata) {
  std::vector<manager> all;
  for (auto& e : metadata.managed_fields())
    all.push_back({e.manager(), e.operation() == "Apply", e.api_version(), e.subresource(),
                   e.time().seconds(), owned_fields(e.fields_v1().raw())});
  return all;
}

void write_managers(ObjectMeta& metadata, std::vector<manager> all) {
  metadata.clear_managed_fields();
  std::erase_if(all, [](auto& m) { return m.fields.empty(); });
  merge_ancient(all);
  std::stable_sort(all.begin(), all.end(), [](auto& a, auto& b) {
    if (a.apply != b.apply) return a.apply;
    if (a.time_seconds != b.time_seconds) return a.time_seconds < b.time_seconds;
    return a.name < b.name;
  });
  for (auto& m : all) write_entry(metadata, m, m.fields.text());
}

void track_update(const schema::kind& kind, const change_of_bytes& change, ObjectMeta& metadata,
                  const ObjectMeta* old, const std::string& by, const std::string& subresource,
                  timestamp now) {
  if (forgets_all(metadata)) return metadata.clear_managed_fields();
  if (!old && metadata.managed_fields().empty() && !kind.custom()) {
    auto fields = created_fields(change.after, *kind.shape);
    if (fields != "{}")
      write_entry(metadata, {by, false, kind.api_version(), subresource, now.seconds, {}},
                  std::move(fields));
    return;
  }
  if (old && change.before == change.after) return;
  // What is equal belongs to whom it belonged; only the rest is worth looking at.
  auto both = kind.custom()
                  ? two_versions{std::string(change.before), std::string(change.after)}
                  : differing(*kind.prototype->GetDescriptor(), change.before, change.after);
  auto all = read_managers(metadata.managed_fields().empty() && old ? *old : metadata);
  json::arena memory;
  auto before = tree_of(kind, both.before, memory);
  auto after = tree_of(kind, both.after, memory);
  auto changed = without_identity(changed_fields(before, after, *kind.shape));
  auto removed = old ? without_identity(removed_fields(before, after, *kind.shape)) : field_set{};
  for (auto& m : all) {
    m.fields.take(removed);
    if (m.name != by || m.apply || m.subresource != subresource) m.fields.take(changed);
  }
  if (!changed.empty()) {
    manager mine{by, false, kind.api_version(), subresource, now.seconds, {}};
    auto hit = std::find_if(all.begin(), all.end(), [&](auto& m) { return m.same_as(mine); });
    if (hit == all.end()) {
      mine.fields = std::move(changed);
      all.push_back(std::move(mine));
    } else {
      hit->fields.give(changed);
      hit->time_seconds = now.seconds;
    }
  }
  write_managers(metadata, std::move(all));
}

} // namespace troupe::patch
