// Flow control: which requests share which part of the server.
#include "messages/schema/validate/rules.hpp"

#include "messages/api/flow_control.pb.h"

#include <algorithm>

namespace troupe::schema::validate {

namespace {

using namespace k8s::flowcontrol::v1;

constexpr int32_t precedence_max = 10'000;
constexpr int32_t queues_max = 10'000'000;

void subject(report& out, const path& at, const Subject& s) {
  if (s.kind() == "ServiceAccount") {
    auto here = at / "serviceAccount";
    if (!s.has_service_account())
      return out.required(here, "serviceAccount is required when subject kind is 'ServiceAccount'");
    if (out.not_empty(here / "name", s.service_account().name()) &&
        s.service_account().name() != "*")
      out.invalid(here / "name", s.service_account().name(),
                  names::dns_subdomain(s.service_account().name()));
    out.name(here / "namespace", s.service_account().namespace_(), names::dns_label);
  } else if (s.kind() == "User") {
    if (!s.has_user())
      out.required(at / "user", "user is required when subject kind is 'User'");
    else
      out.not_empty(at / "user.name", s.user().name());
  } else if (s.kind() == "Group") {
    if (!s.has_group())
      out.required(at / "group", "group is required when subject kind is 'Group'");
    else
      out.not_empty(at / "group.name", s.group().name());
  } else {
    out.not_supported(at / "kind", s.kind(), {"Group", "ServiceAccount", "User"});
  }
}

void star_alone(report& out, const path& at, const strings& list) {
  if (list.empty())
    out.required(at);
  else if (list.size() > 1 && std::find(list.begin(), list.end(), "*") != list.end())
    out.invalid(at, "*", "if '*' is present, must not specify other values");
}

void verbs(report& out, const path& at, const strings& list) {
  star_alone(out, at, list);
  constexpr std::string_view known[] = {
      "*",     "get",   "list", "create", "update", "delete", "deletecollection",
      "patch", "watch", "proxy"};
  for (auto& v : list)
    if (std::find(std::begin(known), std::end(known), v) == std::end(known))
      out.not_supported(at, v,
                        {"create", "delete", "deletecollection", "get", "list", "patch", "proxy",
                         "update", "watch"});
}

void rule(report& out, const path& at, const PolicyRulesWithSubjects& r) {
  if (r.subjects().empty())
    out.required(at / "subjects", "subjects must contain at least one value");
  for (int i = 0; i < r.subjects_size(); ++i) subject(out, at.at("subjects", i), r.subjects(i));
  if (r.resource_rules().empty() && r.non_resource_rules().empty())
    out.required(at, "at least one of resourceRules and nonResourceRules has to be non-empty");
  for (int i = 0; i < r.resource_rules_size(); ++i) {
    auto here = at.at("resourceRules", i);
    auto& rule = r.resource_rules(i);
    verbs(out, here / "verbs", rule.verbs());
    star_alone(out, here / "apiGroups", rule.api_groups());
    star_alone(out, here / "resources", rule.resources());
    if (rule.namespaces().empty() && !rule.cluster_scope())
      out.required(here / "namespaces",
                   "resource rules that are not cluster scoped must supply at least one namespace");
    auto spaces = here / "namespaces";
    for (int n = 0; n < rule.namespaces_size(); ++n)
      if (rule.namespaces(n) != "*")
        out.invalid(spaces[n], rule.namespaces(n), names::dns_label(rule.namespaces(n)));
  }
  for (int i = 0; i < r.non_resource_rules_size(); ++i) {
    auto here = at.at("nonResourceRules", i);
    verbs(out, here / "verbs", r.non_resource_rules(i).verbs());
    auto urls = here / "nonResourceURLs";
    auto& list = r.non_resource_rules(i).non_resource_urls();
    star_alone(out, urls, list);
    for (int u = 0; u < list.size(); ++u) {
      if (list[u] == "*") continue;
      if (!list[u].starts_with('/')) out.invalid(urls[u], list[u], "must start with slash");
      auto star = list[u].find('*');
      if (star != std::string::npos &&
          !(star + 1 == list[u].size() && star > 0 && list[u][star - 1] == '/'))
        out.invalid(urls[u], list[u], "wildcard can only do suffix matching");
    }
  }
}

void flow_schema(report& out, const FlowSchema& f) {
  path top;
  auto at = top / "spec";
  auto& s = f.spec();
  auto precedence = at / "matchingPrecedence";
  if (s.matching_precedence() <= 0)
    out.invalid(precedence, s.matching_precedence(), "must be a positive value");
  if (s.matching_precedence() > precedence_max)
    out.invalid(precedence, s.matching_precedence(), "must not be greater than 10000");
  if (s.matching_precedence() == 1 && f.metadata().name() != "exempt")
    out.invalid(precedence, 1, "only the schema named 'exempt' may have matchingPrecedence 1");
  if (s.has_distinguisher_method())
    out.one_of(at / "distinguisherMethod", s.distinguisher_method().type(),
               {"ByNamespace", "ByUser"});
  auto level = at / "priorityLevelConfiguration.name";
  out.name(level, s.priority_level_configuration().name(), names::dns_subdomain);
  for (int i = 0; i < s.rules_size(); ++i) rule(out, at.at("rules", i), s.rules(i));
}

void priority_level(report& out, const PriorityLevelConfiguration& p) {
  path top;
  auto at = top / "spec";
  auto& s = p.spec();
  if (!out.one_of(at / "type", s.type(), {"Exempt", "Limited"})) return;
  if (s.type() == "Exempt") {
    if (s.has_limited()) out.forbidden(at / "limited", "must be nil if the type is not Limited");
    out.not_negative(at / "exempt.nominalConcurrencyShares",
                     s.exempt().nominal_concurrency_shares());
    out.between(at / "exempt.lendablePercent", s.exempt().lendable_percent(), 0, 100);
    return;
  }
  if (s.has_exempt()) out.forbidden(at / "exempt", "must be nil if the type is Limited");
  auto limited = at / "limited";
  if (!s.has_limited()) return out.required(limited, "must not be empty when type is Limited");
  out.not_negative(limited / "nominalConcurrencyShares", s.limited().nominal_concurrency_shares());
  out.between(limited / "lendablePercent", s.limited().lendable_percent(), 0, 100);
  if (s.limited().has_borrowing_limit_percent())
    out.not_negative(limited / "borrowingLimitPercent", s.limited().borrowing_limit_percent());
  auto response = limited / "limitResponse";
  auto& r = s.limited().limit_response();
  if (!out.one_of(response / "type", r.type(), {"Queue", "Reject"})) return;
  auto queuing = response / "queuing";
  if (r.type() == "Reject") {
    if (r.has_queuing())
      out.forbidden(queuing, "must be nil if limited.limitResponse.type is not Limited");
    return;
  }
  if (!r.has_queuing())
    return out.required(queuing, "must not be empty if limited.limitResponse.type is Limited");
  out.positive(queuing / "queueLengthLimit", r.queuing().queue_length_limit());
  if (out.positive(queuing / "queues", r.queuing().queues()) && r.queuing().queues() > queues_max)
    out.invalid(queuing / "queues", r.queuing().queues(), "must not be greater than 10000000");
  if (out.positive(queuing / "handSize", r.queuing().hand_size()) &&
      r.queuing().hand_size() > r.queuing().queues())
    out.invalid(queuing / "handSize", r.queuing().hand_size(), "should not be greater than queues");
}

} // namespace

std::vector<row> flow_kinds() {
  return {
      kind_row<FlowSchema>().any_time<flow_schema>(),
      kind_row<PriorityLevelConfiguration>().any_time<priority_level>(),
  };
}

} // namespace troupe::schema::validate
