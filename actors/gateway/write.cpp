#include "actors/gateway/write.hpp"

#include "actors/gateway/admission.hpp"
#include "actors/gateway/api_services.hpp"
#include "actors/gateway/custom.hpp"
#include "actors/gateway/definition_removal.hpp"
#include "actors/gateway/fields.hpp"
#include "actors/gateway/versions.hpp"
#include "messages/api/apiextensions.pb.h"
#include "messages/api/certificate.pb.h"
#include "messages/api/namespace.pb.h"
#include "messages/api/pod.pb.h"
#include "messages/codec/json_encode.hpp"
#include "messages/codec/stored_parts.hpp"
#include "messages/patch/managed_fields.hpp"
#include "messages/schema/defaults.hpp"
#include "messages/schema/qos.hpp"
#include "messages/schema/validate.hpp"
#include "messages/schema/warnings.hpp"

namespace troupe::gateway {

namespace {

using google::protobuf::Message;

constexpr size_t generated_suffix_size = 5;
constexpr size_t generated_base_size_max = 63 - generated_suffix_size;
constexpr std::string_view suffix_letters = "bcdfghjklmnpqrstvwxz2456789";

std::string new_uid(const std::function<uint64_t()>& random) {
  static constexpr char digits[] = "0123456789abcdef";
  uint64_t words[2] = {random(), random()};
  std::string out;
  for (int i = 0; i < 32; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) out += '-';
    auto digit = words[i / 16] >> i % 16 * 4 & 15;
    if (i == 12) digit = 4;               // version 4: random
    if (i == 16) digit = 8 | (digit & 3); // the RFC 4122 variant
    out += digits[digit];
  }
  return out;
}

result<void> check_namespace(const call& c, const std::string& name, const storage::snapshot& now) {
  auto spaces = c.kinds->by_resource("", "v1", "namespaces");
  auto entry = now.get(key_of(*spaces, {}, c.where.ns));
  if (!entry) return not_found(*spaces, c.where.ns);
  if (entry->field("status.phase") != "Terminating") return {};
  return namespace_goes(*c.kind, name, c.where.ns);
}

/// Fields of the metadata that an update cannot change, silently or with a conflict.
result<void> keep_identity(const call& c, Message& fresh, const Message& old) {
  auto& m = meta(fresh);
  auto& before = meta(old);
  if (!m.uid().empty() && m.uid() != before.uid() && c.where.verb == "patch")
    return invalid(*c.kind, before.name(),
                   {{"FieldValueInvalid", "Invalid value: \"" + m.uid() + "\": field is immutable",
                     "metadata.uid"}});
  if (!m.uid().empty() && m.uid() != before.uid())
    return conflict(*c.kind, before.name(),
                    "Precondition failed: UID in precondition: " + m.uid() +
                        ", UID in object meta: " + before.uid());
  m.set_uid(before.uid());
  m.set_name(before.name());
  *m.mutable_creation_timestamp() = before.creation_timestamp();
  if (before.has_namespace_()) m.set_namespace_(before.namespace_());
  m.clear_self_link();
  if (before.has_generate_name()) m.set_generate_name(before.generate_name());
  // Only a deletion begins a deletion, or changes how long it takes.
  std::vector<cause> causes;
  auto immutable = [&](const char* field) {
    causes.push_back({"FieldValueInvalid",
                      "Invalid value: field is immutable; may only be changed via deletion",
                      std::string("metadata.") + field});
  };
  if (before.has_deletion_grace_period_seconds() && !m.has_deletion_grace_period_seconds())
    m.set_deletion_grace_period_seconds(before.deletion_grace_period_seconds());
  if (m.has_deletion_grace_period_seconds() &&
      (!before.has_deletion_grace_period_seconds() ||
       m.deletion_grace_period_seconds() != before.deletion_grace_period_seconds()))
    immutable("deletionGracePeriodSeconds");
  if (before.has_deletion_timestamp())
    *m.mutable_deletion_timestamp() = before.deletion_timestamp();
  else if (m.has_deletion_timestamp())
    immutable("deletionTimestamp");
  if (!causes.empty()) return invalid(*c.kind, before.name(), std::move(causes));
  return {};
}

/// Defaults, as the kind has them.
result<void> fill_in(call& c, Message& fresh, const write_options& options) {
  if (c.kind->custom()) return shape_custom(c, fresh, options.fields);
  schema::set_defaults(fresh);
  return {};
}

/// Conditions of a request for a certificate tell when they came.
void stamp(k8s::certificates::v1::CertificateSigningRequest& request, timestamp now) {
  for (auto& c : *request.mutable_status()->mutable_conditions()) {
    if (c.last_update_time().seconds() == 0) c.mutable_last_update_time()->set_seconds(now.seconds);
    if (c.last_transition_time().seconds() == 0)
      c.mutable_last_transition_time()->set_seconds(now.seconds);
  }
}

/// What the server itself says in an object of its own kinds.
void settle(const call& c, Message& fresh) {
  if (auto pod = dynamic_cast<k8s::core::v1::Pod*>(&fresh)) {
    auto& status = *pod->mutable_status();
    if (status.qos_class().empty()) status.set_qos_class(schema::qos_class(pod->spec()));
  }
  if (auto request = dynamic_cast<k8s::certificates::v1::CertificateSigningRequest*>(&fresh))
    stamp(*request, c.now);
  if (is_definition(*c.kind))
    settle_definition(static_cast<k8s::apiextensions::v1::CustomResourceDefinition&>(fresh),
                      *c.kinds, part_of(c) == part::status, c.now);
}

/// The bytes of the version in `entry`, which `old` is, in the shape in which it is served.
std::string_view bytes_of(const schema::kind& kind, const storage::entry& entry, Message& old,
                          std::string& room) {
  if (!kind.custom() && !converted(kind)) return entry.value();
  meta(old).clear_resource_version();
  return room = codec::to_wire(old);
}

/// An update, understood: one object replaces another.
struct replacement {
  Message& fresh;
  Message& old;
  const storage::entry& entry;             ///< of the old one
  const stored_list* list = nullptr;       ///< what of the fresh one is not in its message
  std::optional<std::string> manager = {}; ///< whose the fields that differ become

  std::string whole(std::string bytes) const {
    return list ? codec::with(bytes, list->number, list->records) : std::move(bytes);
  }
};

/// Counts the generation of what replaces the old object, and gives the fields that differ to the
/// manager, if there is one: an apply has seen to that. Returns whether both want the same.
bool keep_books(const call& c, const replacement& r) {
  auto &fresh = r.fresh, &old = r.old;
  auto& metadata = meta(fresh);
  metadata.clear_resource_version(); // the store knows
  std::string room;
  auto before = bytes_of(*c.kind, r.entry, old, room);
  auto after = r.whole(codec::to_wire(fresh));
  bool same = same_desire(*c.kind, before, after);
  if (counts(*c.kind, fresh, old, same, part_of(c)))
    metadata.set_generation(meta(old).generation() + 1);
  if (r.manager)
    patch::track_update(*c.kind, {before, after}, metadata, &meta(old), *r.manager,
                        c.where.subresource, c.now);
  return same;
}

/// What forbids the update.
schema::causes judge_update(const call& c, const Message& fresh, const Message& old,
                            bool wants_the_same) {
  if (c.kind->custom()) return validate_custom(*c.kind, fresh, &old);
  auto about = part_of(c);
  if (about == part::status || about == part::approval) return schema::validate_status(fresh, old);
  if (about == part::ephemeral_containers || about == part::resources)
    return validate_part(fresh, old, about);
  // Where the status is apart, this is the old one.
  if (wants_the_same && has_status(*c.kind)) return schema::validate_metadata_of(fresh, old);
  return schema::validate_update(fresh, old);
}

/// Nobody hears what the server writes by itself.
void warn_about(call& c, const Message& fresh, const Message* old) {
  if (!c.responder || c.kind->custom()) return;
  for (auto& w : schema::warnings_about(fresh, old)) c.warn(std::move(w));
}

/// An object whose deletion waited for finalizers and has none left goes now.
bool ready_to_go(const Message& fresh, const Message& old) {
  auto& m = meta(fresh);
  if (!m.has_deletion_timestamp() || !m.finalizers().empty() ||
      m.deletion_grace_period_seconds() != 0)
    return false;
  if (auto ns = dynamic_cast<const k8s::core::v1::Namespace*>(&fresh))
    return ns->spec().finalizers().empty();
  return !meta(old).finalizers().empty();
}

} // namespace

part part_of(const call& c) {
  if (!c.sub) return part::whole;
  auto& name = c.sub->name;
  if (name == "status") return part::status;
  if (name == "approval") return part::approval;
  if (name == "finalize") return part::finalizers;
  if (name == "ephemeralcontainers") return part::ephemeral_containers;
  if (name == "resize") return part::resources;
  return part::whole;
}

result<void> judge_fields(call& c, field_validation mode,
                          const std::vector<codec::field_problem>& problems) {
  if (mode == field_validation::ignore || problems.empty()) return {};
  if (mode == field_validation::warn) {
    for (auto& p : problems) c.warn(p.message());
    return {};
  }
  std::string text;
  for (auto& p : problems) {
    text.append(text.empty() ? "" : ", ").append(p.message());
    if (!p.hint.empty()) text += " (did you mean \"" + p.hint + "\"?)";
  }
  return error{errc::bad_request, c.kind->name + " in version \"" + c.kind->version +
                                      "\" cannot be handled as a " + c.kind->name +
                                      ": strict decoding error: " + text};
}

result<object> read_sent(call& c, const write_options& options) {
  auto form = body_format(c.request.header("Content-Type"));
  if (!form) return form.error();
  auto read = read_body(*c.kind, *form, c.request.body);
  if (!read) return read.error();
  if (auto ok = judge_fields(c, options.fields, read->problems); !ok) return ok.error();
  return std::move(read->object);
}

error nameless(const call& c) {
  return {errc::bad_request, "the name of the object (" + c.where.name +
                                 " based on URL) was undeterminable: name must be provided"};
}

error wrong_name(const call& c, const std::string& name) {
  return {errc::bad_request, "the name of the object (" + name +
                                 ") does not match the name on the URL (" + c.where.name + ")"};
}

error spoiled_by_patch(const error& why) {
  return invalid("", "", "", {{"FieldValueInvalid", "Invalid value: " + why.message, "patch"}});
}

result<void> fit_namespace(const call& c, k8s::meta::v1::ObjectMeta& m) {
  if (!c.kind->namespaced)
    m.clear_namespace_();
  else if (m.namespace_().empty())
    m.set_namespace_(c.where.ns);
  else if (m.namespace_() != c.where.ns)
    return error{
        errc::bad_request,
        "the namespace of the provided object does not match the namespace sent on the request"};
  return {};
}

result<void> fit_to_path(const call& c, Message& object) {
  auto& m = meta(object);
  if (auto ok = fit_namespace(c, m); !ok) return ok;
  if (c.where.name.empty()) return {};
  if (m.name().empty())
    m.set_name(c.where.name);
  else if (m.name() != c.where.name)
    return wrong_name(c, m.name());
  return {};
}

std::string generated_name(std::string base, const std::function<uint64_t()>& random) {
  if (base.size() > generated_base_size_max) base.resize(generated_base_size_max);
  auto bits = random();
  for (size_t i = 0; i < generated_suffix_size; ++i, bits /= suffix_letters.size())
    base += suffix_letters[bits % suffix_letters.size()];
  return base;
}

void begin_life(const std::function<uint64_t()>& random, Message& object, timestamp now) {
  auto& m = meta(object);
  if (m.name().empty() && !m.generate_name().empty())
    m.set_name(generated_name(m.generate_name(), random));
  m.set_uid(new_uid(random));
  m.clear_resource_version();
  m.clear_self_link();
  m.clear_deletion_timestamp();
  m.clear_deletion_grace_period_seconds();
  auto& t = *m.mutable_creation_timestamp();
  t.set_seconds(now.seconds);
  t.set_nanos(0);
}

std::string manager_of(const call& c, const write_options& options) {
  if (!options.field_manager.empty()) return options.field_manager;
  auto agent = c.request.header("User-Agent");
  agent = agent.substr(0, agent.find('/'));
  return agent.empty() ? "unknown" : std::string(agent.substr(0, 128));
}

result<change> plan_create(gateway& g, call& c, object fresh, const write_options& options,
                           const storage::snapshot& now, bool applied) {
  if (c.kind->namespaced)
    if (auto ok = check_namespace(c, meta(*fresh).name(), now); !ok) return ok.error();
  if (!meta(*fresh).resource_version().empty())
    return error{errc::bad_request, "resourceVersion should not be set on objects to be created"};
  begin_life(g.given.random, *fresh, c.now);
  prepare_create(*c.kind, *fresh);
  if (auto ok = fill_in(c, *fresh, options); !ok) return ok.error();

  change out;
  admission_request asked{g, c, *fresh, nullptr, now, out.tx, options.dry_run};
  if (auto ok = admit(asked); !ok) return ok.error();
  if (!applied)
    patch::track_update(*c.kind, {{}, codec::to_wire(*fresh)}, meta(*fresh), nullptr,
                        manager_of(c, options), {}, c.now);
  settle(c, *fresh);
  auto causes =
      c.kind->custom() ? validate_custom(*c.kind, *fresh) : schema::validate_create(*fresh);
  auto& m = meta(*fresh);
  if (!causes.empty()) return invalid(*c.kind, m.name(), std::move(causes));
  warn_about(c, *fresh, nullptr);
  if (auto ok = review(asked); !ok) return ok.error();
  auto key = key_of(*c.kind, c.where.ns, m.name());
  if (now.get(key)) return already_exists(*c.kind, m.name());
  auto stored = stored_form(*c.kind, *fresh);
  out.tx.require_absent(key);
  if (c.kind->namespaced) {
    auto spaces = c.kinds->by_resource("", "v1", "namespaces");
    out.tx.require_exists(key_of(*spaces, {}, c.where.ns));
  }
  out.tx.put(key, stored, index_of(*c.kind, *fresh));
  if (is_definition(*c.kind)) announce_versions(g, c, now, *fresh, out.tx);
  out.commit = !options.dry_run;
  out.answer = [stored](call& c, uint64_t revision) { c.answer_object(201, stored, revision); };
  return out;
}

namespace {

result<change> plan_replacement(gateway& g, call& c, const replacement& r,
                                const write_options& options, const storage::snapshot& now) {
  auto &fresh = r.fresh, &old = r.old;
  auto& entry = r.entry;
  auto name = meta(old).name();
  auto& version = meta(fresh).resource_version();
  if (version.empty() || version == "0") {
    if (update_needs_version(*c.kind) && c.where.verb == "update")
      return invalid(c.kind->group, c.kind->plural, name,
                     {{"FieldValueInvalid", "Invalid value: 0: must be specified for an update",
                       "metadata.resourceVersion"}});
  } else if (version != std::to_string(entry.mod_revision())) {
    return stale(*c.kind, name);
  }
  if (auto ok = keep_identity(c, fresh, old); !ok) return ok.error();
  if (auto ok = fill_in(c, fresh, options); !ok) return ok.error();
  prepare_update(*c.kind, fresh, old, part_of(c), c.now);
  settle(c, fresh);

  change out;
  admission_request asked{g, c, fresh, &old, now, out.tx, options.dry_run};
  if (auto ok = admit(asked); !ok) return ok.error();
  bool wants_the_same = keep_books(c, r);
  auto causes = judge_update(c, fresh, old, wants_the_same);
  if (!causes.empty()) return invalid(*c.kind, name, std::move(causes));
  if (part_of(c) == part::whole) warn_about(c, fresh, &old);
  if (auto ok = review(asked); !ok) return ok.error();
  auto key = std::string(entry.key());
  auto answer = [](std::string stored) {
    return [stored = std::move(stored)](call& c, uint64_t revision) {
      c.answer_object(200, stored, revision);
    };
  };
  auto stored = r.whole(stored_form(*c.kind, fresh));
  if (ready_to_go(fresh, old)) {
    auto gone = plan_removal(c, entry, fresh, options.dry_run, answer(std::move(stored)));
    if (is_definition(*c.kind)) withdraw_versions(c, now, old, nullptr, gone.tx);
    release_definition(c, now, entry.key(), gone.tx);
    return gone;
  }
  out.revision = entry.mod_revision();
  out.commit = !options.dry_run && stored != entry.value();
  out.tx.require_revision(key, entry.mod_revision());
  out.tx.put(key, stored, index_of(*c.kind, fresh));
  if (is_definition(*c.kind) && out.commit) {
    announce_versions(g, c, now, fresh, out.tx);
    withdraw_versions(c, now, old, &fresh, out.tx);
  }
  out.answer = answer(std::move(stored));
  return out;
}

} // namespace

result<change> plan_update(gateway& g, call& c, object fresh, const storage::entry& entry,
                           const write_options& options, const storage::snapshot& now) {
  return plan_update(g, c, std::move(fresh), entry, load(*c.kind, entry), options, now);
}

result<change> plan_update(gateway& g, call& c, object fresh, const storage::entry& entry,
                           object old, const write_options& options, const storage::snapshot& now,
                           bool applied) {
  auto manager = applied ? std::nullopt : std::optional(manager_of(c, options));
  return plan_replacement(g, c, {*fresh, *old, entry, nullptr, std::move(manager)}, options, now);
}

result<change> plan_update(gateway& g, call& c, object fresh, const storage::entry& entry,
                           const stored_list& list, const write_options& options,
                           const storage::snapshot& now) {
  auto old = load_without(*c.kind, entry, list.number);
  return plan_replacement(g, c, {*fresh, *old, entry, &list, manager_of(c, options)}, options, now);
}

change plan_removal(const call& c, const storage::entry& old, Message& final_form, bool dry_run,
                    std::function<void(call&, uint64_t)> answer) {
  change out;
  auto key = std::string(old.key());
  out.tx.require_revision(key, old.mod_revision());
  out.tx.erase(key, stored_form(*c.kind, final_form), index_of(*c.kind, final_form));
  out.revision = old.mod_revision();
  out.commit = !dry_run;
  out.answer = std::move(answer);
  return out;
}

} // namespace troupe::gateway
