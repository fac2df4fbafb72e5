// Where a pod wants to be: node and pod affinity, taints, tolerations, topology spread.
#include "messages/schema/validate/rules.hpp"

#include "messages/api/pod.pb.h"

#include <algorithm>
#include <charconv>

namespace troupe::schema::validate {

namespace {

using namespace k8s::core::v1;

bool is_number(const std::string& text) {
  int64_t value = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failed == std::errc() && end == text.data() + text.size();
}

void requirement(report& out, const path& at, const NodeSelectorRequirement& r, bool strict) {
  auto values = at / "values";
  auto& op = r.operator_();
  if (op == "In" || op == "NotIn") {
    if (r.values().empty())
      out.required(values, "must be specified when `operator` is 'In' or 'NotIn'");
  } else if (op == "Exists" || op == "DoesNotExist") {
    if (!r.values().empty())
      out.forbidden(values, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
  } else if (op == "Gt" || op == "Lt") {
    if (r.values_size() != 1)
      out.required(values, "must be specified single value when `operator` is 'Lt' or 'Gt'");
  } else {
    out.invalid(at / "operator", op, "not a valid selector operator");
  }
  out.invalid(at / "key", r.key(), names::qualified(r.key()));
  if (!strict) return;
  for (int i = 0; i < r.values_size(); ++i)
    out.invalid(values[i], r.values(i), names::label_value(r.values(i)));
}

void field_requirement(report& out, const path& at, const NodeSelectorRequirement& r) {
  auto values = at / "values";
  if (r.operator_() != "In" && r.operator_() != "NotIn")
    out.invalid(at / "operator", r.operator_(), "not a valid selector operator");
  else if (r.values_size() != 1)
    out.required(
        values,
        "must be only one value when `operator` is 'In' or 'NotIn' for node field selector");
  if (r.key() != "metadata.name")
    out.invalid(at / "key", r.key(), "not a valid field selector key");
  else
    for (int i = 0; i < r.values_size(); ++i)
      out.invalid(values[i], r.values(i), names::dns_subdomain(r.values(i)));
}

/// A preference whose values no label can have is harmless, so only terms that bind are `strict`.
void term(report& out, const path& at, const NodeSelectorTerm& t, bool strict) {
  for (int i = 0; i < t.match_expressions_size(); ++i)
    requirement(out, at.at("matchExpressions", i), t.match_expressions(i), strict);
  for (int i = 0; i < t.match_fields_size(); ++i)
    field_requirement(out, at.at("matchFields", i), t.match_fields(i));
}

void node_affinity(report& out, const path& at, const NodeAffinity& a) {
  if (a.has_required_during_scheduling_ignored_during_execution())
    node_selector(out, at / "requiredDuringSchedulingIgnoredDuringExecution",
                  a.required_during_scheduling_ignored_during_execution());
  for (int i = 0; i < a.preferred_during_scheduling_ignored_during_execution_size(); ++i) {
    auto& p = a.preferred_during_scheduling_ignored_during_execution(i);
    auto here = at.at("preferredDuringSchedulingIgnoredDuringExecution", i);
    if (p.weight() <= 0 || p.weight() > 100)
      out.invalid(here / "weight", p.weight(), "must be in the range 1-100");
    term(out, here / "preference", p.preference(), false);
  }
}

/// Keys whose values are taken from the pod's own labels: what they ask for joins the selector when
/// a pod is created, so whoever asks for the same key there as well is seen by finding it twice.
template<class Term>
void label_keys(report& out, const path& at, const Term& t, const strings& mismatching) {
  auto& matching = t.match_label_keys();
  auto match = at / "matchLabelKeys";
  auto check = [&](const strings& keys, const path& here) {
    if (keys.empty()) return;
    if (!t.has_label_selector())
      return out.forbidden(here, "must not be specified when labelSelector is not set");
    for (int i = 0; i < keys.size(); ++i) out.invalid(here[i], keys[i], names::qualified(keys[i]));
  };
  check(matching, match);
  check(mismatching, at / "mismatchLabelKeys");
  std::set<std::string> selected;
  for (auto& [key, value] : t.label_selector().match_labels()) selected.insert(key);
  for (auto& e : t.label_selector().match_expressions()) {
    bool again = !selected.insert(e.key()).second;
    for (int i = matching.size() - 1; again && i >= 0; --i) {
      if (matching[i] != e.key()) continue;
      out.invalid(at[i], e.key(), "exists in both matchLabelKeys and labelSelector");
      break;
    }
  }
  for (int i = 0; i < matching.size(); ++i)
    if (std::find(mismatching.begin(), mismatching.end(), matching[i]) != mismatching.end())
      out.invalid(match[i], matching[i], "exists in both matchLabelKeys and mismatchLabelKeys");
}

void pod_term(report& out, const path& at, const PodAffinityTerm& t) {
  label_selector(out, at / "labelSelector", t.label_selector());
  label_selector(out, at / "namespaceSelector", t.namespace_selector());
  for (auto& ns : t.namespaces()) out.invalid(at / "namespace", ns, names::dns_label(ns));
  label_keys(out, at, t, t.mismatch_label_keys());
  auto topology = at / "topologyKey";
  if (t.topology_key().empty()) out.required(topology, "can not be empty");
  out.invalid(topology, t.topology_key(), names::qualified(t.topology_key()));
}

template<class Affinity> void pod_terms(report& out, const path& at, const Affinity& a) {
  for (int i = 0; i < a.required_during_scheduling_ignored_during_execution_size(); ++i)
    pod_term(out, at.at("requiredDuringSchedulingIgnoredDuringExecution", i),
             a.required_during_scheduling_ignored_during_execution(i));
  for (int i = 0; i < a.preferred_during_scheduling_ignored_during_execution_size(); ++i) {
    auto& p = a.preferred_during_scheduling_ignored_during_execution(i);
    auto here = at.at("preferredDuringSchedulingIgnoredDuringExecution", i);
    if (p.weight() <= 0 || p.weight() > 100)
      out.invalid(here / "weight", p.weight(), "must be in the range 1-100");
    pod_term(out, here / "podAffinityTerm", p.pod_affinity_term());
  }
}

bool taint_effect(report& out, const path& at, std::string_view effect, bool empty_allowed) {
  if (effect.empty() && empty_allowed) return true;
  return out.one_of(at, effect, {"NoSchedule", "PreferNoSchedule", "NoExecute"});
}

} // namespace

void node_selector(report& out, const path& at, const NodeSelector& s) {
  if (s.node_selector_terms().empty())
    out.required(at / "nodeSelectorTerms", "must have at least one node selector term");
  for (int i = 0; i < s.node_selector_terms_size(); ++i)
    term(out, at.at("nodeSelectorTerms", i), s.node_selector_terms(i), true);
}

void spread(report& out, const path& at, const PodSpec& spec) {
  auto& list = spec.topology_spread_constraints();
  for (int i = 0; i < list.size(); ++i) {
    auto& c = list[i];
    auto here = at.at("topologySpreadConstraints", i);
    out.positive(here / "maxSkew", c.max_skew());
    out.not_empty(here / "topologyKey", c.topology_key(), "can not be empty");
    if (c.when_unsatisfiable() != "DoNotSchedule" && c.when_unsatisfiable() != "ScheduleAnyway")
      out.not_supported(here / "whenUnsatisfiable", c.when_unsatisfiable(),
                        {"DoNotSchedule", "ScheduleAnyway"});
    auto same_kind = [&](auto& other) {
      return other.topology_key() == c.topology_key() &&
             other.when_unsatisfiable() == c.when_unsatisfiable();
    };
    if (std::any_of(list.begin() + i + 1, list.end(), same_kind)) // the earlier one is told
      out.duplicate(here / "{topologyKey, whenUnsatisfiable}",
                    "{" + c.topology_key() + ", " + c.when_unsatisfiable() + "}");
    if (c.has_min_domains()) {
      out.positive(here / "minDomains", c.min_domains());
      if (c.when_unsatisfiable() != "DoNotSchedule")
        out.invalid(here / "minDomains", c.min_domains(),
                    "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not " +
                        c.when_unsatisfiable());
    }
    if (c.has_node_affinity_policy())
      out.one_of(here / "nodeAffinityPolicy", c.node_affinity_policy(), {"Honor", "Ignore"});
    if (c.has_node_taints_policy())
      out.one_of(here / "nodeTaintsPolicy", c.node_taints_policy(), {"Honor", "Ignore"});
    label_keys(out, here, c, {});
    label_selector(out, here / "labelSelector", c.label_selector());
  }
}

void affinity(report& out, const path& at, const PodSpec& spec) {
  auto& a = spec.affinity();
  if (a.has_node_affinity()) node_affinity(out, at / "nodeAffinity", a.node_affinity());
  if (a.has_pod_affinity()) pod_terms(out, at / "podAffinity", a.pod_affinity());
  if (a.has_pod_anti_affinity()) pod_terms(out, at / "podAntiAffinity", a.pod_anti_affinity());
}

void tolerations(report& out, const path& at,
                 const google::protobuf::RepeatedPtrField<Toleration>& list) {
  for (int i = 0; i < list.size(); ++i) {
    auto& t = list[i];
    auto here = at[i];
    if (!t.key().empty()) out.invalid(here / "key", t.key(), names::qualified(t.key()));
    if (t.key().empty() && t.operator_() != "Exists")
      out.invalid(here / "operator", t.operator_(),
                  "operator must be Exists when `key` is empty, which means \"match all values and "
                  "all keys\"");
    if (t.has_toleration_seconds() && t.effect() != "NoExecute")
      out.invalid(here / "effect", t.effect(),
                  "effect must be 'NoExecute' when `tolerationSeconds` is set");
    auto& op = t.operator_();
    if (op.empty() || op == "Equal") {
      out.invalid_joined(here / "operator", t.value(), names::label_value(t.value()));
    } else if (op == "Exists") {
      if (!t.value().empty())
        out.invalid(here / "operator", t.value(),
                    "value must be empty when `operator` is 'Exists'");
    } else if (op == "Lt" || op == "Gt") {
      if (!is_number(t.value()))
        out.invalid(here / "value", t.value(),
                    "value must be an integer when `operator` is 'Lt' or 'Gt'");
    } else {
      out.not_supported(here / "operator", op, {"Equal", "Exists", "Lt", "Gt"});
    }
    taint_effect(out, here / "effect", t.effect(), true);
  }
}

void taints(report& out, const path& at, const google::protobuf::RepeatedPtrField<Taint>& list) {
  std::set<std::string> seen;
  for (int i = 0; i < list.size(); ++i) {
    auto& t = list[i];
    auto here = at[i];
    out.invalid(here / "key", t.key(), names::qualified(t.key()));
    out.invalid_joined(here / "value", t.value(), names::label_value(t.value()));
    taint_effect(out, here / "effect", t.effect(), false);
    if (!seen.insert(t.key() + ":" + t.effect()).second)
      out.duplicate(here, t.key() + ":" + t.effect(),
                    "taints must be unique by key and effect pair");
  }
}

void topology_terms(report& out, const path& at,
                    const google::protobuf::RepeatedPtrField<TopologySelectorTerm>& list) {
  for (int i = 0; i < list.size(); ++i) {
    auto here = at[i];
    std::set<std::string> keys;
    for (int e = 0; e < list[i].match_label_expressions_size(); ++e) {
      auto& r = list[i].match_label_expressions(e);
      auto place = here.at("matchLabelExpressions", e);
      if (r.values().empty()) out.required(place / "values");
      std::set<std::string> values;
      auto values_at = place / "values";
      for (int v = 0; v < r.values_size(); ++v)
        if (!values.insert(r.values(v)).second) out.duplicate(values_at[v], r.values(v));
      out.invalid(place / "key", r.key(), names::qualified(r.key()));
      if (!keys.insert(r.key()).second) out.duplicate(place / "key", r.key());
    }
  }
}

} // namespace troupe::schema::validate
