// Claims on devices, their classes and what drivers publish.
#include "messages/schema/validate/rules.hpp"

#include "messages/api/affinity.pb.h"
#include "messages/api/device.pb.h"

namespace troupe::schema::validate {

namespace {

using namespace k8s::resource::v1;

constexpr int requests_max = 32, selectors_max = 32, devices_max = 128, attributes_max = 32;
constexpr size_t expression_max = 10 * 1024, driver_name_max = 63;

void driver(report& out, const path& at, const std::string& name) {
  if (!out.not_empty(at, name)) return;
  if (name.size() > driver_name_max) out.too_long(at, driver_name_max);
  out.invalid(at, name, names::dns_subdomain(name));
}

template<class List> void selectors(report& out, const path& at, const List& list) {
  if (list.size() > selectors_max)
    out.too_many(at, static_cast<size_t>(list.size()), selectors_max);
  for (int i = 0; i < list.size(); ++i) {
    auto here = at[i];
    if (!list[i].has_cel())
      out.required(here / "cel");
    else if (list[i].cel().expression().empty())
      out.required(here / "cel.expression");
    else if (list[i].cel().expression().size() > expression_max)
      out.too_long(here / "cel.expression", expression_max);
  }
}

template<class Request> void request_body(report& out, const path& at, const Request& r) {
  out.name(at / "deviceClassName", r.device_class_name(), names::dns_subdomain);
  selectors(out, at / "selectors", r.selectors());
  auto mode = at / "allocationMode";
  if (r.allocation_mode() == "ExactCount") {
    if (r.count() <= 0) out.invalid(at / "count", r.count(), "must be greater than zero");
  } else if (r.allocation_mode() == "All") {
    if (r.count() != 0)
      out.invalid(at / "count", r.count(), "must not be specified when allocationMode is 'All'");
  } else {
    out.not_supported(mode, r.allocation_mode(), {"All", "ExactCount"});
  }
}

void claim_spec_of(report& out, const path& top, const ResourceClaimSpec& s) {
  auto at = top / "devices";
  auto& requests = s.devices().requests();
  if (requests.size() > requests_max)
    out.too_many(at / "requests", static_cast<size_t>(requests.size()), requests_max);
  std::set<std::string> known;
  for (int i = 0; i < requests.size(); ++i) {
    auto& r = requests[i];
    auto here = at.at("requests", i);
    if (out.name(here / "name", r.name(), names::dns_label) && !known.insert(r.name()).second)
      out.duplicate(here / "name", r.name());
    bool exactly = r.has_exactly(), choice = r.first_available_size() > 0;
    if (exactly == choice)
      out.required(here, exactly ? "exactly one of `exactly` or `firstAvailable` is required, but "
                                   "multiple fields are set"
                                 : "exactly one of `exactly` or `firstAvailable` is required");
    if (exactly) request_body(out, here / "exactly", r.exactly());
    std::set<std::string_view> subs;
    for (int f = 0; f < r.first_available_size(); ++f) {
      auto sub = here.at("firstAvailable", f);
      if (out.name(sub / "name", r.first_available(f).name(), names::dns_label) &&
          !subs.insert(r.first_available(f).name()).second)
        out.duplicate(sub / "name", r.first_available(f).name());
      known.insert(r.name() + "/" + r.first_available(f).name());
      request_body(out, sub, r.first_available(f));
    }
  }
  auto named = [&](const path& list_at, const strings& list) {
    for (int i = 0; i < list.size(); ++i)
      if (!known.contains(list[i]))
        out.invalid(list_at[i], list[i], "must be the name of a request in the claim");
  };
  for (int i = 0; i < s.devices().constraints_size(); ++i) {
    auto here = at.at("constraints", i);
    auto& c = s.devices().constraints(i);
    named(here / "requests", c.requests());
    if (!c.has_match_attribute() && !c.has_distinct_attribute())
      out.required(here / "matchAttribute");
    else if (c.has_match_attribute())
      out.invalid(here / "matchAttribute", c.match_attribute(),
                  names::qualified(c.match_attribute()));
  }
  for (int i = 0; i < s.devices().config_size(); ++i) {
    auto here = at.at("config", i);
    named(here / "requests", s.devices().config(i).requests());
    auto& opaque = s.devices().config(i).device_configuration();
    if (!opaque.has_opaque())
      out.required(here / "opaque");
    else {
      driver(out, here / "opaque.driver", opaque.opaque().driver());
      if (opaque.opaque().parameters().raw().empty()) out.required(here / "opaque.parameters");
    }
  }
}

void claim(report& out, const ResourceClaim& c) {
  path top;
  claim_spec_of(out, top / "spec", c.spec());
}

void claim_update(report& out, const ResourceClaim& c, const ResourceClaim& old) {
  path at;
  out.immutable(at / "spec", &c.spec(), same(c.spec(), old.spec()));
}

void claim_template(report& out, const ResourceClaimTemplate& t) {
  path top;
  auto at = top / "spec";
  auto meta = at / "metadata";
  labels(out, meta / "labels", t.spec().metadata().labels());
  annotations(out, meta / "annotations", t.spec().metadata().annotations());
  claim_spec_of(out, at / "spec", t.spec().spec());
}

void claim_template_update(report& out, const ResourceClaimTemplate& t,
                           const ResourceClaimTemplate& old) {
  path at;
  out.immutable(at / "spec", &t.spec(), same(t.spec(), old.spec()));
}

void device_class(report& out, const DeviceClass& c) {
  path top;
  auto at = top / "spec";
  selectors(out, at / "selectors", c.spec().selectors());
  for (int i = 0; i < c.spec().config_size(); ++i) {
    auto here = at.at("config", i);
    auto& config = c.spec().config(i).device_configuration();
    if (!config.has_opaque())
      out.required(here / "opaque");
    else
      driver(out, here / "opaque.driver", config.opaque().driver());
  }
  if (c.spec().has_extended_resource_name() && !is_extended(c.spec().extended_resource_name()))
    out.invalid(at / "extendedResourceName", c.spec().extended_resource_name(),
                "must be a valid extended resource name");
}

void slice(report& out, const ResourceSlice& r) {
  path top;
  auto at = top / "spec";
  auto& s = r.spec();
  driver(out, at / "driver", s.driver());
  auto pool = at / "pool";
  out.not_empty(pool / "name", s.pool().name());
  if (s.pool().resource_slice_count() <= 0)
    out.invalid(pool / "resourceSliceCount", s.pool().resource_slice_count(),
                "must be greater than zero");
  out.not_negative(pool / "generation", s.pool().generation());
  int places = !s.node_name().empty() + s.has_node_selector() + s.all_nodes() +
               s.per_device_node_selection();
  if (places == 0)
    out.required(at, "exactly one of `nodeName`, `nodeSelector`, `allNodes`, "
                     "`perDeviceNodeSelection` is required");
  else if (places > 1)
    out.invalid(at, "",
                "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` "
                "is required");
  out.optional_name(at / "nodeName", s.node_name(), names::dns_subdomain);
  if (s.has_node_selector()) {
    node_selector(out, at / "nodeSelector", s.node_selector());
    if (s.node_selector().node_selector_terms_size() > 1)
      out.invalid(at / "nodeSelector.nodeSelectorTerms",
                  s.node_selector().node_selector_terms_size(),
                  "must have exactly one node selector term");
  }
  if (s.devices_size() > devices_max)
    out.too_many(at / "devices", static_cast<size_t>(s.devices_size()), devices_max);
  std::set<std::string_view> seen;
  for (int i = 0; i < s.devices_size(); ++i) {
    auto& d = s.devices(i);
    auto here = at.at("devices", i);
    if (out.name(here / "name", d.name(), names::dns_label) && !seen.insert(d.name()).second)
      out.duplicate(here / "name", d.name());
    auto total = d.attributes().size() + d.capacity().size();
    if (total > attributes_max)
      out.invalid(here, static_cast<int64_t>(total),
                  "the total number of attributes and capacities must not exceed 32");
    auto attributes = here / "attributes";
    for (auto& [name, a] : d.attributes()) {
      int values = a.has_int_value() + a.has_bool_value() + a.has_string_value() + a.has_version() +
                   !a.ints().empty() + !a.bools().empty() + !a.strings().empty() +
                   !a.versions().empty();
      if (values == 0)
        out.required(attributes.key(name), "exactly one value must be specified");
      else if (values > 1)
        out.invalid(attributes.key(name), name, "exactly one value must be specified");
    }
  }
}

void slice_update(report& out, const ResourceSlice& s, const ResourceSlice& old) {
  path at;
  out.immutable(at / "spec.driver", s.spec().driver(), s.spec().driver() == old.spec().driver());
  out.immutable(at / "spec.pool.name", s.spec().pool().name(),
                s.spec().pool().name() == old.spec().pool().name());
  out.immutable(at / "spec.nodeName", s.spec().node_name(),
                s.spec().node_name() == old.spec().node_name());
}

} // namespace

std::vector<row> device_kinds() {
  return {
      kind_row<ResourceClaim>().any_time<claim>().on_update<claim_update>(),
      kind_row<ResourceClaimTemplate>()
          .any_time<claim_template>()
          .on_update<claim_template_update>(),
      kind_row<DeviceClass>().any_time<device_class>(),
      kind_row<ResourceSlice>().any_time<slice>().on_update<slice_update>(),
  };
}

} // namespace troupe::schema::validate
