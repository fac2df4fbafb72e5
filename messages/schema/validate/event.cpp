// Events in both of their versions.
#include "messages/schema/validate/rules.hpp"

#include "messages/api/event.pb.h"
#include "messages/api/events.pb.h"

namespace troupe::schema::validate {

namespace {

using core_event = k8s::core::v1::Event;
using new_event = k8s::events::v1::Event;

constexpr size_t name_max = 128;
constexpr size_t note_max = 1024;

/// An event stands beside what it tells of; of things without a namespace it stands in `default`.
void place(report& out, const path& at, const std::string& involved, const std::string& own) {
  if (involved.empty()) {
    if (own != "default" && own != "kube-system")
      out.invalid(at / "namespace", involved, "does not match event.namespace");
  } else if (involved != own) {
    out.invalid(at / "namespace", involved, "does not match event.namespace");
  }
}

/// Who tells what, in the fields that both versions have under names of their own.
void told(report& out, const std::string& controller, const std::string& instance,
          const std::string& action, const std::string& reason, const std::string& text) {
  path top;
  if (controller.empty())
    out.required(top / "reportingController");
  else
    out.invalid(top / "reportingController", controller, names::qualified(controller));
  auto at_most = [&](const char* name, const std::string& value) {
    if (out.not_empty(top / name, value) && value.size() > name_max)
      out.invalid(top / name, value, "can have at most 128 characters");
  };
  at_most("reportingInstance", instance);
  at_most("action", action);
  at_most("reason", reason);
  if (text.size() > note_max) out.invalid(top / "message", "", "can have at most 1024 characters");
}

void event(report& out, const core_event& e) {
  path top;
  place(out, top / "involvedObject", e.involved_object().namespace_(), e.metadata().namespace_());
  if (!e.has_event_time() || e.event_time().seconds() == 0) return;
  told(out, e.reporting_component(), e.reporting_instance(), e.action(), e.reason(), e.message());
}

void new_style(report& out, const new_event& e) {
  path top;
  place(out, top / "involvedObject", e.regarding().namespace_(), e.metadata().namespace_());
  if (!e.has_event_time() || e.event_time().seconds() == 0) out.required(top / "eventTime");
  if (e.type() != "Normal" && e.type() != "Warning")
    out.invalid(top / "type", e.type(), "has invalid value: " + e.type());
  told(out, e.reporting_controller(), e.reporting_instance(), e.action(), e.reason(), e.note());
  if (e.has_series()) {
    if (e.series().count() < 2)
      out.invalid(top / "series.count", e.series().count(), "should be at least 2");
    if (!e.series().has_last_observed_time()) out.required(top / "series.lastObservedTime");
  }
}

void new_style_update(report& out, const new_event& e, const new_event& old) {
  path top;
  out.immutable(top / "involvedObject", e.regarding().name(), same(e.regarding(), old.regarding()));
  out.immutable(top / "reason", e.reason(), e.reason() == old.reason());
  out.immutable(top / "reportingController", e.reporting_controller(),
                e.reporting_controller() == old.reporting_controller());
  out.immutable(top / "reportingInstance", e.reporting_instance(),
                e.reporting_instance() == old.reporting_instance());
  out.immutable(top / "action", e.action(), e.action() == old.action());
  out.immutable(top / "message", e.note(), e.note() == old.note());
  out.immutable(top / "related", e.related().name(), same(e.related(), old.related()));
  out.immutable(top / "type", e.type(), e.type() == old.type());
}

} // namespace

std::vector<row> event_kinds() {
  return {
      kind_row<core_event>().any_time<event>(),
      kind_row<new_event>().any_time<new_style>().on_update<new_style_update>(),
  };
}

} // namespace troupe::schema::validate
