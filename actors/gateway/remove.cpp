// Deletion: at once, after a grace period, or when the last finalizer is gone; one object or all
// that a selector finds.
#include "actors/gateway/verbs.hpp"
#include "actors/gateway/write.hpp"

#include "actors/gateway/admission.hpp"
#include "actors/gateway/definition_removal.hpp"
#include "actors/gateway/fields.hpp"
#include "actors/gateway/node_authorizer.hpp"
#include "actors/gateway/node_restriction.hpp"
#include "messages/api/namespace.pb.h"
#include "messages/api/service.pb.h"
#include "messages/api/pod.pb.h"
#include "messages/base/finalizers.hpp"
#include "messages/base/span.hpp"
#include "messages/schema/deletion.hpp"
#include "messages/schema/pod_phase.hpp"

#include <algorithm>

namespace troupe::gateway {

namespace {

using google::protobuf::Message;
using k8s::meta::v1::DeleteOptions;

/// What one deletion may add to a transaction besides its object: addresses, ports.
constexpr size_t mutations_reserve = 200;

result<DeleteOptions> read_options(const call& c) {
  DeleteOptions options;
  if (!c.request.body.empty()) {
    auto form = body_format(c.request.header("Content-Type"));
    if (!form) return form.error();
    auto read = read_document(options, "*", "DeleteOptions", *form, c.request.body);
    if (!read) return read.error();
  }
  if (auto ok = read_delete_options(c.query, options); !ok) return ok.error();
  return options;
}

void set_finalizer(k8s::meta::v1::ObjectMeta& m, const char* name, bool wanted) {
  auto& all = *m.mutable_finalizers();
  auto hit = std::find(all.begin(), all.end(), name);
  if (wanted && hit == all.end()) m.add_finalizers(name);
  if (!wanted && hit != all.end()) all.erase(hit);
}

/// Turns the propagation policy into the finalizers that the garbage collector acts on.
void set_propagation(k8s::meta::v1::ObjectMeta& m, const DeleteOptions& options) {
  auto& policy = options.propagation_policy();
  if (!policy.empty()) {
    set_finalizer(m, finalizers::orphan, policy == "Orphan");
    set_finalizer(m, finalizers::foreground, policy == "Foreground");
  } else if (options.has_orphan_dependents()) {
    set_finalizer(m, finalizers::orphan, options.orphan_dependents());
    set_finalizer(m, finalizers::foreground, false);
  }
}

result<void> check_preconditions(const call& c, const Message& object,
                                 const DeleteOptions& options) {
  auto& wanted = options.preconditions();
  auto& m = meta(object);
  if (wanted.has_uid() && wanted.uid() != m.uid())
    return conflict(*c.kind, m.name(),
                    "Precondition failed: UID in precondition: " + wanted.uid() +
                        ", UID in object meta: " + m.uid());
  if (wanted.has_resource_version() && wanted.resource_version() != m.resource_version())
    return conflict(
        *c.kind, m.name(),
        "Precondition failed: ResourceVersion in precondition: " + wanted.resource_version() +
            ", ResourceVersion in object meta: " + m.resource_version());
  return {};
}

bool is_namespace(const schema::kind& kind) {
  return kind.name == "Namespace" && kind.group.empty();
}

/// Namespaces that every cluster has.
bool is_immortal(std::string_view name) {
  return name == "default" || name == "kube-system" || name == "kube-public";
}

} // namespace

int64_t grace_of(const Message& object, const DeleteOptions& options) {
  auto pod = dynamic_cast<const k8s::core::v1::Pod*>(&object);
  if (!pod || pod->spec().node_name().empty()) return 0;
  if (schema::is_over(pod->status().phase())) return 0;
  if (options.has_grace_period_seconds()) return span_of(options.grace_period_seconds()).count();
  return pod->spec().has_termination_grace_period_seconds()
             ? span_of(pod->spec().termination_grace_period_seconds()).count()
             : 30;
}

void begin_deletion(k8s::meta::v1::ObjectMeta& of, int64_t start, int64_t grace) {
  of.mutable_deletion_timestamp()->set_seconds(start + grace);
  of.mutable_deletion_timestamp()->set_nanos(0);
  of.set_deletion_grace_period_seconds(grace);
  if (of.generation() > 0) of.set_generation(of.generation() + 1);
}

result<change> plan_delete(call& c, const storage::snapshot& now, const storage::entry& entry,
                           const DeleteOptions& options) {
  storage::transaction with;
  auto object = load(*c.kind, entry);
  auto& m = meta(*object);
  if (auto ok = check_preconditions(c, *object, options); !ok) return ok.error();
  if (auto node = node_of(c.who))
    if (auto pod = dynamic_cast<const k8s::core::v1::Pod*>(object.get()))
      if (auto why = why_node_may_not_remove(*node, *pod, false); !why.empty())
        return forbidden(*c.kind, m.name(), why);
  if (is_namespace(*c.kind) && is_immortal(m.name()))
    return forbidden(*c.kind, m.name(), "this namespace may not be deleted");
  bool dry = options.dry_run_size() > 0;
  auto definition = dynamic_cast<k8s::apiextensions::v1::CustomResourceDefinition*>(object.get());
  if (definition) return plan_definition_removal(c, now, entry, *definition, dry);
  auto first_time = !m.has_deletion_timestamp();
  set_propagation(m, options);
  auto grace = grace_of(*object, options);
  bool held = !m.finalizers().empty();
  if (is_namespace(*c.kind)) {
    auto& ns = static_cast<k8s::core::v1::Namespace&>(*object);
    held = held || !ns.spec().finalizers().empty();
    if (held) ns.mutable_status()->set_phase("Terminating");
  }
  if (auto service = dynamic_cast<const k8s::core::v1::Service*>(object.get()); service && !held)
    release_service(now, *c.kinds, *service, with);
  if (!held && grace == 0) {
    m.mutable_deletion_timestamp()->set_seconds(c.now.seconds);
    m.set_deletion_grace_period_seconds(0);
    auto uid = m.uid();
    auto name = m.name();
    auto stored = stored_form(*c.kind, *object);
    auto out =
        plan_removal(c, entry, *object, dry, [name, uid, stored](call& c, uint64_t revision) {
          if (schema::returns_deleted(*c.kind) || is_namespace(*c.kind))
            return c.answer_object(200, stored, revision);
          c.answer(status_answer(200, success(*c.kind, name, uid), c.media));
        });
    for (auto& m : with.mutations) out.tx.mutations.push_back(std::move(m));
    release_definition(c, now, entry.key(), out.tx);
    return out;
  }
  // A later deletion may shorten the grace period, never lengthen it.
  bool shorter = !first_time && grace < m.deletion_grace_period_seconds();
  if (first_time || shorter) {
    auto start = first_time ? c.now.seconds
                            : m.deletion_timestamp().seconds() - m.deletion_grace_period_seconds();
    begin_deletion(m, start, grace);
    // Namespaces wait for what is in them, not for a time.
    if (is_namespace(*c.kind)) m.clear_deletion_grace_period_seconds();
  }
  change out;
  auto stored = stored_form(*c.kind, *object);
  out.revision = entry.mod_revision();
  out.commit = !dry && stored != entry.value();
  auto key = std::string(entry.key());
  out.tx.require_revision(key, entry.mod_revision());
  out.tx.put(key, stored, index_of(*c.kind, *object));
  // Who asks for dependents to go, too, is told that they have yet to.
  bool dependents_go = options.has_orphan_dependents() && !options.orphan_dependents();
  out.answer = [stored, code = dependents_go ? 202 : 200](call& c, uint64_t revision) {
    c.answer_object(code, stored, revision);
  };
  return out;
}

void remove(gateway& g, call_ptr c) {
  auto options = read_options(*c);
  if (!options) return c->fail(options.error());
  g.write(c, [options = *options](call& c, const storage::snapshot& now) -> result<change> {
    auto entry = now.get(key_of(*c.kind, c.where.ns, c.where.name));
    if (!entry) return not_found(*c.kind, c.where.name);
    return plan_delete(c, now, *entry, options);
  });
}

void remove_collection(gateway& g, call_ptr c) {
  auto options = read_options(*c);
  if (!options) return c->fail(options.error());
  auto listed = read_list_options(*c->kind, c->query);
  if (!listed) return c->fail(listed.error());
  // All of them in one transaction each time around, until none is left that was there at the
  // start; or as many as are asked for, at once.
  g.write(c,
          [options = *options, wanted = listed->wanted,
           limit = listed->limit](call& c, const storage::snapshot& now) -> result<change> {
            change all;
            all.commit = false;
            std::vector<storage::entry_ptr> items;
            uint64_t taken = 0;
            for (auto& entry : now.list(prefix_of(*c.kind, c.where.ns))) {
              if (!wanted.matches(entry)) continue;
              if (limit && taken++ == limit) break;
              auto one = plan_delete(c, now, entry, options);
              if (!one) return one.error();
              items.push_back(now.get(entry.key()));
              if (!one->commit) continue;
              all.commit = true;
              for (auto& p : one->tx.preconditions) all.tx.preconditions.push_back(std::move(p));
              for (auto& m : one->tx.mutations) all.tx.mutations.push_back(std::move(m));
              if (all.tx.mutations.size() + mutations_reserve >=
                  storage::transaction_mutations_max) {
                all.more = limit == 0;
                break;
              }
            }
            auto revision = now.revision();
            all.answer = [items = std::move(items), revision](call& c, uint64_t) {
              c.answer(list_answer(c, items, revision));
            };
            return all;
          });
}

} // namespace troupe::gateway
