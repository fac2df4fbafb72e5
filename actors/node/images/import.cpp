#include "actors/node/images/import.hpp"

#include "actors/node/files.hpp"
#include "actors/node/images/digest.hpp"
#include "actors/node/images/reference.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace troupe::node {

namespace fs = std::filesystem;

namespace {

constexpr uint64_t archive_bytes_max = 64ull << 30;
constexpr size_t archive_entries_max = 10'000; ///< manifests, configurations, layers
constexpr const char* name_annotation = "org.opencontainers.image.ref.name";
constexpr const char* full_name_annotation = "io.containerd.image.name";

struct reader_closer {
  void operator()(archive* a) const { archive_read_free(a); }
};
struct writer_closer {
  void operator()(archive* a) const { archive_write_free(a); }
};

/// The files of an archive, laid down under numbers: their own names never become paths.
class loose_files {
public:
  explicit loose_files(fs::path at) : at_{std::move(at)} {}

  result<void> read(const fs::path& from) {
    std::unique_ptr<archive, reader_closer> in(archive_read_new());
    archive_read_support_filter_all(in.get());
    archive_read_support_format_tar(in.get());
    if (archive_read_open_filename(in.get(), from.c_str(), 1 << 18) != ARCHIVE_OK)
      return error{errc::bad_request,
                   from.string() + " is no image archive: " + archive_error_string(in.get())};
    archive_entry* entry;
    int got;
    while ((got = archive_read_next_header(in.get(), &entry)) == ARCHIVE_OK || got == ARCHIVE_WARN)
      if (auto done = keep(in.get(), entry); !done) return done;
    if (got != ARCHIVE_EOF)
      return error{errc::corrupt, from.string() + " is damaged: " + archive_error_string(in.get())};
    return {};
  }

  /// The file of that name in the archive, links followed; empty if there is none.
  fs::path find(std::string name) const {
    for (int hops = 0; hops < 8; ++hops) {
      if (auto hit = files_.find(plain(name)); hit != files_.end()) return hit->second;
      auto link = links_.find(plain(name));
      if (link == links_.end()) return {};
      name = link->second;
    }
    return {};
  }

private:
  static std::string plain(const std::string& name) {
    return fs::path("/" + name).lexically_normal().string();
  }

  result<void> keep(archive* in, archive_entry* entry) {
    std::string name = archive_entry_pathname(entry) ? archive_entry_pathname(entry) : "";
    if (files_.size() + links_.size() >= archive_entries_max)
      return error{errc::too_large, "the archive has too many entries for an image"};
    if (auto target = archive_entry_hardlink(entry)) {
      links_[plain(name)] = target;
    } else if (archive_entry_filetype(entry) == AE_IFLNK) {
      links_[plain(name)] = (fs::path(name).parent_path() / archive_entry_symlink(entry)).string();
    } else if (archive_entry_filetype(entry) == AE_IFREG) {
      auto file = at_ / std::to_string(files_.size());
      descriptor out(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
      if (!out) return system_error("create", file);
      const void* data;
      size_t size;
      la_int64_t offset;
      while (archive_read_data_block(in, &data, &size, &offset) == ARCHIVE_OK) {
        if ((bytes_ += size) > archive_bytes_max)
          return error{errc::too_large, "the archive is larger than an image may be"};
        if (pwrite(out.get(), data, size, offset) != static_cast<ssize_t>(size))
          return system_error("write", file);
      }
      files_[plain(name)] = file;
    }
    return {};
  }

  fs::path at_;
  std::map<std::string, fs::path> files_;
  std::map<std::string, std::string> links_;
  uint64_t bytes_ = 0;
};

/// Where the parts of an image are looked up: an archive's or a directory's files.
using finder = std::function<fs::path(const std::string&)>;

std::string whole_name(const std::string& text) {
  auto name = parse_reference(text);
  return name ? name->text() : std::string{};
}

/// Copies what a manifest refers to, whatever it says of itself: names come from contents.
result<void> take_blob(image_store& into, const finder& find, const std::string& digest) {
  auto hex = hex_of(digest);
  if (hex.empty()) return error{errc::invalid, "\"" + digest + "\" is no sha256 digest"};
  if (fs::exists(into.blob(digest))) return {};
  auto file = find("blobs/sha256/" + hex);
  if (file.empty()) return error{errc::not_found, "the blob " + digest + " is missing"};
  auto work = into.work_directory();
  if (!work) return work.error();
  std::error_code bad;
  fs::copy_file(file, *work / "blob", bad);
  auto kept = bad ? result<std::string>(error{errc::internal, bad.message()})
                  : into.put_blob_file(*work / "blob");
  remove_tree(*work);
  if (!kept) return kept.error();
  if (*kept != digest)
    return error{errc::corrupt, "the blob " + digest + " has other contents than its name says"};
  return {};
}

result<void> take_tree(image_store& into, const finder& find, const std::string& digest,
                       int depth) {
  if (depth > 4) return error{errc::invalid, "indexes of images nest without end"};
  if (auto done = take_blob(into, find, digest); !done) return done;
  auto text = read_file(into.blob(digest), manifest_bytes_max);
  if (!text) return text.error();
  auto manifest = json::parse(*text);
  if (!manifest) return manifest.error();
  if (auto list = json::find(*manifest, "manifests"); list && list->is_array()) {
    for (auto& m : list->get_array()) {
      // Of several platforms a file often holds only one.
      auto inner = std::string(json::string_at(m, {"digest"}));
      if (find("blobs/sha256/" + hex_of(inner)).empty() && list->get_array().size() > 1) continue;
      if (auto done = take_tree(into, find, inner, depth + 1); !done) return done;
    }
    return {};
  }
  if (auto done =
          take_blob(into, find, std::string(json::string_at(*manifest, {"config", "digest"})));
      !done)
    return done;
  if (auto layers = json::find(*manifest, "layers"); layers && layers->is_array()) {
    if (layers->get_array().size() > layers_max)
      return error{errc::too_large, "the image has too many layers"};
    for (auto& l : layers->get_array())
      if (auto done = take_blob(into, find, std::string(json::string_at(l, {"digest"}))); !done)
        return done;
  }
  return {};
}

result<std::vector<image_ptr>> import_oci(image_store& into, const finder& find,
                                          const std::string& name) {
  auto text = read_file(find("index.json"), manifest_bytes_max);
  if (!text) return text.error();
  auto index = json::parse(*text);
  if (!index) return index.error();
  auto list = json::find(*index, "manifests");
  if (!list || !list->is_array()) return error{errc::invalid, "index.json names no manifests"};
  std::vector<image_ptr> out;
  for (auto& m : list->get_array()) {
    auto digest = std::string(json::string_at(m, {"digest"}));
    if (auto done = take_tree(into, find, digest, 0); !done) return done.error();
    auto called = name;
    for (auto a : {full_name_annotation, name_annotation})
      if (called.empty()) called = json::string_at(m, {"annotations", a});
    auto added = into.add(whole_name(called), digest);
    if (!added) return added.error();
    out.push_back(std::move(*added));
  }
  return out;
}

/// A manifest for a configuration and layers that came without one.
result<image_ptr> add_parts(image_store& into, const std::string& name, const std::string& config,
                            const std::vector<std::string>& layers) {
  auto part = [&](const char* type, const std::string& digest) {
    std::error_code bad;
    return json::object{{"mediaType", type},
                        {"digest", digest},
                        {"size", static_cast<int64_t>(fs::file_size(into.blob(digest), bad))}};
  };
  json::array list;
  for (auto& l : layers) list.push_back(part("application/vnd.oci.image.layer.v1.tar", l));
  json::object manifest{{"schemaVersion", 2},
                        {"mediaType", "application/vnd.oci.image.manifest.v1+json"},
                        {"config", part("application/vnd.oci.image.config.v1+json", config)},
                        {"layers", std::move(list)}};
  auto digest = into.put_blob(json::write(json::value(std::move(manifest))));
  if (!digest) return digest.error();
  return into.add(name, *digest);
}

result<std::vector<image_ptr>> import_docker(image_store& into, const finder& find,
                                             const std::string& name) {
  auto text = read_file(find("manifest.json"), manifest_bytes_max);
  if (!text) return text.error();
  auto list = json::parse(*text);
  if (!list) return list.error();
  if (!list->is_array()) return error{errc::invalid, "manifest.json is no list"};
  std::vector<image_ptr> out;
  for (auto& m : list->get_array()) {
    auto config = read_file(find(std::string(json::string_at(m, {"Config"}))), manifest_bytes_max);
    if (!config) return with_context(config.error(), "the image's configuration");
    auto config_digest = into.put_blob(*config);
    if (!config_digest) return config_digest.error();
    std::vector<std::string> layers;
    auto work = into.work_directory();
    if (!work) return work.error();
    if (auto files = json::find(m, "Layers"); files && files->is_array())
      for (auto& f : files->get_array()) {
        auto file = f.is_string() ? find(std::string(f.get_string())) : fs::path{};
        if (file.empty() || layers.size() >= layers_max)
          return error{errc::invalid, "a layer is missing, or there are too many"};
        std::error_code bad;
        fs::copy_file(file, *work / "layer", bad);
        auto digest = into.put_blob_file(*work / "layer");
        if (!digest) return digest.error();
        layers.push_back(std::move(*digest));
      }
    remove_tree(*work);
    std::vector<std::string> names;
    if (!name.empty()) names.push_back(whole_name(name));
    if (auto tags = json::find(m, "RepoTags"); tags && tags->is_array() && names.empty())
      for (auto& t : tags->get_array())
        if (t.is_string()) names.push_back(whole_name(std::string(t.get_string())));
    if (names.empty()) names.emplace_back();
    for (auto& n : names) {
      auto added = add_parts(into, n, *config_digest, layers);
      if (!added) return added.error();
      out.push_back(std::move(*added));
    }
  }
  return out;
}

result<std::vector<image_ptr>> import_from(image_store& into, const finder& find,
                                           const std::string& name) {
  if (!find("index.json").empty()) return import_oci(into, find, name);
  if (!find("manifest.json").empty()) return import_docker(into, find, name);
  return error{errc::bad_request,
               "it holds neither an OCI layout (index.json) nor a docker archive (manifest.json)"};
}

} // namespace

result<std::vector<image_ptr>> import_images(image_store& into, const fs::path& from,
                                             const std::string& name) {
  if (!name.empty())
    if (auto good = parse_reference(name); !good) return good.error();
  auto hold = into.hold();
  if (fs::is_directory(from)) {
    finder find = [&](const std::string& file) {
      auto at = from / file;
      return fs::is_regular_file(fs::symlink_status(at)) ? at : fs::path{};
    };
    return import_from(into, find, name);
  }
  auto work = into.work_directory();
  if (!work) return work.error();
  loose_files files(*work);
  auto out = [&]() -> result<std::vector<image_ptr>> {
    if (auto read = files.read(from); !read) return read.error();
    return import_from(
        into, [&](const std::string& file) { return files.find(file); }, name);
  }();
  remove_tree(*work);
  if (!out) return with_context(out.error(), "cannot import " + from.string());
  return out;
}

namespace {

result<void> write_layer(const fs::path& directory, const fs::path& to) {
  std::unique_ptr<archive, writer_closer> out(archive_write_new());
  archive_write_set_format_pax_restricted(out.get());
  archive_write_open_filename(out.get(), to.c_str());
  std::unique_ptr<archive, reader_closer> in(archive_read_disk_new());
  archive_read_disk_set_symlink_physical(in.get());
  archive_read_disk_open(in.get(), directory.c_str());
  auto prefix = directory.string();
  while (prefix.ends_with('/')) prefix.pop_back();
  for (;;) {
    std::unique_ptr<archive_entry, decltype(&archive_entry_free)> entry(archive_entry_new(),
                                                                        archive_entry_free);
    int got = archive_read_next_header2(in.get(), entry.get());
    if (got == ARCHIVE_EOF) break;
    if (got != ARCHIVE_OK && got != ARCHIVE_WARN)
      return error{errc::internal, archive_error_string(in.get())};
    archive_read_disk_descend(in.get());
    std::string name = archive_entry_pathname(entry.get());
    name = name.size() > prefix.size() ? name.substr(prefix.size() + 1) : "./";
    archive_entry_set_pathname(entry.get(), name.c_str());
    if (archive_write_header(out.get(), entry.get()) != ARCHIVE_OK)
      return error{errc::internal, archive_error_string(out.get())};
    const void* data;
    size_t size;
    la_int64_t offset, at = 0;
    std::string zeros;
    while (archive_read_data_block(in.get(), &data, &size, &offset) == ARCHIVE_OK) {
      for (zeros.assign(1 << 16, '\0'); at < offset;) // holes are written out
        at += archive_write_data(out.get(), zeros.data(),
                                 std::min<size_t>(zeros.size(), static_cast<size_t>(offset - at)));
      if (archive_write_data(out.get(), data, size) < 0)
        return error{errc::storage_full, archive_error_string(out.get())};
      at += static_cast<la_int64_t>(size);
    }
  }
  if (archive_write_close(out.get()) != ARCHIVE_OK)
    return error{errc::storage_full, archive_error_string(out.get())};
  return {};
}

json::array json_texts(const std::vector<std::string>& from) {
  json::array out;
  for (auto& t : from) out.emplace_back(t);
  return out;
}

} // namespace

result<image_ptr> build_image(image_store& into, const fs::path& directory,
                              const build_options& options) {
  auto name = parse_reference(options.name);
  if (!name) return name.error();
  if (!fs::is_directory(directory))
    return error{errc::bad_request, directory.string() + " is no directory"};
  auto hold = into.hold();
  auto work = into.work_directory();
  if (!work) return work.error();
  auto written = write_layer(directory, *work / "layer");
  auto layer = written ? into.put_blob_file(*work / "layer") : result<std::string>(written.error());
  remove_tree(*work);
  if (!layer) return layer.error();
  json::object config{{"Entrypoint", json_texts(options.entrypoint)},
                      {"Cmd", json_texts(options.cmd)},
                      {"Env", json_texts(options.env)},
                      {"User", options.user},
                      {"WorkingDir", options.cwd}};
  json::object image {
#if defined(__aarch64__)
    {"architecture", "arm64"},
#else
    {"architecture", "amd64"},
#endif
        {"os", "linux"}, {"config", std::move(config)}, {
      "rootfs", {
        {"type", "layers"}, {
          "diff_ids", json::array { *layer }
        }
      }
    }
  };
  auto config_digest = into.put_blob(json::write(json::value(std::move(image))));
  if (!config_digest) return config_digest.error();
  return add_parts(into, name->text(), *config_digest, {*layer});
}

} // namespace troupe::node
