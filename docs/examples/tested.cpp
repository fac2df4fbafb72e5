// A controller tested without a cluster: everything in this process, gone when it ends.
#include "example.hpp"

using namespace example;

namespace {

const kind_name maps{"", "v1", "configmaps", "ConfigMap", true};

/// Every config map gets a greeting.
plan decide(const view& now, const object_key& which) {
  auto map = now.find(maps, which);
  if (!map || json::find(*map, {"data", "greeting"}) || which.name == "kube-root-ca.crt") return {};
  plan out;
  out.actions.push_back(
      {action::verb::patch, maps,
       json::object{{"metadata", json::object{{"name", which.name}, {"namespace", which.ns}}},
                    {"data", json::object{{"greeting", "hello"}}}}});
  return out;
}

caf::behavior until_greeted(caf::event_based_actor* self) {
  return {[=](troupe::changed_atom, const change& c) {
    if (c.object && c.name() == "guest" && json::find(*c.object, {"data", "greeting"}))
      self->quit();
  }};
}

} // namespace

int main() {
  config settings;
  caf::actor_system system{settings};
  test_cluster stage{system};
  auto here = stage.admin();
  auto greeter =
      run_controller(system, here, {.name = "greeter", .primary = maps, .decide = decide});
  auto greeted = system.spawn(until_greeted);
  subscribe(system, here, maps, {}, greeted);
  need(here.create(maps, parse(R"({"apiVersion":"v1","kind":"ConfigMap",
                                   "metadata":{"name":"guest","namespace":"default"}})")));
  caf::scoped_actor self{system};
  self->wait_for(greeted);
  puts("the guest was greeted");
  auto stranger = stage.as("stranger", {});
  printf("a stranger %s\n",
         stranger.get(maps, "default", "guest") ? "may read, which is wrong" : "may not read");
  caf::anon_send_exit(greeter, caf::exit_reason::user_shutdown);
  self->wait_for(greeter);
}
