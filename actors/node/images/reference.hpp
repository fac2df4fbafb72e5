// Names of images as people write them, made whole: "nginx" is "docker.io/library/nginx:latest".
// Pure.
#pragma once

#include "messages/base/error.hpp"

#include <string>

namespace troupe::node {

struct image_reference {
  std::string registry;   ///< "docker.io", "localhost:5000"
  std::string repository; ///< "library/nginx"
  std::string tag;        ///< empty beside a digest
  std::string digest;     ///< "sha256:..." or empty

  /// Without tag and digest.
  std::string name() const { return registry + "/" + repository; }
  /// The whole name, as it is kept and shown.
  std::string text() const;
};

/// bad_request, with what is wrong, for what no image can be called.
result<image_reference> parse_reference(std::string_view text);

/// "Always" for the tag latest, else "IfNotPresent": what an absent policy means.
std::string default_pull_policy(const image_reference& of);

} // namespace troupe::node
