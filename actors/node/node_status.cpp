#include "actors/node/node_status.hpp"

#include "actors/volumes/binding.hpp"

#include "messages/base/quantity.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sstream>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace troupe::node {

using namespace k8s::core::v1;

namespace {

std::string trimmed(const char* file) {
  auto text = read_file(file, 1 << 16);
  if (!text) return {};
  while (!text->empty() && isspace(static_cast<unsigned char>(text->back()))) text->pop_back();
  return *text;
}

using amounts = google::protobuf::Map<std::string, k8s::base::Quantity>;

void put(amounts& to, const char* name, const std::string& value) { to[name].set_string(value); }

std::string kibi(int64_t bytes) { return std::to_string(bytes / 1024) + "Ki"; }

void condition(NodeStatus& to, const char* type, bool on, const char* reason,
               const std::string& message) {
  auto& c = *to.add_conditions();
  c.set_type(type);
  c.set_status(on ? "True" : "False");
  c.set_reason(reason);
  c.set_message(message);
}

/// So little that new pods should go elsewhere.
constexpr int64_t memory_low_bytes = 100 << 20;
constexpr int disk_low_percent = 5;

void show_conditions(NodeStatus& to, context& of) {
  std::istringstream lines(trimmed("/proc/meminfo"));
  int64_t available = memory_low_bytes;
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("MemAvailable:")) available = atoll(line.c_str() + 13) * 1024;
  struct statvfs disk {};
  statvfs(of.where.data.c_str(), &disk);
  bool full = disk.f_blocks && disk.f_bavail * 100 / disk.f_blocks < disk_low_percent;
  bool low = available < memory_low_bytes;
  condition(to, "MemoryPressure", low,
            low ? "KubeletHasInsufficientMemory" : "KubeletHasSufficientMemory",
            low ? "the node has little memory left" : "the node has enough memory");
  condition(to, "DiskPressure", full, full ? "KubeletHasDiskPressure" : "KubeletHasNoDiskPressure",
            full ? "the node has little disk left" : "the node has enough disk");
  condition(to, "PIDPressure", false, "KubeletHasSufficientPID", "the node has enough process ids");
  auto network = of.given.network->ready();
  // Until the servers have told what they know of this node, it may well be as ready as it was.
  if (!network && !of.told.find<Node>("nodes", "", of.given.name)) return;
  condition(to, "Ready", network.has_value(), network ? "KubeletReady" : "KubeletNotReady",
            network ? "the agent runs pods" : network.error().message);
}

} // namespace

std::string os_name(const std::string& os_release) {
  std::istringstream lines(os_release);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("PRETTY_NAME=")) {
      auto value = line.substr(12);
      std::erase(value, '"');
      return value;
    }
  return "Linux";
}

std::string own_address() {
  // No packet is sent: the kernel only says which address it would use.
  descriptor any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{}, own{};
  to.sin_family = AF_INET;
  to.sin_port = htons(9);
  inet_pton(AF_INET, "192.0.2.1", &to.sin_addr);
  socklen_t size = sizeof own;
  char text[INET6_ADDRSTRLEN];
  if (any && connect(any.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0 &&
      getsockname(any.get(), reinterpret_cast<sockaddr*>(&own), &size) == 0 &&
      inet_ntop(AF_INET, &own.sin_addr, text, sizeof text))
    return text;
  ifaddrs* all = nullptr;
  std::string out = "127.0.0.1";
  if (getifaddrs(&all)) return out;
  for (auto a = all; a; a = a->ifa_next) {
    if (!a->ifa_addr || a->ifa_addr->sa_family != AF_INET || a->ifa_flags & IFF_LOOPBACK) continue;
    inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in*>(a->ifa_addr)->sin_addr, text, sizeof text);
    out = text;
    break;
  }
  freeifaddrs(all);
  return out;
}

NodeStatus node_status(context& of) {
  NodeStatus out;
  auto& m = of.machine;
  struct statvfs disk {};
  statvfs(of.where.data.c_str(), &disk);
  auto disk_bytes = static_cast<int64_t>(disk.f_blocks * disk.f_frsize);
  auto& capacity = *out.mutable_capacity();
  put(capacity, "cpu", std::to_string(m.cpu_milli / 1000));
  put(capacity, "memory", kibi(m.memory_bytes));
  put(capacity, "pods", std::to_string(of.given.pods_max));
  put(capacity, "ephemeral-storage", kibi(disk_bytes));
  auto& allocatable = *out.mutable_allocatable();
  put(allocatable, "cpu", quantity::of_milli(of.allocatable_cpu_milli()).text());
  put(allocatable, "memory", kibi(of.allocatable_memory_bytes()));
  put(allocatable, "pods", std::to_string(of.given.pods_max));
  put(allocatable, "ephemeral-storage", std::to_string(disk_bytes / 10 * 9));
  std::error_code bad;
  for (auto& e : std::filesystem::directory_iterator("/sys/kernel/mm/hugepages", bad)) {
    auto name = e.path().filename().string(); // "hugepages-2048kB"
    auto size_kib = atoll(name.c_str() + 10);
    auto count = atoll(trimmed((e.path() / "nr_hugepages").c_str()).c_str());
    auto shown = "hugepages-" + quantity::of(size_kib * 1024, quantity::format::binary_si).text();
    put(capacity, shown.c_str(),
        quantity::of(count * size_kib * 1024, quantity::format::binary_si).text());
    put(allocatable, shown.c_str(), capacity[shown].string());
  }
  show_conditions(out, of);
  auto address = [&](const char* type, const std::string& value) {
    auto& a = *out.add_addresses();
    a.set_type(type);
    a.set_address(value);
  };
  address("InternalIP", of.given.node_ip);
  address("Hostname", of.given.name);
  utsname system{};
  uname(&system);
  auto& info = *out.mutable_node_info();
  info.set_machine_id(trimmed("/etc/machine-id"));
  info.set_system_uuid(trimmed("/sys/class/dmi/id/product_uuid"));
  if (info.system_uuid().empty()) info.set_system_uuid(info.machine_id());
  info.set_boot_id(trimmed("/proc/sys/kernel/random/boot_id"));
  info.set_kernel_version(system.release);
  info.set_os_image(os_name(trimmed("/etc/os-release")));
  info.set_container_runtime_version("troupe://" +
                                     of.given.version.substr(of.given.version.starts_with("v")));
  info.set_kubelet_version(of.given.version);
  info.set_kube_proxy_version(of.given.version);
  info.set_operating_system("linux");
  info.set_architecture(std::string(system.machine) == "x86_64"    ? "amd64"
                        : std::string(system.machine) == "aarch64" ? "arm64"
                                                                   : system.machine);
  out.mutable_daemon_endpoints()->mutable_kubelet_endpoint();
  for (auto& [name, path] : of.given.runtime_handlers) out.add_runtime_handlers()->set_name(name);
  auto images = of.images.all();
  std::sort(images.begin(), images.end(), [](auto& a, auto& b) { return a->bytes > b->bytes; });
  for (auto& i : images) {
    if (i->names.empty()) continue;
    if (static_cast<size_t>(out.images_size()) >= images_shown_max) break;
    auto& shown = *out.add_images();
    if (i->pulled) shown.add_names(shown_id(*i, i->names.front()));
    for (auto& n : i->names) shown.add_names(n);
    shown.set_size_bytes(static_cast<int64_t>(i->bytes));
  }
  return out;
}

void tell_node_status(context& of) {
  cluster::Report r;
  r.set_node_status(node_status(of).SerializeAsString());
  of.reports.put(std::move(r));
}

Node node_object(context& of) {
  Node out;
  auto& m = *out.mutable_metadata();
  m.set_name(of.given.name);
  *out.mutable_status() = node_status(of);
  auto& labels = *m.mutable_labels();
  labels["kubernetes.io/hostname"] = of.given.name;
  labels["kubernetes.io/os"] = labels["beta.kubernetes.io/os"] = "linux";
  labels["kubernetes.io/arch"] = labels["beta.kubernetes.io/arch"] =
      out.status().node_info().architecture();
  for (auto& [key, value] : of.given.labels) labels[key] = value;
  (*m.mutable_annotations())[volumes::volumes_annotation] =
      (of.where.data.parent_path() / "volumes").string();
  return out;
}

} // namespace troupe::node
