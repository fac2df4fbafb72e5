// TLS 1.3 records after the handshake (RFC 8446, section 5), without OpenSSL's connection object:
// that one weighs 14 KB, this one some hundred bytes, and ten thousand idle watches add up.
// The handshake itself stays OpenSSL's; only its traffic secrets are taken over. No sockets here.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct evp_cipher_st;
struct evp_md_st;

namespace troupe::tls {

inline constexpr size_t record_plain_bytes_max = 16 * 1024;
inline constexpr size_t record_head_bytes = 5;
inline constexpr size_t record_cipher_bytes_max = record_plain_bytes_max + 256;

/// The cipher suites that are known here, by their number in the protocol.
struct suite;
const suite* find_suite(uint16_t number);

/// One direction of a connection: its secret, keys and record number.
class record_keys {
public:
  record_keys(const suite& of, std::string secret);
  ~record_keys(); ///< wipes
  record_keys(record_keys&&) noexcept;
  record_keys& operator=(record_keys&&) = delete;

  /// Appends one record that carries `plain` of content type `type`.
  void seal(uint8_t type, std::string_view plain, std::string& into);
  /// Takes one whole record apart, in place: its content type and plain bytes. Nothing when it is
  /// not genuine.
  struct opened {
    uint8_t type;
    std::string_view plain;
  };
  std::optional<opened> open(std::string_view record, std::string& scratch);
  /// The next generation of keys (KeyUpdate).
  void update();
  uint64_t sequence() const { return sequence_; }

private:
  void derive();

  const suite* suite_;
  uint64_t id_ = 0; ///< of these keys, in this process
  uint64_t sequence_ = 0;
  std::string secret_;
  unsigned char key_[32];
  unsigned char iv_[12];
};

/// A server's side of a connection: both directions and the few messages of the protocol itself.
class record_layer {
public:
  record_layer(const suite& of, std::string their_secret, std::string our_secret)
      : theirs_{of, std::move(their_secret)}, ours_{of, std::move(our_secret)} {}

  /// Seals as much of `plain` as fits a few records into `into`; returns how much.
  size_t seal(std::string_view plain, std::string& into);
  void seal_goodbye(std::string& into);

  enum class event : uint8_t { data, nothing, more, end, failed };
  struct outcome {
    event what = event::failed;
    size_t used = 0;        ///< bytes of the input
    std::string_view plain; ///< in `scratch`
  };
  /// Opens the first record in `bytes`. What must be answered is appended to `answer`.
  outcome open(std::string_view bytes, std::string& scratch, std::string& answer);
  /// True if `bytes` starts with a whole record (or with what can never become one).
  static bool has_record(std::string_view bytes);

private:
  event take_handshake(std::string_view message, std::string& answer);

  record_keys theirs_;
  record_keys ours_;
  uint8_t fruitless_ = 0; ///< records in a row that carried no data
};

} // namespace troupe::tls
