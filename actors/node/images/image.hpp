// An image as containers need it: who it is, how it wants to be run, and its layers from the lowest
// up.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace troupe::node {

struct image_layer {
  std::string digest;  ///< of the blob
  std::string diff_id; ///< of the uncompressed archive
  std::string media_type;

  bool operator==(const image_layer&) const = default;
};

struct image {
  std::vector<std::string> names; ///< "docker.io/library/nginx:1.25"
  std::string manifest_digest;
  std::string id; ///< digest of its configuration: "sha256:..."
  uint64_t bytes = 0;
  bool pulled = false; ///< from a registry, which may know a newer one

  std::vector<std::string> entrypoint, cmd, env;
  std::string user, cwd, stop_signal;
  std::vector<image_layer> layers;
};

} // namespace troupe::node
