#include "net/tls/jws.hpp"

#include "messages/base/base64.hpp"
#include "messages/base/json.hpp"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

namespace troupe::tls {

namespace {

constexpr int rsa_bits = 2048;

struct free_key {
  void operator()(EVP_PKEY* k) const { EVP_PKEY_free(k); }
};
struct free_context {
  void operator()(EVP_MD_CTX* c) const { EVP_MD_CTX_free(c); }
};
struct free_bio {
  void operator()(BIO* b) const { BIO_free(b); }
};
using key_ptr = std::unique_ptr<EVP_PKEY, free_key>;
using context_ptr = std::unique_ptr<EVP_MD_CTX, free_context>;
using bio_ptr = std::unique_ptr<BIO, free_bio>;

error broken(const char* what) { return {errc::internal, std::string("OpenSSL failed: ") + what}; }
error not_genuine(const char* why) { return {errc::unauthorized, std::string("the token does not hold: ") + why}; }

/// A number of the key as JWKs write it: big-endian bytes in base64url.
std::string number(EVP_PKEY* k, const char* name) {
  BIGNUM* n = nullptr;
  if (!EVP_PKEY_get_bn_param(k, name, &n)) return {};
  std::string bytes(static_cast<size_t>(BN_num_bytes(n)), '\0');
  BN_bn2bin(n, reinterpret_cast<unsigned char*>(bytes.data()));
  BN_free(n);
  return base64::encode_url(bytes);
}

/// The name of a key: the hash of its public half.
std::string identify(EVP_PKEY* k) {
  unsigned char* der = nullptr;
  auto size = i2d_PUBKEY(k, &der);
  if (size <= 0) return {};
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(der, static_cast<size_t>(size), hash);
  OPENSSL_free(der);
  return base64::encode_url({reinterpret_cast<char*>(hash), sizeof hash});
}

} // namespace

struct token_keys::key {
  key_ptr native;
  std::string id;
};

token_keys::~token_keys() = default;

result<std::shared_ptr<const token_keys>> token_keys::load(const std::vector<std::string>& keys_pem) {
  std::shared_ptr<token_keys> out(new token_keys);
  for (auto& pem : keys_pem) {
    bio_ptr in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    key_ptr k(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
    if (!k || EVP_PKEY_get_base_id(k.get()) != EVP_PKEY_RSA)
      return error{errc::bad_request, "a key for service account tokens must be an RSA private key in PEM"};
    auto made = std::make_unique<key>();
    made->id = identify(k.get());
    made->native = std::move(k);
    out->keys_.push_back(std::move(made));
  }
  if (out->keys_.empty()) return error{errc::bad_request, "there is no key for service account tokens"};
  return std::shared_ptr<const token_keys>(std::move(out));
}

result<std::string> token_keys::sign(std::string_view claims) const {
  auto& k = *keys_.front();
  auto text = base64::encode_url(json::write(json::value(json::object{{"alg", "RS256"}, {"kid", k.id}}))) + "." + base64::encode_url(claims);
  context_ptr c(EVP_MD_CTX_new());
  size_t size = 0;
  auto data = reinterpret_cast<const unsigned char*>(text.data());
  if (!c || EVP_DigestSignInit(c.get(), nullptr, EVP_sha256(), nullptr, k.native.get()) != 1 ||
      EVP_DigestSign(c.get(), nullptr, &size, data, text.size()) != 1)
    return broken("signing a token");
  std::string signature(size, '\0');
  if (EVP_DigestSign(c.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, data, text.size()) != 1) return broken("signing a token");
  signature.resize(size);
  return text + "." + base64::encode_url(signature);
}

result<std::string> token_keys::verify(std::string_view token) const {
  if (token.size() > token_bytes_max) return not_genuine("it is too long");
  auto first = token.find('.');
  auto second = first == token.npos ? token.npos : token.find('.', first + 1);
  if (second == token.npos || token.find('.', second + 1) != token.npos) return not_genuine("it has not three parts");
  auto header = base64::decode_url(token.substr(0, first));
  auto claims = base64::decode_url(token.substr(first + 1, second - first - 1));
  auto signature = base64::decode_url(token.substr(second + 1));
  if (!header || !claims || !signature) return not_genuine("it is not base64");
  auto head = json::parse(*header);
  // The one algorithm that our keys are for: what the token asks for does not choose it.
  if (!head || json::string_at(*head, {"alg"}) != "RS256") return not_genuine("its algorithm is not RS256");
  auto id = json::string_at(*head, {"kid"});
  for (auto& k : keys_) {
    if (!id.empty() && id != k->id) continue;
    context_ptr c(EVP_MD_CTX_new());
    auto text = token.substr(0, second);
    if (c && EVP_DigestVerifyInit(c.get(), nullptr, EVP_sha256(), nullptr, k->native.get()) == 1 &&
        EVP_DigestVerify(c.get(), reinterpret_cast<const unsigned char*>(signature->data()), signature->size(),
                         reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1)
      return std::move(*claims);
  }
  return not_genuine("no key of this cluster signed it");
}

std::string token_keys::jwks() const {
  json::array all;
  for (auto& k : keys_)
    all.push_back(json::object{{"use", "sig"}, {"kty", "RSA"}, {"alg", "RS256"}, {"kid", k->id},
                               {"n", number(k->native.get(), OSSL_PKEY_PARAM_RSA_N)}, {"e", number(k->native.get(), OSSL_PKEY_PARAM_RSA_E)}});
  return json::write(json::value(json::object{{"keys", std::move(all)}}));
}

result<std::string> make_token_key() {
  key_ptr k(EVP_RSA_gen(rsa_bits));
  bio_ptr out(BIO_new(BIO_s_mem()));
  if (!k || !out || PEM_write_bio_PKCS8PrivateKey(out.get(), k.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return broken("making a key");
  char* text = nullptr;
  auto size = BIO_get_mem_data(out.get(), &text);
  return std::string(text, static_cast<size_t>(size));
}

} // namespace troupe::tls
