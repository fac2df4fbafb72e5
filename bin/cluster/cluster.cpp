#include "bin/cluster/cluster.hpp"

#include "bin/admin.hpp"
#include "bin/clock.hpp"
#include "bin/cluster/spaces.hpp"
#include "bin/join.hpp"
#include "bin/pki.hpp"
#include "net/dataplane/links.hpp"
#include "net/dataplane/masquerade.hpp"
#include "net/tls/files.hpp"
#include "storage/keyring.hpp"

#include <algorithm>
#include <fstream>
#include <thread>

namespace troupe::clusters {

namespace {

using namespace std::chrono_literals;
using dataplane::links;

constexpr int mtu = 1500, prefix_bits = 24;
constexpr uint16_t link_port = 6444;
constexpr auto ready_within = 60s;
constexpr auto look_every = 15ms;
constexpr auto end_within = 10'000ms;
constexpr const char* relay_name = "relay";
constexpr const char* forwarding_switch = "/proc/sys/net/ipv4/ip_forward";
/// In the run directory while it was us who switched it on.
constexpr const char* forwarding_note = "forwarding-was-off";

/// 02: made here; the rest is the address.
dataplane::mac mac_of(const address& a, uint8_t side) {
  return {0x02, side, a.bytes[0], a.bytes[1], a.bytes[2], a.bytes[3]};
}

std::string last_line(const std::filesystem::path& log) {
  std::ifstream in(log);
  std::string line, last;
  while (std::getline(in, line))
    if (!line.empty()) last = line;
  return last;
}

result<void> copy_over(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code failed;
  std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing, failed);
  if (failed)
    return error{errc::internal, "cannot copy " + from.string() + ": " + failed.message()};
  return {};
}

tls::wall_time now() { return tls::wall_time{std::chrono::seconds{wall_clock().seconds}}; }

/// This machine passes packets on between the clusters and the networks outside.
void begin_forwarding(const std::filesystem::path& note) {
  char now = '1';
  std::ifstream(forwarding_switch) >> now;
  if (now != '0') return;
  (void)tls::save_private(note, "");
  std::ofstream(forwarding_switch) << '1';
}

/// It is as it was before once no cluster is left that needs it.
void end_forwarding(const std::filesystem::path& note) {
  std::error_code failed;
  if (!std::filesystem::exists(note, failed)) return;
  for (unsigned number = 0; number <= numbers_max; ++number)
    if (dataplane::masquerade::stands(way_out_of(number))) return;
  std::ofstream(forwarding_switch) << '0';
  std::filesystem::remove(note, failed);
}

bool ready(const json::value& node) {
  auto conditions = json::find(node, {"status", "conditions"});
  if (!conditions || !conditions->is_array()) return false;
  for (auto& c : conditions->get_array())
    if (json::string_at(c, {"type"}) == "Ready" && json::string_at(c, {"status"}) == "True")
      return true;
  return false;
}

size_t ready_nodes(const cluster_access& to) {
  auto answer = call(to, {.target = "/api/v1/nodes"});
  auto items = answer ? json::find(*answer, "items") : nullptr;
  if (!items || !items->is_array()) return 0;
  auto& all = items->get_array();
  return static_cast<size_t>(std::count_if(all.begin(), all.end(), ready));
}

} // namespace

std::filesystem::path cluster::pid_file(const std::string& name) const {
  return at_.run / book_.name / (name + ".pid");
}

std::filesystem::path cluster::log_file(const std::string& name) const {
  return at_.of(book_) / "log" / (name + ".log");
}

result<void> cluster::prepare() {
  auto folder = at_.of(book_);
  std::error_code failed;
  std::filesystem::create_directories(folder / "log", failed);
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all, failed);
  std::filesystem::permissions(folder, std::filesystem::perms{0711}, failed);
  auto members = members_of(book_, at_);
  std::map<uint64_t, server_address> servers;
  for (auto& m : members)
    if (m.what == member::kind::server) servers[m.number] = {m.address, link_port};
  // One authority, one key of tokens and one of secrets for all of them.
  auto first = members.front().data / "pki";
  auto keys = prepare_pki(first, own_names(), own_addresses(members.front().address), 1, now());
  if (!keys) return keys.error();
  if (auto made = storage::load_key_file((first / "secrets.key").string(), true); !made)
    return made.error();
  for (auto& m : members) {
    if (m.what == member::kind::agent) {
      auto own = issue_node(keys->authority, m.name, now());
      if (!own) return own.error();
      node_credentials has{std::move(*own), keys->authority.certificate_pem, servers};
      if (auto saved = save(m.data / "join", has); !saved) return saved;
    } else if (m.number > 1) {
      std::filesystem::create_directories(m.data / "pki", failed);
      for (auto name : shared_keys)
        if (auto done = copy_over(first / name, m.data / "pki" / name); !done) return done;
    }
  }
  auto text = write_kubeconfig(*keys, api_url(book_), links_of(book_, at_), "troupe-" + book_.name);
  if (auto saved = tls::save_private(kubeconfig(), text); !saved) return saved;
  return tls::save_private(folder / "cluster.json", book_.text());
}

result<void> cluster::take_images(const std::vector<std::string>& files) const {
  for (auto& m : members_of(book_, at_)) {
    if (m.what != member::kind::agent) continue;
    std::error_code failed;
    std::filesystem::create_directories(m.data / "images", failed);
    for (auto& file : files) {
      // It appears whole: the agent looks when the last step is done.
      auto to = m.data / "images" / std::filesystem::path(file).filename();
      auto part = to.string() + ".part";
      if (auto done = copy_over(file, part); !done) return done;
      std::filesystem::rename(part, to, failed);
      if (failed) return error{errc::internal, "cannot write " + to.string()};
    }
  }
  return {};
}

result<void> cluster::make_network() const {
  auto here = links::open();
  if (!here) return here.error();
  auto bridge = bridge_of(book_);
  if (auto made = here->make_bridge(bridge, mtu); !made) return made;
  auto gateway = *address::parse(gateway_of(book_));
  if (auto done = here->add_address(bridge, gateway, prefix_bits); !done) return done;
  if (auto done = dataplane::masquerade::stand(way_out_of(book_.number),
                                               *network::parse(network_of(book_)));
      !done)
    return with_context(done.error(), "the way out of its network");
  begin_forwarding(at_.run / forwarding_note);
  return {};
}

/// A namespace with one link, which leads to the bridge.
result<void> cluster::connect(const member& m) const {
  auto here = links::open();
  if (!here) return here.error();
  auto room = space::make(m.space);
  if (!room) return room.error();
  auto own = *address::parse(m.address);
  if (here->index_of(m.port) == 0)
    if (auto made = here->make_veth({.name = m.port,
                                     .mac = mac_of(own, 1),
                                     .inside_name = "eth0",
                                     .inside_mac = mac_of(own, 2),
                                     .inside_netns = room->fd(),
                                     .mtu = mtu});
        !made)
      return made;
  if (auto done = here->set_bridge(m.port, bridge_of(book_)); !done) return done;
  auto inside = links::open_in(room->fd());
  if (!inside) return inside.error();
  for (auto name : {"lo", "eth0"})
    if (auto done = inside->set_up(name); !done) return done;
  if (auto done = inside->add_address("eth0", own, prefix_bits); !done) return done;
  return inside->add_route({}, "eth0", address::parse(gateway_of(book_)));
}

/// Starts what does not run. Who is only about to end still holds its port and its data.
result<void> cluster::keep_running(const std::string& name,
                                   const std::function<result<int>()>& spawned) {
  auto file = pid_file(name);
  if (remembered(file) != 0) return {};
  if (begun_.contains(name))
    return error{errc::unavailable, "it has ended: " + last_line(log_file(name)) + " (see " +
                                        log_file(name).string() + ")"};
  if (!await_end(file, end_within))
    return error{errc::timeout, "the one that was killed does not end"};
  auto pid = spawned();
  if (!pid) return pid.error();
  begun_.insert(name);
  remember(*pid, file);
  return {};
}

result<void> cluster::start_member(const member& m) {
  return keep_running(m.name, [&]() -> result<int> {
    std::error_code failed;
    std::filesystem::create_directories(m.run, failed);
    auto room = space::open(m.space);
    if (!room) return room.error();
    return spawn(command_of(m, book_, at_), &*room, m.log);
  });
}

result<void> cluster::start_relay() {
  return keep_running(
      relay_name, [&] { return spawn(relay_command(book_, at_), nullptr, log_file(relay_name)); });
}

/// Starts what does not run, and what was found running and has ended since. Who was started here
/// and has ended says why in its log.
result<void> cluster::start_all() {
  for (auto& m : members_of(book_, at_))
    if (auto done = start_member(m); !done) return with_context(done.error(), m.name);
  if (auto done = start_relay(); !done) return with_context(done.error(), "the address of the API");
  return {};
}

result<void> cluster::start() {
  std::error_code failed;
  std::filesystem::create_directories(at_.run / book_.name, failed);
  if (auto made = make_network(); !made) return made;
  for (auto& m : members_of(book_, at_))
    if (auto done = connect(m); !done) return with_context(done.error(), m.name);
  return start_all();
}

result<void> cluster::wait_until_ready(const std::function<void(const std::string&)>& tell) {
  auto text = tls::load_private(kubeconfig());
  if (!text) return text.error();
  auto to = read_access(*text);
  if (!to) return to.error();
  to->whom.patience = 5s;
  auto reached = [&](const std::function<bool()>& fact) -> result<void> {
    auto until = std::chrono::steady_clock::now() + ready_within;
    while (!fact()) {
      if (auto run = start_all(); !run) return run;
      if (std::chrono::steady_clock::now() > until)
        return error{errc::timeout,
                     "it is not there after a minute; see " + (at_.of(book_) / "log").string()};
      std::this_thread::sleep_for(look_every);
    }
    return {};
  };
  auto serves = [&] { return call(*to, {.target = "/api/v1/namespaces/default"}).has_value(); };
  if (auto done = reached(serves); !done) return with_context(done.error(), "waiting for the API");
  tell(book_.servers == 1 ? "the server answers"
                          : std::to_string(book_.servers) + " servers agree on a leader");
  if (book_.agents == 0) return {};
  auto all = [&] { return ready_nodes(*to) >= book_.agents; };
  if (auto done = reached(all); !done) return with_context(done.error(), "waiting for the agents");
  tell(std::to_string(book_.agents) + (book_.agents == 1 ? " agent is" : " agents are") + " ready");
  return {};
}

void cluster::clear_agents(const char* command) const {
  std::vector<std::thread> all;
  for (auto& m : members_of(book_, at_)) {
    if (m.what != member::kind::agent || !std::filesystem::exists(m.data)) continue;
    all.emplace_back([this, m, command] {
      auto room = space::make(m.space);
      std::vector<std::string> words{command, "--data", m.data, "--run", m.run};
      if (std::string_view(command) == "uninstall") words.push_back("--yes");
      if (room) (void)run(words, &*room, m.log);
    });
  }
  for (auto& t : all) t.join();
}

void cluster::remove_network() const {
  auto here = links::open();
  for (auto& m : members_of(book_, at_)) {
    space::remove(m.space);
    if (here) (void)here->remove_link(m.port);
  }
  if (here) (void)here->remove_link(bridge_of(book_));
  dataplane::masquerade::leave(way_out_of(book_.number));
  end_forwarding(at_.run / forwarding_note);
}

void cluster::stop() {
  std::vector<std::thread> all;
  for (auto& m : members_of(book_, at_))
    all.emplace_back([file = pid_file(m.name)] { end(file, end_within); });
  all.emplace_back([file = pid_file(relay_name)] { end(file, end_within); });
  for (auto& t : all) t.join();
  clear_agents("down");
  remove_network();
  std::error_code ignored;
  std::filesystem::remove_all(at_.run / book_.name, ignored);
}

result<void> cluster::remove() {
  std::vector<std::thread> all;
  for (auto& m : members_of(book_, at_))
    all.emplace_back([file = pid_file(m.name)] { end(file, end_within); });
  all.emplace_back([file = pid_file(relay_name)] { end(file, end_within); });
  for (auto& t : all) t.join();
  clear_agents("uninstall");
  remove_network();
  std::error_code failed;
  std::filesystem::remove_all(at_.run / book_.name, failed);
  std::filesystem::remove_all(at_.of(book_), failed);
  if (failed)
    return error{errc::internal,
                 "cannot remove " + at_.of(book_).string() + ": " + failed.message()};
  return {};
}

size_t cluster::processes() const { return book_.servers + book_.agents + 1; }

size_t cluster::running() const {
  size_t out = remembered(pid_file(relay_name)) != 0;
  for (auto& m : members_of(book_, at_)) out += remembered(pid_file(m.name)) != 0;
  return out;
}

std::vector<book> all_books(const places& at) {
  std::vector<book> out;
  std::error_code none;
  for (auto& e : std::filesystem::directory_iterator(at.data, none))
    if (auto b = find_book(at, e.path().filename().string())) out.push_back(std::move(*b));
  std::sort(out.begin(), out.end(), [](auto& a, auto& b) { return a.name < b.name; });
  return out;
}

result<book> find_book(const places& at, const std::string& name) {
  if (auto good = check_name(name); !good) return good.error();
  auto file = at.data / name / "cluster.json";
  if (!std::filesystem::exists(file))
    return error{errc::not_found,
                 "there is no cluster " + name + "; `troupe cluster list` shows those there are"};
  auto text = tls::load_private(file);
  if (!text) return text.error();
  return book::parse(*text);
}

} // namespace troupe::clusters
