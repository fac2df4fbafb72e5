#include "actors/node/images/image_store.hpp"

#include "actors/node/files.hpp"
#include "actors/node/images/digest.hpp"
#include "actors/node/images/reference.hpp"

#include <atomic>
#include <fcntl.h>
#include <csignal>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace troupe::node {

namespace fs = std::filesystem;

namespace {

constexpr const char* name_annotation = "org.opencontainers.image.ref.name";
constexpr const char* pulled_annotation = "dev.troupe.pulled";
constexpr int index_depth_max = 4;

/// Holds an advisory lock on a file, against other processes too.
class file_lock {
public:
  file_lock(const fs::path& file, int how)
      : fd_{::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)}, held_{fd_ &&
                                                                             flock(fd_.get(),
                                                                                   how) == 0} {}
  explicit operator bool() const { return held_; }

private:
  descriptor fd_;
  bool held_;
};

std::vector<std::string> texts_at(const json::value& v,
                                  std::initializer_list<std::string_view> at) {
  std::vector<std::string> out;
  auto list = json::find(v, at);
  if (!list || !list->is_array()) return out;
  for (auto& t : list->get_array())
    if (t.is_string()) out.emplace_back(t.get_string());
  return out;
}

result<json::value> read_json(const fs::path& file, const std::string& digest) {
  auto text = read_file(file, manifest_bytes_max);
  if (!text) return text.error();
  if (digest_of(*text) != digest)
    return error{errc::corrupt, "the blob " + digest + " has other contents than its name says"};
  return json::parse(*text);
}

std::string machine_architecture() {
#if defined(__x86_64__)
  return "amd64";
#elif defined(__aarch64__)
  return "arm64";
#else
  return "unknown";
#endif
}

} // namespace

image_store::image_store(fs::path directory) : directory_{std::move(directory)} {}

fs::path image_store::blob(const std::string& digest) const { return blobs() / hex_of(digest); }

fs::path image_store::layer_directory(const std::string& diff_id) const {
  // Short, because overlayfs takes all layers of an image in one page of text.
  return directory_ / "layers" / hex_of(diff_id).substr(0, 24);
}

result<void> image_store::open() {
  for (auto& d : {blobs(), directory_ / "layers", directory_ / "work"})
    if (auto made = make_directories(d, 0700); !made) return made;
  // What processes that are gone have not finished.
  std::error_code bad;
  for (auto& e : fs::directory_iterator(directory_ / "work", bad))
    if (kill(atoi(e.path().filename().c_str()), 0) && errno == ESRCH) remove_tree(e.path());
  if (auto made = write_file(directory_ / "oci-layout", R"({"imageLayoutVersion":"1.0.0"})"); !made)
    return made;
  std::lock_guard lock(mutex_);
  refresh_locked();
  return {};
}

void image_store::refresh_locked() const {
  struct stat st {};
  auto file = directory_ / image_index_file;
  if (stat(file.c_str(), &st)) return;
  // A file that was replaced is another one.
  auto now = std::to_string(st.st_ino) + "." + std::to_string(st.st_mtim.tv_sec) + "." +
             std::to_string(st.st_mtim.tv_nsec);
  if (now == seen_) return;
  auto text = read_file(file);
  if (!text) return;
  seen_ = now;
  read_index_locked(*text);
}

void image_store::read_index_locked(const std::string& text) const {
  auto index = json::parse(text);
  auto manifests = index ? json::find(*index, "manifests") : nullptr;
  if (!manifests || !manifests->is_array()) return;
  by_id_.clear();
  ids_.clear();
  for (auto& m : manifests->get_array()) {
    auto found = read_image(std::string(json::string_at(m, {"digest"})), 0);
    if (!found) continue; // damaged: it is pulled again when it is wanted
    bool whole = true;
    for (auto& l : found->layers) whole = whole && fs::exists(layer_directory(l.diff_id));
    if (!whole) continue;
    found->pulled = json::string_at(m, {"annotations", pulled_annotation}) == "true";
    auto& held = by_id_[found->id];
    if (held) found->names = held->names;
    auto name = std::string(json::string_at(m, {"annotations", name_annotation}));
    if (!name.empty()) {
      found->names.push_back(name);
      ids_[name] = found->id;
    }
    held = std::make_shared<image>(std::move(*found));
  }
}

image_ptr image_store::find(const std::string& name) const {
  std::lock_guard lock(mutex_);
  refresh_locked();
  auto id = name;
  if (auto hit = ids_.find(name); hit != ids_.end()) id = hit->second;
  if (auto hit = by_id_.find(id); hit != by_id_.end()) return hit->second;
  // By the digest of the manifest, under whatever tag it came.
  auto at = name.find('@');
  if (at == name.npos) return {};
  for (auto& [key, held] : by_id_)
    if (held->manifest_digest == name.substr(at + 1)) return held;
  return {};
}

std::vector<image_ptr> image_store::all() const {
  std::lock_guard lock(mutex_);
  refresh_locked();
  std::vector<image_ptr> out;
  for (auto& [id, held] : by_id_) out.push_back(held);
  return out;
}

result<image> image_store::read_image(const std::string& digest, int depth) const {
  if (hex_of(digest).empty()) return error{errc::invalid, "\"" + digest + "\" is no sha256 digest"};
  auto manifest = read_json(blob(digest), digest);
  if (!manifest) return with_context(manifest.error(), "manifest");
  if (auto list = json::find(*manifest, "manifests"); list && list->is_array()) {
    if (depth >= index_depth_max) return error{errc::invalid, "indexes of images nest without end"};
    for (auto& m : list->get_array())
      if (json::string_at(m, {"platform", "os"}) != "windows" &&
          (json::string_at(m, {"platform", "architecture"}) == machine_architecture() ||
           list->get_array().size() == 1))
        return read_image(std::string(json::string_at(m, {"digest"})), depth + 1);
    return error{errc::not_found, "the image is not made for " + machine_architecture()};
  }
  image out;
  out.manifest_digest = digest;
  out.id = json::string_at(*manifest, {"config", "digest"});
  if (hex_of(out.id).empty()) return error{errc::invalid, "the manifest names no configuration"};
  auto config = read_json(blob(out.id), out.id);
  if (!config) return with_context(config.error(), "image configuration");
  auto diff_ids = texts_at(*config, {"rootfs", "diff_ids"});
  auto layers = json::find(*manifest, "layers");
  if (!layers || !layers->is_array() || layers->get_array().size() != diff_ids.size())
    return error{errc::invalid, "manifest and configuration tell of different layers"};
  if (diff_ids.size() > layers_max)
    return error{errc::too_large, "the image has " + std::to_string(diff_ids.size()) +
                                      " layers; at most " + std::to_string(layers_max) +
                                      " are taken"};
  for (size_t i = 0; i < diff_ids.size(); ++i) {
    auto& l = layers->get_array()[i];
    image_layer layer{std::string(json::string_at(l, {"digest"})), diff_ids[i],
                      std::string(json::string_at(l, {"mediaType"}))};
    if (hex_of(layer.digest).empty() || hex_of(layer.diff_id).empty())
      return error{errc::invalid, "a layer is named by no sha256 digest"};
    if (layer.media_type.find("nondistributable") != std::string::npos ||
        layer.media_type.find("foreign") != std::string::npos)
      return error{errc::invalid, "a layer is to be fetched from elsewhere, which is not done"};
    std::error_code bad;
    auto size = fs::file_size(blob(layer.digest), bad);
    if (!bad) out.bytes += size;
    out.layers.push_back(std::move(layer));
  }
  out.entrypoint = texts_at(*config, {"config", "Entrypoint"});
  out.cmd = texts_at(*config, {"config", "Cmd"});
  out.env = texts_at(*config, {"config", "Env"});
  out.user = json::string_at(*config, {"config", "User"});
  out.cwd = json::string_at(*config, {"config", "WorkingDir"});
  out.stop_signal = json::string_at(*config, {"config", "StopSignal"});
  return out;
}

result<void> image_store::unpack(const image_layer& layer) {
  {
    std::unique_lock lock(mutex_);
    unpacked_.wait(lock, [&] { return !unpacking_.contains(layer.diff_id); });
    if (fs::exists(layer_directory(layer.diff_id))) return {};
    unpacking_.insert(layer.diff_id);
  }
  auto work = [&]() -> result<void> {
    // The blob's own digest counts, whoever put it there.
    auto at = work_directory();
    if (!at) return at.error();
    auto done = [&]() -> result<void> {
      chmod(at->c_str(), 0755);
      auto out = unpack_layer(blob(layer.digest), *at, limits_);
      if (!out) return out.error();
      if (out->diff_id != layer.diff_id)
        return error{errc::corrupt, "the layer unpacks to " + out->diff_id +
                                        ", its image promises " + layer.diff_id};
      descriptor dir(::open(at->c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (dir) syncfs(dir.get()); // a layer that is there is whole, also after a power failure
      if (rename(at->c_str(), layer_directory(layer.diff_id).c_str()))
        return system_error("keep the layer", layer_directory(layer.diff_id));
      return {};
    }();
    if (!done) remove_tree(*at);
    return done;
  };
  auto done = work();
  std::lock_guard lock(mutex_);
  unpacking_.erase(layer.diff_id);
  unpacked_.notify_all();
  return done;
}

result<image_ptr> image_store::add(const std::string& name, const std::string& manifest_digest,
                                   bool pulled) {
  auto found = read_image(manifest_digest, 0);
  if (!found) return found.error();
  found->pulled = pulled;
  for (auto& l : found->layers)
    if (auto done = unpack(l); !done) return with_context(done.error(), "layer " + l.digest);
  std::lock_guard lock(mutex_);
  file_lock alone(directory_ / "lock", LOCK_EX);
  refresh_locked();
  if (auto held = by_id_.find(found->id); held != by_id_.end()) found->names = held->second->names;
  if (!name.empty()) {
    if (auto old = ids_.find(name); old != ids_.end() && old->second != found->id) {
      // The name moves on; who had it keeps its id.
      auto before = std::make_shared<image>(*by_id_[old->second]);
      std::erase(before->names, name);
      by_id_[old->second] = before;
    }
    ids_[name] = found->id;
    if (std::find(found->names.begin(), found->names.end(), name) == found->names.end())
      found->names.push_back(name);
  }
  auto made = std::make_shared<image>(std::move(*found));
  by_id_[made->id] = made;
  if (auto saved = save_locked(); !saved) return saved.error();
  return image_ptr(made);
}

result<void> image_store::tag(const std::string& id, const std::string& name) {
  auto held = find(id);
  if (!held) return error{errc::not_found, "there is no image " + id};
  auto done = add(name, held->manifest_digest);
  if (!done) return done.error();
  return {};
}

result<void> image_store::remove(const std::string& name_or_id) {
  std::lock_guard lock(mutex_);
  file_lock alone(directory_ / "lock", LOCK_EX);
  refresh_locked();
  auto name = ids_.find(name_or_id);
  auto id = name == ids_.end() ? name_or_id : name->second;
  auto held = by_id_.find(id);
  if (held == by_id_.end()) return error{errc::not_found, "there is no image " + name_or_id};
  auto rest = std::make_shared<image>(*held->second);
  if (name != ids_.end()) {
    std::erase(rest->names, name_or_id);
    ids_.erase(name);
  } else {
    for (auto& n : rest->names) ids_.erase(n);
    rest->names.clear();
  }
  if (rest->names.empty())
    by_id_.erase(held);
  else
    held->second = rest;
  auto saved = save_locked();
  sweep_locked();
  return saved;
}

result<void> image_store::save_locked() {
  json::array manifests;
  for (auto& [id, held] : by_id_) {
    std::error_code bad;
    json::object m{{"mediaType", "application/vnd.oci.image.manifest.v1+json"},
                   {"digest", held->manifest_digest},
                   {"size", static_cast<int64_t>(fs::file_size(blob(held->manifest_digest), bad))}};
    if (held->pulled) m["annotations"] = json::object{{pulled_annotation, "true"}};
    if (held->names.empty()) manifests.push_back(m);
    for (auto& n : held->names) {
      json::object notes{{name_annotation, n}};
      if (held->pulled) notes[pulled_annotation] = "true";
      m["annotations"] = std::move(notes);
      manifests.push_back(m);
    }
  }
  json::object index{{"schemaVersion", 2}, {"manifests", std::move(manifests)}};
  return write_file(directory_ / image_index_file, json::write(json::value(std::move(index))));
}

/// Removes blobs and layers that no image refers to. Not while one is being put together, here or
/// elsewhere; and no layer that is mounted.
void image_store::sweep_locked() {
  if (!unpacking_.empty()) return;
  file_lock nobody(directory_ / "hold", LOCK_EX | LOCK_NB);
  if (!nobody) return;
  auto mounted = read_file("/proc/self/mountinfo");
  std::set<std::string> blobs_kept, layers_kept;
  for (auto& [id, held] : by_id_) {
    blobs_kept.insert(hex_of(held->manifest_digest));
    blobs_kept.insert(hex_of(id));
    for (auto& l : held->layers) {
      blobs_kept.insert(hex_of(l.digest));
      layers_kept.insert(layer_directory(l.diff_id).filename());
    }
  }
  std::error_code bad;
  for (auto& e : fs::directory_iterator(blobs(), bad))
    if (!blobs_kept.contains(e.path().filename())) fs::remove(e.path(), bad);
  for (auto& e : fs::directory_iterator(directory_ / "layers", bad))
    if (!layers_kept.contains(e.path().filename()) &&
        (!mounted || mounted->find(e.path().string()) == mounted->npos))
      remove_tree(e.path());
}

std::shared_ptr<void> image_store::hold() {
  return std::make_shared<file_lock>(directory_ / "hold", LOCK_SH);
}

std::vector<std::string> image_store::layer_directories(const image& of) const {
  std::vector<std::string> out;
  for (auto& l : of.layers) out.push_back(layer_directory(l.diff_id).string());
  return out;
}

result<std::string> image_store::put_blob(std::string_view bytes) {
  auto digest = digest_of(bytes);
  if (auto done = write_file(blob(digest), bytes); !done) return done.error();
  return digest;
}

result<std::string> image_store::put_blob_file(const fs::path& file) {
  descriptor in(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!in) return system_error("open", file);
  digester all;
  std::string chunk(1 << 18, '\0');
  for (ssize_t n; (n = read(in.get(), chunk.data(), chunk.size())) != 0;) {
    if (n < 0) return system_error("read", file);
    all.add({chunk.data(), static_cast<size_t>(n)});
  }
  auto digest = all.finish();
  if (rename(file.c_str(), blob(digest).c_str())) return system_error("keep", file);
  return digest;
}

result<fs::path> image_store::work_directory() {
  static std::atomic<uint64_t> serial{0};
  auto out = directory_ / "work" / (std::to_string(getpid()) + "-" + std::to_string(++serial));
  if (auto made = make_directories(out, 0700); !made) return made.error();
  return out;
}

std::string shown_id(const image& of, const std::string& name) {
  auto read = parse_reference(name);
  return of.pulled && read ? read->name() + "@" + of.manifest_digest : of.id;
}

} // namespace troupe::node
