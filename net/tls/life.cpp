#include "net/tls/life.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <ctime>

namespace troupe::tls {

namespace {

int64_t seconds(const ASN1_TIME* at) {
  tm broken{};
  return ASN1_TIME_to_tm(at, &broken) == 1 ? timegm(&broken) : 0;
}

X509* read(std::string_view pem) {
  auto bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  auto certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  ERR_clear_error();
  return certificate;
}

} // namespace

result<life> read_life(std::string_view pem) {
  auto certificate = read(pem);
  if (!certificate) return error{errc::corrupt, "this is no certificate"};
  life out{seconds(X509_get0_notBefore(certificate)), seconds(X509_get0_notAfter(certificate))};
  X509_free(certificate);
  return out;
}

bool names_address(std::string_view pem, const std::string& address) {
  auto certificate = read(pem);
  bool out = certificate && X509_check_ip_asc(certificate, address.c_str(), 0) == 1;
  X509_free(certificate);
  return out;
}

} // namespace troupe::tls
