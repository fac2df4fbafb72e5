// Tables of what belongs to the cluster itself: nodes, namespaces, configuration, events, rights,
// kinds.
#include "messages/codec/cells/view.hpp"

#include "messages/api/admission_policy.pb.h"
#include "messages/api/admission_webhook.pb.h"
#include "messages/api/apiextensions.pb.h"
#include "messages/api/api_registration.pb.h"
#include "messages/api/certificate.pb.h"
#include "messages/api/config.pb.h"
#include "messages/api/core.pb.h"
#include "messages/api/event.pb.h"
#include "messages/api/events.pb.h"
#include "messages/api/flow_control.pb.h"
#include "messages/api/device.pb.h"
#include "messages/api/lease.pb.h"
#include "messages/api/metrics.pb.h"
#include "messages/api/namespace.pb.h"
#include "messages/api/node.pb.h"
#include "messages/api/priority_class.pb.h"
#include "messages/api/quota.pb.h"
#include "messages/api/rbac.pb.h"
#include "messages/api/runtime_class.pb.h"
#include "messages/base/quantity.hpp"

#include <map>
#include <set>

namespace troupe::codec {

namespace {

using k8s::core::v1::Node;

using usage_map = google::protobuf::Map<std::string, k8s::base::Quantity>;

std::string usage_text(const usage_map& usage, const char* what) {
  auto hit = usage.find(what);
  return hit == usage.end() ? "0" : hit->second.string();
}

std::string sum_text(const k8s::metrics::v1beta1::PodMetrics& m, const char* what) {
  quantity sum;
  for (auto& c : m.containers())
    if (auto q = quantity::parse(usage_text(c.usage(), what))) sum = sum.zero() ? *q : sum + *q;
  return sum.text();
}

template<class Metrics> std::string window_of(const Metrics& m) {
  auto ms = m.window().duration() / 1'000'000;
  return ms < 1000 ? std::to_string(ms) + "ms" : format_age(std::chrono::seconds(ms / 1000));
}

std::string node_status(const Node& n) {
  std::string out;
  for (auto& c : n.status().conditions())
    if (c.type() == "Ready") out = c.status() == "True" ? "Ready" : "NotReady";
  if (out.empty()) out = "Unknown";
  return n.spec().unschedulable() ? out + ",SchedulingDisabled" : out;
}

std::string node_roles(const Node& n) {
  constexpr std::string_view prefix = "node-role.kubernetes.io/";
  std::set<std::string> roles;
  for (auto& [key, value] : n.metadata().labels()) {
    if (key.starts_with(prefix) && key.size() > prefix.size())
      roles.insert(key.substr(prefix.size()));
    if (key == "kubernetes.io/role" && !value.empty()) roles.insert(value);
  }
  return joined({roles.begin(), roles.end()});
}

std::string node_address(const Node& n, std::string_view type) {
  for (auto& a : n.status().addresses())
    if (a.type() == type) return a.address();
  return "<none>";
}

std::string or_unknown(const std::string& text) { return text.empty() ? "<unknown>" : text; }

/// "requests.cpu: 1/2, pods: 3/10".
template<class Wanted>
std::string quota_text(const k8s::core::v1::ResourceQuota& q, Wanted wanted) {
  std::map<std::string, std::string> hard;
  for (auto& [name, amount] : q.status().hard())
    if (wanted(name)) hard[name] = amount.string();
  std::string out;
  for (auto& [name, amount] : hard) {
    auto used = q.status().used().find(name);
    out.append(out.empty() ? "" : ", ")
        .append(name)
        .append(": ")
        .append(used == q.status().used().end() ? "0" : used->second.string())
        .append("/")
        .append(amount);
  }
  return out;
}

template<class Binding> void binding_cells(const Binding& b, int64_t now, json::array& out) {
  std::vector<std::string> users, groups, accounts;
  for (auto& s : b.subjects()) {
    if (s.kind() == "User") users.push_back(s.name());
    if (s.kind() == "Group") groups.push_back(s.name());
    if (s.kind() == "ServiceAccount") accounts.push_back(s.namespace_() + "/" + s.name());
  }
  auto list = [](auto& words) {
    std::string text;
    for (auto& w : words) text.append(text.empty() ? "" : ", ").append(w);
    return text;
  };
  add(out, {b.role_ref().kind() + "/" + b.role_ref().name(), age_of(b, now), list(users),
            list(groups), list(accounts)});
}

std::string csr_condition(const k8s::certificates::v1::CertificateSigningRequest& csr) {
  bool approved = false, denied = false, failed = false;
  for (auto& c : csr.status().conditions()) {
    approved = approved || c.type() == "Approved";
    denied = denied || c.type() == "Denied";
    failed = failed || c.type() == "Failed";
  }
  std::string out = denied ? "Denied" : approved ? "Approved" : "Pending";
  if (failed) out += ",Failed";
  if (!csr.status().certificate().empty()) out += ",Issued";
  return out;
}

template<class Object> void created(const Object& o, int64_t, json::array& out) {
  add(out, {created_at(o)});
}

std::string trimmed(const std::string& text) {
  constexpr const char* blank = " \t\r\n\v\f";
  auto first = text.find_first_not_of(blank);
  return first == text.npos ? "" : text.substr(first, text.find_last_not_of(blank) - first + 1);
}

struct event_cells {
  void operator()(const k8s::core::v1::Event& e, int64_t now, json::array& out) const {
    auto first =
        e.first_timestamp().seconds() ? e.first_timestamp().seconds() : e.event_time().seconds();
    auto last = e.series().last_observed_time().seconds()
                    ? e.series().last_observed_time().seconds()
                : e.last_timestamp().seconds() ? e.last_timestamp().seconds()
                                               : first;
    auto count = e.has_series() ? e.series().count() : e.count() != 0 ? e.count() : 1;
    auto kind = e.involved_object().kind();
    for (auto& c : kind) c = static_cast<char>(tolower(c));
    auto object =
        kind + (e.involved_object().name().empty() ? "" : "/" + e.involved_object().name());
    auto source = e.source().component().empty() ? e.reporting_component() : e.source().component();
    auto& host = e.source().host().empty() ? e.reporting_instance() : e.source().host();
    if (!host.empty()) source += ", " + host;
    auto message = trimmed(e.message());
    auto name = std::string(out[0].get_string());
    out.clear();
    add(out, {age(last, now), e.type(), e.reason(), object, e.involved_object().field_path(),
              source, message, age(first, now), count, name});
  }
};

/// An event as its other group and version tells it.
struct new_event_cells {
  void operator()(const k8s::events::v1::Event& e, int64_t now, json::array& out) const {
    k8s::core::v1::Event same;
    *same.mutable_metadata() = e.metadata();
    *same.mutable_involved_object() = e.regarding();
    same.set_reason(e.reason());
    same.set_message(e.note());
    *same.mutable_source() = e.deprecated_source();
    *same.mutable_first_timestamp() = e.deprecated_first_timestamp();
    *same.mutable_last_timestamp() = e.deprecated_last_timestamp();
    same.set_count(e.deprecated_count());
    same.set_type(e.type());
    *same.mutable_event_time() = e.event_time();
    if (e.has_series()) {
      same.mutable_series()->set_count(e.series().count());
      *same.mutable_series()->mutable_last_observed_time() = e.series().last_observed_time();
    }
    same.set_reporting_component(e.reporting_controller());
    same.set_reporting_instance(e.reporting_instance());
    event_cells{}(same, now, out);
  }
};

/// "v1/ConfigMap" of a policy's parameters, "<unset>" if it takes none.
template<class Policy> std::string parameter_kind(const Policy& p) {
  if (!p.spec().has_param_kind()) return "<unset>";
  return p.spec().param_kind().api_version() + "/" + p.spec().param_kind().kind();
}

struct policy_binding_cells {
  template<class Binding> void operator()(const Binding& b, int64_t now, json::array& out) const {
    auto& ref = b.spec().param_ref();
    std::string parameters = "<unset>";
    if (!ref.name().empty())
      parameters = (ref.namespace_().empty() ? "*" : ref.namespace_()) + "/" + ref.name();
    else if (ref.has_selector())
      parameters = selector_text(ref.selector());
    add(out, {b.spec().policy_name(), parameters, age_of(b, now)});
  }
};

/// Whether devices were found for a claim, and whether pods have it.
std::string state_of(const k8s::resource::v1::ResourceClaim& c) {
  std::string out = c.metadata().has_deletion_timestamp() ? "deleted" : "";
  auto also = [&](const char* word) { out += (out.empty() ? "" : ",") + std::string(word); };
  if (c.status().has_allocation()) {
    also("allocated");
    if (c.status().reserved_for_size() > 0) also("reserved");
  } else if (out.empty()) {
    also("pending");
  }
  return out;
}

} // namespace

void add_cluster_views(views& to) {
  using namespace k8s;
  add_view<Node>(to,
                 {"Status", "Roles", "Age", "Version", "Internal-IP:wide", "External-IP:wide",
                  "OS-Image:wide", "Kernel-Version:wide", "Container-Runtime:wide"},
                 [](const Node& n, int64_t now, json::array& out) {
                   auto& i = n.status().node_info();
                   add(out, {node_status(n), node_roles(n), age_of(n, now), i.kubelet_version(),
                             node_address(n, "InternalIP"), node_address(n, "ExternalIP"),
                             or_unknown(i.os_image()), or_unknown(i.kernel_version()),
                             or_unknown(i.container_runtime_version())});
                 });
  add_view<core::v1::Namespace>(to, {"Status", "Age"},
                                [](const core::v1::Namespace& n, int64_t now, json::array& out) {
                                  add(out, {n.status().phase(), age_of(n, now)});
                                });
  add_view<core::v1::ConfigMap>(
      to, {"Data", "Age"}, [](const core::v1::ConfigMap& c, int64_t now, json::array& out) {
        add(out, {static_cast<int64_t>(c.data().size() + c.binary_data().size()), age_of(c, now)});
      });
  add_view<core::v1::Secret>(
      to, {"Type", "Data", "Age"}, [](const core::v1::Secret& s, int64_t now, json::array& out) {
        add(out, {s.type(), static_cast<int64_t>(s.data().size()), age_of(s, now)});
      });
  add_view<core::v1::ServiceAccount>(
      to, {"Secrets", "Age"}, [](const core::v1::ServiceAccount& s, int64_t now, json::array& out) {
        add(out, {s.secrets_size(), age_of(s, now)});
      });
  add_view<core::v1::ResourceQuota>(
      to, {"Request", "Limit", "Age"},
      [](const core::v1::ResourceQuota& q, int64_t now, json::array& out) {
        auto limit = [](const std::string& name) { return name.starts_with("limits."); };
        add(out, {quota_text(q, [&](auto& name) { return !limit(name); }), quota_text(q, limit),
                  age_of(q, now)});
      });
  add_view<core::v1::LimitRange>(
      to, {"Created At:date"},
      [](const core::v1::LimitRange& l, int64_t now, json::array& out) { created(l, now, out); });
  add_view<core::v1::ComponentStatus>(
      to, {"Status", "Message", "Error"},
      [](const core::v1::ComponentStatus& s, int64_t, json::array& out) {
        for (auto& c : s.conditions())
          if (c.type() == "Healthy")
            return add(out,
                       {c.status() == "True" ? "Healthy" : "Unhealthy", c.message(), c.error()});
        add(out, {"Unknown", "", ""});
      });
  add_view<core::v1::Event>(to, {}, event_cells{});
  auto& event = to.at(core::v1::Event::descriptor());
  event.columns = {{"Last Seen", "string", {}, {}, {}, 0}, {"Type", "string", {}, {}, {}, 0},
                   {"Reason", "string", {}, {}, {}, 0},    {"Object", "string", {}, {}, {}, 0},
                   {"Subobject", "string", {}, {}, {}, 1}, {"Source", "string", {}, {}, {}, 1},
                   {"Message", "string", {}, {}, {}, 0},   {"First Seen", "string", {}, {}, {}, 1},
                   {"Count", "string", {}, {}, {}, 1},     {"Name", "string", "name", {}, {}, 1}};
  add_view<events::v1::Event>(to, {}, new_event_cells{});
  to.at(events::v1::Event::descriptor()).columns = event.columns;
  namespace admission = admissionregistration::v1;
  add_view<admission::ValidatingAdmissionPolicy>(
      to, {"Validations:integer", "ParamKind", "Age"},
      [](const admission::ValidatingAdmissionPolicy& p, int64_t now, json::array& out) {
        add(out, {p.spec().validations_size(), parameter_kind(p), age_of(p, now)});
      });
  add_view<admission::MutatingAdmissionPolicy>(
      to, {"Mutations:integer", "ParamKind", "Age"},
      [](const admission::MutatingAdmissionPolicy& p, int64_t now, json::array& out) {
        add(out, {p.spec().mutations_size(), parameter_kind(p), age_of(p, now)});
      });
  add_view<admission::ValidatingAdmissionPolicyBinding>(to, {"PolicyName", "ParamRef", "Age"},
                                                        policy_binding_cells{});
  add_view<admission::MutatingAdmissionPolicyBinding>(to, {"PolicyName", "ParamRef", "Age"},
                                                      policy_binding_cells{});
  add_view<rbac::v1::Role>(
      to, {"Created At:date"},
      [](const rbac::v1::Role& r, int64_t now, json::array& out) { created(r, now, out); });
  add_view<rbac::v1::ClusterRole>(
      to, {"Created At:date"},
      [](const rbac::v1::ClusterRole& r, int64_t now, json::array& out) { created(r, now, out); });
  add_view<rbac::v1::RoleBinding>(
      to, {"Role", "Age", "Users:wide", "Groups:wide", "ServiceAccounts:wide"},
      [](const rbac::v1::RoleBinding& b, int64_t now, json::array& out) {
        binding_cells(b, now, out);
      });
  add_view<rbac::v1::ClusterRoleBinding>(
      to, {"Role", "Age", "Users:wide", "Groups:wide", "ServiceAccounts:wide"},
      [](const rbac::v1::ClusterRoleBinding& b, int64_t now, json::array& out) {
        binding_cells(b, now, out);
      });
  add_view<apiextensions::v1::CustomResourceDefinition>(
      to, {"Created At:date"},
      [](const apiextensions::v1::CustomResourceDefinition& c, int64_t now, json::array& out) {
        created(c, now, out);
      });
  add_view<apiregistration::v1::APIService>(
      to, {"Service", "Available", "Age"},
      [](const apiregistration::v1::APIService& s, int64_t now, json::array& out) {
        std::string available = "Unknown";
        for (auto& c : s.status().conditions())
          if (c.type() == "Available")
            available = c.status() == "True" ? "True" : c.status() + " (" + c.reason() + ")";
        add(out, {s.spec().has_service()
                      ? s.spec().service().namespace_() + "/" + s.spec().service().name()
                      : "Local",
                  available, age_of(s, now)});
      });
  add_view<coordination::v1::Lease>(
      to, {"Holder", "Age"}, [](const coordination::v1::Lease& l, int64_t now, json::array& out) {
        add(out, {l.spec().holder_identity(), age_of(l, now)});
      });
  add_view<resource::v1::ResourceClaim>(
      to, {"State", "Age"},
      [](const resource::v1::ResourceClaim& c, int64_t now, json::array& out) {
        add(out, {state_of(c), age_of(c, now)});
      });
  add_view<resource::v1::ResourceSlice>(
      to, {"Node", "Driver", "Pool", "Age"},
      [](const resource::v1::ResourceSlice& s, int64_t now, json::array& out) {
        auto& spec = s.spec();
        add(out, {spec.node_name(), spec.driver(), spec.pool().name(), age_of(s, now)});
      });
  add_view<scheduling::v1::PriorityClass>(
      to, {"Value:integer", "Global-Default:boolean", "Age", "PreemptionPolicy"},
      [](const scheduling::v1::PriorityClass& p, int64_t now, json::array& out) {
        add(out, {p.value(), p.global_default(), age_of(p, now), p.preemption_policy()});
      });
  add_view<node::v1::RuntimeClass>(
      to, {"Handler", "Age"}, [](const node::v1::RuntimeClass& r, int64_t now, json::array& out) {
        add(out, {r.handler(), age_of(r, now)});
      });
  add_view<metrics::v1beta1::NodeMetrics>(
      to, {"Cpu", "Memory", "Window"},
      [](const metrics::v1beta1::NodeMetrics& m, int64_t, json::array& out) {
        add(out, {usage_text(m.usage(), "cpu"), usage_text(m.usage(), "memory"), window_of(m)});
      });
  add_view<metrics::v1beta1::PodMetrics>(
      to, {"Cpu", "Memory", "Window"},
      [](const metrics::v1beta1::PodMetrics& m, int64_t, json::array& out) {
        add(out, {sum_text(m, "cpu"), sum_text(m, "memory"), window_of(m)});
      });
  add_view<certificates::v1::CertificateSigningRequest>(
      to, {"Age", "SignerName", "Requestor", "RequestedDuration", "Condition"},
      [](const certificates::v1::CertificateSigningRequest& c, int64_t now, json::array& out) {
        auto seconds = c.spec().expiration_seconds();
        auto& signer = c.spec().signer_name();
        add(out, {age_of(c, now), signer.empty() ? "<none>" : signer, c.spec().username(),
                  c.spec().has_expiration_seconds() ? format_age(std::chrono::seconds(seconds))
                                                    : "<none>",
                  csr_condition(c)});
      });
  add_view<admissionregistration::v1::MutatingWebhookConfiguration>(
      to, {"Webhooks:integer", "Age"},
      [](const admissionregistration::v1::MutatingWebhookConfiguration& w, int64_t now,
         json::array& out) {
        add(out, {w.webhooks_size(), age_of(w, now)});
      });
  add_view<admissionregistration::v1::ValidatingWebhookConfiguration>(
      to, {"Webhooks:integer", "Age"},
      [](const admissionregistration::v1::ValidatingWebhookConfiguration& w, int64_t now,
         json::array& out) {
        add(out, {w.webhooks_size(), age_of(w, now)});
      });
  add_view<flowcontrol::v1::FlowSchema>(
      to, {"PriorityLevel", "MatchingPrecedence", "DistinguisherMethod", "Age", "MissingPL"},
      [](const flowcontrol::v1::FlowSchema& f, int64_t now, json::array& out) {
        std::string missing = "?";
        for (auto& c : f.status().conditions())
          if (c.type() == "Dangling") missing = c.status();
        add(out, {f.spec().priority_level_configuration().name(), f.spec().matching_precedence(),
                  f.spec().has_distinguisher_method() ? f.spec().distinguisher_method().type()
                                                      : "<none>",
                  age_of(f, now), missing});
      });
  add_view<flowcontrol::v1::PriorityLevelConfiguration>(
      to, {"Type", "NominalConcurrencyShares", "Queues", "HandSize", "QueueLengthLimit", "Age"},
      [](const flowcontrol::v1::PriorityLevelConfiguration& p, int64_t now, json::array& out) {
        auto& q = p.spec().limited().limit_response().queuing();
        auto or_none = [](bool there, int32_t number) {
          return there ? cell(number) : cell("<none>");
        };
        bool limited = p.spec().has_limited();
        bool queues = limited && p.spec().limited().limit_response().has_queuing();
        add(out,
            {p.spec().type(), or_none(limited, p.spec().limited().nominal_concurrency_shares()),
             or_none(queues, q.queues()), or_none(queues, q.hand_size()),
             or_none(queues, q.queue_length_limit()), age_of(p, now)});
      });
}

} // namespace troupe::codec
