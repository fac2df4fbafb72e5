// Reads objects as C++ classes: every pod, and on which node it is.
#include "example.hpp"
#include "messages/api/pod.pb.h"

using namespace example;
using k8s::core::v1::Pod;

int main() {
  auto here = connect();
  for (auto& pod : need(here.list<Pod>()))
    printf("%s/%s %s %s\n", pod.metadata().namespace_().c_str(), pod.metadata().name().c_str(),
           pod.status().phase().c_str(), pod.spec().node_name().c_str());
  puts("that is all");
}
