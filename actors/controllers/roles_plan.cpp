#include "actors/controllers/roles_plan.hpp"

#include "messages/base/selector.hpp"

#include <algorithm>
#include <set>

namespace troupe::controllers {

namespace {

using k8s::rbac::v1::ClusterRole;
using k8s::rbac::v1::PolicyRule;

/// The rules of all parts in the order of their names, each rule once.
std::vector<PolicyRule> collected(const ClusterRole& role, std::vector<const ClusterRole*> parts) {
  std::sort(parts.begin(), parts.end(),
            [](auto a, auto b) { return a->metadata().name() < b->metadata().name(); });
  std::vector<PolicyRule> out;
  std::set<std::string> seen;
  for (auto part : parts) {
    if (part->metadata().name() == role.metadata().name()) continue;
    bool selected = false;
    for (auto& s : role.aggregation_rule().cluster_role_selectors()) {
      auto selector = label_selector::from(s);
      selected = selected || (selector && selector->matches_map(part->metadata().labels()));
    }
    if (!selected) continue;
    for (auto& rule : part->rules())
      if (seen.insert(rule.SerializeAsString()).second) out.push_back(rule);
  }
  return out;
}

bool same(const std::vector<PolicyRule>& wanted,
          const google::protobuf::RepeatedPtrField<PolicyRule>& held) {
  return std::equal(wanted.begin(), wanted.end(), held.begin(), held.end(), [](auto& a, auto& b) {
    return a.SerializeAsString() == b.SerializeAsString();
  });
}

} // namespace

std::vector<set_rules> plan(const std::vector<ClusterRole>& roles) {
  std::vector<const ClusterRole*> parts;
  parts.reserve(roles.size());
  for (auto& r : roles) parts.push_back(&r);
  std::vector<set_rules> actions;
  for (auto& r : roles) {
    if (!r.has_aggregation_rule()) continue;
    auto wanted = collected(r, parts);
    if (!same(wanted, r.rules())) actions.push_back({r.metadata().name(), std::move(wanted)});
  }
  return actions;
}

} // namespace troupe::controllers
