// Certificates and keys on disk: written whole or not at all, private keys for their owner only.
#pragma once

#include "net/tls/authority.hpp"

#include <filesystem>

namespace troupe::tls {

/// Replaces `path` by `text`, mode 0600, atomically and durably.
result<void> save_private(const std::filesystem::path& path, std::string_view text);
/// The same with mode 0644.
result<void> save_public(const std::filesystem::path& path, std::string_view text);
/// The contents of a file of at most 1 MiB.
result<std::string> load_file(const std::filesystem::path& path);
/// The same for a secret: refused if group or others may read it.
result<std::string> load_private(const std::filesystem::path& path);

/// `<stem>.crt` and `<stem>.key`.
result<void> save(const key_pair& pair, const std::filesystem::path& stem);
result<key_pair> load_pair(const std::filesystem::path& stem);

} // namespace troupe::tls
