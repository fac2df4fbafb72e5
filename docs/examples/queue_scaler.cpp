// A bot that scales a deployment by the length of a queue, which somebody writes into a config map.
#include "example.hpp"

#include <algorithm>

using namespace example;

namespace {

constexpr int jobs_each = 10, pods_max = 5;
const kind_name queues{"", "v1", "configmaps", "ConfigMap", true};
const kind_name deployments{"apps", "v1", "deployments", "Deployment", true};

/// As many pods as the queue needs.
plan decide(const view& now, const object_key& which) {
  plan out;
  auto queue = now.find(queues, which);
  auto workers = now.find(deployments, which);
  if (!queue || !workers) return out;
  auto length = atoi(std::string(json::string_at(*queue, {"data", "length"})).c_str());
  auto wanted = std::clamp((length + jobs_each - 1) / jobs_each, 0, pods_max);
  auto have = json::find(*workers, {"spec", "replicas"});
  if (have && have->is_number() && have->to_number<int>() == wanted) return out;
  out.actions.push_back(
      {action::verb::patch, deployments,
       json::object{{"metadata", json::object{{"name", which.name}, {"namespace", which.ns}}},
                    {"spec", json::object{{"replicas", wanted}}}}});
  return out;
}

caf::behavior until_scaled(caf::event_based_actor* self) {
  return {[=](troupe::changed_atom, const change& c) {
    auto n = c.object ? json::find(*c.object, {"spec", "replicas"}) : nullptr;
    if (n && n->is_number() && n->to_number<int>() == 3) self->quit();
  }};
}

} // namespace

int main() {
  config settings;
  caf::actor_system system{settings};
  auto here = connect();
  auto same_name = [](const json::value& o) {
    return std::vector<object_key>{{std::string(json::string_at(o, {"metadata", "namespace"})),
                                    std::string(json::string_at(o, {"metadata", "name"}))}};
  };
  need(here.apply(deployments, parse(R"({"apiVersion":"apps/v1","kind":"Deployment",
    "metadata":{"name":"jobs","namespace":"default"},"spec":{"selector":{"matchLabels":{"app":"jobs"}},
    "template":{"metadata":{"labels":{"app":"jobs"}},"spec":{"containers":[{"name":"w","image":"troupe.dev/hello"}]}}}})"),
                  "author"));
  need(here.apply(queues, parse(R"({"apiVersion":"v1","kind":"ConfigMap",
    "metadata":{"name":"jobs","namespace":"default"},"data":{"length":"25"}})"),
                  "queue"));
  auto scaled = system.spawn(until_scaled);
  subscribe(system, here, deployments, {.ns = "default"}, scaled);
  auto bot = run_controller(
      system, here,
      {.name = "queue-scaler",
       .primary = queues,
       .chosen = {.ns = "default"},
       .also = {{.kind = deployments, .chosen = {.ns = "default"}, .concerns = same_name}},
       .decide = decide});
  caf::scoped_actor self{system};
  self->wait_for(scaled);
  puts("25 jobs need 3 pods");
  caf::anon_send_exit(bot, caf::exit_reason::user_shutdown);
  self->wait_for(bot);
  need(here.remove(deployments, "default", "jobs"));
  need(here.remove(queues, "default", "jobs"));
}
