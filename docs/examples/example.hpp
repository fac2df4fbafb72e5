// What the examples share: an actor system, and the cluster that the kubeconfig names.
#pragma once

#include "actors/client/troupe.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace example {

using namespace troupe::client;
namespace json = troupe::json;
template<class T> using result = troupe::result<T>;

/// The value, or the end of the program with the reason why there is none.
template<class T> T need(result<T> value) {
  if (value) return std::move(*value);
  fprintf(stderr, "%s\n", value.error().message.c_str());
  exit(1);
}
inline void need(result<void> done) {
  if (done) return;
  fprintf(stderr, "%s\n", done.error().message.c_str());
  exit(1);
}

struct config : caf::actor_system_config {
  config() {
    troupe::client::add_message_types(*this);
    set("scheduler.policy", caf::atom("sharing"));
  }
};

inline cluster connect() { return need(cluster::connect(need(find_settings()))); }

inline json::value parse(const char* text) { return need(json::parse(text)); }

} // namespace example
