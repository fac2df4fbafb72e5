#include "actors/gateway/default_upkeep.hpp"

#include "actors/gateway/rbac.hpp"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>
#include <vector>

namespace troupe::gateway {

namespace {

namespace rbac = k8s::rbac::v1;
using google::protobuf::util::MessageDifferencer;
using k8s::flowcontrol::v1::FlowSchema;
using k8s::flowcontrol::v1::PriorityLevelConfiguration;
using rbac::ClusterRole;
using rbac::ClusterRoleBinding;
using rbac::Role;
using rbac::RoleBinding;

bool spared(const k8s::meta::v1::ObjectMeta& meta) {
  auto hit = meta.annotations().find("rbac.authorization.kubernetes.io/autoupdate");
  return hit != meta.annotations().end() && hit->second == "false";
}

/// Whoever set a word to something else keeps it.
template<class Map> bool add_words(Map& to, const Map& wanted) {
  auto before = to.size();
  for (auto& [key, value] : wanted) to.insert({key, value});
  return to.size() != before;
}

bool add_marks(k8s::meta::v1::ObjectMeta& to, const k8s::meta::v1::ObjectMeta& wanted) {
  bool labels = add_words(*to.mutable_labels(), wanted.labels());
  bool annotations = add_words(*to.mutable_annotations(), wanted.annotations());
  return labels || annotations;
}

template<class Rules> bool add_rules(Rules& to, const Rules& wanted) {
  std::vector<const policy_rule*> owned;
  for (auto& rule : to) owned.push_back(&rule);
  std::vector<policy_rule> gaps;
  for (auto& rule : wanted)
    for (auto& gap : missing(owned, rule)) gaps.push_back(std::move(gap));
  for (auto& gap : gaps) *to.Add() = std::move(gap);
  return !gaps.empty();
}

template<class List, class Same> bool add_each(List& to, const List& wanted, Same same) {
  bool added = false;
  for (auto& x : wanted) {
    if (std::any_of(to.begin(), to.end(), [&](auto& y) { return same(x, y); })) continue;
    *to.Add() = x;
    added = true;
  }
  return added;
}

bool same_subject(const rbac::Subject& a, const rbac::Subject& b) {
  return a.kind() == b.kind() && a.api_group() == b.api_group() && a.name() == b.name() &&
         a.namespace_() == b.namespace_();
}

template<class Binding> bool catch_up_binding(Binding& found, const Binding& wanted) {
  if (spared(found.metadata())) return false;
  auto &is = found.role_ref(), &shall = wanted.role_ref();
  if (is.api_group() != shall.api_group() || is.kind() != shall.kind() ||
      is.name() != shall.name()) {
    found = wanted;
    return true;
  }
  bool marks = add_marks(*found.mutable_metadata(), wanted.metadata());
  bool subjects = add_each(*found.mutable_subjects(), wanted.subjects(), same_subject);
  return marks || subjects;
}

/// Whether `text` is one of the ways in which Go reads a truth value.
bool says(std::string_view text, bool value) {
  for (auto word : value ? std::array{"1", "t", "T", "true", "TRUE", "True"}
                         : std::array{"0", "f", "F", "false", "FALSE", "False"})
    if (text == word) return true;
  return false;
}

/// The levels and schemas that no server can do without.
bool mandatory(const std::string& name) { return name == "exempt" || name == "catch-all"; }

constexpr const char* autoupdate = "apf.kubernetes.io/autoupdate-spec";

template<class Object> bool catch_up_spec(Object& found, const Object& wanted, bool differs) {
  auto& meta = *found.mutable_metadata();
  auto said = meta.annotations().find(autoupdate);
  std::string_view text;
  if (said != meta.annotations().end()) text = said->second;
  bool yes = says(text, true), no = says(text, false);
  // Unasked, a spec that nobody changed follows.
  bool follows = mandatory(meta.name()) || yes || (!no && meta.generation() == 1);
  bool annotate = follows ? !yes : !no;
  if (annotate) (*meta.mutable_annotations())[autoupdate] = follows ? "true" : "false";
  if (!follows || !differs) return annotate;
  *found.mutable_spec() = wanted.spec();
  meta.set_generation(meta.generation() + 1);
  return true;
}

} // namespace

bool catch_up(ClusterRole& found, const ClusterRole& wanted) {
  if (spared(found.metadata())) return false;
  bool marks = add_marks(*found.mutable_metadata(), wanted.metadata());
  bool rules = add_rules(*found.mutable_rules(), wanted.rules());
  // A role that is not made of others has its own rules only.
  if (!wanted.has_aggregation_rule()) {
    bool gathers = found.has_aggregation_rule();
    found.clear_aggregation_rule();
    return marks || rules || gathers;
  }
  bool selectors =
      add_each(*found.mutable_aggregation_rule()->mutable_cluster_role_selectors(),
               wanted.aggregation_rule().cluster_role_selectors(), MessageDifferencer::Equals);
  return marks || rules || selectors;
}

bool catch_up(Role& found, const Role& wanted) {
  if (spared(found.metadata())) return false;
  bool marks = add_marks(*found.mutable_metadata(), wanted.metadata());
  bool rules = add_rules(*found.mutable_rules(), wanted.rules());
  return marks || rules;
}

bool catch_up(ClusterRoleBinding& found, const ClusterRoleBinding& wanted) {
  return catch_up_binding(found, wanted);
}

bool catch_up(RoleBinding& found, const RoleBinding& wanted) {
  return catch_up_binding(found, wanted);
}

bool catch_up(PriorityLevelConfiguration& found, const PriorityLevelConfiguration& wanted) {
  // How much the exempt ones lend is the operator's to say.
  bool lends = wanted.metadata().name() == "exempt" &&
               found.spec().type() == wanted.spec().type() && found.spec().has_exempt();
  return catch_up_spec(found, wanted,
                       !lends && !MessageDifferencer::Equals(found.spec(), wanted.spec()));
}

bool catch_up(FlowSchema& found, const FlowSchema& wanted) {
  return catch_up_spec(found, wanted, !MessageDifferencer::Equals(found.spec(), wanted.spec()));
}

bool goes_with_defaults(const k8s::meta::v1::ObjectMeta& metadata) {
  auto said = metadata.annotations().find(autoupdate);
  return said != metadata.annotations().end() && says(said->second, true);
}

bool catch_up(k8s::networking::v1::ServiceCIDR& found,
              const k8s::networking::v1::ServiceCIDR& wanted) {
  return add_each(*found.mutable_metadata()->mutable_finalizers(), wanted.metadata().finalizers(),
                  std::equal_to<>());
}

} // namespace troupe::gateway
