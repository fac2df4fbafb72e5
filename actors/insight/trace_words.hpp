// What servers and machines say to each other, for whoever traces.
#pragma once

#include "actors/insight/trace.hpp"
#include "messages/cluster/node.pb.h"

namespace troupe::trace {

/// "default/web-1" as the store keeps it: "pods/default/web-1".
std::string pod_key(std::string_view ns, std::string_view name);

/// The servers tell a machine these facts.
void passes(const std::string& from, const std::string& to, const cluster::ToNode& facts);
/// A machine reports.
void passes(const std::string& from, const std::string& to, const cluster::FromNode& reports);
/// "phase=Running ready=1/2"
std::string status_words(std::string_view pod_status);

} // namespace troupe::trace
