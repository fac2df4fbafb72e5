#include "net/tls/authority.hpp"

#include "net/tls/openssl.hpp"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>

namespace troupe::tls {

namespace {

constexpr int serial_bytes = 16;
constexpr size_t pem_bytes_max = 64 * 1024;

using extension_ptr = std::unique_ptr<X509_EXTENSION, freed_by<X509_EXTENSION_free>>;
using names_ptr = std::unique_ptr<GENERAL_NAMES, freed_by<GENERAL_NAMES_free>>;
using store_ptr = std::unique_ptr<X509_STORE, freed_by<X509_STORE_free>>;
using store_ctx_ptr = std::unique_ptr<X509_STORE_CTX, freed_by<X509_STORE_CTX_free>>;

void free_extensions(STACK_OF(X509_EXTENSION) * list) {
  sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}
using extensions_ptr = std::unique_ptr<STACK_OF(X509_EXTENSION), freed_by<free_extensions>>;

std::string pem_of(X509* certificate) {
  const bio_ptr bio{BIO_new(BIO_s_mem())};
  PEM_write_bio_X509(bio.get(), certificate);
  return written(bio.get());
}

std::string pem_of(EVP_PKEY* key) {
  const bio_ptr bio{BIO_new(BIO_s_mem())};
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return written(bio.get());
}

pkey_ptr new_key() { return pkey_ptr{EVP_EC_gen("P-256")}; }

bool add_name(X509_NAME* name, const char* field, const std::string& value) {
  return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(value.data()),
                                    static_cast<int>(value.size()), -1, 0) == 1;
}

bool set_subject(X509_NAME* name, const certificate_spec& spec) {
  for (const auto& organization : spec.organizations)
    if (!add_name(name, "O", organization)) return false;
  return spec.common_name.empty() || add_name(name, "CN", spec.common_name);
}

bool add_dns(GENERAL_NAMES* names, const std::string& value) {
  auto* name = GENERAL_NAME_new();
  auto* text = ASN1_IA5STRING_new();
  ASN1_STRING_set(text, value.data(), static_cast<int>(value.size()));
  GENERAL_NAME_set0_value(name, GEN_DNS, text);
  return sk_GENERAL_NAME_push(names, name) > 0;
}

bool add_ip(GENERAL_NAMES* names, const std::string& value) {
  auto* address = a2i_IPADDRESS(value.c_str());
  if (!address) return false;
  auto* name = GENERAL_NAME_new();
  GENERAL_NAME_set0_value(name, GEN_IPADD, address);
  return sk_GENERAL_NAME_push(names, name) > 0;
}

/// The subject's other names; null when there are none, an error for a malformed address.
result<names_ptr> alternative_names(const certificate_spec& spec) {
  if (spec.dns_names.empty() && spec.ip_addresses.empty()) return names_ptr{};
  names_ptr names{GENERAL_NAMES_new()};
  for (const auto& name : spec.dns_names)
    if (!add_dns(names.get(), name)) return openssl_error("cannot add a DNS name");
  for (const auto& address : spec.ip_addresses)
    if (!add_ip(names.get(), address))
      return error{errc::invalid, "not an IP address for a certificate: " + address};
  return names;
}

bool add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const extension_ptr extension{X509V3_EXT_conf_nid(nullptr, &context, nid, value)};
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool set_serial(X509* certificate) {
  unsigned char random[serial_bytes];
  if (RAND_bytes(random, sizeof random) != 1) return false;
  random[0] &= 0x7f; // positive
  random[0] |= 0x40; // and of one length
  BIGNUM* number = BN_bin2bn(random, sizeof random, nullptr);
  const bool done = BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr;
  BN_free(number);
  return done;
}

bool set_times(X509* certificate, wall_time from, wall_time to) {
  return ASN1_TIME_set(X509_getm_notBefore(certificate), from.time_since_epoch().count()) &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), to.time_since_epoch().count());
}

/// A signed certificate for `key`. `issuer` null: signed by itself, a CA.
result<x509_ptr> make_certificate(EVP_PKEY* key, const certificate_spec& spec, X509* issuer,
                                  EVP_PKEY* issuer_key) {
  x509_ptr made{X509_new()};
  auto* certificate = made.get();
  bool fine = X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
              set_times(certificate, spec.not_before, spec.not_after) &&
              X509_set_pubkey(certificate, key) == 1 &&
              set_subject(X509_get_subject_name(certificate), spec);
  if (!fine) return openssl_error("cannot make a certificate");
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer ? issuer : certificate));
  auto* signer = issuer ? issuer : certificate;
  if (!issuer) {
    fine = add_extension(certificate, signer, NID_basic_constraints, "critical,CA:TRUE") &&
           add_extension(certificate, signer, NID_key_usage,
                         "critical,digitalSignature,keyCertSign,cRLSign") &&
           add_extension(certificate, signer, NID_subject_key_identifier, "hash");
  } else {
    std::string extended = spec.use.client ? "clientAuth" : "";
    if (spec.use.server) extended += extended.empty() ? "serverAuth" : ",serverAuth";
    fine = add_extension(certificate, signer, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(certificate, signer, NID_key_usage, "critical,digitalSignature") &&
           (extended.empty() ||
            add_extension(certificate, signer, NID_ext_key_usage, extended.c_str())) &&
           add_extension(certificate, signer, NID_authority_key_identifier, "keyid");
  }
  if (!fine) return openssl_error("cannot add an extension to a certificate");
  auto names = alternative_names(spec);
  if (!names) return names.error();
  if (*names && X509_add1_ext_i2d(certificate, NID_subject_alt_name, names->get(), 0, 0) != 1)
    return openssl_error("cannot add the names to a certificate");
  if (X509_sign(certificate, issuer_key, EVP_sha256()) == 0)
    return openssl_error("cannot sign a certificate");
  return made;
}

struct loaded_pair {
  x509_ptr certificate;
  pkey_ptr key;
};

result<loaded_pair> load(const key_pair& pair) {
  auto chain = read_certificates(pair.certificate_pem);
  if (!chain) return chain.error();
  auto key = read_key(pair.key_pem);
  if (!key) return key.error();
  if (X509_check_private_key(chain->front().get(), key->get()) != 1)
    return error{errc::invalid, "the certificate and the key do not belong together"};
  return loaded_pair{std::move(chain->front()), std::move(*key)};
}

result<x509_req_ptr> parse_request(std::string_view pem) {
  if (pem.size() > pem_bytes_max) return error{errc::too_large, "the signing request is too large"};
  const auto bio = reading(pem);
  x509_req_ptr request{PEM_read_bio_X509_REQ(bio.get(), nullptr, nullptr, nullptr)};
  if (!request) return error{errc::invalid, openssl_error("cannot read a signing request").message};
  auto* key = X509_REQ_get0_pubkey(request.get());
  if (!key || X509_REQ_verify(request.get(), key) != 1)
    return error{errc::invalid, openssl_error("the signing request's signature is wrong").message};
  return request;
}

std::string text_of(const ASN1_STRING* value) {
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, value);
  if (size < 0) return {};
  std::string out(reinterpret_cast<const char*>(utf8), static_cast<size_t>(size));
  OPENSSL_free(utf8);
  return out;
}

std::string address_text(const ASN1_OCTET_STRING* address) {
  char out[INET6_ADDRSTRLEN] = {};
  const auto* bytes = ASN1_STRING_get0_data(address);
  const int family = ASN1_STRING_length(address) == 4 ? AF_INET : AF_INET6;
  if (ASN1_STRING_length(address) != 4 && ASN1_STRING_length(address) != 16) return {};
  return inet_ntop(family, bytes, out, sizeof out) ? out : "";
}

void note_name(const GENERAL_NAME* name, signing_request& out) {
  if (name->type == GEN_DNS)
    out.dns_names.push_back(text_of(name->d.dNSName));
  else if (name->type == GEN_IPADD)
    out.ip_addresses.push_back(address_text(name->d.iPAddress));
  else
    out.other_names = true;
}

} // namespace

result<key_pair> make_authority(const std::string& common_name, wall_time now,
                                std::chrono::days life) {
  const auto key = new_key();
  if (!key) return openssl_error("cannot make a key");
  certificate_spec spec;
  spec.common_name = common_name;
  spec.not_before = now - backdate;
  spec.not_after = now + life;
  auto made = make_certificate(key.get(), spec, nullptr, key.get());
  if (!made) return made.error();
  return key_pair{pem_of(made->get()), pem_of(key.get())};
}

result<key_pair> issue(const key_pair& authority, const certificate_spec& spec) {
  auto from = load(authority);
  if (!from) return from.error();
  const auto key = new_key();
  if (!key) return openssl_error("cannot make a key");
  auto made = make_certificate(key.get(), spec, from->certificate.get(), from->key.get());
  if (!made) return made.error();
  return key_pair{pem_of(made->get()), pem_of(key.get())};
}

result<std::string> make_key() {
  const auto key = new_key();
  if (!key) return openssl_error("cannot make a key");
  return pem_of(key.get());
}

result<std::string> make_rsa_key(int bits) {
  const pkey_ptr key{EVP_RSA_gen(static_cast<size_t>(bits))};
  if (!key) return openssl_error("cannot make a key");
  return pem_of(key.get());
}

result<std::string> make_request(const std::string& key_pem, const certificate_spec& spec) {
  auto key = read_key(key_pem);
  if (!key) return key.error();
  const x509_req_ptr request{X509_REQ_new()};
  auto names = alternative_names(spec);
  if (!names) return names.error();
  bool fine = X509_REQ_set_pubkey(request.get(), key->get()) == 1 &&
              set_subject(X509_REQ_get_subject_name(request.get()), spec);
  if (fine && *names) {
    STACK_OF(X509_EXTENSION)* list = nullptr;
    fine = X509V3_add1_i2d(&list, NID_subject_alt_name, names->get(), 0, 0) == 1;
    const extensions_ptr owner{list};
    fine = fine && X509_REQ_add_extensions(request.get(), list) == 1;
  }
  if (!fine || X509_REQ_sign(request.get(), key->get(), EVP_sha256()) == 0)
    return openssl_error("cannot make a signing request");
  const bio_ptr bio{BIO_new(BIO_s_mem())};
  PEM_write_bio_X509_REQ(bio.get(), request.get());
  return written(bio.get());
}

result<signing_request> read_request(std::string_view request_pem) {
  auto request = parse_request(request_pem);
  if (!request) return request.error();
  signing_request out;
  auto* subject = X509_REQ_get_subject_name(request->get());
  for (int i = 0; i < X509_NAME_entry_count(subject); ++i) {
    const auto* entry = X509_NAME_get_entry(subject, i);
    const int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
    if (nid == NID_commonName) out.common_name = text_of(X509_NAME_ENTRY_get_data(entry));
    if (nid == NID_organizationName)
      out.organizations.push_back(text_of(X509_NAME_ENTRY_get_data(entry)));
  }
  const extensions_ptr list{X509_REQ_get_extensions(request->get())};
  const names_ptr names{static_cast<GENERAL_NAMES*>(
      X509V3_get_d2i(list.get(), NID_subject_alt_name, nullptr, nullptr))};
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i)
    note_name(sk_GENERAL_NAME_value(names.get(), i), out);
  return out;
}

result<std::string> sign_request(const key_pair& authority, std::string_view request_pem,
                                 const certificate_spec& spec) {
  auto from = load(authority);
  if (!from) return from.error();
  auto request = parse_request(request_pem);
  if (!request) return request.error();
  auto made = make_certificate(X509_REQ_get0_pubkey(request->get()), spec, from->certificate.get(),
                               from->key.get());
  if (!made) return made.error();
  return pem_of(made->get());
}

result<peer_certificate> read_certificate(std::string_view pem) {
  auto chain = read_certificates(pem);
  if (!chain) return chain.error();
  return describe(chain->front().get());
}

result<void> verify_pair(const key_pair& pair) {
  if (auto good = load(pair); !good) return good.error();
  return {};
}

result<void> verify_certificate(std::string_view pem, std::string_view trusted_pem, wall_time now,
                                usages use) {
  auto chain = read_certificates(pem);
  if (!chain) return chain.error();
  auto roots = read_certificates(trusted_pem);
  if (!roots) return roots.error();
  const store_ptr store{X509_STORE_new()};
  for (const auto& root : *roots) X509_STORE_add_cert(store.get(), root.get());
  auto* rest = sk_X509_new_null();
  for (size_t i = 1; i < chain->size(); ++i) sk_X509_push(rest, (*chain)[i].get());
  const store_ctx_ptr context{X509_STORE_CTX_new()};
  X509_STORE_CTX_init(context.get(), store.get(), chain->front().get(), rest);
  auto* param = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(param, now.time_since_epoch().count());
  if (use.client)
    X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT);
  else if (use.server)
    X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER);
  const bool fine = X509_verify_cert(context.get()) == 1;
  const auto verdict = X509_STORE_CTX_get_error(context.get());
  sk_X509_free(rest);
  if (fine) return {};
  return error{errc::unauthorized, X509_verify_cert_error_string(verdict)};
}

} // namespace troupe::tls
