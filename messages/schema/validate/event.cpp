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

/// What both versions say, under names of their own.
struct facts {
  const std::string &about, &place; ///< namespaces: of what it tells, and its own
  bool has_time;
  const char* controller_name;
  const std::string &controller, &instance, &action, &reason, &text;
};

template<class Event> bool has_time(const Event& e) {
  return e.has_event_time() && e.event_time().seconds() != 0;
}

facts facts_of(const core_event& e) {
  return {e.involved_object().namespace_(),
          e.metadata().namespace_(),
          has_time(e),
          "reportingComponent",
          e.reporting_component(),
          e.reporting_instance(),
          e.action(),
          e.reason(),
          e.message()};
}

facts facts_of(const new_event& e) {
  return {e.regarding().namespace_(),
          e.metadata().namespace_(),
          has_time(e),
          "reportingController",
          e.reporting_controller(),
          e.reporting_instance(),
          e.action(),
          e.reason(),
          e.note()};
}

/// An event stands beside what it tells of; of things without a namespace it stands in `default`.
/// Only those of the new kind, which tell their time, may stand elsewhere.
void place(report& out, const facts& f) {
  bool fits = f.about.empty() ? f.place == "default" || (f.has_time && f.place == "kube-system")
                              : f.has_time || f.about == f.place;
  path top;
  if (!fits)
    out.invalid(top / "involvedObject.namespace", f.about, "does not match event.namespace");
}

/// Whoever tells the time of an event tells the rest of it, too.
void told(report& out, const facts& f) {
  path top;
  if (f.controller.empty()) out.required(top / f.controller_name);
  out.invalid(top / f.controller_name, f.controller, names::qualified(f.controller));
  auto at_most = [&](const char* name, const std::string& value) {
    if (out.not_empty(top / name, value) && value.size() > name_max)
      out.invalid(top / name, value, "can have at most 128 characters");
  };
  at_most("reportingInstance", f.instance);
  at_most("action", f.action);
  at_most("reason", f.reason);
  if (f.text.size() > note_max)
    out.invalid(top / "message", "", "can have at most 1024 characters");
}

template<class Event> void event(report& out, const Event& e) {
  auto f = facts_of(e);
  place(out, f);
  if (f.has_time) told(out, f);
}

void series(report& out, const new_event& e) {
  path top;
  if (!e.has_series()) return;
  if (e.series().count() < 2)
    out.invalid(top / "series.count", e.series().count(), "should be at least 2");
  if (!e.series().has_last_observed_time()) out.required(top / "series.lastObservedTime");
}

void new_style(report& out, const new_event& e) {
  path top;
  series(out, e);
  if (!has_time(e)) out.required(top / "eventTime");
  if (e.type() != "Normal" && e.type() != "Warning")
    out.invalid(top / "type", e.type(), "has invalid value: " + e.type());
  auto unset = [&](const char* name, bool is_unset) {
    if (!is_unset) out.invalid(top / name, "", "needs to be unset");
  };
  unset("firstTimestamp", e.deprecated_first_timestamp().seconds() == 0);
  unset("lastTimestamp", e.deprecated_last_timestamp().seconds() == 0);
  unset("count", e.deprecated_count() == 0);
  unset("source",
        e.deprecated_source().component().empty() && e.deprecated_source().host().empty());
}

void new_style_update(report& out, const new_event& e, const new_event& old) {
  path top;
  if (!same(e.series(), old.series())) series(out, e);
  out.immutable(top / "involvedObject", &e.regarding(), same(e.regarding(), old.regarding()));
  out.immutable(top / "reason", e.reason(), e.reason() == old.reason());
  out.immutable(top / "message", e.note(), e.note() == old.note());
  out.immutable(top / "source", &e.deprecated_source(),
                same(e.deprecated_source(), old.deprecated_source()));
  out.immutable(top / "firstTimestamp", &e.deprecated_first_timestamp(),
                same(e.deprecated_first_timestamp(), old.deprecated_first_timestamp()));
  out.immutable(top / "lastTimestamp", &e.deprecated_last_timestamp(),
                same(e.deprecated_last_timestamp(), old.deprecated_last_timestamp()));
  out.immutable(top / "count", e.deprecated_count(),
                e.deprecated_count() == old.deprecated_count());
  out.immutable(top / "type", e.type(), e.type() == old.type());
  out.immutable(top / "eventTime", &e.event_time(), same(e.event_time(), old.event_time()));
  out.immutable(top / "action", e.action(), e.action() == old.action());
  out.immutable(top / "related", e.has_related() ? &e.related() : nullptr,
                same(e.related(), old.related()));
  out.immutable(top / "reportingController", e.reporting_controller(),
                e.reporting_controller() == old.reporting_controller());
  out.immutable(top / "reportingInstance", e.reporting_instance(),
                e.reporting_instance() == old.reporting_instance());
}

} // namespace

std::vector<row> event_kinds() {
  return {
      kind_row<core_event>().any_time<event<core_event>>(),
      kind_row<new_event>()
          .any_time<event<new_event>>()
          .on_create<new_style>()
          .on_update<new_style_update>(),
  };
}

} // namespace troupe::schema::validate
