// Makes a config map, changes it, and takes it away again. Who changes what somebody else has
// changed in between is told so.
#include "example.hpp"
#include "messages/api/config.pb.h"

using namespace example;
using k8s::core::v1::ConfigMap;

int main() {
  auto here = connect();
  ConfigMap settings;
  settings.mutable_metadata()->set_name("settings");
  settings.mutable_metadata()->set_namespace_("default");
  (*settings.mutable_data())["colour"] = "blue";
  auto stored = need(here.create(settings));
  printf("created at revision %s\n", stored.metadata().resource_version().c_str());

  auto stale = stored;
  (*stored.mutable_data())["colour"] = "green";
  stored = need(here.update(stored));
  (*stale.mutable_data())["colour"] = "red";
  auto refused = here.update(stale);
  printf("an older state is %s\n", !refused && refused.error().code == troupe::errc::conflict
                                       ? "refused"
                                       : "taken, which is wrong");
  printf("colour is %s\n",
         need(here.get<ConfigMap>("default", "settings")).data().at("colour").c_str());
  need(here.remove<ConfigMap>("default", "settings"));
  puts("gone");
}
