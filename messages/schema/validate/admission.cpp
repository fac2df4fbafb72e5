// Webhooks and admission policies. Expressions are compiled by the server; here they must be there.
#include "messages/schema/validate/custom.hpp"

#include "messages/api/admission_policy.pb.h"
#include "messages/api/admission_webhook.pb.h"
#include "messages/api/api_registration.pb.h"

#include <algorithm>

namespace troupe::schema::validate {

namespace {

using namespace k8s::admissionregistration::v1;
using k8s::apiregistration::v1::APIService;

constexpr int match_conditions_max = 64;

void operations(report& out, const path& at, const strings& list) {
  auto here = at / "operations";
  if (list.empty()) out.required(here);
  if (list.size() > 1 && std::find(list.begin(), list.end(), "*") != list.end())
    out.invalid(here, "*", "if '*' is present, must not specify other operations");
  for (int i = 0; i < list.size(); ++i)
    out.one_of(here[i], list[i], {"*", "CONNECT", "CREATE", "DELETE", "UPDATE"});
}

/// "*" stands alone, and nothing is empty.
void wildcards(report& out, const path& here, const strings& list, const char* others,
               bool empty_allowed) {
  if (list.empty()) out.required(here);
  if (list.size() > 1 && std::find(list.begin(), list.end(), "*") != list.end())
    out.invalid(here, "*", std::string("if '*' is present, must not specify other ") + others);
  for (int i = 0; i < list.size(); ++i)
    if (list[i].empty() && !empty_allowed) out.required(here[i]);
}

void resources(report& out, const path& at, const strings& list) {
  auto here = at / "resources";
  if (list.empty()) out.required(here);
  std::set<std::string> whole, everywhere; // "pods/*" and "*/status" that came before
  bool all = false, any = false, plain = false;
  for (int i = 0; i < list.size(); ++i) {
    auto& r = list[i];
    if (!out.not_empty(here[i], r)) continue;
    all = all || r == "*/*";
    any = any || r == "*";
    auto slash = r.find('/');
    if (slash == r.npos) {
      plain = r != "*";
      continue;
    }
    auto resource = r.substr(0, slash), part = r.substr(slash + 1);
    auto covered = [&](const std::string& by) {
      out.invalid(here[i], r, "if '" + by + "' is present, must not specify " + r);
    };
    if (whole.contains(resource)) covered(resource + "/*");
    if (everywhere.contains(part)) covered("*/" + part);
    if (part == "*") whole.insert(resource);
    if (resource == "*") everywhere.insert(part);
  }
  if (all && list.size() > 1)
    out.invalid(here, "*/*", "if '*/*' is present, must not specify other resources");
  if (any && plain)
    out.invalid(here, "*",
                "if '*' is present, must not specify other resources without subresources");
}

void rule(report& out, const path& at, const RuleWithOperations& r) {
  operations(out, at, r.operations());
  wildcards(out, at / "apiGroups", r.rule().api_groups(), "API groups", true);
  wildcards(out, at / "apiVersions", r.rule().api_versions(), "API versions", false);
  resources(out, at, r.rule().resources());
  if (r.rule().has_scope())
    out.one_of(at / "scope", r.rule().scope(), {"*", "Cluster", "Namespaced"});
}

template<class Conditions>
void match_conditions(report& out, const path& at, const Conditions& list) {
  auto here = at / "matchConditions";
  if (list.size() > match_conditions_max)
    out.too_many(here, static_cast<size_t>(list.size()), match_conditions_max);
  std::set<std::string_view> seen;
  for (int i = 0; i < list.size(); ++i) {
    auto place = here[i];
    if (list[i].expression().find_first_not_of(" \t\r\n") == std::string::npos)
      out.required(place / "expression");
    if (list[i].name().empty()) {
      out.required(place / "name");
      continue;
    }
    out.invalid(place / "name", list[i].name(), names::qualified(list[i].name()));
    if (!seen.insert(list[i].name()).second) out.duplicate(place / "name", list[i].name());
  }
}

template<class Webhook> void webhook(report& out, const path& at, const Webhook& w) {
  if (out.not_empty(at / "name", w.name()))
    out.invalid(at / "name", w.name(), names::fully_qualified(w.name()));
  for (int i = 0; i < w.rules_size(); ++i) rule(out, at.at("rules", i), w.rules(i));
  if (w.has_failure_policy())
    out.one_of(at / "failurePolicy", w.failure_policy(), {"Fail", "Ignore"});
  if (w.has_match_policy())
    out.one_of(at / "matchPolicy", w.match_policy(), {"Equivalent", "Exact"});
  if (!w.has_side_effects())
    out.required(at / "sideEffects", "must specify one of None, NoneOnDryRun");
  else if (w.side_effects() != "None" && w.side_effects() != "NoneOnDryRun")
    out.not_supported(at / "sideEffects", w.side_effects(), {"None", "NoneOnDryRun"});
  if (w.has_timeout_seconds() && (w.timeout_seconds() > 30 || w.timeout_seconds() < 1))
    out.invalid(at / "timeoutSeconds", w.timeout_seconds(),
                "the timeout value must be between 1 and 30 seconds");
  if (w.has_namespace_selector())
    label_selector(out, at / "namespaceSelector", w.namespace_selector());
  if (w.has_object_selector()) label_selector(out, at / "objectSelector", w.object_selector());
  auto& client = w.client_config();
  webhook_client(out, at / "clientConfig", client.url(), client.has_url(), client.has_service(),
                 client.service().name(), client.service().namespace_(), client.service().path(),
                 client.service().port());
  match_conditions(out, at, w.match_conditions());
  review_versions(out, at / "admissionReviewVersions", w.admission_review_versions(),
                  "must specify one of v1, v1beta1");
}

void validating(report& out, const ValidatingWebhookConfiguration& c) {
  path at;
  std::set<std::string_view> seen;
  for (int i = 0; i < c.webhooks_size(); ++i) {
    auto here = at.at("webhooks", i);
    webhook(out, here, c.webhooks(i));
    if (!c.webhooks(i).name().empty() && !seen.insert(c.webhooks(i).name()).second)
      out.duplicate(here / "name", c.webhooks(i).name());
  }
}

void mutating(report& out, const MutatingWebhookConfiguration& c) {
  path at;
  std::set<std::string_view> seen;
  for (int i = 0; i < c.webhooks_size(); ++i) {
    auto here = at.at("webhooks", i);
    auto& w = c.webhooks(i);
    webhook(out, here, w);
    if (!w.reinvocation_policy().empty())
      out.one_of(here / "reinvocationPolicy", w.reinvocation_policy(), {"IfNeeded", "Never"});
    if (!w.name().empty() && !seen.insert(w.name()).second) out.duplicate(here / "name", w.name());
  }
}

void match_resources(report& out, const path& at, const MatchResources& m, bool rules_required) {
  if (m.has_namespace_selector())
    label_selector(out, at / "namespaceSelector", m.namespace_selector());
  else
    out.required(at / "namespaceSelector");
  if (m.has_object_selector())
    label_selector(out, at / "objectSelector", m.object_selector());
  else
    out.required(at / "objectSelector");
  if (!m.match_policy().empty())
    out.one_of(at / "matchPolicy", m.match_policy(), {"Equivalent", "Exact"});
  if (rules_required && m.resource_rules().empty()) out.required(at / "resourceRules");
  for (int i = 0; i < m.resource_rules_size(); ++i)
    rule(out, at.at("resourceRules", i), m.resource_rules(i).rule_with_operations());
  for (int i = 0; i < m.exclude_resource_rules_size(); ++i)
    rule(out, at.at("excludeResourceRules", i), m.exclude_resource_rules(i).rule_with_operations());
}

template<class Spec> void policy_common(report& out, const path& at, const Spec& s) {
  if (!s.failure_policy().empty())
    out.one_of(at / "failurePolicy", s.failure_policy(), {"Fail", "Ignore"});
  if (s.has_param_kind()) {
    auto here = at / "paramKind";
    out.not_empty(here / "apiVersion", s.param_kind().api_version());
    out.not_empty(here / "kind", s.param_kind().kind());
  }
  if (s.has_match_constraints())
    match_resources(out, at / "matchConstraints", s.match_constraints(), true);
  else
    out.required(at / "matchConstraints");
  match_conditions(out, at, s.match_conditions());
  std::set<std::string_view> seen;
  for (int i = 0; i < s.variables_size(); ++i) {
    auto here = at.at("variables", i);
    if (out.not_empty(here / "name", s.variables(i).name())) {
      out.invalid(here / "name", s.variables(i).name(), names::c_identifier(s.variables(i).name()));
      if (!seen.insert(s.variables(i).name()).second)
        out.duplicate(here / "name", s.variables(i).name());
    }
    out.not_empty(here / "expression", s.variables(i).expression());
  }
}

void validating_policy(report& out, const ValidatingAdmissionPolicy& p) {
  path top;
  auto at = top / "spec";
  auto& s = p.spec();
  policy_common(out, at, s);
  if (s.validations().empty() && s.audit_annotations().empty())
    out.required(at / "validations", "validations or auditAnnotations must be non-empty");
  for (int i = 0; i < s.validations_size(); ++i) {
    auto here = at.at("validations", i);
    auto& v = s.validations(i);
    out.not_empty(here / "expression", v.expression());
    if (v.message().find('\n') != std::string::npos)
      out.invalid(here / "message", v.message(), "message must not contain line breaks");
    if (!v.reason().empty())
      out.one_of(here / "reason", v.reason(),
                 {"Unauthorized", "Forbidden", "Invalid", "RequestEntityTooLarge"});
  }
  for (int i = 0; i < s.audit_annotations_size(); ++i) {
    auto here = at.at("auditAnnotations", i);
    out.not_empty(here / "key", s.audit_annotations(i).key());
    out.not_empty(here / "valueExpression", s.audit_annotations(i).value_expression());
  }
}

void mutating_policy(report& out, const MutatingAdmissionPolicy& p) {
  path top;
  auto at = top / "spec";
  auto& s = p.spec();
  policy_common(out, at, s);
  if (s.mutations().empty())
    out.required(at / "mutations", "mutations must contain at least one item");
  for (int i = 0; i < s.mutations_size(); ++i) {
    auto here = at.at("mutations", i);
    auto& m = s.mutations(i);
    if (!out.one_of(here / "patchType", m.patch_type(), {"ApplyConfiguration", "JSONPatch"}))
      continue;
    bool apply = m.patch_type() == "ApplyConfiguration";
    if (apply)
      out.not_empty(here / "applyConfiguration.expression", m.apply_configuration().expression());
    else
      out.not_empty(here / "jsonPatch.expression", m.json_patch().expression());
  }
  out.one_of(at / "reinvocationPolicy", s.reinvocation_policy(), {"IfNeeded", "Never"});
}

void param_ref(report& out, const path& at, const ParamRef& r) {
  if (!r.name().empty() && r.has_selector())
    out.forbidden(at / "name", "name and selector are mutually exclusive");
  if (r.name().empty() && !r.has_selector())
    out.required(at, "one of name or selector must be specified");
  if (r.has_selector()) label_selector(out, at / "selector", r.selector());
  out.one_of(at / "parameterNotFoundAction", r.parameter_not_found_action(), {"Allow", "Deny"});
}

void validating_binding(report& out, const ValidatingAdmissionPolicyBinding& b) {
  path top;
  auto at = top / "spec";
  auto& s = b.spec();
  out.name(at / "policyName", s.policy_name(), names::dns_subdomain);
  if (s.has_param_ref()) param_ref(out, at / "paramRef", s.param_ref());
  if (s.has_match_resources())
    match_resources(out, at / "matchResouces", s.match_resources(), false);
  auto actions = at / "validationActions";
  if (s.validation_actions().empty()) out.required(actions);
  std::set<std::string_view> seen;
  for (int i = 0; i < s.validation_actions_size(); ++i) {
    out.one_of(actions[i], s.validation_actions(i), {"Audit", "Deny", "Warn"});
    if (!seen.insert(s.validation_actions(i)).second)
      out.duplicate(actions[i], s.validation_actions(i));
  }
  if (seen.contains("Deny") && seen.contains("Warn"))
    out.invalid(actions, "Deny, Warn",
                "must not contain both Deny and Warn (repeating the same validation failure "
                "information in the API response and headers serves no purpose)");
}

void mutating_binding(report& out, const MutatingAdmissionPolicyBinding& b) {
  path top;
  auto at = top / "spec";
  out.name(at / "policyName", b.spec().policy_name(), names::dns_subdomain);
  if (b.spec().has_param_ref()) param_ref(out, at / "paramRef", b.spec().param_ref());
  if (b.spec().has_match_resources())
    match_resources(out, at / "matchResouces", b.spec().match_resources(), false);
}

void api_service(report& out, const APIService& a) {
  path top;
  auto at = top / "spec";
  auto& s = a.spec();
  auto full = s.version() + "." + s.group();
  if (a.metadata().name() != full)
    out.invalid(top / "metadata.name", a.metadata().name(),
                "must be `spec.version+\".\"+spec.group`: \"" + full + "\"");
  if (!s.group().empty())
    out.invalid(at / "group", s.group(), names::dns_subdomain(s.group()));
  else if (s.version() != "v1")
    out.required(at / "group", "only v1 may have an empty group and it better be legacy kube");
  out.invalid(at / "version", s.version(), names::dns1035_label(s.version()));
  if (s.group_priority_minimum() <= 0 || s.group_priority_minimum() > 20000)
    out.invalid(at / "groupPriorityMinimum", s.group_priority_minimum(),
                "must be positive and less than 20000");
  if (s.version_priority() <= 0 || s.version_priority() > 1000)
    out.invalid(at / "versionPriority", s.version_priority(),
                "must be positive and less than 1000");
  if (s.has_service()) {
    auto here = at / "service";
    out.not_empty(here / "namespace", s.service().namespace_());
    out.not_empty(here / "name", s.service().name());
    if (s.service().has_port() && !names::port(s.service().port()).empty())
      out.invalid(here / "port", s.service().port(),
                  "port is not valid: must be between 1 and 65535, inclusive");
  } else {
    if (!s.ca_bundle().empty())
      out.invalid(at / "caBundle", "", "local APIServices may not have a caBundle");
    if (s.insecure_skip_tls_verify())
      out.invalid(at / "insecureSkipTLSVerify", true,
                  "local APIServices may not have insecureSkipTLSVerify");
  }
  if (s.insecure_skip_tls_verify() && !s.ca_bundle().empty())
    out.invalid(at / "insecureSkipTLSVerify", true, "may not be true if caBundle is present");
}

/// What is wrong with the URL of a webhook.
std::string url_fault(const std::string& url) {
  constexpr std::string_view scheme = "https://";
  if (!url.starts_with(scheme))
    return "'https' is the only allowed URL scheme; desired format: https://host[/path]";
  auto rest = std::string_view(url).substr(scheme.size());
  auto host = rest.substr(0, rest.find_first_of("/?#"));
  if (host.empty()) return "host must be specified; desired format: https://host[/path]";
  if (host.find('@') != host.npos)
    return "user information is not permitted in the URL; desired format: https://host[/path]";
  if (rest.find('#') != rest.npos)
    return "fragments are not permitted in the URL; desired format: https://host[/path]";
  if (rest.find('?') != rest.npos)
    return "query parameters are not permitted in the URL; desired format: https://host[/path]";
  return {};
}

} // namespace

void webhook_client(report& out, const path& at, const std::string& url, bool has_url,
                    bool has_service, const std::string& service, const std::string& name_space,
                    const std::string& service_path, int32_t service_port) {
  if (has_url == has_service) return out.required(at, "exactly one of url or service is required");
  if (has_url) {
    if (auto fault = url_fault(url); !fault.empty()) out.invalid(at / "url", url, fault);
    return;
  }
  auto here = at / "service";
  out.not_empty(here / "name", service, "service name is required");
  out.not_empty(here / "namespace", name_space, "service namespace is required");
  if (!names::port(service_port).empty())
    out.invalid(here / "port", service_port,
                "port is not valid: must be between 1 and 65535, inclusive");
  if (service_path.empty() || service_path == "/") return;
  auto path_at = here / "path";
  if (service_path == "//")
    return out.invalid(path_at, service_path, "segment[0] may not be empty");
  if (!service_path.starts_with('/')) out.invalid(path_at, service_path, "must start with a '/'");
  auto rest = std::string_view(service_path).substr(1);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  for (int i = 0;; ++i) {
    auto slash = rest.find('/');
    auto step = rest.substr(0, slash);
    auto segment = "segment[" + std::to_string(i) + "]";
    if (step.empty())
      out.invalid(path_at, service_path, segment + " may not be empty");
    else
      for (auto& fault : names::dns_subdomain(step))
        out.invalid(path_at, service_path, segment + ": " + fault);
    if (slash == rest.npos) break;
    rest.remove_prefix(slash + 1);
  }
}

void review_versions(report& out, const path& at, const strings& list, std::string_view missing) {
  if (list.empty()) return out.required(at, missing);
  std::set<std::string_view> seen;
  bool known = false;
  for (int i = 0; i < list.size(); ++i) {
    if (!seen.insert(list[i]).second) {
      out.invalid(at[i], list[i], "duplicate version");
      continue;
    }
    out.invalid(at[i], list[i], names::dns1035_label(list[i]));
    known = known || list[i] == "v1" || list[i] == "v1beta1";
  }
  if (!known) out.invalid(at, list[0], "must include at least one of v1, v1beta1");
}

std::vector<row> admission_kinds() {
  return {
      kind_row<ValidatingWebhookConfiguration>().any_time<validating>(),
      kind_row<MutatingWebhookConfiguration>().any_time<mutating>(),
      kind_row<ValidatingAdmissionPolicy>().any_time<validating_policy>(),
      kind_row<ValidatingAdmissionPolicyBinding>().any_time<validating_binding>(),
      kind_row<MutatingAdmissionPolicy>().any_time<mutating_policy>(),
      kind_row<MutatingAdmissionPolicyBinding>().any_time<mutating_binding>(),
      kind_row<APIService>(names::path_segment).any_time<api_service>(),
  };
}

} // namespace troupe::schema::validate
