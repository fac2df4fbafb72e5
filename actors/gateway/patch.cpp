// Patches in their four types. The object becomes a tree, the patch is applied, and what comes out
// goes the way of an update.
#include "actors/gateway/subresources.hpp"
#include "actors/gateway/verbs.hpp"
#include "actors/gateway/write.hpp"

#include "actors/gateway/admission.hpp"
#include "actors/gateway/custom.hpp"
#include "actors/gateway/fields.hpp"
#include "actors/gateway/versions.hpp"
#include "messages/base/json_arena.hpp"
#include "messages/patch/apply.hpp"
#include "messages/patch/json_patch.hpp"
#include "messages/patch/strategic.hpp"
#include "messages/patch/touched.hpp"

namespace troupe::gateway {

namespace {

struct patch_request {
  patch_type type;
  json::value content;
  write_options options;
  std::vector<codec::field_problem> duplicates; ///< fields that it names twice
};

result<patch_request> read_patch(call& c) {
  auto options = read_write_options(c.query, "PatchOptions");
  if (!options) return options.error();
  auto type = patch_type_of(c);
  if (!type) return type.error();
  if (*type == patch_type::apply)
    if (auto ok = check_manager(*options); !ok) return ok.error();
  std::vector<cause> causes;
  if (*type != patch_type::apply && c.query.has("force"))
    causes.push_back(
        {"FieldValueForbidden", "Forbidden: may not be specified for non-apply patch", "force"});
  if (!causes.empty()) return invalid("meta.k8s.io", "PatchOptions", "", std::move(causes));
  std::string converted;
  std::string_view text = c.request.body;
  if (*type == patch_type::apply) {
    auto json = as_json(format::yaml, text);
    if (!json) return json.error();
    converted = std::move(*json);
    text = converted;
  }
  std::vector<codec::field_problem> duplicates;
  auto tree = json::parse(text, [&](const std::string& path) {
    duplicates.push_back({codec::field_problem::kind::duplicate, path, 0, {}});
  });
  if (!tree) return tree.error();
  if (*type == patch_type::apply)
    if (auto ok = judge_fields(c, options->fields, duplicates); !ok) return ok.error();
  if (*type != patch_type::json && !tree->is_object())
    return error{errc::bad_request, "the patch is not an object"};
  return patch_request{*type, std::move(*tree), std::move(*options), std::move(duplicates)};
}

/// The object that is patched, as far as the patch looks at it, as a tree; and the bytes that it
/// leaves alone.
struct patched_object {
  json::value tree;
  std::string rest;
};

/// Before anything else is said about it.
result<patched_object> patched(const call& c, const patch_request& p, const storage::entry& old,
                               json::arena& memory) {
  bool merges = p.type == patch_type::merge || p.type == patch_type::strategic;
  auto parts = merges && !c.kind->custom() && !converted(*c.kind)
                   ? patch::split_by_patch(*c.kind->shape, old.value(), p.content)
                   : patch::split_object{std::string(old.value()), {}};
  std::string text;
  write_json(*c.kind, parts.touched, old.mod_revision(), text);
  auto tree = json::parse_in(memory, text);
  if (!tree) return tree.error();
  switch (p.type) {
  case patch_type::json:
    if (auto done = patch::apply_json_patch(*tree, p.content); !done) return done.error();
    break;
  case patch_type::merge: patch::apply_merge_patch(*tree, p.content); break;
  case patch_type::strategic:
    if (auto done = patch::apply_strategic_patch(*tree, p.content, *c.kind->shape); !done)
      return done.error();
    break;
  case patch_type::apply: break;
  }
  return patched_object{std::move(*tree), std::move(parts.rest)};
}

result<object> decode(call& c, const write_options& options, const json::value& tree,
                      std::vector<codec::field_problem> problems = {}) {
  auto read = from_json(*c.kind, json::write(tree));
  if (!read) return read.error();
  problems.insert(problems.end(), read->problems.begin(), read->problems.end());
  if (auto ok = judge_fields(c, options.fields, problems); !ok) return ok.error();
  return std::move(read->object);
}

/// What a patch made of the object cannot be taken, and why.
error spoiled(const json::value& tree, error why) {
  // Which body cannot be handled as which kind is no matter here.
  if (auto strict = why.message.find("strict decoding error"); strict != std::string::npos)
    why.message.erase(0, strict);
  std::string shown;
  json::write_string(shown, json::write(tree));
  why.message.insert(0, shown + ": ");
  return spoiled_by_patch(why);
}

/// Who applies owns what they name: what the schema does not know cannot be owned.
result<object> decode_applied(call& c, const json::value& stated, const write_options& options) {
  auto read = from_json(*c.kind, json::write(stated));
  if (!read) return read.error();
  if (c.kind->custom())
    for (auto& path : unknown_in_custom(c, *read->object))
      read->problems.push_back({codec::field_problem::kind::unknown, path, 0, {}});
  for (auto& problem : read->problems)
    if (problem.what == codec::field_problem::kind::unknown)
      return error{errc::bad_request, "failed to create typed patch object (" + c.where.ns + "/" +
                                          c.where.name + "; " + c.kind->group + "/" +
                                          c.kind->version + ", Kind=" + c.kind->name + "): ." +
                                          problem.path + ": field not declared in schema"};
  if (auto ok = judge_fields(c, options.fields, read->problems); !ok) return ok.error();
  return std::move(read->object);
}

error with_subject(error failure, const call& c) {
  if (failure.code == errc::invalid || failure.code == errc::conflict) {
    auto causes = std::move(failure.details.causes);
    failure.details = {.name = c.where.name, .group = c.kind->group, .kind = c.kind->plural};
    failure.details.causes = std::move(causes);
  }
  return failure;
}

result<change> plan_patch(gateway& g, call& c, const patch_request& p,
                          const storage::snapshot& now) {
  auto entry = now.get(key_of(*c.kind, c.where.ns, c.where.name));
  if (!entry) return not_found(*c.kind, c.where.name);
  json::arena memory;
  auto made = patched(c, p, *entry, memory);
  if (!made) return with_subject(made.error(), c);
  auto fresh = decode(c, p.options, made->tree, p.duplicates);
  if (!fresh) // what does not decode any more is the patch's fault
    return fresh.error().code == errc::bad_request ? spoiled(made->tree, fresh.error())
                                                   : fresh.error();
  if (!(*fresh)->MergeFromString(made->rest))
    return error{errc::internal, "the stored object is damaged"};
  if (meta(**fresh).name().empty()) return nameless(c);
  if (auto ok = fit_to_path(c, **fresh); !ok) return ok.error();
  auto plan = plan_update(g, c, std::move(*fresh), *entry, p.options, now);
  bool pruned = !plan && c.kind->custom() &&
                plan.error().message.find("strict decoding error") != std::string::npos;
  return pruned ? spoiled(made->tree, plan.error()) : std::move(plan);
}

result<void> check_applied(const call& c, const json::value& wanted) {
  auto version = json::string_at(wanted, {"apiVersion"});
  auto kind = json::string_at(wanted, {"kind"});
  if (version != c.kind->api_version() || kind != c.kind->name) {
    auto grouped =
        version.find('/') == version.npos ? "/" + std::string(version) : std::string(version);
    return error{errc::bad_request,
                 "invalid object type: " + grouped + ", Kind=" + std::string(kind)};
  }
  if (auto managed = json::find(wanted, {"metadata", "managedFields"});
      managed && managed->is_array() && !managed->get_array().empty())
    return error{errc::bad_request, "metadata.managedFields must be nil"};
  return {};
}

} // namespace

result<patch_type> patch_type_of(const call& c) {
  auto type = read_patch_type(c.request.header("Content-Type"));
  if (type && *type == patch_type::strategic && c.kind->custom())
    return error{
        errc::unsupported_media_type,
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"};
  return type;
}

result<void> check_manager(const write_options& options) {
  if (!options.field_manager.empty()) return {};
  return invalid(
      "meta.k8s.io", "PatchOptions", "",
      {{"FieldValueRequired", "Required value: is required for apply patch", "fieldManager"}});
}

result<change> plan_apply(gateway& g, call& c, const json::value& applied,
                          const write_options& options, const storage::snapshot& now) {
  if (auto ok = check_applied(c, applied); !ok) return ok.error();
  // Decoding what was stated alone finds unknown fields and wrong types.
  auto stated = decode_applied(c, applied, options);
  if (!stated) return stated.error();
  if (auto ok = fit_to_path(c, **stated); !ok) return ok.error();
  auto entry = now.get(key_of(*c.kind, c.where.ns, c.where.name));
  if (!entry && c.sub) return not_found(*c.kind, c.where.name);
  auto& uid = meta(**stated).uid();
  if (!entry && !uid.empty())
    return conflict(*c.kind, c.where.name,
                    "uid mismatch: the provided object specified uid " + uid +
                        ", and no existing object was found");

  auto old = entry ? load(*c.kind, *entry) : make(*c.kind);
  auto live = json::parse(json_of(*c.kind, *old));
  if (!live) return live.error();
  auto managers = patch::read_managers(meta(*old));
  if (entry && managers.empty()) {
    // Written before anybody kept books: everything belongs to one manager of that name.
    patch::manager before{"before-first-apply", false, c.kind->api_version(), {},
                          c.now.seconds,        {}};
    before.fields = patch::without_identity(patch::fields_of(*live, *c.kind->shape));
    managers.push_back(std::move(before));
  }
  if (auto version = json::string_at(applied, {"metadata", "resourceVersion"});
      entry && !version.empty() && version != meta(*old).resource_version())
    return stale(*c.kind, c.where.name);
  auto content = applied; // a status is stated at its own subresource only, and nothing else there
  if (has_status(*c.kind) && part_of(c) == part::whole) content.get_object().erase("status");
  if (part_of(c) == part::status) content.get_object().erase("spec");
  if (!entry && json::string_at(content, {"metadata", "name"}).empty()) return nameless(c);
  patch::apply_request request{*c.kind,       content, options.field_manager, c.where.subresource,
                               options.force, c.now};
  auto done = patch::apply_migrating(request, *live, managers);
  if (!done) return with_subject(done.error(), c);
  auto fresh = decode(c, options, done->object);
  if (!fresh) return fresh.error();
  if (auto ok = fit_to_path(c, **fresh); !ok) return ok.error();
  meta(**fresh).clear_managed_fields();
  patch::write_managers(meta(**fresh), std::move(done->managers));
  meta(**fresh).clear_resource_version();
  if (!entry) return plan_create(g, c, std::move(*fresh), options, now, true);
  return plan_update(g, c, std::move(*fresh), *entry, std::move(old), options, now, true);
}

void patch(gateway& g, call_ptr c) {
  auto read = read_patch(*c);
  if (!read) return c->fail(read.error());
  auto p = std::make_shared<patch_request>(std::move(*read));
  g.write(c, [&g, p](call& c, const storage::snapshot& now) {
    return p->type == patch_type::apply ? plan_apply(g, c, p->content, p->options, now)
                                        : plan_patch(g, c, *p, now);
  });
}

} // namespace troupe::gateway
