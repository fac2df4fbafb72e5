#include "bin/deploy/plan.hpp"

#include "messages/base/address.hpp"
#include "messages/base/json.hpp"
#include "messages/base/names.hpp"
#include "messages/codec/yaml.hpp"

#include <set>
#include <sstream>

namespace troupe::deploy {

namespace {

constexpr int kernel_major_min = 5, kernel_minor_min = 6; // openat2

error wrong(const std::string& where, const std::string& why) {
  return {errc::bad_request, where + ": " + why};
}

result<void> check_keys(const json::value& v, const std::set<std::string_view>& known,
                        const std::string& where) {
  if (!v.is_object()) return wrong(where, "write `name: value`");
  for (auto& [key, _] : v.get_object())
    if (!known.contains(key)) return wrong(where, "\"" + std::string(key) + "\" is not known");
  return {};
}

/// What a host says itself is stronger than what is said for all.
result<void> read_way(const json::value& tree, ssh_way& to, const std::string& where) {
  auto ssh = json::find(tree, "ssh");
  if (!ssh) return {};
  if (auto good = check_keys(*ssh, {"user", "key", "port", "options"}, where + ".ssh"); !good)
    return good;
  if (auto user = json::string_at(*ssh, {"user"}); !user.empty()) to.user = user;
  if (auto key = json::string_at(*ssh, {"key"}); !key.empty()) to.key = key;
  if (auto port = json::find(*ssh, "port")) {
    if (!port->is_int64() || port->get_int64() < 1 || port->get_int64() > 65'535)
      return wrong(where + ".ssh.port", "a port is a number from 1 to 65535");
    to.port = static_cast<uint16_t>(port->get_int64());
  }
  if (auto options = json::find(*ssh, "options"); options && options->is_array())
    for (auto& o : options->get_array())
      if (o.is_string()) to.options.emplace_back(o.get_string());
  if (to.user.empty() || to.user[0] == '-') return wrong(where + ".ssh.user", "is no user");
  return {};
}

/// A path that means the same within the quotes of a shell.
bool plain_path(const std::string& path) {
  return path.starts_with('/') && path.find_first_of("'\"\\$`\n ") == path.npos;
}

result<host> read_host(const json::value& tree, const host& usual, const std::string& where) {
  host out = usual;
  if (auto good = check_keys(tree, {"address", "role", "name", "root", "ssh"}, where); !good)
    return good.error();
  out.address = json::string_at(tree, {"address"});
  out.role = json::string_at(tree, {"role"});
  out.name = json::string_at(tree, {"name"});
  if (auto root = json::string_at(tree, {"root"}); !root.empty()) out.root = root;
  if (!address::parse(out.address))
    return wrong(where + ".address", "\"" + out.address + "\" is no IP address");
  if (out.role != "server" && out.role != "agent")
    return wrong(where + ".role", "a host is a server or an agent");
  if (!out.name.empty() && !names::dns_subdomain(out.name).empty())
    return wrong(where + ".name", "\"" + out.name + "\" cannot be the name of a node");
  if (!plain_path(out.root)) return wrong(where + ".root", "write a plain absolute path");
  if (auto way = read_way(tree, out.way, where); !way) return way.error();
  return out;
}

bool kernel_fits(const std::string& release) {
  int major = 0, minor = 0;
  if (sscanf(release.c_str(), "%d.%d", &major, &minor) != 2) return false;
  return major > kernel_major_min || (major == kernel_major_min && minor >= kernel_minor_min);
}

} // namespace

result<std::vector<host>> read_hosts(const std::string& text) {
  auto documents = yaml::to_json(text);
  if (!documents) return documents.error();
  auto tree = documents->empty() ? result<json::value>{json::value{}}
                                 : json::parse(documents->front().json);
  if (!tree) return tree.error();
  if (auto good = check_keys(*tree, {"ssh", "root", "hosts"}, "the file"); !good)
    return good.error();
  host usual;
  if (auto root = json::string_at(*tree, {"root"}); !root.empty()) usual.root = root;
  if (auto way = read_way(*tree, usual.way, "the file"); !way) return way.error();
  auto list = json::find(*tree, "hosts");
  if (!list || !list->is_array() || list->get_array().empty())
    return wrong("hosts", "name at least one host: - {address: 10.0.0.1, role: server}");
  if (list->get_array().size() > hosts_max)
    return wrong("hosts", "there are more than " + std::to_string(hosts_max));
  std::vector<host> out;
  std::set<std::string> addresses, nodes;
  bool server = false;
  for (auto& one : list->get_array()) {
    auto where = "hosts[" + std::to_string(out.size()) + "]";
    auto read = read_host(one, usual, where);
    if (!read) return read.error();
    if (!addresses.insert(read->address).second)
      return wrong(where, read->address + " is there twice");
    if (!read->name.empty() && !nodes.insert(read->name).second)
      return wrong(where, "the name " + read->name + " is there twice");
    server = server || read->role == "server";
    out.push_back(std::move(*read));
  }
  if (!server) return wrong("hosts", "at least one host must be a server");
  return out;
}

std::string look_script(const std::string& root) {
  auto at = [&](const char* path) { return "'" + (root == "/" ? "" : root) + path + "'"; };
  auto hash = [&](const char* name, const char* path) {
    return "test -e " + at(path) + " && echo " + name + "=$(sha256sum " + at(path) +
           " | cut -d' ' -f1)\n";
  };
  return "echo machine=$(uname -m)\necho kernel=$(uname -r)\necho user=$(id -u)\n"
         "echo name=$(uname -n)\n"
         "echo runc=$(runc --version 2>/dev/null | head -n 1)\n"
         "test -e /sys/fs/cgroup/cgroup.controllers -o -d /sys/fs/cgroup/memory && echo "
         "cgroups=yes\n"
         "grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null\n"
         "grep -qw overlay /proc/filesystems && echo overlay=yes\n" +
         hash("program", "/usr/local/bin/troupe") + hash("config", "/etc/troupe/config.yaml") +
         "test -e " + at("/var/lib/troupe/server.json") + " && echo part=server\ntest -e " +
         at("/var/lib/troupe/join/node.crt") + " && echo part=agent\ntest -e " +
         at("/var/lib/troupe/lock") + " && ! flock -n " + at("/var/lib/troupe/lock") +
         " true && echo running=yes\ntrue\n";
}

facts read_facts(const std::string& output) {
  facts out;
  std::istringstream lines(output);
  std::string line;
  const std::pair<const char*, std::string*> texts[] = {
      {"machine", &out.machine}, {"kernel", &out.kernel}, {"user", &out.user}, {"runc", &out.runc},
      {"program", &out.program}, {"config", &out.config}, {"part", &out.part}, {"name", &out.name}};
  const std::pair<const char*, bool*> switches[] = {
      {"cgroups", &out.cgroups}, {"overlay", &out.overlay}, {"running", &out.running}};
  while (std::getline(lines, line)) {
    auto equal = line.find('=');
    if (equal == line.npos) continue;
    auto key = line.substr(0, equal);
    for (auto& [name, to] : texts)
      if (key == name) *to = line.substr(equal + 1);
    for (auto& [name, to] : switches)
      if (key == name) *to = line.substr(equal + 1) == "yes";
  }
  return out;
}

std::string unfit(const host& h, const facts& seen, const std::string& machine) {
  if (!seen.problem.empty()) return seen.problem;
  if (seen.user != "0") return "needs root: log in as root there";
  if (seen.machine != machine)
    return "is a " + seen.machine + ", and the program here is for " + machine;
  if (!seen.part.empty() && seen.part != h.role)
    return "is " + std::string(seen.part == "server" ? "a server" : "an agent") +
           " already: run `troupe uninstall` there first";
  if (h.role != "agent") return {};
  if (!kernel_fits(seen.kernel)) return "has Linux " + seen.kernel + "; pods need 5.6 or newer";
  if (seen.runc.empty()) return "has no runc: install it (Debian: apt install runc)";
  if (!seen.cgroups) return "has no control groups";
  if (!seen.overlay) return "has no overlayfs";
  return {};
}

size_t first_server(const std::vector<host>& hosts, const std::vector<facts>& seen) {
  size_t first = hosts.size();
  for (size_t i = hosts.size(); i-- > 0;)
    if (hosts[i].role == "server" &&
        (first == hosts.size() || seen[i].part == "server" || seen[first].part != "server"))
      first = i;
  return first;
}

std::vector<step> plan(const std::vector<host>& hosts, const std::vector<facts>& seen,
                       const wanted& want) {
  std::vector<step> out;
  auto copied = [&](size_t i) { return seen[i].program != want.program; };
  for (size_t i = 0; i < hosts.size(); ++i)
    if (copied(i))
      out.push_back({step::kind::copy, i,
                     seen[i].program.empty() ? "there is no program yet" : "the program is another",
                     false});
  auto first = first_server(hosts, seen);
  auto consider = [&](size_t i) {
    auto& f = seen[i];
    std::string why;
    if (f.part.empty())
      why = i == first ? "it is the first server" : "it has not joined yet";
    else if (copied(i))
      why = "it runs another program";
    else if (f.config != want.configs[i])
      why = "its settings are others";
    else if (!f.running)
      why = "it does not run";
    if (!why.empty()) out.push_back({step::kind::install, i, why, f.part.empty() && i != first});
  };
  consider(first);
  for (auto role : {"server", "agent"})
    for (size_t i = 0; i < hosts.size(); ++i)
      if (i != first && hosts[i].role == role) consider(i);
  return out;
}

} // namespace troupe::deploy
