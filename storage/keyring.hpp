// Encryption at rest: a data key per object, wrapped by a key-encryption key from a file or from an
// external command. Several keys may be known; the newest seals, all open, so that rotation is
// online.
#pragma once

#include "storage/sealer.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace troupe::storage {

/// A key-encryption key: 32 random bytes and a number that names it forever.
struct sealing_key {
  uint32_t number = 0;
  std::string bytes;
  bool seals = true; ///< false: it only opens so far, until every server has it
};

inline constexpr size_t sealing_key_bytes = 32;

/// AES-256-GCM twice: the value under a fresh data key, the data key under the key-encryption key.
/// The object's key is authenticated with both.
class keyring final : public sealer {
public:
  /// `keys` must have one that seals; of those, the greatest number does. `resources` are sealed:
  /// `secrets`.
  static result<std::shared_ptr<const keyring>> make(std::vector<sealing_key> keys,
                                                     std::vector<std::string> resources);

  ~keyring() override;

  bool covers(std::string_view key) const override;
  result<std::string> seal(std::string_view key, std::string_view value) const override;
  result<std::string> open(std::string_view key, std::string_view sealed) const override;

  /// The number of the key that seals.
  uint32_t sealing() const { return sealing_; }
  /// The numbers of all keys.
  std::vector<uint32_t> numbers() const;

private:
  keyring() = default;

  std::map<uint32_t, std::string> keys_;
  uint32_t sealing_ = 0;
  std::vector<std::string> resources_;
};

/// The keyring of a running program, whose place another can take at any time.
class current_keyring final : public sealer {
public:
  explicit current_keyring(std::shared_ptr<const keyring> first) : now_{std::move(first)} {}

  /// Refused when it lacks a key that the present one has: values may be sealed with it.
  result<void> replace(std::shared_ptr<const keyring> next);
  std::shared_ptr<const keyring> now() const;

  bool covers(std::string_view key) const override { return now()->covers(key); }
  result<std::string> seal(std::string_view key, std::string_view value) const override {
    return now()->seal(key, value);
  }
  result<std::string> open(std::string_view key, std::string_view sealed) const override {
    return now()->open(key, sealed);
  }

private:
  mutable std::mutex mutex_;
  std::shared_ptr<const keyring> now_;
};

/// Which key-encryption key a sealed value needs; 0 when it is not a sealed value.
uint32_t key_number_of(std::string_view sealed);

/// Reads keys from the text of a key file: one `NUMBER BASE64` a line, with ` later` behind it if
/// it does not seal yet; '#' begins a comment.
result<std::vector<sealing_key>> parse_keys(std::string_view text);

/// Reads the key file at `path`, which only its owner may read (mode 0600 or 0400). A line
/// `command PROGRAM ARGUMENTS` stands for the keys that this prints. With `create`, a missing file
/// is made with one fresh key.
result<std::vector<sealing_key>> load_key_file(const std::string& path, bool create);

/// Adds a fresh key to the file: new writes use it, everything sealed before still opens.
result<void> rotate_key_file(const std::string& path);

// The same in steps, for several servers: a key that one seals with must open at all of them.

/// The line of a fresh key, whose number is the next one in the file. The file stays as it is.
result<std::string> next_key_line(const std::string& path);
/// Adds the key in `line` to the file: it opens from now on, and seals nothing yet. Adding it again
/// changes nothing.
result<void> add_key(const std::string& path, std::string_view line);
/// Lets a key of the file seal.
result<void> use_key(const std::string& path, uint32_t number);

/// Runs `command` (no shell: words parted by spaces) and reads keys from its output, as in a file.
result<std::vector<sealing_key>> load_keys_from_command(const std::string& command);

} // namespace troupe::storage
