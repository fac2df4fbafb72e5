// Encryption at rest: a data key per object, wrapped by a key-encryption key from a file or from an
// external command. Several keys may be known; the newest seals, all open, so that rotation is
// online.
#pragma once

#include "storage/sealer.hpp"

#include <map>
#include <memory>
#include <vector>

namespace troupe::storage {

/// A key-encryption key: 32 random bytes and a number that names it forever.
struct sealing_key {
  uint32_t number = 0;
  std::string bytes;
};

inline constexpr size_t sealing_key_bytes = 32;

/// AES-256-GCM twice: the value under a fresh data key, the data key under the key-encryption key.
/// The object's key is authenticated with both.
class keyring final : public sealer {
public:
  /// `keys` must have at least one; the greatest number seals. `resources` are sealed: `secrets`.
  static result<std::shared_ptr<const keyring>> make(std::vector<sealing_key> keys,
                                                     std::vector<std::string> resources);

  ~keyring() override;

  bool covers(std::string_view key) const override;
  result<std::string> seal(std::string_view key, std::string_view value) const override;
  result<std::string> open(std::string_view key, std::string_view sealed) const override;

  uint32_t newest() const { return keys_.rbegin()->first; }

private:
  keyring() = default;

  std::map<uint32_t, std::string> keys_;
  std::vector<std::string> resources_;
};

/// Which key-encryption key a sealed value needs; 0 when it is not a sealed value.
uint32_t key_number_of(std::string_view sealed);

/// Reads keys from the text of a key file: one `NUMBER BASE64` a line, '#' begins a comment.
result<std::vector<sealing_key>> parse_keys(std::string_view text);

/// Reads the key file at `path`, which only its owner may read (mode 0600 or 0400). With `create`,
/// a missing file is made with one fresh key.
result<std::vector<sealing_key>> load_key_file(const std::string& path, bool create);

/// Adds a fresh key to the file: new writes use it, everything sealed before still opens.
result<void> rotate_key_file(const std::string& path);

/// Runs `command` (no shell: words parted by spaces) and reads keys from its output, as in a file.
result<std::vector<sealing_key>> load_keys_from_command(const std::string& command);

} // namespace troupe::storage
