// Volumes as places on disk, and what of them a container gets to see. Blocking; on the pool.
#pragma once

#include "actors/node/paths.hpp"
#include "actors/node/volumes/volume_files.hpp"
#include "actors/runtime/container_setup.hpp"
#include "actors/node/environment.hpp"

#include <map>

namespace troupe::node {

/// Where a volume lies on this machine.
struct volume_place {
  std::string path;
  bool read_only = false;
  bool block_device = false;

  bool operator==(const volume_place&) const = default;
};
using volume_places = std::map<std::string, volume_place>;

/// Makes every volume of the pod, or brings it up to date. Fails with the first that cannot be.
result<volume_places> prepare_pod_volumes(const paths& where, const k8s::core::v1::Pod& pod,
                                          const facts& told, const node_view& node,
                                          const token_book& tokens);

/// Only those made of objects, which change while the pod runs.
result<void> refresh_pod_volumes(const paths& where, const k8s::core::v1::Pod& pod,
                                 const facts& told, const node_view& node,
                                 const token_book& tokens);

/// The mounts of one container. A subPath is opened inside its volume and mounted by descriptor
/// below `bundle`, so that nobody can swing it elsewhere.
result<std::vector<runtime::mount>> container_mounts(const volume_places& places,
                                                     const k8s::core::v1::Container& of,
                                                     const environment_list& env,
                                                     const std::filesystem::path& bundle);

/// Checks (or makes) the path of a hostPath volume by its type.
result<void> check_host_path(const std::string& path, const std::string& type);

/// Mounts and memory of the pod's volumes go; files on disk with the pod's directory.
void remove_pod_volumes(const paths& where, const std::string& uid);

} // namespace troupe::node
