// An actor that hears every change of some objects, each once and in order, whatever becomes of the
// connection.
#include "example.hpp"

using namespace example;

namespace {

caf::behavior audience(caf::event_based_actor* self) {
  return {[=](troupe::changed_atom, const change& c) {
    if (c.kind == change::what::synced) return puts("all that was there is told"), void();
    bool put = c.kind == change::what::put;
    auto colour = json::string_at(*c.object, {"data", "colour"});
    printf("%s %s %s\n", std::string(c.name()).c_str(), put ? "is" : "was",
           std::string(colour).c_str());
    if (!put) self->quit();
  }};
}

} // namespace

int main() {
  config settings;
  caf::actor_system system{settings};
  auto here = connect();
  kind_name maps{"", "v1", "configmaps", "ConfigMap", true};
  auto map = [](const char* colour) {
    return json::value(
        json::object{{"apiVersion", "v1"},
                     {"kind", "ConfigMap"},
                     {"metadata", json::object{{"name", "paint"},
                                               {"namespace", "default"},
                                               {"labels", json::object{{"room", "hall"}}}}},
                     {"data", json::object{{"colour", colour}}}});
  };
  need(here.create(maps, map("white")));
  auto heard = system.spawn(audience);
  subscribe(system, here, maps, {.ns = "default", .labels = "room=hall"}, heard);
  need(here.apply(maps, map("yellow"), "painter"));
  need(here.remove(maps, "default", "paint"));
  caf::scoped_actor self{system};
  self->wait_for(heard);
}
