// Several objects in one transaction: all of them at one revision, or none.
#include "example.hpp"

using namespace example;

int main() {
  auto here = connect();
  auto map = [](const char* name) {
    return troupe::client::write{
        troupe::client::write::verb::create,
        json::object{{"apiVersion", "v1"},
                     {"kind", "ConfigMap"},
                     {"metadata", json::object{{"name", name}, {"namespace", "default"}}}}};
  };
  auto revision = need(here.transact({map("left"), map("right")}));
  kind_name maps{"", "v1", "configmaps", "ConfigMap", true};
  auto left = need(here.get(maps, "default", "left")),
       right = need(here.get(maps, "default", "right"));
  bool together =
      json::string_at(left, {"metadata", "resourceVersion"}) ==
          json::string_at(right, {"metadata", "resourceVersion"}) &&
      std::to_string(revision) == json::string_at(left, {"metadata", "resourceVersion"});
  printf("both were made %s\n", together ? "at one revision" : "apart, which is wrong");
  auto refused = here.transact({map("third"), map("left")});
  printf("one that exists: %s\n", refused ? "taken, which is wrong" : "nothing is made");
  printf("third is %s\n",
         here.get(maps, "default", "third") ? "there, which is wrong" : "not there");
  need(here.remove(maps, "default", "left"));
  need(here.remove(maps, "default", "right"));
}
