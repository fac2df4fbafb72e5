#include "storage/keyring.hpp"

#include "storage/binary.hpp"
#include "storage/entry.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>

namespace troupe::storage {

namespace {

// Permanent: version, key number, nonce and wrapped data key with its tag, nonce, ciphertext, tag.
constexpr uint8_t sealed_version = 1;
constexpr size_t nonce_bytes = 12;
constexpr size_t tag_bytes = 16;
constexpr size_t wrapped_bytes = nonce_bytes + sealing_key_bytes + tag_bytes;
constexpr size_t prefix_bytes = 1 + 4;

struct free_context {
  void operator()(EVP_CIPHER_CTX* x) const { EVP_CIPHER_CTX_free(x); }
};
using context = std::unique_ptr<EVP_CIPHER_CTX, free_context>;

const unsigned char* raw(std::string_view x) {
  return reinterpret_cast<const unsigned char*>(x.data());
}
unsigned char* raw(std::string& x) { return reinterpret_cast<unsigned char*>(x.data()); }

error crypto_failed() { return {errc::internal, "the cryptographic library failed"}; }

result<std::string> random_bytes(size_t size) {
  std::string out(size, '\0');
  if (RAND_bytes(raw(out), static_cast<int>(size)) != 1) return crypto_failed();
  return out;
}

/// Appends nonce, ciphertext and tag to `out`.
result<void> encrypt(std::string& out, std::string_view key, std::string_view plain,
                     std::string_view bound_to) {
  auto nonce = random_bytes(nonce_bytes);
  if (!nonce) return nonce.error();
  context c{EVP_CIPHER_CTX_new()};
  std::string cipher(plain.size() + tag_bytes, '\0');
  int n = 0, end = 0;
  bool fine =
      c && EVP_EncryptInit_ex(c.get(), EVP_aes_256_gcm(), nullptr, raw(key), raw(*nonce)) &&
      EVP_EncryptUpdate(c.get(), nullptr, &n, raw(bound_to), static_cast<int>(bound_to.size())) &&
      EVP_EncryptUpdate(c.get(), raw(cipher), &n, raw(plain), static_cast<int>(plain.size())) &&
      EVP_EncryptFinal_ex(c.get(), raw(cipher) + n, &end) &&
      EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_GCM_GET_TAG, tag_bytes, raw(cipher) + plain.size());
  if (!fine) return crypto_failed();
  out += *nonce;
  out += cipher;
  return {};
}

/// Opens what encrypt() appended.
result<std::string> decrypt(std::string_view key, std::string_view sealed,
                            std::string_view bound_to) {
  auto nonce = sealed.substr(0, nonce_bytes);
  auto cipher = sealed.substr(nonce_bytes, sealed.size() - nonce_bytes - tag_bytes);
  std::string tag{sealed.substr(sealed.size() - tag_bytes)};
  context c{EVP_CIPHER_CTX_new()};
  std::string plain(cipher.size(), '\0');
  int n = 0, end = 0;
  bool fine =
      c && EVP_DecryptInit_ex(c.get(), EVP_aes_256_gcm(), nullptr, raw(key), raw(nonce)) &&
      EVP_DecryptUpdate(c.get(), nullptr, &n, raw(bound_to), static_cast<int>(bound_to.size())) &&
      EVP_DecryptUpdate(c.get(), raw(plain), &n, raw(cipher), static_cast<int>(cipher.size())) &&
      EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_GCM_SET_TAG, tag_bytes, tag.data()) &&
      EVP_DecryptFinal_ex(c.get(), raw(plain) + n, &end);
  if (!fine)
    return error{errc::corrupt, "a sealed value does not open: changed, or of another object"};
  return plain;
}

/// Wipes a data key when it goes out of use.
struct wiped {
  ~wiped() { OPENSSL_cleanse(bytes.data(), bytes.size()); }
  std::string bytes;
};

} // namespace

result<std::shared_ptr<const keyring>> keyring::make(std::vector<sealing_key> keys,
                                                     std::vector<std::string> resources) {
  if (keys.empty()) return error{errc::invalid, "encryption at rest needs a key"};
  std::shared_ptr<keyring> made{new keyring};
  for (auto& x : keys) {
    if (x.bytes.size() != sealing_key_bytes || x.number == 0)
      return error{errc::invalid, "a sealing key has 32 bytes and a number above 0"};
    if (!made->keys_.emplace(x.number, std::move(x.bytes)).second)
      return error{errc::invalid, "two sealing keys have the number " + std::to_string(x.number)};
    if (x.seals) made->sealing_ = std::max(made->sealing_, x.number);
  }
  if (made->sealing_ == 0) return error{errc::invalid, "none of the sealing keys may seal"};
  made->resources_ = std::move(resources);
  std::ranges::sort(made->resources_);
  return std::shared_ptr<const keyring>{std::move(made)};
}

keyring::~keyring() {
  for (auto& [_, bytes] : keys_) OPENSSL_cleanse(bytes.data(), bytes.size());
}

std::vector<uint32_t> keyring::numbers() const {
  std::vector<uint32_t> out;
  for (auto& [number, _] : keys_) out.push_back(number);
  return out;
}

result<void> current_keyring::replace(std::shared_ptr<const keyring> next) {
  auto known = next->numbers();
  std::lock_guard lock{mutex_};
  for (auto number : now_->numbers())
    if (!std::ranges::binary_search(known, number))
      return error{errc::invalid, "sealing key " + std::to_string(number) +
                                      " is gone, and values may be sealed with it: put it back"};
  now_ = std::move(next);
  return {};
}

std::shared_ptr<const keyring> current_keyring::now() const {
  std::lock_guard lock{mutex_};
  return now_;
}

bool keyring::covers(std::string_view key) const {
  return std::ranges::binary_search(resources_, resource_of(key));
}

result<std::string> keyring::seal(std::string_view key, std::string_view value) const {
  auto data_key = random_bytes(sealing_key_bytes);
  if (!data_key) return data_key.error();
  wiped fresh{std::move(*data_key)};
  auto& [number, wrapping] = *keys_.find(sealing_);
  std::string out;
  out.reserve(prefix_bytes + wrapped_bytes + nonce_bytes + value.size() + tag_bytes);
  put_number(out, sealed_version);
  put_number(out, number);
  if (auto done = encrypt(out, wrapping, fresh.bytes, key); !done) return done.error();
  if (auto done = encrypt(out, fresh.bytes, value, key); !done) return done.error();
  return out;
}

result<std::string> keyring::open(std::string_view key, std::string_view sealed) const {
  auto number = key_number_of(sealed);
  if (number == 0) return error{errc::corrupt, "not a sealed value"};
  auto wrapping = keys_.find(number);
  if (wrapping == keys_.end())
    return error{errc::internal,
                 "sealing key " + std::to_string(number) + " is not in the key file"};
  sealed.remove_prefix(prefix_bytes);
  auto data_key = decrypt(wrapping->second, sealed.substr(0, wrapped_bytes), key);
  if (!data_key) return data_key.error();
  wiped unwrapped{std::move(*data_key)};
  return decrypt(unwrapped.bytes, sealed.substr(wrapped_bytes), key);
}

uint32_t key_number_of(std::string_view sealed) {
  if (sealed.size() < prefix_bytes + wrapped_bytes + nonce_bytes + tag_bytes) return 0;
  binary_reader in{sealed};
  if (in.number<uint8_t>() != sealed_version) return 0;
  return in.number<uint32_t>();
}

} // namespace troupe::storage
