#include "bin/machine.hpp"

#include "bin/clock.hpp"
#include "net/dataplane/links.hpp"
#include "net/dns/server.hpp"

#include <fstream>
#include <sstream>
#include <unistd.h>

namespace troupe {

namespace {

constexpr const char* dns_address = "10.96.0.10";
constexpr const char* gateway_of_first_range = "10.244.0.1";
constexpr const char* installed_shim = "/usr/lib/troupe/troupe-shim";

/// Beside this program, as it is built and copied; else where it is installed.
std::string shim_path() {
  std::error_code failed;
  auto here = std::filesystem::read_symlink("/proc/self/exe", failed).parent_path() / "troupe-shim";
  return !failed && std::filesystem::exists(here, failed) ? here.string() : installed_shim;
}

std::vector<address> upstream_dns() {
  std::ifstream file("/etc/resolv.conf");
  std::stringstream text;
  text << file.rdbuf();
  return dns::upstream_of(text.str());
}

node::settings settings_of(const machine_options& options) {
  node::settings given;
  given.name = options.name.empty() ? host_name() : options.name;
  given.data_directory = options.data_directory;
  given.run_directory = options.run_directory;
  given.shim_path = shim_path();
  given.node_ip = options.ip.empty() ? own_ip() : options.ip;
  given.cluster_dns = {dns_address};
  given.image_watch_directory = options.image_directory;
  given.manifest_directory = options.manifest_directory;
  given.runtime_path = options.runtime;
  given.runtime_handlers = options.runtime_handlers;
  given.nodes = options.nodes;
  given.now = wall_clock;
  given.random = entropy;
  return given;
}

} // namespace

bool take_runtime_flag(machine_options& to, const std::string& name, const std::string& value) {
  if (name == "--runtime") return to.runtime = value, true;
  if (name != "--runtime-handler") return false;
  auto equal = value.find('=');
  auto handler = value.substr(0, equal);
  to.runtime_handlers[handler] = equal == value.npos ? handler : value.substr(equal + 1);
  return true;
}

std::string own_ip() {
  if (auto links = dataplane::links::open())
    if (auto own = links->own_address()) return own->text();
  return gateway_of_first_range;
}

std::string host_name() {
  char name[256] = {};
  if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "node";
  std::string out(name);
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

result<std::unique_ptr<machine>> machine::start(caf::actor_system& system,
                                                machine_options options) {
  std::unique_ptr<machine> made(new machine);
  auto given = settings_of(options);
  made->network_ = std::make_unique<network_of_pods::machine_network>(
      system, network_of_pods::network_settings{
                  .node = given.name, .upstream_dns = upstream_dns(), .random = entropy});
  given.network = made->network_->pods();
  given.overhear = [net = made->network_.get()](const std::string& facts) { net->heard(facts); };
  auto agent = node::start_agent(system, std::move(given));
  if (!agent) return agent.error();
  made->agent_ = std::move(*agent);
  return made;
}

machine::~machine() {
  if (agent_.actor) node::stop_agent(agent_);
  if (network_) network_->stop();
}

result<void> machine::clear(const machine_options& options, bool with_data) {
  auto done = node::cleanup(settings_of(options), with_data);
  network_of_pods::machine_network::remove_all();
  return done;
}

} // namespace troupe
