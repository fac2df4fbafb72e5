#include "messages/schema/default_flow.hpp"

#include <string_view>

namespace troupe::schema {

namespace {

using namespace k8s::flowcontrol::v1;

struct level {
  const char* name;
  int shares, lendable;
  int queues = 0, hand = 0; ///< none: who finds no seat is refused
};

constexpr level levels[] = {
    {"catch-all", 5, 0},
    {"system", 30, 33, 64, 6},
    {"node-high", 40, 25, 64, 6},
    {"leader-election", 10, 0, 16, 4},
    {"workload-high", 40, 50, 128, 6},
    {"workload-low", 100, 90, 128, 6},
    {"global-default", 20, 50, 128, 6},
};

/// Which resources a schema is about: all that there is, if it names none.
struct target {
  const char *verbs, *group, *resources;
  bool cluster_scope;
};

/// Subjects are users, "group:" and a group, or "account:" and an account of kube-system.
struct sorter {
  const char *name, *level;
  int precedence;
  const char* told_apart_by;
  std::vector<const char*> subjects;
  std::vector<target> targets;
};

const std::vector<sorter>& sorters() {
  constexpr const char* anybody = "group:system:authenticated";
  constexpr const char* nobody = "group:system:unauthenticated";
  constexpr const char *manager = "system:kube-controller-manager",
                       *scheduler = "system:kube-scheduler";
  constexpr target leases{"get,create,update", "coordination.k8s.io", "leases", false};
  static const std::vector<sorter> all{
      {"exempt", "exempt", 1, "", {"group:system:masters"}, {}},
      {"probes", "exempt", 2, "", {nobody, anybody}, {}},
      {"system-leader-election",
       "leader-election",
       100,
       "ByUser",
       {manager, scheduler, "account:*"},
       {leases}},
      {"endpoint-controller",
       "workload-high",
       150,
       "ByUser",
       {manager, "account:endpoint-controller", "account:endpointslicemirroring-controller"},
       {{"get,create,update", "", "endpoints", false}}},
      {"workload-leader-election", "leader-election", 200, "ByUser", {"account:*"}, {leases}},
      {"system-node-high",
       "node-high",
       400,
       "ByUser",
       {"group:system:nodes"},
       {{"*", "", "nodes,nodes/status", true}, {"*", "coordination.k8s.io", "leases", false}}},
      {"system-nodes", "system", 500, "ByUser", {"group:system:nodes"}, {}},
      {"kube-controller-manager", "workload-high", 800, "ByNamespace", {manager}, {}},
      {"kube-scheduler", "workload-high", 800, "ByNamespace", {scheduler}, {}},
      {"kube-system-service-accounts", "workload-high", 900, "ByNamespace", {"account:*"}, {}},
      {"service-accounts", "workload-low", 9000, "ByUser", {"group:system:serviceaccounts"}, {}},
      {"global-default", "global-default", 9900, "ByUser", {nobody, anybody}, {}},
      {"catch-all", "catch-all", 10000, "ByUser", {nobody, anybody}, {}},
  };
  return all;
}

template<class Add> void each(std::string_view text, Add add) {
  while (!text.empty()) {
    auto comma = std::min(text.find(','), text.size());
    add(std::string(text.substr(0, comma)));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
}

/// The server brings such objects back to what they were, unless somebody says that it shall not.
template<class Object> Object begun(const char* name) {
  Object out;
  out.mutable_metadata()->set_name(name);
  out.mutable_metadata()->set_generation(1);
  (*out.mutable_metadata()->mutable_annotations())["apf.kubernetes.io/autoupdate-spec"] = "true";
  return out;
}

void add_subject(PolicyRulesWithSubjects& to, std::string_view name) {
  constexpr std::string_view group = "group:", account = "account:";
  auto& s = *to.add_subjects();
  if (name.starts_with(group)) {
    s.set_kind("Group");
    s.mutable_group()->set_name(std::string(name.substr(group.size())));
  } else if (name.starts_with(account)) {
    s.set_kind("ServiceAccount");
    s.mutable_service_account()->set_namespace_("kube-system");
    s.mutable_service_account()->set_name(std::string(name.substr(account.size())));
  } else {
    s.set_kind("User");
    s.mutable_user()->set_name(std::string(name));
  }
}

void add_target(PolicyRulesWithSubjects& to, const target& t) {
  auto& rule = *to.add_resource_rules();
  each(t.verbs, [&](std::string v) { rule.add_verbs(std::move(v)); });
  rule.add_api_groups(t.group);
  each(t.resources, [&](std::string r) { rule.add_resources(std::move(r)); });
  if (t.cluster_scope) rule.set_cluster_scope(true);
  rule.add_namespaces("*");
}

void add_everything(PolicyRulesWithSubjects& to) {
  add_target(to, {"*", "*", "*", true});
  auto& paths = *to.add_non_resource_rules();
  paths.add_verbs("*");
  paths.add_non_resource_urls("*");
}

void add_probes(PolicyRulesWithSubjects& to) {
  auto& paths = *to.add_non_resource_rules();
  paths.add_verbs("get");
  for (auto path : {"/healthz", "/readyz", "/livez"}) paths.add_non_resource_urls(path);
}

} // namespace

std::vector<PriorityLevelConfiguration> default_priority_levels() {
  std::vector<PriorityLevelConfiguration> out;
  auto& exempt = out.emplace_back(begun<PriorityLevelConfiguration>("exempt"));
  exempt.mutable_spec()->set_type("Exempt");
  exempt.mutable_spec()->mutable_exempt()->set_nominal_concurrency_shares(0);
  exempt.mutable_spec()->mutable_exempt()->set_lendable_percent(0);
  for (auto& from : levels) {
    auto& made = out.emplace_back(begun<PriorityLevelConfiguration>(from.name));
    made.mutable_spec()->set_type("Limited");
    auto& limited = *made.mutable_spec()->mutable_limited();
    limited.set_nominal_concurrency_shares(from.shares);
    limited.set_lendable_percent(from.lendable);
    auto& response = *limited.mutable_limit_response();
    response.set_type(from.queues ? "Queue" : "Reject");
    if (!from.queues) continue;
    response.mutable_queuing()->set_queues(from.queues);
    response.mutable_queuing()->set_hand_size(from.hand);
    response.mutable_queuing()->set_queue_length_limit(50);
  }
  return out;
}

std::vector<FlowSchema> default_flow_schemas(int64_t now_seconds) {
  std::vector<FlowSchema> out;
  for (auto& from : sorters()) {
    auto& made = out.emplace_back(begun<FlowSchema>(from.name));
    auto& spec = *made.mutable_spec();
    spec.mutable_priority_level_configuration()->set_name(from.level);
    spec.set_matching_precedence(from.precedence);
    if (*from.told_apart_by) spec.mutable_distinguisher_method()->set_type(from.told_apart_by);
    auto& rules = *spec.add_rules();
    for (auto subject : from.subjects) add_subject(rules, subject);
    for (auto& t : from.targets) add_target(rules, t);
    if (std::string_view(from.name) == "probes")
      add_probes(rules);
    else if (from.targets.empty())
      add_everything(rules);
    auto& known = *made.mutable_status()->add_conditions();
    known.set_type("Dangling");
    known.set_status("False");
    known.mutable_last_transition_time()->set_seconds(now_seconds);
    known.set_reason("Found");
    known.set_message("This FlowSchema references the PriorityLevelConfiguration object named \"" +
                      std::string(from.level) + "\" and it exists");
  }
  return out;
}

} // namespace troupe::schema
