// MANIFESTS: what the files of a directory say becomes so, by server-side apply, at start and when
// they change: a cluster that is begun anew from the same directory has the same objects. It is a
// client of its own server like any other. Objects of a file that is removed stay.
#pragma once

#include <filesystem>
#include <memory>

namespace troupe {

class manifests {
public:
  /// Applies as whom the kubeconfig says, on a thread of its own, and goes on until it ends. What
  /// fails is told in the log and tried again.
  manifests(std::filesystem::path directory, std::filesystem::path kubeconfig);
  ~manifests();

private:
  struct keeper;
  std::unique_ptr<keeper> keeper_;
};

} // namespace troupe
