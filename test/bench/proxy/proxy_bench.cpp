// From a commit of an EndpointSlice to the kernel's maps: store, NODES, PROXY and netlink as in a
// real cluster, in a network namespace of its own. That a change is in the kernel is heard from the
// kernel itself. Usage: bench_proxy [SERVICES] [CHANGES].
#include "actors/gateway/fields.hpp"
#include "actors/gateway/object.hpp"
#include "actors/network/proxy.hpp"
#include "actors/nodes/nodes.hpp"
#include "messages/api/node.pb.h"
#include "messages/base/log.hpp"
#include "storage/engine.hpp"
#include "test/bench/proxy/dns_load.hpp"
#include "test/storage/temporary_directory.hpp"

#include <algorithm>
#include <cstdio>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace troupe;
using clock_type = std::chrono::steady_clock;

namespace {

constexpr int backends_each = 2;

double ms_since(clock_type::time_point t) {
  return std::chrono::duration<double, std::milli>(clock_type::now() - t).count();
}

std::string ip(int a, int i) {
  return "10." + std::to_string(a + i / 65536) + "." + std::to_string(i / 256 % 256) + "." +
         std::to_string(i % 256);
}

k8s::core::v1::Service service(int i) {
  k8s::core::v1::Service s;
  s.mutable_metadata()->set_name("service-" + std::to_string(i));
  s.mutable_metadata()->set_namespace_("default");
  s.mutable_spec()->set_cluster_ip(ip(96, i));
  auto& p = *s.mutable_spec()->add_ports();
  p.set_port(80);
  p.set_protocol("TCP");
  return s;
}

k8s::discovery::v1::EndpointSlice slice(int i, int generation) {
  k8s::discovery::v1::EndpointSlice s;
  s.mutable_metadata()->set_name("service-" + std::to_string(i) + "-x");
  s.mutable_metadata()->set_namespace_("default");
  (*s.mutable_metadata()->mutable_labels())["kubernetes.io/service-name"] =
      "service-" + std::to_string(i);
  s.set_address_type("IPv4");
  auto& p = *s.add_ports();
  p.set_port(8080);
  p.set_protocol("TCP");
  for (int b = 0; b < backends_each; ++b) {
    auto& e = *s.add_endpoints();
    e.add_addresses(ip(244, b == 0 ? i : i + 20'000 + generation));
    e.mutable_conditions()->set_ready(true);
  }
  return s;
}

void put(storage::transaction& tx, const char* group, const char* plural,
         google::protobuf::Message& object) {
  auto& kind = *schema::registry::built_in()->by_resource(group, "v1", plural);
  auto& m = gateway::meta(object);
  tx.put(gateway::key_of(kind, m.namespace_(), m.name()), gateway::stored_form(kind, object),
         gateway::index_of(kind, object));
}

/// Hears of the kernel's changes of nf_tables.
struct listener {
  listener() {
    fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    int room = 256 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    sockaddr_nl at{};
    at.nl_family = AF_NETLINK;
    at.nl_groups = 1 << (NFNLGRP_NFTABLES - 1);
    if (bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) < 0) perror("listen to nf_tables");
  }
  ~listener() { close(fd); }
  /// False if nothing came in time.
  bool wait(int ms) {
    pollfd p{fd, POLLIN, 0};
    if (poll(&p, 1, ms) != 1) return false;
    char buffer[64 << 10];
    while (recv(fd, buffer, sizeof buffer, MSG_DONTWAIT) > 0) {
    }
    return true;
  }
  int fd;
};

struct config : caf::actor_system_config {
  config() {
    add_message_types<caf::id_block::troupe>();
    set("scheduler.policy", caf::atom("sharing"));
  }
};

} // namespace

int main(int argc, char** argv) {
  int services = argc > 1 ? atoi(argv[1]) : 10'000, changes = argc > 2 ? atoi(argv[2]) : 500;
  bench::dns_load(services, 3);
  if (unshare(CLONE_NEWNET) < 0) return perror("a network of its own needs root"), 1;
  log::threshold(log::level::error);
  test::temporary_directory where;
  auto store = storage::engine::open({.path = where.path + "/store"});
  if (!store) return fprintf(stderr, "%s\n", store.error().message.c_str()), 1;
  auto& held = **store;
  for (int i = 0; i < services;) {
    storage::transaction tx;
    for (int end = std::min(services, i + 500); i < end; ++i) {
      auto s = service(i);
      auto e = slice(i, 0);
      put(tx, "", "services", s);
      put(tx, "discovery.k8s.io", "endpointslices", e);
    }
    if (!storage::commit_and_wait(held, std::move(tx))) return 1;
  }

  // The table alone, from nothing.
  {
    auto table = dataplane::service_table::open({});
    if (!table) return fprintf(stderr, "%s\n", table.error().message.c_str()), 1;
    auto begun = clock_type::now();
    for (int i = 0; i < services; ++i) {
      auto s = service(i);
      auto e = slice(i, 0);
      for (auto& [at, what] : network_of_pods::doors_of(s, {&e}, {"one", {}, {}}))
        table->put(at, what);
    }
    auto planned = ms_since(begun);
    if (auto done = table->commit(); !done)
      return fprintf(stderr, "%s\n", done.error().message.c_str()), 1;
    printf("%d services from nothing: %.0f ms (%.0f ms to decide)\n", services, ms_since(begun),
           planned);
    (void)table->remove();
  }

  config settings;
  caf::actor_system system{settings};
  uint64_t chance = 0;
  nodes::environment given{
      .store = &held,
      .now =
          [] {
            return timestamp{time(nullptr), 0};
          },
      .random = [&] { return ++chance; },
      .issue_token = [](const cluster::TokenWanted&) { return cluster::Token{}; }};
  listener kernel;
  auto company = system.spawn(nodes::nodes, given);
  network_of_pods::proxy_settings of_proxy;
  of_proxy.node = "one";
  auto proxy = system.spawn(network_of_pods::proxy, of_proxy);
  auto begun = clock_type::now();
  auto agent = system.spawn([&](node_agent_actor::pointer self) -> node_agent_actor::behavior_type {
    k8s::core::v1::Node node;
    node.mutable_metadata()->set_name("one");
    cluster::Arrived first;
    first.set_node(node.SerializeAsString());
    first.set_wants_network(true);
    self->request(company, caf::infinite, arrived_atom_v, first.SerializeAsString(),
                  caf::actor_cast<caf::strong_actor_ptr>(self))
        .then([](const caf::strong_actor_ptr&) {});
    return {
        [proxy](told_atom, const std::string& bytes) { caf::anon_send(proxy, told_atom_v, bytes); },
        [](resync_atom) {}};
  });
  kernel.wait(10'000); // the skeleton, then everything
  double all = ms_since(begun);
  while (kernel.wait(500)) all = ms_since(begun);
  printf("an agent arrives: all programmed after %.0f ms\n", all);

  std::vector<double> took;
  for (int n = 1; n <= changes; ++n) {
    auto e = slice(n * 7 % services, n);
    storage::transaction tx;
    put(tx, "discovery.k8s.io", "endpointslices", e);
    if (!storage::commit_and_wait(held, std::move(tx))) return 1;
    auto committed = clock_type::now();
    if (!kernel.wait(5'000)) return fprintf(stderr, "a change was not programmed\n"), 1;
    took.push_back(ms_since(committed));
    while (kernel.wait(2)) {
    }
  }
  std::sort(took.begin(), took.end());
  printf("one change, committed to programmed: p50 %.2f ms, p99 %.2f ms\n", took[took.size() / 2],
         took[took.size() * 99 / 100]);
  for (auto& a : {caf::actor_cast<caf::actor>(agent), caf::actor_cast<caf::actor>(proxy),
                  caf::actor_cast<caf::actor>(company)})
    caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
  system.await_all_actors_done();
  return 0;
}
