// Mirrors the config maps of one namespace into another: what is made, changed or deleted there is
// made, changed or deleted here.
#include "example.hpp"

#include <atomic>

using namespace example;

namespace {

const kind_name maps{"", "v1", "configmaps", "ConfigMap", true};
const kind_name namespaces{"", "v1", "namespaces", "Namespace", false};
constexpr const char* copies = "mirror";
std::atomic<bool> mirrored{false};

plan decide(const view& now, const object_key& which) {
  plan out;
  auto original = now.find(maps, which);
  auto copy = now.find(maps, {copies, which.name});
  if (!original) {
    if (copy) out.actions.push_back({action::verb::remove, maps, *copy});
    return out;
  }
  auto data = json::find(*original, "data");
  auto copied = copy ? json::find(*copy, "data") : nullptr;
  if (copy && ((!data && !copied) || (data && copied && *data == *copied))) return out;
  json::object wanted{{"apiVersion", "v1"},
                      {"kind", "ConfigMap"},
                      {"metadata", json::object{{"name", which.name}, {"namespace", copies}}}};
  if (data) wanted["data"] = *data;
  out.actions.push_back({action::verb::apply, maps, std::move(wanted)});
  return out;
}

caf::behavior until_gone(caf::event_based_actor* self) {
  return {[=](troupe::changed_atom, const change& c) {
    if (!c.object || c.name() != "menu") return;
    if (c.kind == change::what::put) {
      puts("the menu is mirrored");
      mirrored = true;
      mirrored.notify_one();
    }
    if (c.kind == change::what::erased) self->quit();
  }};
}

} // namespace

int main() {
  config settings;
  caf::actor_system system{settings};
  auto here = connect();
  need(here.apply(namespaces,
                  parse(R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"mirror"}})"),
                  "mirror"));
  auto by_name = [](const json::value& o) {
    return std::vector<object_key>{
        {"default", std::string(json::string_at(o, {"metadata", "name"}))}};
  };
  auto mirror =
      run_controller(system, here,
                     {.name = "mirror",
                      .primary = maps,
                      .chosen = {.ns = "default"},
                      .also = {{.kind = maps, .chosen = {.ns = copies}, .concerns = by_name}},
                      .decide = decide});
  auto gone = system.spawn(until_gone);
  subscribe(system, here, maps, {.ns = copies}, gone);
  need(here.apply(maps, parse(R"({"apiVersion":"v1","kind":"ConfigMap",
    "metadata":{"name":"menu","namespace":"default"},"data":{"monday":"soup"}})"),
                  "cook"));
  // Deleted once the mirror has it: the copy goes, too.
  mirrored.wait(false);
  need(here.remove(maps, "default", "menu"));
  caf::scoped_actor self{system};
  self->wait_for(gone);
  puts("and gone with it");
  caf::anon_send_exit(mirror, caf::exit_reason::user_shutdown);
  self->wait_for(mirror);
  need(here.remove(namespaces, "", "mirror"));
}
