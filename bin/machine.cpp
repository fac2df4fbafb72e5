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
  given.name = options.name;
  given.data_directory = options.data_directory;
  given.run_directory = options.run_directory;
  given.shim_path = shim_path();
  given.node_ip = options.ip;
  given.cluster_dns = {dns_address};
  given.image_watch_directory = options.image_directory;
  given.manifest_directory = options.manifest_directory;
  given.registries_file = options.registries_file;
  given.images = options.images;
  given.runtime_path = options.runtime;
  given.runtime_handlers = options.runtime_handlers;
  given.nodes = options.nodes;
  given.now = wall_clock;
  given.random = entropy;
  return given;
}

} // namespace

std::vector<option> options_of(machine_options& o) {
  return {
      {"name", "NAME", "of the node (this machine's host name)", into(o.name)},
      {"ip", "ADDRESS", "by which others reach this machine (of the default route)", into(o.ip)},
      {"images", "DIR", "image archives dropped there are imported (DATA/images)",
       into(o.image_directory)},
      {"registries", "FILE",
       "mirrors and insecure registries, as containers-registries.conf(5) tells them "
       "(/etc/containers/registries.conf)",
       into(o.registries_file)},
      {"image-gc-high-threshold", "PERCENT",
       "pulled images that nothing needs go when the disk is fuller than this (85)",
       into(o.images.percent_high, 0, 100)},
      {"image-gc-low-threshold", "PERCENT", "until it is no fuller than this (80)",
       into(o.images.percent_low, 0, 100)},
      {"minimum-image-ttl-duration", "DURATION", "but none that is younger than this (2m)",
       into(o.images.age_min)},
      {"static-pods", "DIR",
       "pods in files there run on this node, whatever else happens (DATA/static-pods)",
       into(o.manifest_directory)},
      {"runtime", "PATH", "the OCI runtime of pods (runc)", into(o.runtime)},
      {"runtime-handler", "NAME=PATH",
       "another one, for pods of a RuntimeClass with this handler; may be repeated",
       [&o](const std::string& value) -> result<void> {
         auto equal = value.find('=');
         auto handler = value.substr(0, equal);
         o.runtime_handlers[handler] = equal == value.npos ? handler : value.substr(equal + 1);
         return {};
       },
       true},
      {"run", "DIR", "sockets and namespaces, gone after a reboot (/run/troupe)",
       into(o.run_directory)}};
}

void settle(machine_options& o, const std::filesystem::path& data) {
  auto below = std::filesystem::absolute(data);
  o.data_directory = below / "node";
  if (o.name.empty()) o.name = host_name();
  if (o.ip.empty()) o.ip = own_ip();
  if (o.image_directory.empty()) o.image_directory = below / "images";
  if (o.manifest_directory.empty()) o.manifest_directory = below / "static-pods";
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
