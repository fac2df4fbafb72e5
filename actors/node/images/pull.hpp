// Getting the image that a container asks for: the one that is here, or one from its registry by
// skopeo. Pulls of the same image wait for each other.
#pragma once

#include "actors/node/images/image_store.hpp"
#include "actors/node/pool.hpp"

#include <functional>

namespace troupe::node {

struct pull_settings {
  std::filesystem::path registries_file;
  std::filesystem::path work; ///< for credentials, readable by their owner only
  std::string skopeo = "skopeo";
  std::function<void(std::string_view)> progress; ///< hears what skopeo tells; may be empty
};

struct image_wanted {
  std::string name;   ///< as the author wrote it
  std::string policy; ///< "Always", "IfNotPresent", "Never"; empty: by the name
  /// Contents of docker config files, the first that knows the registry counts.
  std::vector<std::string> credentials;
};

struct image_answer {
  image_ptr image;     ///< null: the reason says why
  bool pulled = false; ///< now, from a registry
  std::string reason;  ///< "ErrImagePull", "ErrImageNeverPull", "InvalidImageName"
  std::string message;
};

class image_puller {
public:
  image_puller(image_store& store, pool& threads, pull_settings given);

  /// What can be said without asking a registry; nothing if one must be asked.
  std::optional<image_answer> look(const image_wanted& what) const;
  /// Asks the registry. `done` is called once, on a thread of the pool.
  void pull(const image_wanted& what, std::function<void(const image_answer&)> done);

private:
  image_answer pull_now(const image_wanted& what);

  image_store& store_;
  pool& threads_;
  pull_settings given_;
  std::mutex mutex_;
  std::map<std::string, std::vector<std::function<void(const image_answer&)>>> waiting_;
};

/// The credentials that pull secrets hold: .dockerconfigjson or .dockercfg, as one docker config.
std::string merge_credentials(const std::vector<std::string>& configs);

} // namespace troupe::node
