#include "net/tls/jws.hpp"

#include "net/streams/base64.hpp"
#include "net/tls/authority.hpp"
#include "net/tls/openssl.hpp"

#include <boost/json.hpp>

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>

namespace troupe::tls {

namespace {

using streams::base64url_decoded;
using streams::base64url_encoded;

using md_ctx_ptr = std::unique_ptr<EVP_MD_CTX, freed_by<EVP_MD_CTX_free>>;
using ecdsa_ptr = std::unique_ptr<ECDSA_SIG, freed_by<ECDSA_SIG_free>>;
using bignum_ptr = std::unique_ptr<BIGNUM, freed_by<BN_free>>;

constexpr size_t es256_half_bytes = 32;
constexpr size_t header_bytes_max = 4096;

error refused(std::string_view why) { return {errc::unauthorized, "token: " + std::string{why}}; }

/// ES256 signatures are two numbers of 32 bytes; OpenSSL speaks DER.
std::optional<std::string> raw_from_der(std::string_view der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const ecdsa_ptr signature{d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()))};
  if (!signature) return {};
  std::string out(2 * es256_half_bytes, '\0');
  auto* bytes = reinterpret_cast<unsigned char*>(out.data());
  if (BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), bytes, es256_half_bytes) < 0 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), bytes + es256_half_bytes, es256_half_bytes) <
          0)
    return {};
  return out;
}

std::optional<std::string> der_from_raw(std::string_view raw) {
  if (raw.size() != 2 * es256_half_bytes) return {};
  const auto* bytes = reinterpret_cast<const unsigned char*>(raw.data());
  const ecdsa_ptr signature{ECDSA_SIG_new()};
  ECDSA_SIG_set0(signature.get(), BN_bin2bn(bytes, es256_half_bytes, nullptr),
                 BN_bin2bn(bytes + es256_half_bytes, es256_half_bytes, nullptr));
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &der);
  if (size <= 0) return {};
  std::string out(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return out;
}

std::string number_of(EVP_PKEY* key, const char* name, int pad_to = 0) {
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &raw) != 1) return {};
  const bignum_ptr number{raw};
  std::string out(static_cast<size_t>(std::max(pad_to, BN_num_bytes(raw))), '\0');
  BN_bn2binpad(raw, reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size()));
  return out;
}

/// The header's algorithm and key id; nothing if it is malformed or asks for what is not known.
struct token_header {
  std::string algorithm;
  std::string key_id;
};
std::optional<token_header> read_header(std::string_view text) {
  if (text.size() > header_bytes_max) return {};
  boost::system::error_code failure;
  const auto parsed = boost::json::parse(text, failure);
  const auto* object = failure ? nullptr : parsed.if_object();
  if (!object || object->contains("crit")) return {};
  token_header out;
  const auto* algorithm = object->if_contains("alg");
  if (!algorithm || !algorithm->is_string()) return {};
  out.algorithm = algorithm->get_string();
  if (const auto* id = object->if_contains("kid")) {
    if (!id->is_string()) return {};
    out.key_id = id->get_string();
  }
  return out;
}

} // namespace

struct token_key::state {
  pkey_ptr key;
  bool elliptic = false;
  bool can_sign = false;
  std::string id;
};

result<token_key> token_key::load(std::string_view pem) {
  auto made = std::make_shared<state>();
  auto bio = reading(pem);
  made->can_sign = pem.find("PRIVATE KEY") != pem.npos;
  if (made->can_sign) {
    auto key = read_key(pem);
    if (!key) return key.error();
    made->key = std::move(*key);
  } else {
    made->key.reset(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
    if (!made->key) return openssl_error("cannot read a public key");
  }
  auto* key = made->key.get();
  char group[64] = {};
  size_t size = 0;
  made->elliptic = EVP_PKEY_is_a(key, "EC") == 1;
  const bool fine = made->elliptic
                        ? EVP_PKEY_get_group_name(key, group, sizeof group, &size) == 1 &&
                              std::string_view{group} == "prime256v1"
                        : EVP_PKEY_is_a(key, "RSA") == 1 && EVP_PKEY_get_bits(key) >= rsa_bits_min;
  if (!fine)
    return error{errc::invalid, "a token key must be RSA of at least 2048 bits or EC P-256"};
  unsigned char* der = nullptr;
  const int der_size = i2d_PUBKEY(key, &der);
  if (der_size <= 0) return openssl_error("cannot encode a public key");
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned digest_size = 0;
  EVP_Digest(der, static_cast<size_t>(der_size), digest, &digest_size, EVP_sha256(), nullptr);
  OPENSSL_free(der);
  made->id = base64url_encoded({reinterpret_cast<const char*>(digest), digest_size});
  token_key out;
  out.state_ = std::move(made);
  return out;
}

const std::string& token_key::id() const { return state_->id; }
std::string_view token_key::algorithm() const { return state_->elliptic ? "ES256" : "RS256"; }
bool token_key::can_sign() const { return state_->can_sign; }

std::string token_key::public_pem() const {
  const bio_ptr bio{BIO_new(BIO_s_mem())};
  PEM_write_bio_PUBKEY(bio.get(), state_->key.get());
  return written(bio.get());
}

result<std::string> token_key::sign(std::string_view payload) const {
  if (!state_->can_sign) return error{errc::internal, "a public key cannot sign tokens"};
  const std::string header =
      R"({"alg":")" + std::string{algorithm()} + R"(","kid":")" + id() + R"("})";
  auto text = base64url_encoded(header) + "." + base64url_encoded(payload);
  const md_ctx_ptr context{EVP_MD_CTX_new()};
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  size_t size = 0;
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, state_->key.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size()) != 1)
    return openssl_error("cannot sign a token");
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     bytes, text.size()) != 1)
    return openssl_error("cannot sign a token");
  signature.resize(size);
  if (state_->elliptic) {
    auto raw = raw_from_der(signature);
    if (!raw) return openssl_error("cannot sign a token");
    signature = std::move(*raw);
  }
  return text + "." + base64url_encoded(signature);
}

result<std::string> token_verifier::verify(std::string_view token) const {
  if (token.size() > token_bytes_max) return refused("larger than 64 KiB");
  const auto first = token.find('.');
  const auto last = token.rfind('.');
  if (first == token.npos || token.find('.', first + 1) != last || first == last)
    return refused("not three parts");
  const auto header_text = base64url_decoded(token.substr(0, first));
  const auto signature = base64url_decoded(token.substr(last + 1));
  const auto header = header_text ? read_header(*header_text) : std::nullopt;
  if (!header || !signature) return refused("malformed");
  const auto text = token.substr(0, last);
  for (const auto& key : keys_) {
    // The key decides what algorithm it is for; the token only gets to agree. So neither "none" nor
    // an HMAC keyed with a public key has anything to match.
    if (header->algorithm != key.algorithm()) continue;
    if (!header->key_id.empty() && header->key_id != key.id()) continue;
    const auto der = key.state_->elliptic ? der_from_raw(*signature) : signature;
    if (!der) continue;
    const md_ctx_ptr context{EVP_MD_CTX_new()};
    const bool right =
        EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr,
                             key.state_->key.get()) == 1 &&
        EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(der->data()),
                         der->size(), reinterpret_cast<const unsigned char*>(text.data()),
                         text.size()) == 1;
    ERR_clear_error();
    if (!right) continue;
    auto payload = base64url_decoded(token.substr(first + 1, last - first - 1));
    if (!payload) return refused("malformed");
    return *payload;
  }
  return refused("not signed by a key that is known here");
}

result<std::shared_ptr<const token_keys>>
token_keys::load(const std::vector<std::string>& keys_pem) {
  std::vector<token_key> keys;
  for (const auto& pem : keys_pem) {
    auto key = token_key::load(pem);
    if (!key) return with_context(key.error(), "token key");
    keys.push_back(std::move(*key));
  }
  if (keys.empty() || !keys.front().can_sign())
    return error{errc::invalid, "no private key to sign tokens with"};
  auto newest = keys.front();
  return std::shared_ptr<const token_keys>{
      new token_keys{std::move(newest), token_verifier{std::move(keys)}}};
}

result<std::string> make_token_key() { return make_key(); }

std::set<std::string> token_verifier::algorithms() const {
  std::set<std::string> all;
  for (const auto& key : keys_) all.emplace(key.algorithm());
  return all;
}

std::string token_verifier::jwks() const {
  boost::json::array keys;
  for (const auto& key : keys_) {
    auto* native = key.state_->key.get();
    boost::json::object one{
        {"use", "sig"}, {"kid", key.id()}, {"alg", std::string{key.algorithm()}}};
    if (key.state_->elliptic) {
      one["kty"] = "EC";
      one["crv"] = "P-256";
      one["x"] = base64url_encoded(number_of(native, OSSL_PKEY_PARAM_EC_PUB_X, 32));
      one["y"] = base64url_encoded(number_of(native, OSSL_PKEY_PARAM_EC_PUB_Y, 32));
    } else {
      one["kty"] = "RSA";
      one["n"] = base64url_encoded(number_of(native, OSSL_PKEY_PARAM_RSA_N));
      one["e"] = base64url_encoded(number_of(native, OSSL_PKEY_PARAM_RSA_E));
    }
    keys.push_back(std::move(one));
  }
  return boost::json::serialize(boost::json::object{{"keys", std::move(keys)}});
}

} // namespace troupe::tls
