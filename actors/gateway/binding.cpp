// Binding a pod to a node: what a scheduler asks for.
#include "actors/gateway/subresources.hpp"
#include "actors/gateway/write.hpp"

#include "actors/gateway/fields.hpp"
#include "messages/api/core.pb.h"
#include "messages/api/pod.pb.h"

#include <algorithm>

namespace troupe::gateway {

namespace {

using k8s::core::v1::Binding;
using k8s::core::v1::Pod;

error unbindable(const std::string& name, const std::string& why) {
  error e{errc::conflict, "Operation cannot be fulfilled on pods/binding \"" + name + "\": " + why};
  e.details = {.name = name, .group = {}, .kind = "pods/binding"};
  return e;
}

result<change> plan_binding(const call& c, const Binding& binding, const schema::kind& pods,
                            bool dry_run, const storage::snapshot& now) {
  auto& name = binding.metadata().name();
  auto entry = now.get(key_of(pods, c.where.ns, name));
  if (!entry) return not_found(pods, name);
  auto object = load(pods, *entry);
  auto& pod = static_cast<Pod&>(*object);
  if (!binding.metadata().uid().empty() && binding.metadata().uid() != pod.metadata().uid())
    return conflict(pods, name,
                    "Precondition failed: UID in precondition: " + binding.metadata().uid() +
                        ", UID in object meta: " + pod.metadata().uid());
  if (pod.metadata().has_deletion_timestamp())
    return unbindable(name, "pod " + name + " is being deleted, cannot be assigned to a host");
  if (!pod.spec().node_name().empty())
    return unbindable(name, "pod " + name + " is already assigned to node \"" +
                                pod.spec().node_name() + "\"");
  if (!pod.spec().scheduling_gates().empty())
    return unbindable(name, "pod " + name + " has non-empty .spec.schedulingGates");
  pod.mutable_spec()->set_node_name(binding.target().name());
  for (auto& [key, value] : binding.metadata().annotations())
    (*pod.mutable_metadata()->mutable_annotations())[key] = value;
  for (auto& [key, value] : binding.metadata().labels())
    (*pod.mutable_metadata()->mutable_labels())[key] = value;
  auto& conditions = *pod.mutable_status()->mutable_conditions();
  auto hit = std::find_if(conditions.begin(), conditions.end(),
                          [](auto& x) { return x.type() == "PodScheduled"; });
  auto& scheduled = hit == conditions.end() ? *conditions.Add() : *hit;
  scheduled.set_type("PodScheduled");
  scheduled.set_status("True");
  scheduled.clear_reason();
  scheduled.clear_message();
  scheduled.mutable_last_transition_time()->set_seconds(c.now.seconds);
  scheduled.mutable_last_transition_time()->set_nanos(0);
  change out;
  auto key = std::string(entry->key());
  out.tx.require_revision(key, entry->mod_revision());
  out.tx.put(key, stored_form(pods, pod), index_of(pods, pod));
  out.commit = !dry_run;
  out.answer = [](call& c, uint64_t) { c.answer(status_answer(201, success(201), c.media)); };
  return out;
}

} // namespace

void bind(gateway& g, call_ptr c) {
  auto options = read_write_options(c->query, "CreateOptions");
  if (!options) return c->fail(options.error());
  auto form = body_format(c->request.header("Content-Type"));
  if (!form) return c->fail(form.error());
  auto binding = std::make_shared<Binding>();
  auto read = read_document(*binding, "v1", "Binding", *form, c->request.body);
  if (!read) return c->fail(read.error());
  auto& m = *binding->mutable_metadata();
  if (auto ok = fit_namespace(*c, m); !ok) return c->fail(ok.error());
  if (c->sub && m.name() != c->where.name)
    return c->fail({errc::bad_request, "name in URL (" + c->where.name +
                                           ") does not match name in Binding object (" + m.name() +
                                           ")"});
  if (binding->target().name().empty())
    return c->fail(invalid("", "Binding", m.name(),
                           {{"FieldValueRequired", "Required value", "target.name"}}));
  if (!binding->target().kind().empty() && binding->target().kind() != "Node")
    return c->fail(invalid("", "Binding", m.name(),
                           {{"FieldValueNotSupported",
                             "Unsupported value: \"" + binding->target().kind() +
                                 "\": supported values: \"Node\", \"<empty>\"",
                             "target.kind"}}));
  auto pods = c->kinds->by_resource("", "v1", "pods");
  g.write(c, [binding, pods, dry = options->dry_run](call& c, const storage::snapshot& now) {
    return plan_binding(c, *binding, *pods, dry, now);
  });
}

} // namespace troupe::gateway
