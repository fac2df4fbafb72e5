#include "actors/node/hollow.hpp"

#include "messages/api/node.pb.h"
#include "messages/api/persistent_volume.pb.h"
#include "messages/base/log.hpp"
#include "messages/cluster/node.pb.h"

#include <memory>
#include <set>
#include <unordered_map>

namespace troupe::node {

namespace {

constexpr std::chrono::seconds arrive_again{1};
constexpr const char* version = "v1.36.0";

std::string dotted(uint32_t address) {
  return std::to_string(address >> 24) + "." + std::to_string(address >> 16 & 255) + "." +
         std::to_string(address >> 8 & 255) + "." + std::to_string(address & 255);
}

k8s::core::v1::Node describe(const hollow_settings& given, const std::string& address) {
  k8s::core::v1::Node node;
  auto& m = *node.mutable_metadata();
  m.set_name(given.name);
  auto& labels = *m.mutable_labels();
  labels["kubernetes.io/hostname"] = given.name;
  labels["kubernetes.io/os"] = "linux";
  labels["kubernetes.io/arch"] = "amd64";
  labels["hollow.troupe.dev/node"] = "true";
  for (auto& [key, value] : given.labels) labels[key] = value;
  auto& status = *node.mutable_status();
  for (auto what : {status.mutable_capacity(), status.mutable_allocatable()}) {
    (*what)["cpu"].set_string(given.cpu);
    (*what)["memory"].set_string(given.memory);
    (*what)["pods"].set_string(std::to_string(given.pods_max));
    (*what)["ephemeral-storage"].set_string("500Gi");
  }
  struct row {
    const char *type, *status, *reason, *message;
  };
  for (auto& r :
       {row{"MemoryPressure", "False", "KubeletHasSufficientMemory",
            "kubelet has sufficient memory available"},
        row{"DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"},
        row{"PIDPressure", "False", "KubeletHasSufficientPID",
            "kubelet has sufficient PID available"},
        row{"Ready", "True", "KubeletReady", "the hollow node is ready"}}) {
    auto& c = *status.add_conditions();
    c.set_type(r.type);
    c.set_status(r.status);
    c.set_reason(r.reason);
    c.set_message(r.message);
  }
  auto add_address = [&](const char* type, const std::string& value) {
    auto& a = *status.add_addresses();
    a.set_type(type);
    a.set_address(value);
  };
  add_address("InternalIP", address);
  add_address("Hostname", given.name);
  auto& info = *status.mutable_node_info();
  info.set_kubelet_version(version);
  info.set_kube_proxy_version(version);
  info.set_container_runtime_version("hollow://1");
  info.set_operating_system("linux");
  info.set_os_image("hollow");
  info.set_architecture("amd64");
  return node;
}

struct hollow_state {
  hollow_state(node_agent_actor::pointer self, hollow_settings given)
      : self{self}, given{std::move(given)}, pod_base{(10u << 24 | 128u << 16) +
                                                      this->given.number * 256u},
        address{dotted((172u << 24 | 16u << 16) + this->given.number)} {
    // NODE ends with NODES, or when another agent takes this node's name.
    self->set_down_handler([this](caf::down_msg& gone) {
      if (!reports_to || reports_to.address() != gone.source) return;
      reports_to = node_actor{};
      arrive();
    });
  }

  void arrive() {
    cluster::Arrived word;
    word.set_node(describe(given, address).SerializeAsString());
    auto welcomed = [this](const caf::strong_actor_ptr& node) {
      reports_to = caf::actor_cast<node_actor>(node);
      self->monitor(reports_to);
      look(true); // what was said last may have reached nobody
    };
    auto try_later = [this](const caf::error&) {
      self->delayed_send(self, arrive_again, resync_atom_v);
      arriving = false;
    };
    if (std::exchange(arriving, true)) return;
    self->request(given.nodes, caf::infinite, arrived_atom_v, word.SerializeAsString(),
                  caf::actor_cast<caf::strong_actor_ptr>(self))
        .then(
            [this, welcomed](const caf::strong_actor_ptr& node) {
              arriving = false;
              welcomed(node);
            },
            try_later);
  }

  moment now() const { return self->clock().now().time_since_epoch(); }

  void told(const std::string& bytes) {
    cluster::ToNode facts;
    if (!facts.ParseFromString(bytes)) return;
    for (auto& f : facts.facts()) {
      if (f.has_stands() && f.stands().name().resource() == "pods")
        stands(f.stands());
      else if (f.has_stands() && f.stands().name().resource() == "persistentvolumes")
        let_go(f.stands());
      else if (f.has_gone() && f.gone().resource() == "pods")
        pods.erase(f.gone().namespace_() + "/" + f.gone().name());
      else if (f.has_all_told())
        std::erase_if(pods, [this](auto& p) { return !p.second.told_since_arrival; });
    }
    look();
  }

  /// A volume that is deleted has no directory here that would have to go first.
  void let_go(const cluster::Object& what) {
    k8s::core::v1::PersistentVolume v;
    if (v.ParsePartialFromString(what.value()) && v.metadata().has_deletion_timestamp())
      volumes_gone.insert(what.name().name());
  }

  void stands(const cluster::Object& what) {
    k8s::core::v1::Pod pod;
    if (!pod.ParsePartialFromString(what.value())) return;
    auto key = what.name().namespace_() + "/" + what.name().name();
    auto hit = pods.find(key);
    if (hit != pods.end() && hit->second.pod.uid() != pod.metadata().uid()) {
      pods.erase(hit);
      hit = pods.end();
    }
    if (hit == pods.end())
      hit = pods.try_emplace(key, hollow_pod(pod, given.manners, next_address(), address, now(),
                                             given.random()))
                .first;
    else
      hit->second.pod.told(pod, now());
    hit->second.told_since_arrival = true;
    hit->second.misjudged = hit->second.pod.misjudged(pod);
  }

  std::string next_address() {
    last_host = last_host % 250 + 1;
    return dotted(pod_base + last_host);
  }

  /// Reports what has happened, now or ever, and asks to be woken when something happens next.
  void look(bool ever = false) {
    if (!reports_to) return;
    cluster::FromNode out;
    std::optional<moment> next;
    for (auto& [key, p] : pods) {
      if ((ever && p.pod.begun()) || std::exchange(p.misjudged, false)) report(p.pod, out);
      while (p.pod.advance(now(), given.now())) report(p.pod, out);
      if (auto due = p.pod.due(); due && (!next || *due < *next)) next = due;
    }
    for (auto& name : std::exchange(volumes_gone, {})) out.add_reports()->set_volume_gone(name);
    if (out.reports_size() > 0) self->send(reports_to, reported_atom_v, out.SerializeAsString());
    if (!next || (armed && *armed <= *next && *armed > now())) return;
    armed = next;
    self->delayed_send(self, std::max(*next - now(), moment{1}), resync_atom_v);
  }

  static void report(const hollow_pod& pod, cluster::FromNode& out) {
    auto& r = *out.add_reports();
    auto name = [&](auto& said) {
      said.set_namespace_(pod.ns());
      said.set_name(pod.name());
      said.set_uid(pod.uid());
    };
    if (pod.stopped()) return name(*r.mutable_stopped());
    name(*r.mutable_pod());
    r.mutable_pod()->set_status(pod.status().SerializeAsString());
  }

  struct held {
    explicit held(hollow_pod pod) : pod{std::move(pod)} {}
    hollow_pod pod;
    bool told_since_arrival = true;
    bool misjudged = false; ///< what it is has to be told once more
  };

  node_agent_actor::pointer self;
  hollow_settings given;
  const uint32_t pod_base;
  const std::string address;
  uint32_t last_host = 0;
  node_actor reports_to;
  bool arriving = false;
  std::unordered_map<std::string, held> pods;
  std::set<std::string> volumes_gone; ///< to be told
  std::optional<moment> armed;
};

} // namespace

node_agent_actor::behavior_type hollow_node(node_agent_actor::pointer self, hollow_settings given) {
  auto state = std::make_shared<hollow_state>(self, std::move(given));
  state->arrive();
  return {[state](told_atom, const std::string& facts) { state->told(facts); },
          [state](resync_atom) { state->reports_to ? state->look() : state->arrive(); }};
}

hollow_settings one_of(const hollow_settings& given, const std::string& name, unsigned index,
                       unsigned number, unsigned zones) {
  auto one = given;
  one.name = name + "-" + std::to_string(index);
  one.number = number;
  if (zones > 0)
    one.labels["topology.kubernetes.io/zone"] = "zone-" + std::to_string(index % zones);
  return one;
}

std::vector<node_agent_actor> spawn_hollow_nodes(caf::actor_system& system, unsigned count,
                                                 unsigned zones, const hollow_settings& given) {
  std::vector<node_agent_actor> out;
  for (unsigned i = 0; i < std::min(count, hollow_nodes_max); ++i)
    out.push_back(system.spawn(hollow_node, one_of(given, "hollow", i, i + 1, zones)));
  return out;
}

} // namespace troupe::node
