// Certificate signing requests. What the request itself holds is examined by the signer.
#include "messages/schema/validate/rules.hpp"

#include "messages/base/base64.hpp"

#include "messages/api/certificate.pb.h"

#include <algorithm>

namespace troupe::schema::validate {

namespace {

using namespace k8s::certificates::v1;

constexpr size_t signer_host_max = 253, signer_path_max = 253 + 1 + 63;
constexpr int32_t expiration_seconds_min = 600;

/// The bytes between "-----BEGIN label-----" and its end, if `text` is such a block and decodes.
bool is_pem(std::string_view text, std::string_view label) {
  auto head = "-----BEGIN " + std::string(label) + "-----",
       tail = "-----END " + std::string(label) + "-----";
  auto start = text.find(head);
  if (start == text.npos) return false;
  start += head.size();
  auto end = text.find(tail, start);
  if (end == text.npos) return false;
  std::string body;
  for (auto c : text.substr(start, end - start))
    if (c != '\n' && c != '\r' && c != ' ' && c != '\t') body += c;
  auto der = base64::decode(body);
  return der && der->size() > 2 && (*der)[0] == 0x30; // an ASN.1 sequence
}

void request(report& out, const CertificateSigningRequest& r) {
  path top;
  auto at = top / "spec";
  auto& s = r.spec();
  if (!is_pem(s.request(), "CERTIFICATE REQUEST") &&
      !is_pem(s.request(), "NEW CERTIFICATE REQUEST"))
    out.invalid(at / "request", "", "PEM block type must be CERTIFICATE REQUEST");
  auto usages = at / "usages";
  if (s.usages().empty()) out.required(usages, "usages is required");
  std::set<std::string_view> seen;
  for (int i = 0; i < s.usages_size(); ++i) {
    out.one_of(usages[i], s.usages(i),
               {"any",
                "cert sign",
                "client auth",
                "code signing",
                "content commitment",
                "crl sign",
                "data encipherment",
                "decipher only",
                "digital signature",
                "email protection",
                "encipher only",
                "ipsec end system",
                "ipsec tunnel",
                "ipsec user",
                "key agreement",
                "key encipherment",
                "microsoft sgc",
                "netscape sgc",
                "ocsp signing",
                "s/mime",
                "server auth",
                "signing",
                "timestamping"});
    if (!seen.insert(s.usages(i)).second) out.duplicate(usages[i], s.usages(i));
  }
  signer_name(out, at / "signerName", s.signer_name());
  if (s.signer_name() == "kubernetes.io/legacy-unknown")
    out.invalid(at / "signerName", s.signer_name(),
                "the legacy signerName is not allowed via this API version");
  if (s.has_expiration_seconds() && s.expiration_seconds() < expiration_seconds_min)
    out.invalid(at / "expirationSeconds", s.expiration_seconds(),
                "may not specify a duration less than 600 seconds (10 minutes)");
}

void conditions(report& out, const CertificateSigningRequest& r) {
  path top;
  auto at = top / "status.conditions";
  std::set<std::string_view> seen;
  bool approved = false, denied = false;
  for (int i = 0; i < r.status().conditions_size(); ++i) {
    auto& c = r.status().conditions(i);
    auto here = at[i];
    out.not_empty(here / "type", c.type());
    bool is_final = c.type() == "Approved" || c.type() == "Denied" || c.type() == "Failed";
    if (out.one_of(here / "status", c.status(), {"True", "False", "Unknown"}) && is_final &&
        c.status() != "True")
      out.not_supported(here / "status", c.status(), {"True"});
    if (!seen.insert(c.type()).second) out.duplicate(here / "type", c.type());
    approved = approved || c.type() == "Approved", denied = denied || c.type() == "Denied";
    if (approved && denied) {
      out.invalid(here / "type", c.type(), "Approved and Denied conditions are mutually exclusive");
      approved = denied = false;
    }
  }
}

void spec_fixed(report& out, const CertificateSigningRequest& r,
                const CertificateSigningRequest& old) {
  path top;
  out.immutable(top / "spec", &r.spec(), same(r.spec(), old.spec()));
  conditions(out, r);
}

void status(report& out, const CertificateSigningRequest& r, const CertificateSigningRequest& old) {
  path top;
  conditions(out, r);
  // A decision is not taken back.
  auto at = top / "status.conditions";
  for (auto& before : old.status().conditions()) {
    auto kept = [&](auto& c) { return c.type() == before.type(); };
    bool is_final =
        before.type() == "Approved" || before.type() == "Denied" || before.type() == "Failed";
    if (is_final &&
        std::none_of(r.status().conditions().begin(), r.status().conditions().end(), kept))
      out.forbidden(at, "updates may not remove a condition of type \"" + before.type() + "\"");
  }
  auto& certificate = r.status().certificate();
  if (!certificate.empty() && !is_pem(certificate, "CERTIFICATE"))
    out.invalid(top / "status.certificate", "<certificate data>",
                "must contain at least one CERTIFICATE PEM block");
  if (!old.status().certificate().empty() && certificate != old.status().certificate())
    out.forbidden(top / "status.certificate", "updates may not set certificate content");
}

} // namespace

/// "example.com/team/signer": a domain, and names joined by dots behind it.
void signer_name(report& out, const path& at, const std::string& name) {
  if (!out.not_empty(at, name)) return;
  auto slash = name.find('/');
  if (slash == name.npos || name.find('/', slash + 1) != name.npos)
    return out.invalid(
        at, name,
        "must be a fully qualified domain and path of the form 'example.com/signer-name'");
  auto host = name.substr(0, slash), rest = name.substr(slash + 1);
  out.invalid(at, name, names::dns_subdomain(host));
  if (host.find('.') == host.npos)
    out.invalid(at, name, "should be a domain with at least two segments separated by dots");
  out.invalid(at, name, names::dns_subdomain(rest));
  if (host.size() > signer_host_max || name.size() > signer_path_max)
    out.too_long(at, signer_path_max);
}

std::vector<row> certificate_kinds() {
  return {kind_row<CertificateSigningRequest>(names::path_segment)
              .any_time<request>()
              .on_update<spec_fixed>()
              .on_status<status>()};
}

} // namespace troupe::schema::validate
