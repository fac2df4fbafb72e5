#include "actors/scheduler/node_match.hpp"

#include "messages/api/affinity.pb.h"
#include "messages/api/pod.pb.h"

#include <algorithm>
#include <charconv>

namespace troupe::scheduler {

namespace {

requirement condition(const k8s::core::v1::NodeSelectorRequirement& from) {
  using op = requirement::op;
  auto& word = from.operator_();
  auto what = word == "In"       ? op::in
              : word == "NotIn"  ? op::not_in
              : word == "Exists" ? op::exists
              : word == "Gt"     ? op::greater
              : word == "Lt"     ? op::less
                                 : op::absent;
  return {from.key(), what, {from.values().begin(), from.values().end()}};
}

std::optional<int64_t> integer(std::string_view text) {
  int64_t v = 0;
  auto end = text.data() + text.size();
  auto read = std::from_chars(text.data(), end, v);
  if (read.ec != std::errc{} || read.ptr != end) return {};
  return v;
}

bool ordered_as_asked(toleration::op how, std::string_view taint, std::string_view bound) {
  auto have = integer(taint), limit = integer(bound);
  return have && limit && (how == toleration::op::less ? *have < *limit : *have > *limit);
}

} // namespace

node_term::node_term(const k8s::core::v1::NodeSelectorTerm& term) {
  for (auto& e : term.match_expressions()) labels.push_back(condition(e));
  for (auto& e : term.match_fields()) fields.push_back(condition(e));
}

bool node_term::matches(const storage::entry& node) const {
  if (labels.empty() && fields.empty()) return false;
  for (auto& r : labels)
    if (!r.matches(node.label(r.key))) return false;
  for (auto& r : fields)
    if (r.key != "metadata.name" || !r.matches(name_of(node))) return false;
  return true;
}

node_selector::node_selector(const k8s::core::v1::NodeSelector& selector) {
  for (auto& t : selector.node_selector_terms()) terms.emplace_back(t);
}

bool node_selector::matches(const storage::entry& node) const {
  return std::any_of(terms.begin(), terms.end(), [&](auto& t) { return t.matches(node); });
}

node_wish::node_wish(const k8s::core::v1::PodSpec& spec)
    : labels{label_selector::equal_to(spec.node_selector())} {
  auto& affinity = spec.affinity().node_affinity();
  has_terms = affinity.has_required_during_scheduling_ignored_during_execution();
  if (has_terms)
    terms = node_selector(affinity.required_during_scheduling_ignored_during_execution());
}

bool node_wish::matches(const storage::entry& node) const {
  return labels.matches([&](const std::string& key) { return node.label(key); }) &&
         (!has_terms || terms.matches(node));
}

taint::taint(const k8s::core::v1::Taint& from) : key{from.key()}, value{from.value()} {
  auto& word = from.effect();
  what = word == "NoSchedule"         ? effect::no_schedule
         : word == "NoExecute"        ? effect::no_execute
         : word == "PreferNoSchedule" ? effect::prefer_no_schedule
                                      : effect::other;
}

toleration::toleration(const k8s::core::v1::Toleration& from)
    : key{from.key()}, value{from.value()}, effect{from.effect()} {
  auto& word = from.operator_();
  how = word == "Exists" ? op::exists
        : word == "Lt"   ? op::less
        : word == "Gt"   ? op::greater
                         : op::equal;
}

bool toleration::covers(const taint& t) const {
  using e = taint::effect;
  if (!effect.empty()) {
    auto wanted = effect == "NoSchedule"         ? e::no_schedule
                  : effect == "NoExecute"        ? e::no_execute
                  : effect == "PreferNoSchedule" ? e::prefer_no_schedule
                                                 : e::other;
    if (wanted != t.what) return false;
  }
  if (!key.empty() && key != t.key) return false;
  switch (how) {
  case op::exists: return true;
  case op::equal: return value == t.value;
  case op::less:
  case op::greater: return ordered_as_asked(how, t.value, value);
  }
  return false;
}

const taint* untolerated(const std::vector<taint>& taints,
                         const std::vector<toleration>& tolerations) {
  for (auto& t : taints)
    if (t.keeps_out() &&
        std::none_of(tolerations.begin(), tolerations.end(), [&](auto& x) { return x.covers(t); }))
      return &t;
  return nullptr;
}

int advised_against(const std::vector<taint>& taints, const std::vector<toleration>& tolerations) {
  return static_cast<int>(std::count_if(taints.begin(), taints.end(), [&](auto& t) {
    return t.what == taint::effect::prefer_no_schedule &&
           std::none_of(tolerations.begin(), tolerations.end(),
                        [&](auto& x) { return x.covers(t); });
  }));
}

} // namespace troupe::scheduler
