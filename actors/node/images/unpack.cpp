#include "actors/node/images/unpack.hpp"

#include "actors/node/files.hpp"
#include "actors/node/images/digest.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace troupe::node {

namespace {

constexpr const char* whiteout = ".wh.";
constexpr const char* opaque = ".wh..wh..opq";

struct archive_closer {
  void operator()(archive* a) const { archive_read_free(a); }
};
using archive_ptr = std::unique_ptr<archive, archive_closer>;

/// Where an entry goes: the directory it is in and its name there. `name` is empty for the root.
struct place {
  std::string directory, name;
};

result<place> place_of(std::string_view path, const unpack_limits& limits) {
  if (path.size() > limits.path_bytes_max || path.find('\0') != path.npos)
    return error{errc::invalid, "an entry's name is longer than a path may be"};
  place out;
  while (!path.empty()) {
    auto end = std::min(path.find('/'), path.size());
    auto part = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..")
      return error{errc::invalid, "an entry's name leads upward: " + std::string(part)};
    if (!out.name.empty()) out.directory += "/" + out.name;
    out.name = part;
  }
  return out;
}

/// One archive on its way into one directory.
class unpacker {
public:
  unpacker(int root, const unpack_limits& limits, uint64_t packed_bytes)
      : root_{root}, limits_{limits}, packed_bytes_{packed_bytes} {}

  result<void> put(archive* from, archive_entry* entry) {
    auto name = archive_entry_pathname(entry);
    if (!name) return error{errc::invalid, "an entry has no readable name"};
    if (++entries_ > limits_.entries_max)
      return error{errc::too_large,
                   "more than " + std::to_string(limits_.entries_max) + " entries"};
    auto where = place_of(name, limits_);
    if (!where) return where.error();
    auto done = where->name.empty() ? put_root(entry) : put_in(from, entry, *where);
    if (!done) return with_context(done.error(), "entry \"" + std::string(name) + "\"");
    return {};
  }

  uint64_t bytes() const { return bytes_; }

private:
  result<void> put_root(archive_entry* entry) {
    if (archive_entry_filetype(entry) != AE_IFDIR)
      return error{errc::invalid, "the root itself may only be a directory"};
    auto root = open_in_root(root_, ".", O_RDONLY | O_DIRECTORY);
    if (!root) return root.error();
    return dress(*root, entry);
  }

  result<void> put_in(archive* from, archive_entry* entry, const place& where) {
    auto parent = make_directory_in_root(root_, where.directory);
    if (!parent) return parent.error();
    auto dir = parent->get();
    if (where.name == opaque) return mark_opaque(*parent);
    if (where.name.starts_with(whiteout)) return put_whiteout(dir, where.name.substr(4));
    auto type = archive_entry_filetype(entry);
    if (archive_entry_hardlink(entry)) return put_hardlink(dir, where, entry);
    if (type == AE_IFDIR) return put_directory(dir, where.name, entry);
    if (auto clear = make_way(dir, where.name); !clear) return clear;
    if (type == AE_IFREG) return put_file(from, dir, where.name, entry);
    if (type == AE_IFLNK) return put_symlink(dir, where.name, entry);
    if (type == AE_IFIFO) return put_fifo(dir, where.name, entry);
    if (type == AE_IFCHR || type == AE_IFBLK) {
      // Containers get a /dev of their own; a device anywhere else is a way out.
      if (where.directory.starts_with("/dev")) return {};
      return error{errc::invalid, "a device outside /dev is not unpacked"};
    }
    return error{errc::invalid, "a kind of file that images do not have"};
  }

  /// A layer may replace what it brought itself.
  static result<void> make_way(int dir, const std::string& name) {
    struct stat st {};
    if (fstatat(dir, name.c_str(), &st, AT_SYMLINK_NOFOLLOW)) return {};
    if (S_ISDIR(st.st_mode)) {
      if (unlinkat(dir, name.c_str(), AT_REMOVEDIR)) return system_error("replace", name);
    } else if (unlinkat(dir, name.c_str(), 0)) {
      return system_error("replace", name);
    }
    return {};
  }

  result<void> mark_opaque(const descriptor& dir) {
    if (setxattr(path_of(dir).c_str(), "trusted.overlay.opaque", "y", 1, 0))
      return system_error("mark as opaque", "a directory");
    return {};
  }

  result<void> put_whiteout(int dir, const std::string& name) {
    if (name.empty() || name == "." || name == ".." || name.starts_with(whiteout))
      return error{errc::invalid, "a whiteout of nothing"};
    if (auto clear = make_way(dir, name); !clear) return clear;
    if (mknodat(dir, name.c_str(), S_IFCHR | 0600, makedev(0, 0)))
      return system_error("make the whiteout of", name);
    return {};
  }

  result<void> put_hardlink(int dir, const place& where, archive_entry* entry) {
    auto target = place_of(archive_entry_hardlink(entry), limits_);
    if (!target) return target.error();
    auto source = open_in_root(root_, target->directory + "/" + target->name, O_PATH | O_NOFOLLOW);
    if (!source) return with_context(source.error(), "its hard link's target is not in this layer");
    struct stat st {};
    if (fstat(source->get(), &st) || S_ISDIR(st.st_mode))
      return error{errc::invalid, "a hard link to a directory"};
    if (auto clear = make_way(dir, where.name); !clear) return clear;
    if (linkat(source->get(), "", dir, where.name.c_str(), AT_EMPTY_PATH))
      return system_error("link", where.name);
    return {};
  }

  result<void> put_directory(int dir, const std::string& name, archive_entry* entry) {
    struct stat st {};
    bool there = fstatat(dir, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (there && !S_ISDIR(st.st_mode)) {
      if (unlinkat(dir, name.c_str(), 0)) return system_error("replace", name);
      there = false;
    }
    if (!there && mkdirat(dir, name.c_str(), 0755)) return system_error("make", name);
    descriptor made(openat(dir, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!made) return system_error("open", name);
    return dress(made, entry);
  }

  result<void> put_file(archive* from, int dir, const std::string& name, archive_entry* entry) {
    if (archive_entry_size_is_set(entry) &&
        static_cast<uint64_t>(archive_entry_size(entry)) > limits_.bytes_max - bytes_)
      return error{errc::too_large,
                   "the layer holds more than " + std::to_string(limits_.bytes_max) + " bytes"};
    descriptor file(
        openat(dir, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) return system_error("create", name);
    const void* data;
    size_t size;
    la_int64_t offset;
    int got;
    while ((got = archive_read_data_block(from, &data, &size, &offset)) == ARCHIVE_OK) {
      bytes_ += size;
      if (bytes_ > limits_.bytes_max || static_cast<uint64_t>(offset) + size > limits_.bytes_max)
        return error{errc::too_large,
                     "the layer holds more than " + std::to_string(limits_.bytes_max) + " bytes"};
      if (bytes_ > limits_.ratio_from_bytes && bytes_ / (packed_bytes_ + 1) > limits_.ratio_max)
        return error{errc::too_large, "the layer grows more than " +
                                          std::to_string(limits_.ratio_max) +
                                          " times when unpacked"};
      if (pwrite(file.get(), data, size, offset) != static_cast<ssize_t>(size))
        return system_error("write", name);
    }
    if (got != ARCHIVE_EOF) return error{errc::corrupt, archive_error_string(from)};
    if (archive_entry_size_is_set(entry) && archive_entry_size(entry) > 0 &&
        ftruncate(file.get(), archive_entry_size(entry)))
      return system_error("size", name);
    return dress(file, entry);
  }

  result<void> put_symlink(int dir, const std::string& name, archive_entry* entry) {
    auto target = archive_entry_symlink(entry);
    if (!target || symlinkat(target, dir, name.c_str())) return system_error("link", name);
    // Owners of links are shown, not used: no reason to fail.
    (void)!fchownat(dir, name.c_str(), owner(archive_entry_uid(entry)),
                    owner(archive_entry_gid(entry)), AT_SYMLINK_NOFOLLOW);
    return {};
  }

  result<void> put_fifo(int dir, const std::string& name, archive_entry* entry) {
    if (mkfifoat(dir, name.c_str(), 0600)) return system_error("make", name);
    descriptor made(openat(dir, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    chmod(path_of(made).c_str(), archive_entry_perm(entry) & 0777);
    (void)!chown(path_of(made).c_str(), owner(archive_entry_uid(entry)),
                 owner(archive_entry_gid(entry)));
    return {};
  }

  static uid_t owner(la_int64_t id) { return static_cast<uid_t>(id); }

  /// Owner, mode, capabilities and time.
  static result<void> dress(const descriptor& file, archive_entry* entry) {
    if (fchown(file.get(), owner(archive_entry_uid(entry)), owner(archive_entry_gid(entry))))
      return system_error("give away", "the file");
    if (fchmod(file.get(), archive_entry_perm(entry) & 07777))
      return system_error("set the mode of", "the file");
    archive_entry_xattr_reset(entry);
    const char* name;
    const void* value;
    size_t size;
    while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK)
      // The others steer overlayfs or the host's security modules.
      if (strcmp(name, "security.capability") == 0 || strncmp(name, "user.", 5) == 0)
        fsetxattr(file.get(), name, value, size, 0);
    timespec times[2] = {{0, UTIME_OMIT},
                         {archive_entry_mtime(entry), archive_entry_mtime_nsec(entry)}};
    futimens(file.get(), times);
    return {};
  }

  int root_;
  const unpack_limits& limits_;
  uint64_t packed_bytes_, entries_ = 0, bytes_ = 0;
};

/// Reads a blob through its decompression, so that what is unpacked and what is digested are the
/// same bytes.
class blob_reader {
public:
  explicit blob_reader(const std::filesystem::path& blob) : raw_{archive_read_new()} {
    archive_read_support_filter_gzip(raw_.get());
    archive_read_support_filter_zstd(raw_.get());
    archive_read_support_format_raw(raw_.get());
    archive_read_support_format_empty(raw_.get());
    ok_ = archive_read_open_filename(raw_.get(), blob.c_str(), 1 << 20) == ARCHIVE_OK &&
          archive_read_next_header(raw_.get(), &entry_) == ARCHIVE_OK;
  }
  bool ok() const { return ok_; }
  const char* why() const { return archive_error_string(raw_.get()); }

  static la_ssize_t read(archive* to, void* self, const void** data) {
    auto& me = *static_cast<blob_reader*>(self);
    auto n = archive_read_data(me.raw_.get(), me.chunk_, sizeof me.chunk_);
    if (n < 0) {
      archive_set_error(to, EIO, "%s", me.why());
      return -1;
    }
    me.digest_.add({me.chunk_, static_cast<size_t>(n)});
    *data = me.chunk_;
    return n;
  }
  /// The rest behind the archive's end belongs to the digest.
  std::string finish(archive* as) {
    const void* ignored;
    while (read(as, this, &ignored) > 0) {
    }
    return digest_.finish();
  }

private:
  archive_ptr raw_;
  archive_entry* entry_ = nullptr;
  digester digest_;
  bool ok_ = false;
  char chunk_[1 << 18];
};

} // namespace

result<unpacked> unpack_layer(const std::filesystem::path& blob, const std::filesystem::path& into,
                              const unpack_limits& limits) {
  auto root = open_directory(into);
  if (!root) return root.error();
  auto source = std::make_unique<blob_reader>(blob);
  if (!source->ok()) return error{errc::corrupt, std::string("not a layer: ") + source->why()};
  archive_ptr tar(archive_read_new());
  archive_read_support_format_tar(tar.get());
  archive_read_support_format_empty(tar.get());
  if (archive_read_open(tar.get(), source.get(), nullptr, blob_reader::read, nullptr) != ARCHIVE_OK)
    return error{errc::corrupt, std::string("not a layer: ") + archive_error_string(tar.get())};
  std::error_code unknown;
  unpacker to(root->get(), limits, std::filesystem::file_size(blob, unknown));
  archive_entry* entry;
  int got;
  while ((got = archive_read_next_header(tar.get(), &entry)) == ARCHIVE_OK || got == ARCHIVE_WARN)
    if (auto done = to.put(tar.get(), entry); !done) return done.error();
  if (got != ARCHIVE_EOF)
    return error{errc::corrupt,
                 std::string("the layer is damaged: ") + archive_error_string(tar.get())};
  return unpacked{source->finish(tar.get()), to.bytes()};
}

} // namespace troupe::node
