// The images of this machine: one OCI layout with shared blobs, layers unpacked once each, names in
// index.json. Any thread, and several processes (a node and `troupe image`) at one time; long work
// (unpacking) is done outside the lock, once for each layer.
#pragma once

#include "actors/node/images/image.hpp"
#include "actors/node/images/unpack.hpp"
#include "messages/base/json.hpp"

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>

namespace troupe::node {

using image_ptr = std::shared_ptr<const image>;

inline constexpr const char* image_index_file = "index.json";
inline constexpr size_t layers_max = 127; ///< of one image
inline constexpr size_t manifest_bytes_max = 4 << 20;

class image_store {
public:
  /// Below `directory`: index.json, blobs/sha256/, layers/. Reads what is there.
  explicit image_store(std::filesystem::path directory);

  result<void> open();

  /// By whole name, by name and digest, or by id ("sha256:...").
  image_ptr find(const std::string& name) const;
  std::vector<image_ptr> all() const;

  /// Takes in the image with this manifest, whose blobs are in blobs() already, under `name` (may
  /// be empty). Checks everything it refers to, unpacks what is not unpacked.
  result<image_ptr> add(const std::string& name, const std::string& manifest_digest,
                        bool pulled = false);
  /// Gives an image one more name.
  result<void> tag(const std::string& id, const std::string& name);
  /// Forgets a name, or an id with all its names; files that nobody needs any more go.
  result<void> remove(const std::string& name_or_id);

  /// The layers' directories from the lowest up.
  std::vector<std::string> layer_directories(const image& of) const;

  std::filesystem::path blobs() const { return directory_ / "blobs" / "sha256"; }
  std::filesystem::path blob(const std::string& digest) const;
  /// Writes a blob and returns its digest.
  result<std::string> put_blob(std::string_view bytes);
  /// Moves a file in and returns its digest.
  result<std::string> put_blob_file(const std::filesystem::path& file);
  /// While anybody holds on, blobs that no image names yet are left alone.
  std::shared_ptr<void> hold();
  /// A fresh directory on the same disk, for work; the caller removes it.
  result<std::filesystem::path> work_directory();

private:
  result<image> read_image(const std::string& manifest_digest, int depth) const;
  result<void> unpack(const image_layer& layer);
  std::filesystem::path layer_directory(const std::string& diff_id) const;
  /// Takes over what another process has written.
  void refresh_locked() const;
  void read_index_locked(const std::string& text) const;
  result<void> save_locked();
  void sweep_locked();

  std::filesystem::path directory_;
  unpack_limits limits_;
  mutable std::mutex mutex_;
  std::condition_variable unpacked_;
  std::set<std::string> unpacking_; ///< diff ids
  // What index.json says; mutable, because looking takes over what others have written.
  mutable std::map<std::string, image_ptr> by_id_;
  mutable std::map<std::string, std::string> ids_; ///< name to id
  mutable std::string seen_;                       ///< which index.json it was
};

/// How statuses tell which image it is: by the digest under which its registry knows it
/// ("docker.io/library/nginx@sha256:..."), or by its own if it was put here by hand.
std::string shown_id(const image& of, const std::string& name);

} // namespace troupe::node
