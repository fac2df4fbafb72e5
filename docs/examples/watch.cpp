// An actor that hears every change of some objects, each once and in order, whatever becomes of the
// connection.
#include "example.hpp"

#include <future>

using namespace example;

namespace {

caf::behavior audience(caf::event_based_actor* self, std::shared_ptr<std::promise<void>> told) {
  return {[=](troupe::changed_atom, const change& c) {
    if (c.kind == change::what::synced) {
      puts("all that was there is told");
      return told->set_value();
    }
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
  auto told = std::make_shared<std::promise<void>>();
  auto heard = system.spawn(audience, told);
  subscribe(system, here, maps, {.ns = "default", .labels = "room=hall"}, heard);
  told->get_future().wait();
  need(here.apply(maps, map("yellow"), "painter"));
  need(here.remove(maps, "default", "paint"));
  caf::scoped_actor self{system};
  self->wait_for(heard);
}
