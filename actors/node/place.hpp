// A pod's place on the machine: directories, control group, namespaces, network, shim. Made before
// its first container, taken away after its last. Blocking; on the pool. Harmless to repeat.
#pragma once

#include "actors/node/context.hpp"

namespace troupe::node {

struct pod_place {
  place_view view;
  std::vector<std::string> ips;
};

/// Makes what is missing. After a restart of Troupe everything is there and is taken over.
result<pod_place> make_place(context& with, const Pod& pod);

/// Whether the pod's shim is there and runs.
bool shim_lives(const paths& where, const std::string& uid);

/// Whether the very process of a line "PID START_TIME ..." is there.
bool process_lives(const std::string& line);

/// Ends every process of the pod and takes its place away; logs and volumes on disk stay, unless
/// everything is to go.
result<void> take_place_away(context& with, const std::string& uid, const std::string& cgroup,
                             bool everything, const std::filesystem::path& logs);

/// What is left of one container that has ended: runtime state, mounts, what it wrote.
void remove_container(context& with, const std::string& uid, const std::string& id,
                      const std::string& cgroup, const runtime::program& runtime);

} // namespace troupe::node
