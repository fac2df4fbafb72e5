#include "bin/deploy/command.hpp"

#include "actors/node/images/digest.hpp"
#include "bin/admin.hpp"
#include "bin/deploy/ssh.hpp"
#include "bin/install.hpp"
#include "bin/options.hpp"
#include "net/tls/files.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <functional>
#include <sys/utsname.h>
#include <thread>
#include <unistd.h>

namespace troupe {

namespace {

using namespace deploy;
using namespace std::chrono_literals;

constexpr auto look_patience = 30s, install_patience = 180s, ready_patience = 120s;
constexpr auto look_again_after = 200ms;
constexpr size_t looks_at_once = 16;
constexpr const char* programs[] = {"troupe", "troupe-shim", "troupe-hello"};

int fail(const error& why) { return complain("deploy", why); }

struct deployment {
  std::vector<host> hosts;
  std::vector<facts> seen;
  wanted want;
  std::filesystem::path programs_here;
  size_t first = 0;
};

installation place_of(const host& h) { return {h.root}; }

/// The settings that a host is to have, as `troupe install` writes them.
std::vector<setting> settings_of(const host& h, const facts& seen) {
  if (h.role == "server") return {{"advertise", h.address, ""}};
  return {{"ip", h.address, ""}, {"name", h.name.empty() ? seen.name : h.name, ""}};
}

std::string sha256(std::string_view bytes) {
  return std::string(node::hex_of(node::digest_of(bytes)));
}

/// Of a program, which may be large.
result<std::string> sha256_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return error{errc::internal, "cannot read " + file.string()};
  node::digester sum;
  std::string piece(1 << 20, '\0');
  while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())) || in.gcount() > 0)
    sum.add({piece.data(), static_cast<size_t>(in.gcount())});
  return node::hex_of(sum.finish());
}

std::string machine_here() {
  utsname u{};
  uname(&u);
  return u.machine;
}

/// Looks at all hosts, several at a time.
void look(deployment& d) {
  d.seen.assign(d.hosts.size(), {});
  for (size_t begin = 0; begin < d.hosts.size(); begin += looks_at_once) {
    std::vector<std::thread> all;
    for (size_t i = begin; i < std::min(begin + looks_at_once, d.hosts.size()); ++i)
      all.emplace_back([&d, i] {
        auto out = ssh(d.hosts[i]).run(look_script(d.hosts[i].root), look_patience);
        d.seen[i] = out ? read_facts(*out) : facts{.problem = out.error().message};
      });
    for (auto& t : all) t.join();
  }
}

result<void> find_wanted(deployment& d) {
  std::error_code failed;
  auto self = std::filesystem::read_symlink("/proc/self/exe", failed);
  d.programs_here = self.parent_path();
  auto own = sha256_of(self);
  if (!own) return own.error();
  d.want.program = *own;
  for (size_t i = 0; i < d.hosts.size(); ++i) {
    auto text =
        config_text(place_of(d.hosts[i]), d.hosts[i].role, settings_of(d.hosts[i], d.seen[i]));
    if (!text) return text.error();
    d.want.configs.push_back(sha256(*text));
  }
  return {};
}

void show(const deployment& d, const std::vector<step>& steps) {
  for (auto& s : steps) {
    auto& h = d.hosts[s.host];
    printf("  %-16s %-7s %-8s %s\n", h.address.c_str(), h.role.c_str(),
           s.what == step::kind::copy ? "copy"
           : s.joins                  ? "join"
                                      : "install",
           s.why.c_str());
  }
}

result<void> copy_programs(const deployment& d, const host& h) {
  auto to = place_of(h).program().parent_path().string();
  std::vector<std::filesystem::path> files;
  std::string moves;
  std::error_code none;
  for (auto name : programs)
    if (std::filesystem::exists(d.programs_here / name, none)) {
      files.push_back(d.programs_here / name);
      moves += "mv '" + to + "/.new/" + name + "' '" + to + "/" + name + "'\n";
    }
  auto made = ssh(h).run("mkdir -p '" + to + "/.new'", look_patience);
  if (!made) return made.error();
  if (auto done = ssh(h).copy(files, to + "/.new/"); !done) return done;
  auto moved = ssh(h).run("set -e\n" + moves + "rmdir '" + to + "/.new'", look_patience);
  return moved ? result<void>{} : moved.error();
}

std::string last_word(const std::string& text) {
  auto end = text.find_last_not_of(" \n");
  auto begin = end == text.npos ? end : text.find_last_of(" \n", end);
  return end == text.npos ? "" : text.substr(begin + 1, end - begin);
}

/// A token that holds for as long as this may take. It travels as a file, not as a word of a
/// command that others on the host could see.
result<void> hand_token(const deployment& d, const host& h) {
  auto& first = d.hosts[d.first];
  auto place = place_of(first);
  auto token =
      ssh(first).run("'" + place.program().string() + "' token create --ttl 15m --role " + h.role +
                         " --description deploy --data '" + place.data().string() + "'",
                     look_patience);
  if (!token) return token.error();
  char folder[] = "/tmp/troupe-deploy.XXXXXX";
  if (!mkdtemp(folder)) return error{errc::internal, "cannot write in /tmp"};
  auto file = std::filesystem::path(folder) / "join-token";
  auto text = last_word(*token);
  if (h.role == "server") text += "@" + first.address;
  auto done = tls::save_private(file, text);
  if (done) done = ssh(h).copy({file}, place_of(h).at("etc/troupe/").string());
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return done;
}

result<void> install(const deployment& d, const step& s) {
  auto& h = d.hosts[s.host];
  auto place = place_of(h);
  std::string script = "set -e\n";
  if (s.joins) {
    auto made = ssh(h).run("mkdir -p '" + place.at("etc/troupe").string() + "'", look_patience);
    if (!made) return made.error();
    if (auto handed = hand_token(d, h); !handed) return with_context(handed.error(), "no token");
    auto file = "'" + place.at("etc/troupe/join-token").string() + "'";
    script += "t=$(cat " + file + "); rm -f " + file + "\nexport TROUPE_" +
              (h.role == "server" ? "JOIN" : "TOKEN") + "=\"$t\"\n";
  }
  script += "'" + place.program().string() + "' install " + h.role;
  if (h.root != "/") script += " --root '" + h.root + "'";
  for (auto& x : settings_of(h, d.seen[s.host])) script += " --" + x.name + " '" + x.value + "'";
  if (s.joins && h.role == "agent")
    script += " --server https://" + d.hosts[d.first].address + ":6443";
  auto done = ssh(h).run(script, install_patience);
  return done ? result<void>{} : done.error();
}

size_t count(const json::value& answer, const char* list,
             const std::function<bool(const json::value&)>& good) {
  auto all = json::find(answer, list);
  if (!all || !all->is_array()) return 0;
  size_t out = 0;
  for (auto& x : all->get_array()) out += good(x);
  return out;
}

bool votes(const json::value& member) {
  auto role = json::string_at(member, {"role"});
  auto there = json::find(member, "reachable");
  return (role == "leader" || role == "voter") && there && there->is_bool() && there->get_bool();
}

bool ready(const json::value& node) {
  auto conditions = json::find(node, {"status", "conditions"});
  if (!conditions || !conditions->is_array()) return false;
  for (auto& c : conditions->get_array())
    if (json::string_at(c, {"type"}) == "Ready") return json::string_at(c, {"status"}) == "True";
  return false;
}

/// The administrator's way to the first server, as it is reached from here.
result<std::string> fetch_kubeconfig(const deployment& d) {
  auto& first = d.hosts[d.first];
  auto text = ssh(first).run("cat '" + (place_of(first).data() / "admin.kubeconfig").string() + "'",
                             look_patience);
  if (!text) return text;
  auto at = text->find("https://127.0.0.1:");
  if (at == text->npos) return error{errc::unavailable, "the first server has no kubeconfig yet"};
  return text->replace(at, std::string_view("https://127.0.0.1").size(),
                       "https://" + first.address);
}

result<void> wait_until_whole(const deployment& d, const cluster_access& to) {
  size_t servers = 0, agents = 0;
  for (auto& h : d.hosts) ++(h.role == "server" ? servers : agents);
  auto until = std::chrono::steady_clock::now() + ready_patience;
  for (;;) {
    auto members = call(to, {.target = "/troupe/v1/members"});
    auto nodes = call(to, {.target = "/api/v1/nodes"});
    auto voting = members ? count(*members, "members", votes) : 0;
    auto up = nodes ? count(*nodes, "items", ready) : 0;
    if (voting >= servers && up >= agents) {
      printf("  %zu servers agree, %zu agents are ready\n", voting, up);
      return {};
    }
    if (std::chrono::steady_clock::now() > until)
      return error{errc::timeout, "after two minutes " + std::to_string(voting) + " of " +
                                      std::to_string(servers) + " servers agree and " +
                                      std::to_string(up) + " of " + std::to_string(agents) +
                                      " agents are ready" +
                                      (members ? "" : ": " + members.error().message)};
    std::this_thread::sleep_for(look_again_after);
  }
}

result<void> carry_out(const deployment& d, const std::vector<step>& steps) {
  for (auto& s : steps) {
    auto& h = d.hosts[s.host];
    auto done = s.what == step::kind::copy ? copy_programs(d, h) : install(d, s);
    if (!done) return with_context(done.error(), h.address);
    printf("  %-16s %-7s %s\n", h.address.c_str(), h.role.c_str(),
           s.what == step::kind::copy ? "has the program"
           : s.joins                  ? "has joined"
                                      : "runs");
    fflush(stdout);
  }
  return {};
}

} // namespace

int deploy_command(const std::vector<std::string>& arguments) {
  std::string file;
  std::filesystem::path kubeconfig;
  bool only_show = false;
  command_spec spec{
      .name = "deploy",
      .synopsis = "-f hosts.yaml",
      .about =
          "Puts servers and agents on a list of hosts over ssh: copies this program, checks "
          "what each host has, installs,\nstarts, joins, waits. Again on the same list it "
          "does what is left to do.\n\n"
          "  ssh: {user: root, key: /root/.ssh/id_ed25519}   # for all; port and options, too\n"
          "  hosts:\n"
          "  - {address: 10.0.0.1, role: server}\n"
          "  - {address: 10.0.0.4, role: agent, name: worker-1, ssh: {port: 2222}}",
      .options = {{"f", "FILE", "the hosts", into(file)},
                  {"diff", "", "only show what would be done; exit code 1 if there is something",
                   into(only_show)},
                  {"kubeconfig", "FILE", "write the administrator's kubeconfig there",
                   into(kubeconfig)}},
      .examples = "troupe deploy -f hosts.yaml --diff\ntroupe deploy -f hosts.yaml --kubeconfig "
                  "cluster.kubeconfig"};
  auto read = read_arguments(spec, arguments);
  if (read.exit_code) return *read.exit_code;
  if (file.empty()) return fputs(usage_of(spec).c_str(), stderr), 2;
  auto text = tls::load_file(file);
  if (!text) return fail(text.error());
  deployment d;
  auto hosts = read_hosts(*text);
  if (!hosts) return fail(with_context(hosts.error(), file));
  d.hosts = std::move(*hosts);
  look(d);
  bool fit = true;
  for (size_t i = 0; i < d.hosts.size(); ++i) {
    auto why = unfit(d.hosts[i], d.seen[i], machine_here());
    if (!why.empty()) complain("deploy", {errc::bad_request, d.hosts[i].address + " " + why});
    fit = fit && why.empty();
  }
  if (!fit) return fail({errc::bad_request, "nothing was changed on any host"});
  if (auto done = find_wanted(d); !done) return fail(done.error());
  d.first = first_server(d.hosts, d.seen);
  auto steps = plan(d.hosts, d.seen, d.want);
  if (only_show) {
    show(d, steps);
    if (steps.empty()) puts("Everything is as it should be.");
    return steps.empty() ? 0 : 1;
  }
  if (auto done = carry_out(d, steps); !done) return fail(done.error());
  auto way = fetch_kubeconfig(d);
  if (!way) return fail(way.error());
  auto to = read_access(*way);
  if (!to) return fail(to.error());
  if (auto done = wait_until_whole(d, *to); !done) return fail(done.error());
  if (!kubeconfig.empty())
    if (auto saved = tls::save_private(kubeconfig, *way); !saved) return fail(saved.error());
  puts(steps.empty() ? "Everything is as it should be." : "The cluster stands.");
  return 0;
}

} // namespace troupe
