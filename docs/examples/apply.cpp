// Server-side apply: two programs own different fields of one object, and are told when they meet.
#include "example.hpp"
#include "messages/api/config.pb.h"

using namespace example;
using k8s::core::v1::ConfigMap;

int main() {
  auto here = connect();
  auto map = [](const char* key, const char* value) {
    ConfigMap out;
    out.mutable_metadata()->set_name("shared");
    out.mutable_metadata()->set_namespace_("default");
    (*out.mutable_data())[key] = value;
    return out;
  };
  need(here.apply(map("wall", "white"), "painter"));
  auto both = need(here.apply(map("floor", "oak"), "carpenter"));
  printf("wall %s, floor %s\n", both.data().at("wall").c_str(), both.data().at("floor").c_str());
  auto met = here.apply(map("wall", "black"), "carpenter", false);
  printf("%s\n", met ? "nobody objected, which is wrong" : "the painter's wall is the painter's");
  need(here.apply(map("wall", "black"), "carpenter", true));
  printf("unless it is taken over: %s\n",
         need(here.get<ConfigMap>("default", "shared")).data().at("wall").c_str());
  need(here.remove<ConfigMap>("default", "shared"));
}
