#include "net/tls/openssl.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

namespace troupe::tls {

namespace {

int no_password(char*, int, int, void*) { return -1; }

} // namespace

error openssl_error(std::string_view doing) {
  const auto code = ERR_get_error();
  ERR_clear_error();
  std::string message{doing};
  if (code != 0) {
    const char* reason = ERR_reason_error_string(code);
    message += ": ";
    message += reason ? std::string{reason} : "error " + std::to_string(code);
  }
  return {errc::internal, std::move(message)};
}

bio_ptr reading(std::string_view bytes) {
  return bio_ptr{BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size()))};
}

std::string written(BIO* bio) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

result<std::vector<x509_ptr>> read_certificates(std::string_view pem) {
  std::vector<x509_ptr> out;
  const auto bio = reading(pem);
  while (auto* certificate = PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr))
    out.emplace_back(certificate);
  // The end of the text shows as "no start line"; anything else is a broken certificate.
  const auto last = ERR_peek_last_error();
  if (ERR_GET_REASON(last) != PEM_R_NO_START_LINE || out.empty())
    return openssl_error("cannot read certificates");
  ERR_clear_error();
  return out;
}

result<pkey_ptr> read_key(std::string_view pem) {
  const auto bio = reading(pem);
  pkey_ptr key{PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr)};
  if (!key) return openssl_error("cannot read a private key");
  return key;
}

std::string fingerprint_of(X509* certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest, &size) != 1) return {};
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (unsigned i = 0; i < size; ++i) {
    out.push_back(digits[digest[i] >> 4]);
    out.push_back(digits[digest[i] & 15]);
  }
  return out;
}

} // namespace troupe::tls
