#include "actors/gateway/custom.hpp"

#include "actors/gateway/decoded.hpp"
#include "actors/gateway/write.hpp"
#include "messages/api/apiextensions.pb.h"
#include "messages/api/custom.pb.h"
#include "messages/schema/custom.hpp"
#include "messages/schema/custom_object.hpp"
#include "messages/schema/validate.hpp"

#include <algorithm>
#include <set>

namespace troupe::gateway {

namespace {

using k8s::apiextensions::v1::CustomResourceDefinition;

constexpr const char* established = "Established";
constexpr const char* names_accepted = "NamesAccepted";

bool has_condition(const CustomResourceDefinition& d, std::string_view type) {
  for (auto& c : d.status().conditions())
    if (c.type() == type) return c.status() == "True";
  return false;
}

void set_condition(CustomResourceDefinition& d, const char* type, bool holds, const char* reason,
                   const std::string& message, timestamp now) {
  auto& all = *d.mutable_status()->mutable_conditions();
  auto hit = std::find_if(all.begin(), all.end(), [&](auto& c) { return c.type() == type; });
  auto& c = hit == all.end() ? *all.Add() : *hit;
  auto status = holds ? "True" : "False";
  if (c.type() != type || c.status() != status) {
    c.mutable_last_transition_time()->set_seconds(now.seconds);
    c.mutable_last_transition_time()->set_nanos(0);
  }
  c.set_type(type);
  c.set_status(status);
  c.set_reason(reason);
  c.set_message(message);
}

/// What others in the group are called: in paths, and in bodies.
struct used_names {
  std::set<std::string> resources, kinds;
};

used_names names_of_others(const CustomResourceDefinition& d, const schema::registry& kinds) {
  used_names out;
  for (auto& k : kinds.all()) {
    if (!k.custom() || k.group != d.spec().group() || k.plural == d.spec().names().plural())
      continue;
    out.resources.insert({k.plural, k.singular});
    out.resources.insert(k.short_names.begin(), k.short_names.end());
    out.kinds.insert({k.name, k.list_name});
  }
  return out;
}

struct name_conflict {
  const char* reason = nullptr;
  std::string message;
};

/// Accepts each name that nobody else has; keeps the one accepted before where somebody has it.
/// Returns the last that somebody has.
name_conflict accept_names(CustomResourceDefinition& d, const used_names& used) {
  auto& wanted = d.spec().names();
  auto& accepted = *d.mutable_status()->mutable_accepted_names();
  name_conflict out;
  auto is_free = [&](const std::set<std::string>& all, const std::string& name,
                     const char* reason) {
    if (!all.contains(name)) return true;
    out = {reason, "\"" + name + "\" is already in use"};
    return false;
  };
  if (is_free(used.resources, wanted.plural(), "PluralConflict"))
    accepted.set_plural(wanted.plural());
  if (is_free(used.resources, wanted.singular(), "SingularConflict"))
    accepted.set_singular(wanted.singular());
  bool all_free = true;
  for (auto& s : wanted.short_names())
    all_free = is_free(used.resources, s, "ShortNamesConflict") && all_free;
  if (all_free) *accepted.mutable_short_names() = wanted.short_names();
  if (is_free(used.kinds, wanted.kind(), "KindConflict")) accepted.set_kind(wanted.kind());
  if (is_free(used.kinds, wanted.list_kind(), "ListKindConflict"))
    accepted.set_list_kind(wanted.list_kind());
  *accepted.mutable_categories() = wanted.categories();
  return out;
}

/// What a schema may speak of: all but the metadata, of which only the name.
std::optional<json::object> judged(const google::protobuf::Message& object) {
  auto& typed = static_cast<const k8s::base::Custom&>(object);
  auto tree = json::parse(typed.rest().empty() ? "{}" : typed.rest());
  if (!tree || !tree->is_object()) return {};
  json::object named{{"name", typed.metadata().name()}};
  if (typed.metadata().has_generate_name())
    named["generateName"] = typed.metadata().generate_name();
  tree->get_object()["metadata"] = std::move(named);
  return std::move(tree->get_object());
}

} // namespace

const schema::kind& definition_kind() {
  static auto& kind = *schema::registry::built_in()->by_resource("apiextensions.k8s.io", "v1",
                                                                 "customresourcedefinitions");
  return kind;
}

bool is_definition(const schema::kind& kind) {
  return kind.name == "CustomResourceDefinition" && kind.group == "apiextensions.k8s.io";
}

custom_kinds::~custom_kinds() {
  std::lock_guard hold(follower_->mutex);
  follower_->alive = false;
}

void custom_kinds::follow(storage::store& store, std::function<void(std::function<void()>)> post,
                          std::function<void()> refresh) {
  std::lock_guard hold(mutex_);
  store_ = &store;
  wanted_.resource = definition_kind().group_resource();
  wanted_.wake = [follower = follower_, post = std::move(post), refresh = std::move(refresh)] {
    post([follower, refresh] {
      std::lock_guard hold(follower->mutex);
      if (follower->alive) refresh();
    });
  };
}

void custom_kinds::hear() {
  std::lock_guard hold(mutex_);
  if (!store_) return;
  std::vector<storage::event_ptr> heard;
  if (watch_ && watch_->read(heard)) return;
  // The first time, or too far behind.
  watch_.reset();
  wanted_.after_revision = store_->current().revision();
  auto made = store_->subscribe(wanted_);
  if (!made) return;
  watch_.emplace(std::move(*made));
  (void)watch_->read(heard); // arms it
}

bool is_leaving(const schema::kind& kind, const storage::snapshot& now) {
  if (!kind.custom()) return false;
  auto entry = now.find(key_of(definition_kind(), {}, kind.group_resource()));
  return entry && decoded<CustomResourceDefinition>(*entry)->metadata().has_deletion_timestamp();
}

std::shared_ptr<const schema::registry> custom_kinds::registry_of(const storage::snapshot& now) {
  std::lock_guard hold(mutex_);
  std::vector<schema::kind> all;
  decltype(compiled_) kept;
  bool same = made_ != nullptr;
  for (auto& entry : now.list(prefix_of(definition_kind()))) {
    auto key = std::string(entry.key());
    auto hit = compiled_.find(key);
    if (hit == compiled_.end() || hit->second.first != entry.mod_revision()) {
      same = false;
      CustomResourceDefinition d;
      read_entry(entry, d);
      auto kinds =
          has_condition(d, established) ? schema::custom_kinds(d) : std::vector<schema::kind>{};
      hit =
          compiled_.insert_or_assign(key, std::pair(entry.mod_revision(), std::move(kinds))).first;
    }
    for (auto& k : hit->second.second) all.push_back(k);
    kept.emplace(key, hit->second);
  }
  // The same registry again keeps the documents that are made of it.
  if (same && kept.size() == compiled_.size()) return made_;
  compiled_ = std::move(kept);
  made_ = all.empty() ? schema::registry::built_in() : schema::registry::with(std::move(all));
  return made_;
}

namespace {

/// Kinds in Kubernetes' own groups say who approved them.
void tell_approval(CustomResourceDefinition& d, timestamp now) {
  auto& group = d.spec().group();
  constexpr const char* type = "KubernetesAPIApprovalPolicyConformant";
  constexpr const char* note = "api-approved.kubernetes.io";
  bool guarded = group == "k8s.io" || group == "kubernetes.io" || group.ends_with(".k8s.io") ||
                 group.ends_with(".kubernetes.io");
  if (!guarded) return;
  auto said = d.metadata().annotations().find(note);
  auto text = said == d.metadata().annotations().end() ? std::string{} : said->second;
  constexpr const char* rule =
      "protected groups must have approval annotation \"api-approved.kubernetes.io\"";
  constexpr const char* see = ", see https://github.com/kubernetes/enhancements/pull/1111";
  if (text.empty())
    set_condition(d, type, false, "MissingAnnotation", std::string(rule) + see, now);
  else if (text.starts_with("unapproved"))
    set_condition(d, type, false, "UnapprovedAnnotation", "not approved: \"" + text + "\"", now);
  else
    set_condition(d, type, true, "ApprovedAnnotation", "approved in " + text, now);
}

/// Says which names it has, and that it is served once it has all it wants.
void tell_names(CustomResourceDefinition& d, const used_names& used, timestamp now) {
  auto conflict = accept_names(d, used);
  if (!conflict.reason) {
    set_condition(d, names_accepted, true, "NoConflicts", "no conflicts found", now);
    set_condition(d, established, true, "InitialNamesAccepted",
                  "the initial names have been accepted", now);
    return;
  }
  set_condition(d, names_accepted, false, conflict.reason, conflict.message, now);
  if (!has_condition(d, established))
    set_condition(d, established, false, "NotAccepted", "not all names are accepted", now);
}

} // namespace

void settle_waiting(const schema::registry& kinds, const storage::snapshot& now,
                    const CustomResourceDefinition& gone, timestamp at, storage::transaction& tx) {
  auto used = names_of_others(gone, kinds);
  for (auto& entry : now.list(prefix_of(definition_kind()))) {
    auto known = decoded<CustomResourceDefinition>(entry);
    if (known->spec().group() != gone.spec().group() || has_condition(*known, established) ||
        known->metadata().uid() == gone.metadata().uid() ||
        known->metadata().has_deletion_timestamp())
      continue;
    auto d = *known;
    d.mutable_metadata()->clear_resource_version();
    tell_names(d, used, at);
    auto stored = stored_form(definition_kind(), d);
    if (stored == entry.value()) continue;
    auto& names = d.status().accepted_names();
    used.resources.insert({names.plural(), names.singular()});
    used.resources.insert(names.short_names().begin(), names.short_names().end());
    used.kinds.insert({names.kind(), names.list_kind()});
    tx.require_revision(std::string(entry.key()), entry.mod_revision());
    tx.put(entry.key(), stored, entry.index().packed());
  }
}

void settle_definition(CustomResourceDefinition& d, const schema::registry& kinds,
                       bool status_alone, timestamp now) {
  auto& status = *d.mutable_status();
  auto storing = std::count_if(d.spec().versions().begin(), d.spec().versions().end(),
                               [](auto& v) { return v.storage(); });
  for (auto& v : d.spec().versions()) {
    if (storing != 1 || status_alone) break; // validation has something to say
    auto& stored = *status.mutable_stored_versions();
    if (v.storage() && std::find(stored.begin(), stored.end(), v.name()) == stored.end())
      status.add_stored_versions(v.name());
  }
  tell_approval(d, now);
  tell_names(d, names_of_others(d, kinds), now);
}

std::vector<std::string> unknown_in_custom(const call& c, const google::protobuf::Message& object) {
  auto& typed = static_cast<const k8s::base::Custom&>(object);
  auto tree = json::parse(typed.rest().empty() ? "{}" : typed.rest());
  if (!tree || !tree->is_object()) return {};
  return schema::prune(tree->get_object(), *c.kind->shape);
}

result<void> shape_custom(call& c, google::protobuf::Message& object, field_validation mode) {
  auto& typed = static_cast<k8s::base::Custom&>(object);
  auto tree = json::parse(typed.rest().empty() ? "{}" : typed.rest());
  if (!tree || !tree->is_object()) return error{errc::bad_request, "the object cannot be read"};
  auto& members = tree->get_object();
  std::vector<codec::field_problem> unknown;
  for (auto& path : schema::prune(members, *c.kind->shape))
    unknown.push_back({codec::field_problem::kind::unknown, path, 0, {}});
  if (auto ok = judge_fields(c, mode, unknown); !ok) return ok;
  schema::set_custom_defaults(members, *c.kind->shape);
  typed.mutable_rest()->clear();
  json::write(*typed.mutable_rest(), members);
  // Stored under the one version that is stored, whatever version it came in.
  typed.set_api_version(c.kind->group + "/" + c.kind->stored_version);
  typed.set_kind(c.kind->name);
  return {};
}

std::vector<cause> validate_custom(const schema::kind& kind,
                                   const google::protobuf::Message& object,
                                   const google::protobuf::Message* old) {
  auto causes = schema::validate_metadata(meta(object), kind.namespaced);
  auto tree = judged(object);
  if (!tree) return causes;
  auto before = old ? judged(*old) : std::nullopt;
  for (auto& c : schema::validate_custom(*tree, *kind.shape, before ? &*before : nullptr))
    causes.push_back(std::move(c));
  return causes;
}

} // namespace troupe::gateway
