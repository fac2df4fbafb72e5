// Images from files: what `docker save` and OCI tools write, and directories that become an image.
#pragma once

#include "actors/node/images/image_store.hpp"

namespace troupe::node {

/// Takes in every image of an archive (docker-archive or OCI, also compressed) or of a directory
/// with an OCI layout. `name` replaces the name of a single image. Returns what came in.
result<std::vector<image_ptr>> import_images(image_store& into, const std::filesystem::path& from,
                                             const std::string& name = {});

struct build_options {
  std::string name;
  std::vector<std::string> entrypoint, cmd, env;
  std::string user, cwd;
};

/// Makes an image of one layer from the files below `directory`.
result<image_ptr> build_image(image_store& into, const std::filesystem::path& directory,
                              const build_options& options);

} // namespace troupe::node
