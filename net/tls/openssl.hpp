// OpenSSL's objects with owners, and its errors as ours. Included by .cpp files only.
#pragma once

#include "messages/base/error.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::tls {

template<auto Free> struct freed_by {
  template<class T> void operator()(T* pointer) const { Free(pointer); }
};

using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free_all>>;
using x509_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using x509_req_ptr = std::unique_ptr<X509_REQ, freed_by<X509_REQ_free>>;
using pkey_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using ssl_ctx_ptr = std::unique_ptr<SSL_CTX, freed_by<SSL_CTX_free>>;
using ssl_ptr = std::unique_ptr<SSL, freed_by<SSL_free>>;

/// `doing` and the oldest error of OpenSSL's queue, which is emptied.
error openssl_error(std::string_view doing);

/// A BIO reading `bytes`, which must outlive it.
bio_ptr reading(std::string_view bytes);
/// What has been written to a memory BIO.
std::string written(BIO* bio);

/// All certificates in `pem`; at least one.
result<std::vector<x509_ptr>> read_certificates(std::string_view pem);
/// The private key in `pem`; encrypted keys are refused, never asked for on a terminal.
result<pkey_ptr> read_key(std::string_view pem);

/// SHA-256 of the DER form, in lower-case hexadecimal.
std::string fingerprint_of(X509* certificate);

} // namespace troupe::tls
