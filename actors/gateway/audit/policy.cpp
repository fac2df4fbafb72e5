#include "actors/gateway/audit/policy.hpp"

#include "messages/base/error.hpp"
#include "messages/codec/json_decode.hpp"
#include "messages/codec/yaml.hpp"

#include <algorithm>

namespace troupe::gateway {

namespace {

using k8s::audit::v1::GroupResources;
using k8s::audit::v1::PolicyRule;
using strings = google::protobuf::RepeatedPtrField<std::string>;

constexpr int rules_max = 1000;
constexpr std::string_view level_names[] = {"None", "Metadata", "Request", "RequestResponse"};
constexpr std::string_view stage_names[] = {"RequestReceived", "ResponseStarted",
                                            "ResponseComplete", "Panic"};

error bad(std::string why) {
  return {errc::bad_request, "the audit policy cannot be used: " + std::move(why)};
}

template<size_t Size>
std::optional<int> position(const std::string_view (&names)[Size], std::string_view name) {
  auto hit = std::find(std::begin(names), std::end(names), name);
  if (hit == std::end(names)) return {};
  return static_cast<int>(hit - std::begin(names));
}

bool has(const strings& all, std::string_view one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

bool fits(const GroupResources& wanted, const attributes& is) {
  if (wanted.group() != is.group) return false;
  if (wanted.resources().empty()) return true;
  if (!wanted.resource_names().empty() && !has(wanted.resource_names(), is.name)) return false;
  auto whole = is.subresource.empty() ? is.plural : is.plural + "/" + is.subresource;
  return std::any_of(wanted.resources().begin(), wanted.resources().end(), [&](std::string_view r) {
    if (r == "*" || r == whole) return true;
    if (is.subresource.empty()) return false;
    return r == "*/" + is.subresource || r == is.plural + "/*";
  });
}

bool fits_resource(const PolicyRule& rule, const attributes& is) {
  if (!is.resource) return false;
  if (!rule.namespaces().empty() && !has(rule.namespaces(), is.ns)) return false;
  return rule.resources().empty() || std::any_of(rule.resources().begin(), rule.resources().end(),
                                                 [&](auto& r) { return fits(r, is); });
}

bool fits_path(const PolicyRule& rule, const attributes& is) {
  if (is.resource) return false;
  return std::any_of(rule.non_resource_urls().begin(), rule.non_resource_urls().end(),
                     [&](std::string_view url) {
                       if (!url.ends_with('*')) return url == is.path;
                       return is.path.starts_with(url.substr(0, url.size() - 1));
                     });
}

bool fits(const PolicyRule& rule, const user& who, const attributes& is) {
  if (!rule.users().empty() && !has(rule.users(), who.name)) return false;
  if (!rule.user_groups().empty() &&
      std::none_of(who.groups.begin(), who.groups.end(),
                   [&](auto& g) { return has(rule.user_groups(), g); }))
    return false;
  if (!rule.verbs().empty() && !has(rule.verbs(), is.verb)) return false;
  if (!rule.namespaces().empty() || !rule.resources().empty()) return fits_resource(rule, is);
  if (!rule.non_resource_urls().empty()) return fits_path(rule, is);
  return true;
}

/// Bodies that hold what nobody else may know.
bool confidential(const attributes& is) {
  if (!is.resource) return false;
  if (is.group.empty() && is.plural == "secrets") return true;
  if (is.group.empty() && is.plural == "serviceaccounts" && is.subresource == "token") return true;
  return is.group == "authentication.k8s.io" && is.plural == "tokenreviews";
}

uint8_t stages(const strings& names) {
  unsigned out = 0;
  for (auto& n : names)
    if (auto at = position(stage_names, n)) out |= 1u << *at;
  return static_cast<uint8_t>(out);
}

result<void> check_stages(const strings& names, const std::string& where) {
  for (auto& n : names)
    if (!position(stage_names, n))
      return bad(where + ": \"" + n +
                 "\" is no stage; they are RequestReceived, ResponseStarted, ResponseComplete, "
                 "Panic");
  return {};
}

result<void> check(const PolicyRule& rule, const std::string& where) {
  if (!position(level_names, rule.level()))
    return bad(where + ".level: \"" + rule.level() +
               "\" is none of None, Metadata, Request, RequestResponse");
  if (!rule.non_resource_urls().empty() &&
      (!rule.resources().empty() || !rule.namespaces().empty()))
    return bad(where + " is about resources and about nonResourceURLs; it must be two rules");
  for (auto& url : rule.non_resource_urls())
    if (url != "*" && (!url.starts_with('/') || url.find('*') < url.size() - 1))
      return bad(where + ".nonResourceURLs: \"" + url + "\" must be \"*\", or begin with \"/\" " +
                 "and have no \"*\" but at its end");
  for (auto& r : rule.resources())
    if (!r.resource_names().empty() && r.resources().empty())
      return bad(where + ".resources: resourceNames need resources beside them");
  return check_stages(rule.omit_stages(), where + ".omitStages");
}

} // namespace

std::string_view to_string(audit_level level) { return level_names[static_cast<int>(level)]; }
std::string_view to_string(audit_stage stage) { return stage_names[static_cast<int>(stage)]; }

result<audit_policy> audit_policy::read(std::string_view text) {
  auto documents = yaml::to_json(text);
  if (!documents) return bad(documents.error().message);
  if (documents->size() != 1) return bad("it must be one document");
  audit_policy out;
  auto read = codec::from_json(documents->front().json, out.held_);
  if (!read) return bad(read.error().message);
  if (read->api_version != "audit.k8s.io/v1" || read->kind != "Policy")
    return bad("it must be a Policy of audit.k8s.io/v1, and is \"" + read->kind + "\" of \"" +
               read->api_version + "\"");
  if (!read->problems.empty()) return bad(read->problems.front().message());
  if (out.held_.rules().empty()) return bad("it has no rules");
  if (out.held_.rules_size() > rules_max) return bad("it has more than 1000 rules");
  if (auto ok = check_stages(out.held_.omit_stages(), "omitStages"); !ok) return ok.error();
  for (int i = 0; i < out.held_.rules_size(); ++i)
    if (auto ok = check(out.held_.rules(i), "rules[" + std::to_string(i) + "]"); !ok)
      return ok.error();
  return out;
}

audit_verdict audit_policy::judge(const user& who, const attributes& wanted) const {
  for (auto& rule : held_.rules()) {
    if (!fits(rule, who, wanted)) continue;
    audit_verdict out;
    out.level = static_cast<audit_level>(*position(level_names, rule.level()));
    if (confidential(wanted)) out.level = std::min(out.level, audit_level::metadata);
    out.omitted = stages(held_.omit_stages()) | stages(rule.omit_stages());
    out.without_managed_fields =
        rule.has_omit_managed_fields() ? rule.omit_managed_fields() : held_.omit_managed_fields();
    return out;
  }
  return {};
}

} // namespace troupe::gateway
