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
  has_star(out, here, list, "operations");
  for (int i = 0; i < list.size(); ++i)
    out.one_of(here[i], list[i], {"*", "CONNECT", "CREATE", "DELETE", "UPDATE"});
}

/// "*" stands alone, and nothing is empty.
void wildcards(report& out, const path& here, const strings& list, const char* others,
               bool empty_allowed) {
  if (list.empty()) out.required(here);
  has_star(out, here, list, others);
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
    out.invalid(here, shown::plain(json_of(list)),
                "if '*/*' is present, must not specify other resources");
  if (any && plain)
    out.invalid(here, shown::plain(json_of(list)),
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

bool blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == text.npos; }

template<class Conditions>
void match_conditions(report& out, const path& at, const Conditions& list) {
  auto here = at / "matchConditions";
  if (list.size() > match_conditions_max)
    out.too_many(here, static_cast<size_t>(list.size()), match_conditions_max);
  std::set<std::string_view> seen;
  for (int i = 0; i < list.size(); ++i) {
    auto place = here[i];
    if (blank(list[i].expression())) out.required(place / "expression");
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

void named_rule(report& out, const path& at, const NamedRuleWithOperations& r) {
  auto here = at / "resourceNames";
  std::set<std::string_view> seen;
  for (int i = 0; i < r.resource_names_size(); ++i) {
    auto& name = r.resource_names(i);
    out.invalid(here[i], name, names::path_segment(name));
    if (!seen.insert(name).second) out.duplicate(here[i], name);
  }
  rule(out, at, r.rule_with_operations());
}

void match_resources(report& out, const path& at, const MatchResources& m) {
  out.one_of(at / "matchPolicy", m.match_policy(), {"Equivalent", "Exact"});
  label_selector(out, at / "namespaceSelector", m.namespace_selector());
  label_selector(out, at / "objectSelector", m.object_selector());
  for (int i = 0; i < m.resource_rules_size(); ++i)
    named_rule(out, at.at("resourceRules", i), m.resource_rules(i));
  for (int i = 0; i < m.exclude_resource_rules_size(); ++i)
    named_rule(out, at.at("excludeResourceRules", i), m.exclude_resource_rules(i));
}

/// Nothing is left to change of what goes away.
void no_deletion(report& out, const path& at, const MatchResources& m) {
  auto here = at / "resourceRules.operations";
  for (auto& r : m.resource_rules())
    for (auto& o : r.rule_with_operations().operations())
      if (o != "*" && o != "CONNECT" && o != "CREATE" && o != "UPDATE")
        out.not_supported(here, o, {"*", "CONNECT", "CREATE", "UPDATE"});
}

void param_version(report& out, const path& at, const std::string& text) {
  if (!out.not_empty(at, text)) return;
  auto slash = text.find('/');
  if (slash != text.npos && text.find('/', slash + 1) != text.npos)
    return out.invalid(at, text, "unexpected GroupVersion string: " + text);
  auto group = slash == text.npos ? "" : text.substr(0, slash);
  auto version = slash == text.npos ? text : text.substr(slash + 1);
  if (!group.empty()) out.invalid_joined(at, group, names::dns_subdomain(group), ",");
  if (version.empty()) return out.invalid(at, text, "version must be specified");
  out.invalid_joined(at, version, names::dns1035_label(version), ",");
}

void param_kind(report& out, const path& at, const ParamKind& k) {
  param_version(out, at / "apiVersion", k.api_version());
  auto here = at / "kind";
  if (!out.not_empty(here, k.kind())) return;
  auto low = k.kind();
  for (auto& c : low)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  out.invalid_joined(here, k.kind(), names::dns1035_label(low), ",",
                     "may have mixed case, but should otherwise match: ");
}

/// What an expression can call a variable: no word of the language itself.
bool can_be_variable(std::string_view name) {
  static const std::set<std::string_view> words{
      "true",     "false", "null",    "in",        "as",       "break", "const",
      "continue", "else",  "for",     "if",        "function", "let",   "import",
      "var",      "loop",  "package", "namespace", "return",   "void",  "while"};
  return names::c_identifier(name).empty() && !words.contains(name);
}

void variable(report& out, const path& at, const Variable& v) {
  if (blank(v.name()))
    out.required(at / "name", "name is not specified");
  else if (!can_be_variable(v.name()))
    out.invalid(at / "name", v.name(), "name is not a valid CEL identifier");
  if (blank(v.expression())) out.required(at / "expression", "expression is not specified");
}

template<class Spec> void policy_common(report& out, const path& at, const Spec& s, bool mutates) {
  out.one_of(at / "failurePolicy", s.failure_policy(), {"Fail", "Ignore"});
  auto kind = at / "paramKind", here = at / "matchConstraints";
  if (s.has_param_kind()) param_kind(out, kind, s.param_kind());
  if (s.has_match_constraints()) {
    match_resources(out, here, s.match_constraints());
    if (s.match_constraints().resource_rules().empty()) out.required(here / "resourceRules");
    if (mutates) no_deletion(out, here, s.match_constraints());
  } else {
    out.required(here);
  }
  match_conditions(out, at, s.match_conditions());
  for (int i = 0; i < s.variables_size(); ++i) variable(out, at.at("variables", i), s.variables(i));
}

void validation(report& out, const path& at, const Validation& v) {
  if (blank(v.expression())) out.required(at / "expression", "expression is not specified");
  if (!v.message_expression().empty() && blank(v.message_expression()))
    out.invalid(at / "messageExpression", v.message_expression(), "must be non-empty if specified");
  constexpr const char* space = " \t\r\n";
  auto& text = v.message();
  auto first = text.find_first_not_of(space), last = text.find_last_not_of(space);
  if (!text.empty() && first == text.npos)
    out.invalid(at / "message", text, "message must be non-empty if specified");
  else if (!text.empty() && text.find_first_of("\r\n", first) < last)
    out.invalid(at / "message", text, "message must not contain line breaks");
  if (v.has_reason() && v.reason() != "Forbidden" && v.reason() != "Invalid" &&
      v.reason() != "RequestEntityTooLarge")
    out.not_supported(at / "reason", v.reason(), {"Forbidden", "Invalid", "RequestEntityTooLarge"});
}

void audit_annotations(report& out, const path& at, const ValidatingAdmissionPolicy& p) {
  auto& list = p.spec().audit_annotations();
  constexpr int most = 20;
  constexpr size_t expression_max = 5 * 1024;
  if (list.size() > most)
    out.invalid(at, shown::plain("[...]"), "must not have more than 20 auditAnnotations");
  std::set<std::string_view> seen;
  for (int i = 0; i < list.size(); ++i) {
    auto here = at[i];
    auto key = here / "key", value = here / "valueExpression";
    auto full = p.metadata().name() + "/" + list[i].key();
    out.invalid(key, full, names::qualified(full));
    if (blank(list[i].value_expression()))
      out.required(value, "valueExpression is not specified");
    else if (list[i].value_expression().size() > expression_max)
      out.required(value, "must not exceed 5120 bytes in length");
    if (!seen.insert(list[i].key()).second) out.duplicate(key, list[i].key());
  }
}

void validating_policy(report& out, const ValidatingAdmissionPolicy& p) {
  path top;
  auto at = top / "spec";
  auto& s = p.spec();
  policy_common(out, at, s, false);
  if (s.validations().empty() && s.audit_annotations().empty())
    for (auto field : {"validations", "auditAnnotations"})
      out.required(at / field, "validations or auditAnnotations must contain at least one item");
  for (int i = 0; i < s.validations_size(); ++i)
    validation(out, at.at("validations", i), s.validations(i));
  audit_annotations(out, at / "auditAnnotations", p);
}

/// A change is written in one of two ways.
void mutation(report& out, const path& at, const Mutation& m) {
  if (!out.one_of(at / "patchType", m.patch_type(), {"ApplyConfiguration", "JSONPatch"})) return;
  struct way {
    const char* field;
    bool there;
    const std::string& expression;
  } apply{"applyConfiguration", m.has_apply_configuration(), m.apply_configuration().expression()},
      patch{"jsonPatch", m.has_json_patch(), m.json_patch().expression()};
  bool applies = m.patch_type() == "ApplyConfiguration";
  auto &meant = applies ? apply : patch, &other = applies ? patch : apply;
  auto here = at / meant.field;
  if (!meant.there)
    out.required(here, "must be specified when patchType is " + m.patch_type());
  else if (blank(meant.expression))
    out.required(here / "expression");
  if (other.there)
    out.invalid(at / other.field, std::string("{") + other.field + "}",
                "must not be specified when patchType is " + m.patch_type());
}

void mutating_policy(report& out, const MutatingAdmissionPolicy& p) {
  path top;
  auto at = top / "spec";
  auto& s = p.spec();
  policy_common(out, at, s, true);
  if (s.mutations().empty())
    out.required(at / "mutations", "mutations must contain at least one item");
  for (int i = 0; i < s.mutations_size(); ++i) mutation(out, at.at("mutations", i), s.mutations(i));
  out.one_of(at / "reinvocationPolicy", s.reinvocation_policy(), {"IfNeeded", "Never"});
}

void param_ref(report& out, const path& at, const ParamRef& r) {
  constexpr const char* both = "name and selector are mutually exclusive";
  auto name = at / "name", selector = at / "selector";
  bool named = !r.name().empty();
  if (named) out.invalid(name, r.name(), names::path_segment(r.name()));
  if (named && r.has_selector()) out.forbidden(name, both);
  if (r.has_selector()) label_selector(out, selector, r.selector());
  if (named && r.has_selector()) out.forbidden(selector, both);
  if (!named && !r.has_selector()) out.required(at, "one of name or selector must be specified");
  out.one_of(at / "parameterNotFoundAction", r.parameter_not_found_action(), {"Deny", "Allow"});
}

template<class Spec> void binding_common(report& out, const path& at, const Spec& s) {
  out.name(at / "policyName", s.policy_name(), names::dns_subdomain);
  if (s.has_param_ref()) param_ref(out, at / "paramRef", s.param_ref());
  if (s.has_match_resources()) match_resources(out, at / "matchResouces", s.match_resources());
}

void validating_binding(report& out, const ValidatingAdmissionPolicyBinding& b) {
  path top;
  auto at = top / "spec";
  auto& list = b.spec().validation_actions();
  binding_common(out, at, b.spec());
  auto actions = at / "validationActions";
  std::set<std::string_view> seen;
  for (int i = 0; i < list.size(); ++i) {
    if (list[i] != "Audit" && list[i] != "Deny" && list[i] != "Warn")
      out.not_supported(actions[i], list[i], {"Audit", "Deny", "Warn"});
    if (!seen.insert(list[i]).second) out.duplicate(actions[i], list[i]);
  }
  if (seen.contains("Deny") && seen.contains("Warn"))
    out.invalid(actions, shown::plain(json_of(list)),
                "must not contain both Deny and Warn (repeating the same validation failure "
                "information in the API response and headers serves no purpose)");
  if (list.empty()) out.required(actions, "at least one validation action is required");
}

void mutating_binding(report& out, const MutatingAdmissionPolicyBinding& b) {
  path top;
  auto at = top / "spec";
  binding_common(out, at, b.spec());
  if (b.spec().has_match_resources())
    no_deletion(out, at / "matchResources", b.spec().match_resources());
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
      out.invalid(at / "caBundle", std::to_string(s.ca_bundle().size()) + " bytes",
                  "local APIServices may not have a caBundle");
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
