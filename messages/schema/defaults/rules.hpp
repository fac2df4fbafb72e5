// A rule says what is filled in on one type of message, wherever such a message stands: a rule on
// PodSpec holds for pods and for the templates of every workload.
#pragma once

#include "messages/base/quantity.hpp"

#include <google/protobuf/message.h>

#include <string>
#include <vector>

namespace troupe::schema::defaults {

/// Applied before the constants of the message and before everything below it, so that it sees what
/// the author left out and its own additions are filled in further.
struct rule {
  const google::protobuf::Descriptor* on;
  void (*apply)(google::protobuf::Message& message);
};

template<auto apply, class Message> rule on(void (*)(Message&)) {
  return {Message::descriptor(),
          [](google::protobuf::Message& m) { apply(static_cast<Message&>(m)); }};
}

/// One row of a table of rules: `rule_for<function>()`.
template<auto apply> rule rule_for() { return on<apply>(apply); }

std::vector<rule> pod_rules();
std::vector<rule> resource_rules();
std::vector<rule> workload_rules();
std::vector<rule> network_rules();
std::vector<rule> cluster_rules();

/// Adds to `target` what only `source` has.
template<class Map> void fill_in(Map& target, const Map& source) {
  for (auto& [key, value] : source) target.insert({key, value});
}

} // namespace troupe::schema::defaults
