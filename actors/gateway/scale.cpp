// The scale subresource: a small view on replicas that means the same for every kind that has it.
#include "actors/gateway/subresources.hpp"
#include "actors/gateway/write.hpp"

#include "messages/api/autoscaling_v1.pb.h"
#include "messages/api/meta.pb.h"
#include "messages/base/json_path.hpp"
#include "messages/base/selector.hpp"
#include "messages/codec/json_encode.hpp"
#include "messages/patch/json_patch.hpp"

namespace troupe::gateway {

namespace {

using google::protobuf::Message;
using k8s::autoscaling::v1::Scale;

/// Where a kind keeps what a scale shows.
struct scale_paths {
  std::string spec = ".spec.replicas", status = ".status.replicas", selector;
};

scale_paths paths_of(const schema::kind& kind) {
  if (kind.custom())
    return {kind.scale_spec_path, kind.scale_status_path, kind.scale_selector_path};
  return {};
}

/// The selector of a built-in workload as text.
std::string selector_of(const json::value& tree) {
  auto found = json::find(tree, {"spec", "selector"});
  if (!found || !found->is_object()) return {};
  k8s::meta::v1::LabelSelector selector;
  bool nested = found->get_object().contains("matchLabels") ||
                found->get_object().contains("matchExpressions");
  auto text = nested ? json::write(*found) : "{\"matchLabels\":" + json::write(*found) + "}";
  if (!codec::from_json(text, selector)) return {};
  auto parsed = label_selector::from(selector);
  return parsed ? parsed->text() : std::string{};
}

int32_t number_at(const json::value& tree, const std::string& path) {
  auto found = json::find_path(tree, path);
  return !found.empty() && found[0]->is_int64() ? static_cast<int32_t>(found[0]->get_int64()) : 0;
}

/// Sets the number behind `.a.b.c`, making objects on the way.
void set_number(json::value& tree, std::string_view path, int64_t number) {
  auto at = &tree;
  if (path.starts_with('.')) path.remove_prefix(1);
  while (!path.empty()) {
    auto dot = std::min(path.find('.'), path.size());
    if (!at->is_object()) *at = json::object{};
    at = &at->get_object()[path.substr(0, dot)];
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  *at = number;
}

} // namespace

result<Scale> scale_of(const schema::kind& kind, const Message& object) {
  auto tree = json::parse(json_of(kind, object));
  if (!tree) return tree.error();
  auto paths = paths_of(kind);
  auto& m = meta(object);
  Scale s;
  auto& to = *s.mutable_metadata();
  to.set_name(m.name());
  if (!m.namespace_().empty()) to.set_namespace_(m.namespace_());
  to.set_uid(m.uid());
  to.set_resource_version(m.resource_version());
  *to.mutable_creation_timestamp() = m.creation_timestamp();
  if (auto replicas = number_at(*tree, paths.spec)) s.mutable_spec()->set_replicas(replicas);
  s.mutable_status()->set_replicas(number_at(*tree, paths.status));
  if (!kind.custom()) {
    s.mutable_status()->set_selector(selector_of(*tree));
  } else if (!paths.selector.empty()) {
    auto found = json::find_path(*tree, paths.selector);
    if (!found.empty() && found[0]->is_string())
      s.mutable_status()->set_selector(std::string(found[0]->get_string()));
  }
  return s;
}

result<object> scaled(const schema::kind& kind, const Message& object, int32_t replicas) {
  auto tree = json::parse(json_of(kind, object));
  if (!tree) return tree.error();
  set_number(*tree, paths_of(kind).spec, replicas);
  auto fresh = from_json(kind, json::write(*tree));
  if (!fresh) return fresh.error();
  return std::move(fresh->object);
}

namespace {

error missing_scale(const call& c) {
  auto e = not_found(*c.kind, c.where.name);
  e.details.kind = c.kind->plural + "/scale";
  return e;
}

/// The wanted scale: the body of a PUT, or the present one with a patch applied.
result<Scale> wanted_scale(call& c, const Scale& present) {
  Scale wanted;
  if (c.where.verb == "update") {
    auto form = body_format(c.request.header("Content-Type"));
    if (!form) return form.error();
    auto read = read_document(wanted, "autoscaling/v1", "Scale", *form, c.request.body);
    if (!read) return read.error();
    if (wanted.metadata().name().empty()) return nameless(c);
    return wanted;
  }
  auto type = patch_type_of(c);
  if (!type) return type.error();
  auto patch = json::parse(c.request.body);
  if (!patch) return patch.error();
  auto tree = json::parse(codec::to_json(present, {"autoscaling/v1", "Scale", {}}));
  if (!tree) return tree.error();
  if (*type == patch_type::json) {
    if (auto done = patch::apply_json_patch(*tree, *patch); !done) return done.error();
  } else {
    patch::apply_merge_patch(*tree, *patch);
  }
  auto read = codec::from_json(json::write(*tree), wanted);
  if (!read) return spoiled_by_patch(read.error());
  if (wanted.metadata().name().empty()) return nameless(c);
  return wanted;
}

/// The same, but stated by its manager: as a statement about the object's number of replicas.
result<json::value> applied_scale(const call& c) {
  auto text = as_json(format::yaml, c.request.body);
  if (!text) return text.error();
  Scale wanted;
  auto read = read_document(wanted, "autoscaling/v1", "Scale", format::json, *text);
  if (!read) return read.error();
  if (wanted.metadata().name() != c.where.name && !wanted.metadata().name().empty())
    return wrong_name(c, wanted.metadata().name());
  json::value out = json::object{{"apiVersion", c.kind->api_version()},
                                 {"kind", c.kind->name},
                                 {"metadata", json::object{{"name", c.where.name}}}};
  if (wanted.spec().has_replicas())
    set_number(out, paths_of(*c.kind).spec, wanted.spec().replicas());
  return out;
}

/// Whatever the object is, what is shown of it is a Scale, in all forms that kinds are shown in.
const schema::kind& scale_kind() {
  static const schema::kind kind = [] {
    schema::kind k;
    k.group = "autoscaling";
    k.version = "v1";
    k.name = "Scale";
    k.shape = &schema::of<Scale>();
    k.prototype = &Scale::default_instance();
    return k;
  }();
  return kind;
}

void answer_scale(call& c, Scale s, uint64_t revision) {
  s.mutable_metadata()->clear_resource_version();
  c.kind = &scale_kind();
  c.answer_object(200, codec::to_wire(s), revision);
}

/// Answers with the scale that the object has now, whoever changed it how.
void answer_with_scale(change& plan, Scale shown, int32_t replicas) {
  if (replicas != 0)
    shown.mutable_spec()->set_replicas(replicas);
  else
    shown.mutable_spec()->clear_replicas();
  plan.answer = [shown](call& c, uint64_t revision) { answer_scale(c, shown, revision); };
}

error negative_replicas(const call& c, int32_t replicas) {
  return invalid(
      "autoscaling", "Scale", c.where.name,
      {{"FieldValueInvalid",
        "Invalid value: " + std::to_string(replicas) + ": must be greater than or equal to 0",
        "spec.replicas"}});
}

result<change> plan_applied_scale(gateway& g, call& c, const write_options& options,
                                  const storage::snapshot& now) {
  auto entry = now.get(key_of(*c.kind, c.where.ns, c.where.name));
  if (!entry) return missing_scale(c);
  auto present = scale_of(*c.kind, *load(*c.kind, *entry));
  if (!present) return present.error();
  auto wanted = applied_scale(c);
  if (!wanted) return wanted.error();
  auto path = paths_of(*c.kind).spec;
  bool stated = !json::find_path(*wanted, path).empty();
  auto replicas = stated ? number_at(*wanted, path) : present->spec().replicas();
  if (replicas < 0) return negative_replicas(c, replicas);
  auto plan = plan_apply(g, c, *wanted, options, now);
  if (plan) answer_with_scale(*plan, *present, replicas);
  return plan;
}

result<change> plan_scale(gateway& g, call& c, const write_options& options,
                          const storage::snapshot& now) {
  auto entry = now.get(key_of(*c.kind, c.where.ns, c.where.name));
  if (!entry) return missing_scale(c);
  auto object = load(*c.kind, *entry);
  auto present = scale_of(*c.kind, *object);
  if (!present) return present.error();
  auto wanted = wanted_scale(c, *present);
  if (!wanted) return wanted.error();
  auto& uid = wanted->metadata().uid();
  if (!uid.empty() && uid != present->metadata().uid()) {
    auto e = conflict(*c.kind, c.where.name,
                      "Precondition failed: UID in precondition: " + uid +
                          ", UID in object meta: " + present->metadata().uid());
    e.details.kind = c.kind->plural + "/scale";
    return e;
  }
  auto& version = wanted->metadata().resource_version();
  if (!version.empty() && version != present->metadata().resource_version())
    return stale(*c.kind, c.where.name);
  if (!wanted->metadata().name().empty() && wanted->metadata().name() != c.where.name)
    return wrong_name(c, wanted->metadata().name());
  if (wanted->spec().replicas() < 0) return negative_replicas(c, wanted->spec().replicas());
  auto fresh = scaled(*c.kind, *object, wanted->spec().replicas());
  if (!fresh) return fresh.error();
  auto plan = plan_update(g, c, std::move(*fresh), *entry, options, now);
  if (!plan) return plan;
  answer_with_scale(*plan, *present, wanted->spec().replicas());
  return plan;
}

} // namespace

int32_t replicas_of(const schema::kind& kind, const Message& object) {
  if (kind.custom()) {
    auto tree = json::parse(json_of(kind, object));
    return tree ? number_at(*tree, paths_of(kind).spec) : 0;
  }
  auto spec = object.GetDescriptor()->FindFieldByName("spec");
  auto replicas = spec->message_type()->FindFieldByName("replicas");
  auto& part = object.GetReflection()->GetMessage(object, spec);
  return part.GetReflection()->GetInt32(part, replicas);
}

void scale(gateway& g, call_ptr c) {
  if (c->where.verb == "get") {
    auto entry = g.given.store->current().get(key_of(*c->kind, c->where.ns, c->where.name));
    if (!entry) return c->fail(missing_scale(*c));
    auto s = scale_of(*c->kind, *load(*c->kind, *entry));
    return s ? answer_scale(*c, *s, entry->mod_revision()) : c->fail(s.error());
  }
  auto options =
      read_write_options(c->query, c->where.verb == "update" ? "UpdateOptions" : "PatchOptions");
  if (!options) return c->fail(options.error());
  auto type = patch_type_of(*c);
  bool applied = c->where.verb == "patch" && type && *type == patch_type::apply;
  if (applied)
    if (auto ok = check_manager(*options); !ok) return c->fail(ok.error());
  g.write(c, [&g, applied, options = *options](call& c, const storage::snapshot& now) {
    return applied ? plan_applied_scale(g, c, options, now) : plan_scale(g, c, options, now);
  });
}

} // namespace troupe::gateway
