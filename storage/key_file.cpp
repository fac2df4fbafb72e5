// Where key-encryption keys come from: a file that only its owner may read, or a command.
#include "storage/binary.hpp"
#include "storage/keyring.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace troupe::storage {

namespace {

constexpr size_t keys_text_bytes_max = 64u << 10;

constexpr std::string_view later_word = " later";     // permanent
constexpr std::string_view command_word = "command "; // permanent
const std::string file_head =
    "# Keys of Troupe's encryption at rest. Losing this file loses the secrets.\n";

error failed(const std::string& what, const std::string& path) {
  return {errc::internal, what + " " + path + ": " + std::strerror(errno)};
}

result<std::string> decode_base64(std::string_view text) {
  std::string out(text.size() / 4 * 3 + 3, '\0');
  auto n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                           reinterpret_cast<const unsigned char*>(text.data()),
                           static_cast<int>(text.size()));
  if (n < 0) return error{errc::invalid, "not base64"};
  if (text.ends_with("==")) --n;
  if (text.ends_with("=")) --n;
  out.resize(static_cast<size_t>(n));
  return out;
}

/// Without what ends them.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    while (line.ends_with(' ') || line.ends_with('\r')) line.remove_suffix(1);
    out.push_back(line);
  }
  return out;
}

std::string text_of(uint32_t number, std::string_view key) {
  unsigned char text[64];
  EVP_EncodeBlock(text, reinterpret_cast<const unsigned char*>(key.data()),
                  static_cast<int>(key.size()));
  return std::to_string(number) + " " + reinterpret_cast<char*>(text);
}

result<std::string> key_line(uint32_t number) {
  std::string key(sealing_key_bytes, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(key.data()), static_cast<int>(key.size())) != 1)
    return error{errc::internal, "no random bytes"};
  return text_of(number, key) + "\n";
}

result<std::string> read_all(int fd, const std::string& path) {
  std::string out;
  char part[4096];
  for (;;) {
    auto n = ::read(fd, part, sizeof part);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("read", path);
    if (n == 0) return out;
    out.append(part, static_cast<size_t>(n));
    if (out.size() > keys_text_bytes_max) return error{errc::too_large, path + " is too large"};
  }
}

result<void> write_all(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    auto n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno != EINTR) return failed("write", path);
    if (n > 0) text.remove_prefix(static_cast<size_t>(n));
  }
  if (::fsync(fd) != 0) return failed("sync", path);
  return {};
}

struct closing {
  ~closing() {
    if (fd >= 0) ::close(fd);
  }
  int fd;
};

result<void> create(const std::string& path, std::string_view text) {
  closing file{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (file.fd < 0) return failed("create", path);
  return write_all(file.fd, text, path);
}

result<void> append(const std::string& path, std::string_view text) {
  closing file{::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW)};
  if (file.fd < 0) return failed("open", path);
  return write_all(file.fd, text, path);
}

result<void> create_key_file(const std::string& path) {
  auto line = key_line(1);
  if (!line) return line.error();
  return create(path, file_head + *line);
}

/// The text of a key file, which is for its owner alone.
result<std::string> read_key_file(const std::string& path) {
  closing file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
  if (file.fd < 0) return failed("open", path);
  struct stat info;
  if (::fstat(file.fd, &info) != 0) return failed("stat", path);
  if (!S_ISREG(info.st_mode) || (info.st_mode & 077) != 0 || info.st_uid != ::geteuid())
    return error{errc::forbidden, path + " must be a file of this user with mode 0600"};
  return read_all(file.fd, path);
}

} // namespace

result<std::vector<sealing_key>> parse_keys(std::string_view text) {
  std::vector<sealing_key> keys;
  for (auto line : lines_of(text)) {
    if (line.empty() || line.front() == '#') continue;
    sealing_key key;
    if (line.ends_with(later_word)) {
      key.seals = false;
      line.remove_suffix(later_word.size());
    }
    auto [end, bad] = std::from_chars(line.data(), line.data() + line.size(), key.number);
    line.remove_prefix(static_cast<size_t>(end - line.data()));
    auto bytes = bad == std::errc{} && line.starts_with(' ')
                     ? decode_base64(line.substr(1))
                     : result<std::string>{error{errc::invalid, "no number"}};
    if (!bytes || bytes->size() != sealing_key_bytes)
      return error{errc::invalid,
                   "a line of a key file is a number, a space and 32 bytes in base64"};
    key.bytes = std::move(*bytes);
    keys.push_back(std::move(key));
  }
  return keys;
}

result<std::vector<sealing_key>> load_key_file(const std::string& path, bool create) {
  if (create && ::access(path.c_str(), F_OK) != 0 && errno == ENOENT)
    if (auto done = create_key_file(path); !done) return done.error();
  auto text = read_key_file(path);
  if (!text) return text.error();
  std::string own, commands;
  for (auto line : lines_of(*text)) {
    auto& to = line.starts_with(command_word) ? commands : own;
    to.append(line).push_back('\n');
  }
  auto keys = parse_keys(own);
  if (!keys) return with_context(keys.error(), path);
  for (auto line : lines_of(commands)) {
    auto more = load_keys_from_command(std::string(line.substr(command_word.size())));
    if (!more) return with_context(more.error(), path);
    std::ranges::move(*more, std::back_inserter(*keys));
  }
  return keys;
}

result<void> rotate_key_file(const std::string& path) {
  auto line = next_key_line(path);
  if (!line) return line.error();
  return append(path, *line);
}

result<std::string> next_key_line(const std::string& path) {
  auto keys = load_key_file(path, false);
  if (!keys) return keys.error();
  uint32_t greatest = 0;
  for (auto& x : *keys) greatest = std::max(greatest, x.number);
  return key_line(greatest + 1);
}

result<void> add_key(const std::string& path, std::string_view line) {
  auto added = parse_keys(line);
  if (!added) return added.error();
  if (added->size() != 1) return error{errc::invalid, "give one key: a line NUMBER BASE64"};
  auto keys = load_key_file(path, false);
  if (!keys) return keys.error();
  auto& key = added->front();
  for (auto& x : *keys) {
    if (x.number != key.number) continue;
    if (x.bytes == key.bytes) return {};
    return error{errc::conflict,
                 path + " has another key with the number " + std::to_string(key.number)};
  }
  return append(path, text_of(key.number, key.bytes) + std::string(later_word) + "\n");
}

result<void> use_key(const std::string& path, uint32_t number) {
  auto held = read_key_file(path);
  if (!held) return held.error();
  auto begin = std::to_string(number) + " ";
  std::string text;
  bool found = false;
  for (auto line : lines_of(*held)) {
    auto it = line.starts_with(begin);
    if (it && line.ends_with(later_word)) line.remove_suffix(later_word.size());
    text.append(line).push_back('\n');
    found = found || it;
  }
  if (!found)
    return error{errc::not_found, path + " has no key with the number " + std::to_string(number)};
  auto fresh = path + "-new";
  ::unlink(fresh.c_str());
  if (auto done = create(fresh, text); !done) return done;
  if (::rename(fresh.c_str(), path.c_str()) != 0) return failed("rename", fresh);
  return {};
}

result<std::vector<sealing_key>> load_keys_from_command(const std::string& command) {
  std::vector<std::string> words;
  for (size_t at = 0; at < command.size();) {
    auto end = std::min(command.find(' ', at), command.size());
    if (end > at) words.push_back(command.substr(at, end - at));
    at = end + 1;
  }
  if (words.empty()) return error{errc::invalid, "an empty key command"};
  std::vector<char*> arguments;
  for (auto& x : words) arguments.push_back(x.data());
  arguments.push_back(nullptr);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return failed("pipe for", command);
  closing from{ends[0]};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  pid_t child = 0;
  auto code = ::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (code != 0)
    return error{errc::internal, "cannot run " + words[0] + ": " + std::strerror(code)};
  auto text = read_all(from.fd, words[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!text) return text.error();
  if (status != 0) return error{errc::internal, words[0] + " failed: it gave no keys"};
  return parse_keys(*text);
}

} // namespace troupe::storage
