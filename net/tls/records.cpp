#include "net/tls/records.hpp"

#include "messages/base/thread_buffer.hpp"
#include "net/tls/openssl.hpp"

#include <openssl/crypto.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

namespace troupe::tls {

// Numbers of TLS 1.3 (permanent).
struct suite {
  uint16_t number;
  const char* cipher;
  const EVP_MD* (*digest)();
  size_t key_bytes;
};

namespace {

constexpr suite suites[] = {
    {0x1301, "AES-128-GCM", EVP_sha256, 16},
    {0x1302, "AES-256-GCM", EVP_sha384, 32},
    {0x1303, "ChaCha20-Poly1305", EVP_sha256, 32},
};
constexpr uint8_t type_alert = 21, type_handshake = 22, type_data = 23;
constexpr uint8_t message_key_update = 24;
constexpr size_t tag_bytes = 16, iv_bytes = 12;
/// Keys are renewed long before the limit of AES-GCM (2^24.5 records).
constexpr uint64_t records_per_key = uint64_t{1} << 23;
constexpr uint8_t fruitless_max = 32;
constexpr int records_per_run = 4;

using cipher_ptr = std::unique_ptr<EVP_CIPHER, freed_by<EVP_CIPHER_free>>;
using cipher_ctx_ptr = std::unique_ptr<EVP_CIPHER_CTX, freed_by<EVP_CIPHER_CTX_free>>;

/// The cipher's implementation, looked up once.
const EVP_CIPHER* cipher_of(const suite& of) {
  static const cipher_ptr fetched[] = {
      cipher_ptr{EVP_CIPHER_fetch(nullptr, suites[0].cipher, nullptr)},
      cipher_ptr{EVP_CIPHER_fetch(nullptr, suites[1].cipher, nullptr)},
      cipher_ptr{EVP_CIPHER_fetch(nullptr, suites[2].cipher, nullptr)}};
  return fetched[&of - suites].get();
}

/// A context costs a kilobyte and a key takes longer to set than a short record to seal. So no
/// connection keeps one; each thread keeps some, for the connections that were last busy on it. One
/// set for each direction: turning a context around costs more than a new key.
class context_cache {
public:
  /// A context that holds the keys of that id, or `fresh`: it must be given them.
  struct entry {
    cipher_ctx_ptr context;
    uint64_t holds = 0;
    bool fresh = true;
  };
  entry& take(uint64_t keys) {
    // The two directions of a connection get their ids in a row.
    auto& at = entries_[keys / 2 % entries_.size()];
    if (!at.context) at.context.reset(EVP_CIPHER_CTX_new());
    at.fresh = std::exchange(at.holds, keys) != keys;
    return at;
  }

private:
  std::array<entry, 128> entries_;
};
thread_local thread_buffer<context_cache> sealing, opening;

uint64_t next_keys() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

/// HKDF-Expand-Label with an empty context; `size` is at most the digest's.
std::string expand(const suite& of, const std::string& secret, std::string_view label,
                   size_t size) {
  std::string info{static_cast<char>(size >> 8), static_cast<char>(size)};
  info += static_cast<char>(6 + label.size());
  info += "tls13 ";
  info += label;
  info += '\0';
  info += '\1';
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned out_size = 0;
  HMAC(of.digest(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(info.data()), info.size(), out, &out_size);
  std::string made(reinterpret_cast<char*>(out), std::min<size_t>(size, out_size));
  OPENSSL_cleanse(out, sizeof out);
  return made;
}

void make_nonce(const unsigned char* iv, uint64_t sequence, unsigned char* nonce) {
  std::memcpy(nonce, iv, iv_bytes);
  for (size_t i = 0; i < 8; ++i)
    nonce[iv_bytes - 1 - i] ^= static_cast<unsigned char>(sequence >> (8 * i));
}

size_t body_bytes(std::string_view record) {
  return static_cast<size_t>(static_cast<uint8_t>(record[3])) << 8 |
         static_cast<uint8_t>(record[4]);
}

unsigned char* bytes_of(std::string& text, size_t at) {
  return reinterpret_cast<unsigned char*>(text.data() + at);
}

} // namespace

const suite* find_suite(uint16_t number) {
  for (const auto& each : suites)
    if (each.number == number) return &each;
  return nullptr;
}

record_keys::record_keys(const suite& of, std::string secret)
    : suite_{&of}, secret_{std::move(secret)} {
  derive();
}

record_keys::~record_keys() {
  OPENSSL_cleanse(secret_.data(), secret_.size());
  OPENSSL_cleanse(key_, sizeof key_);
}

record_keys::record_keys(record_keys&& other) noexcept
    : suite_{other.suite_}, id_{other.id_}, sequence_{other.sequence_}, secret_{std::move(
                                                                            other.secret_)} {
  std::memcpy(key_, other.key_, sizeof key_);
  std::memcpy(iv_, other.iv_, sizeof iv_);
}

void record_keys::derive() {
  auto key = expand(*suite_, secret_, "key", suite_->key_bytes);
  const auto iv = expand(*suite_, secret_, "iv", iv_bytes);
  std::memcpy(key_, key.data(), key.size());
  std::memcpy(iv_, iv.data(), iv_bytes);
  OPENSSL_cleanse(key.data(), key.size());
  sequence_ = 0;
  id_ = next_keys();
}

void record_keys::update() {
  auto next = expand(*suite_, secret_, "traffic upd", secret_.size());
  OPENSSL_cleanse(secret_.data(), secret_.size());
  secret_ = std::move(next);
  derive();
}

void record_keys::seal(uint8_t type, std::string_view plain, std::string& into) {
  const auto body = plain.size() + 1 + tag_bytes;
  const auto start = into.size();
  into.resize(start + record_head_bytes + body);
  auto* head = bytes_of(into, start);
  const unsigned char head_bytes[] = {type_data, 3, 3, static_cast<unsigned char>(body >> 8),
                                      static_cast<unsigned char>(body)};
  std::memcpy(head, head_bytes, sizeof head_bytes);
  unsigned char nonce[iv_bytes];
  make_nonce(iv_, sequence_++, nonce);
  const auto& kept = (*sealing).take(id_);
  auto* context = kept.context.get();
  auto* out = head + record_head_bytes;
  int size = 0;
  EVP_EncryptInit_ex2(context, kept.fresh ? cipher_of(*suite_) : nullptr,
                      kept.fresh ? key_ : nullptr, nonce, nullptr);
  EVP_EncryptUpdate(context, nullptr, &size, head, record_head_bytes);
  EVP_EncryptUpdate(context, out, &size, reinterpret_cast<const unsigned char*>(plain.data()),
                    static_cast<int>(plain.size()));
  EVP_EncryptUpdate(context, out + plain.size(), &size, &type, 1);
  EVP_EncryptFinal_ex(context, out + plain.size() + 1, &size);
  EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, tag_bytes, out + plain.size() + 1);
}

std::optional<record_keys::opened> record_keys::open(std::string_view record,
                                                     std::string& scratch) {
  const auto body = record.substr(record_head_bytes);
  if (body.size() < tag_bytes + 1) return {};
  const auto size = body.size() - tag_bytes;
  scratch.resize(std::max(scratch.size(), size));
  unsigned char nonce[iv_bytes], tag[tag_bytes];
  make_nonce(iv_, sequence_++, nonce);
  std::memcpy(tag, body.data() + size, tag_bytes);
  auto& kept = (*opening).take(id_);
  auto* context = kept.context.get();
  int out = 0;
  const bool genuine = EVP_DecryptInit_ex2(context, kept.fresh ? cipher_of(*suite_) : nullptr,
                                           kept.fresh ? key_ : nullptr, nonce, nullptr) == 1 &&
                       EVP_DecryptUpdate(context, nullptr, &out,
                                         reinterpret_cast<const unsigned char*>(record.data()),
                                         record_head_bytes) == 1 &&
                       EVP_DecryptUpdate(context, bytes_of(scratch, 0), &out,
                                         reinterpret_cast<const unsigned char*>(body.data()),
                                         static_cast<int>(size)) == 1 &&
                       EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, tag_bytes, tag) == 1 &&
                       EVP_DecryptFinal_ex(context, bytes_of(scratch, size), &out) == 1;
  if (!genuine) {
    kept.holds = 0;
    return {};
  }
  // The content type stands behind the content, before any padding.
  auto plain = std::string_view{scratch}.substr(0, size);
  const auto last = plain.find_last_not_of('\0');
  if (last == plain.npos || last > record_plain_bytes_max) return {};
  return opened{static_cast<uint8_t>(plain[last]), plain.substr(0, last)};
}

size_t record_layer::seal(std::string_view plain, std::string& into) {
  size_t sealed = 0;
  for (int i = 0; i < records_per_run && sealed < plain.size(); ++i) {
    if (ours_.sequence() >= records_per_key) {
      const char message[] = {message_key_update, 0, 0, 1, 0};
      ours_.seal(type_handshake, {message, sizeof message}, into);
      ours_.update();
    }
    const auto piece = plain.substr(sealed, record_plain_bytes_max);
    ours_.seal(type_data, piece, into);
    sealed += piece.size();
  }
  return sealed;
}

void record_layer::seal_goodbye(std::string& into) {
  const char alert[] = {1, 0}; // warning, close_notify
  ours_.seal(type_alert, {alert, sizeof alert}, into);
}

bool record_layer::has_record(std::string_view bytes) {
  if (bytes.size() < record_head_bytes) return false;
  const auto size = body_bytes(bytes);
  return size > record_cipher_bytes_max || bytes.size() >= record_head_bytes + size;
}

record_layer::outcome record_layer::open(std::string_view bytes, std::string& scratch,
                                         std::string& answer) {
  if (!has_record(bytes)) return {event::more, 0, {}};
  const auto size = body_bytes(bytes);
  if (static_cast<uint8_t>(bytes[0]) != type_data || size > record_cipher_bytes_max) return {};
  const auto used = record_head_bytes + size;
  const auto got = theirs_.open(bytes.substr(0, used), scratch);
  if (!got) return {};
  if (got->type == type_data && !got->plain.empty()) {
    fruitless_ = 0;
    return {event::data, used, got->plain};
  }
  if (++fruitless_ > fruitless_max) return {};
  switch (got->type) {
  case type_data: return {event::nothing, used, {}};
  case type_alert: {
    const bool goodbye = got->plain.size() == 2 && got->plain[1] == 0;
    return {goodbye ? event::end : event::failed, used, {}};
  }
  case type_handshake: return {take_handshake(got->plain, answer), used, {}};
  default: return {};
  }
}

record_layer::event record_layer::take_handshake(std::string_view message, std::string& answer) {
  // Only KeyUpdate may come, alone in its record.
  if (message.size() != 5 || static_cast<uint8_t>(message[0]) != message_key_update ||
      message.substr(1, 3) != std::string_view{"\0\0\1", 3} || static_cast<uint8_t>(message[4]) > 1)
    return event::failed;
  theirs_.update();
  if (message[4] == 1) {
    const char reply[] = {message_key_update, 0, 0, 1, 0};
    ours_.seal(type_handshake, {reply, sizeof reply}, answer);
    ours_.update();
  }
  return event::nothing;
}

} // namespace troupe::tls
