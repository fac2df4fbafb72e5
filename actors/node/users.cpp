#include "actors/node/users.hpp"

#include "actors/node/files.hpp"

#include <algorithm>
#include <charconv>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace troupe::node {

namespace {

using fields = std::vector<std::string_view>;

fields split(std::string_view text, char by) {
  fields out;
  for (;;) {
    auto end = text.find(by);
    out.push_back(text.substr(0, end));
    if (end == text.npos) return out;
    text.remove_prefix(end + 1);
  }
}

std::optional<int64_t> number(std::string_view text) {
  int64_t out = 0;
  auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (bad != std::errc{} || end != text.data() + text.size() || out < 0 || out > 4294967294)
    return std::nullopt;
  return out;
}

template<class Row> void each_line(std::string_view text, Row row) {
  for (auto line : split(text, '\n'))
    if (!line.empty() && line[0] != '#') row(split(line, ':'));
}

} // namespace

result<identity> find_identity(std::string_view user, std::string_view passwd,
                               std::string_view group) {
  auto colon = user.find(':');
  auto name = user.substr(0, colon);
  auto group_name = colon == user.npos ? std::string_view{} : user.substr(colon + 1);
  identity out;
  if (name.empty()) name = "0";
  auto id = number(name);
  out.named = !id;
  bool found = false;
  std::string own_name;
  each_line(passwd, [&](const fields& f) {
    if (found || f.size() < 6) return;
    if (id ? number(f[2]) != id : f[0] != name) return;
    found = true;
    own_name = f[0];
    out.uid = number(f[2]).value_or(0);
    out.gid = number(f[3]).value_or(0);
    out.home = f[5];
  });
  if (!found && !id)
    return error{errc::not_found, "unable to find user " + std::string(name) +
                                      ": no matching entries in passwd file"};
  if (id) out.uid = *id;
  if (!group_name.empty()) {
    auto gid = number(group_name);
    each_line(group, [&](const fields& f) {
      if (!gid && f.size() >= 3 && f[0] == group_name) gid = number(f[2]);
    });
    if (!gid)
      return error{errc::not_found, "unable to find group " + std::string(group_name) +
                                        ": no matching entries in group file"};
    out.gid = *gid;
  } else if (!own_name.empty()) {
    each_line(group, [&](const fields& f) {
      if (f.size() < 4) return;
      auto members = split(f[3], ',');
      auto gid = number(f[2]);
      if (gid && *gid != out.gid &&
          std::find(members.begin(), members.end(), own_name) != members.end())
        out.groups.push_back(*gid);
    });
  }
  return out;
}

std::string read_in_root(const std::string& root, const std::string& path) {
  auto dir = open_directory(root);
  if (!dir) return {};
  // Not a pipe that nobody feeds, not a device.
  auto file = open_in_root(dir->get(), path, O_RDONLY | O_NONBLOCK);
  struct stat st {};
  if (!file || fstat(file->get(), &st) || !S_ISREG(st.st_mode)) return {};
  std::string out(std::min<size_t>(static_cast<size_t>(st.st_size), 1 << 20), '\0');
  auto n = read(file->get(), out.data(), out.size());
  out.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return out;
}

} // namespace troupe::node
