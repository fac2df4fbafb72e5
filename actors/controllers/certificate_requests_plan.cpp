#include "actors/controllers/certificate_requests_plan.hpp"

#include "actors/controllers/conditions.hpp"

#include <algorithm>
#include <optional>

namespace troupe::controllers {

namespace {

using std::chrono::seconds;

constexpr const char* client_signer = "kubernetes.io/kube-apiserver-client";
constexpr seconds life_max{365 * 86400};
constexpr seconds life_min{600};
constexpr seconds kept_decided{3600};
constexpr seconds kept_undecided{86400};

const auto* holding(const CertificateSigningRequest& r, const char* type) {
  auto c = find_condition(r.status().conditions(), type);
  return c && c->status() == "True" ? c : nullptr;
}

/// Until when somebody may want to see it: an undecided one for a day, what came of it for an hour.
std::optional<timestamp> kept_until(const CertificateSigningRequest& r) {
  if (r.status().conditions().empty())
    return timestamp{r.metadata().creation_timestamp().seconds() + kept_undecided.count(), 0};
  std::optional<timestamp> out;
  for (auto type : {"Approved", "Denied", "Failed"}) {
    auto c = holding(r, type);
    if (!c || !c->has_last_update_time()) continue;
    if (type == std::string_view("Approved") && r.status().certificate().empty()) continue;
    timestamp end{c->last_update_time().seconds() + kept_decided.count(), 0};
    out = std::min(out.value_or(end), end);
  }
  return out;
}

/// Why such a certificate is none of a client; empty if it is one.
std::string fault_of(const CertificateSigningRequest& r) {
  bool client = false;
  for (auto& u : r.spec().usages()) {
    client = client || u == "client auth";
    if (u != "client auth" && u != "digital signature" && u != "key encipherment")
      return "invalid usage for client certificate: " + u;
  }
  return client ? "" : "missing required usage for client certificate: client auth";
}

tls::certificate_spec spec_of(const CertificateSigningRequest& r, tls::signing_request wanted,
                              timestamp now) {
  auto life = r.spec().has_expiration_seconds()
                  ? std::clamp(seconds{r.spec().expiration_seconds()}, life_min, life_max)
                  : life_max;
  tls::wall_time at{seconds{now.seconds}};
  return {.common_name = std::move(wanted.common_name),
          .organizations = std::move(wanted.organizations),
          .dns_names = std::move(wanted.dns_names),
          .ip_addresses = std::move(wanted.ip_addresses),
          .use = {.client = true},
          .not_before = at - tls::backdate,
          .not_after = at + life};
}

} // namespace

std::vector<certificate_request_action> plan(const certificate_request_view& v) {
  auto& r = v.request;
  auto until = kept_until(r);
  if (until && *until <= v.now) return {erase_request{}};
  std::vector<certificate_request_action> out;
  if (until) out.push_back(await_expiry{*until});
  if (!holding(r, "Approved") || holding(r, "Failed") || !r.status().certificate().empty() ||
      r.spec().signer_name() != client_signer)
    return out;
  auto wanted = tls::read_request(r.spec().request());
  auto fault = wanted ? fault_of(r) : wanted.error().message;
  if (fault.empty())
    out.push_back(sign_certificate{spec_of(r, std::move(*wanted), v.now)});
  else
    out.push_back(refuse_certificate{fault});
  return out;
}

} // namespace troupe::controllers
