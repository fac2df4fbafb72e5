// An operator: a custom resource Site becomes a Deployment, and is told how far it is. The plan is
// a plain function of what is there; the controller around it hears, acts and tries again.
#include "example.hpp"

using namespace example;

namespace {

const kind_name definitions{"apiextensions.k8s.io", "v1", "customresourcedefinitions",
                            "CustomResourceDefinition", false};
const kind_name deployments{"apps", "v1", "deployments", "Deployment", true};
const kind_name sites{"example.com", "v1", "sites", "Site", true};

const char* definition = R"({
  "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
  "metadata": {"name": "sites.example.com"},
  "spec": {"group": "example.com", "scope": "Namespaced",
    "names": {"plural": "sites", "singular": "site", "kind": "Site"},
    "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
      "schema": {"openAPIV3Schema": {"type": "object", "properties": {
        "spec": {"type": "object", "properties": {"size": {"type": "integer"}}},
        "status": {"type": "object", "properties": {"pods": {"type": "integer"}}}}}}}]}})";

json::value wanted_deployment(const json::value& site) {
  auto name = json::string_at(site, {"metadata", "name"});
  auto size = json::find(site, {"spec", "size"});
  json::object labels{{"site", name}};
  return json::object{
      {"apiVersion", "apps/v1"},
      {"kind", "Deployment"},
      {"metadata", json::object{{"name", name},
                                {"namespace", json::string_at(site, {"metadata", "namespace"})},
                                {"ownerReferences", owned_by(site)}}},
      {"spec",
       json::object{
           {"replicas", size ? *size : json::value(1)},
           {"selector", json::object{{"matchLabels", labels}}},
           {"template",
            json::object{
                {"metadata", json::object{{"labels", labels}}},
                {"spec", json::object{{"containers",
                                       json::array{json::object{
                                           {"name", "web"}, {"image", "troupe.dev/hello"}}}}}}}}}}};
}

plan decide(const view& now, const object_key& which) {
  plan out;
  auto site = now.find(sites, which);
  if (!site) return out; // what it owned is collected
  auto have = now.find(deployments, which);
  auto size = json::find(*site, {"spec", "size"});
  auto runs = have ? json::find(*have, {"spec", "replicas"}) : nullptr;
  if (!have || (size && runs && *size != *runs))
    out.actions.push_back({action::verb::apply, deployments, wanted_deployment(*site)});
  auto ready = have ? json::find(*have, {"status", "readyReplicas"}) : nullptr;
  auto told = json::find(*site, {"status", "pods"});
  if (ready && (!told || *told != *ready))
    out.actions.push_back(
        {action::verb::patch_status, sites,
         json::object{{"metadata", json::object{{"name", which.name}, {"namespace", which.ns}}},
                      {"status", json::object{{"pods", *ready}}}}});
  return out;
}

/// Ends when the site is told to have two pods.
caf::behavior until_ready(caf::event_based_actor* self) {
  return {[=](troupe::changed_atom, const change& c) {
    auto pods = c.object ? json::find(*c.object, {"status", "pods"}) : nullptr;
    if (pods && pods->is_number() && pods->to_number<int>() == 2) self->quit();
  }};
}

} // namespace

int main() {
  config settings;
  caf::actor_system system{settings};
  auto here = connect();
  need(here.apply(definitions, parse(definition), "operator"));
  auto runs = run_controller(system, here,
                             {.name = "site-operator",
                              .primary = sites,
                              .also = {{.kind = deployments}},
                              .decide = decide});
  auto ready = system.spawn(until_ready);
  subscribe(system, here, sites, {}, ready);
  need(here.apply(sites, parse(R"({"apiVersion":"example.com/v1","kind":"Site",
                                   "metadata":{"name":"blog","namespace":"default"},"spec":{"size":2}})"),
                  "author"));
  caf::scoped_actor self{system};
  self->wait_for(ready);
  puts("the site has 2 pods");
  caf::anon_send_exit(runs, caf::exit_reason::user_shutdown);
  self->wait_for(runs);
  need(here.remove(definitions, "", "sites.example.com"));
}
