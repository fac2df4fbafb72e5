#include "net/tls/peer.hpp"

#include "net/tls/openssl.hpp"

#include <openssl/x509v3.h>

#include <ctime>

namespace troupe::tls {

namespace {

std::string text_of(const ASN1_STRING* value) {
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, value);
  if (size < 0) return {};
  std::string out(reinterpret_cast<const char*>(utf8), static_cast<size_t>(size));
  OPENSSL_free(utf8);
  return out;
}

std::vector<std::string> names_of(X509_NAME* name, int nid) {
  std::vector<std::string> out;
  for (int at = -1; (at = X509_NAME_get_index_by_NID(name, nid, at)) >= 0;)
    out.push_back(text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at))));
  return out;
}

std::vector<std::string> dns_names_of(X509* certificate) {
  std::vector<std::string> out;
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const auto* name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_DNS) out.push_back(text_of(name->d.dNSName));
  }
  GENERAL_NAMES_free(names);
  return out;
}

} // namespace

peer_certificate describe(X509* certificate) {
  peer_certificate out;
  auto* subject = X509_get_subject_name(certificate);
  auto common_names = names_of(subject, NID_commonName);
  // Like Go's parser, the last one counts when there are several.
  if (!common_names.empty()) out.common_name = std::move(common_names.back());
  out.organizations = names_of(subject, NID_organizationName);
  out.dns_names = dns_names_of(certificate);
  out.fingerprint_sha256 = fingerprint_of(certificate);
  std::tm expiry{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &expiry) == 1)
    out.not_after_seconds = timegm(&expiry);
  out.client_auth = X509_check_purpose(certificate, X509_PURPOSE_SSL_CLIENT, 0) == 1;
  out.server_auth = X509_check_purpose(certificate, X509_PURPOSE_SSL_SERVER, 0) == 1;
  return out;
}

} // namespace troupe::tls
