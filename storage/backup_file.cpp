// Backups in files, new data directories from them, and the offline check of a data directory.
#include "storage/backup.hpp"
#include "storage/lmdb_checkpoint.hpp"
#include "storage/transaction_codec.hpp"
#include "storage/wal.hpp"

#include <cerrno>
#include <cstring>
#include <sys/wait.h>
#include <unistd.h>

namespace troupe::storage {

namespace {

std::pair<std::string, std::string> parted(const std::string& path) {
  auto slash = path.rfind('/');
  if (slash == path.npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

/// A file or directory that reads and only pretends to write: what a check looks through.
class read_only_file final : public file {
public:
  explicit read_only_file(std::unique_ptr<file> of) : of_{std::move(of)} {}
  result<uint64_t> size() const override { return of_ ? of_->size() : result<uint64_t>{0u}; }
  result<std::string> read(uint64_t offset, size_t size) const override {
    return of_ ? of_->read(offset, size) : result<std::string>{std::string{}};
  }
  result<void> write(uint64_t, std::string_view) override { return {}; }
  result<void> sync() override { return {}; }

private:
  std::unique_ptr<file> of_;
};

class read_only_directory final : public directory {
public:
  explicit read_only_directory(directory& of) : of_{of} {}
  result<std::vector<std::string>> list() const override { return of_.list(); }
  result<std::unique_ptr<file>> open(const std::string& name, bool create) override {
    if (create) return std::unique_ptr<file>{new read_only_file{nullptr}};
    auto opened = of_.open(name, false);
    if (!opened) return opened.error();
    return std::unique_ptr<file>{new read_only_file{std::move(*opened)}};
  }
  result<void> rename(const std::string&, const std::string&) override { return {}; }
  result<void> remove(const std::string&) override { return {}; }
  result<void> sync() override { return {}; }
  result<space> room() const override { return of_.room(); }

private:
  directory& of_;
};

result<backup_summary> check_here(const std::string& path, std::shared_ptr<const sealer> seal) {
  auto real = open_posix_directory(path);
  if (!real) return real.error();
  auto kept = lmdb_checkpoint::open(path + "/state.mdb", seal);
  if (!kept) return kept.error();
  // Before LMDB follows a page that leads out of the file.
  if (auto sound = (*kept)->check([](size_t) { return true; }); !sound)
    return with_context(sound.error(), path + "/state.mdb");
  auto loaded = (*kept)->load();
  if (!loaded) return loaded.error();
  uint64_t changes = 0;
  auto history =
      (*kept)->visit_history(UINT64_MAX, [&](checkpoint::undo) { return ++changes > 0; });
  if (!history) return history.error();
  auto& contents = loaded->contents;
  auto position = loaded->meta.position;
  std::vector<event_ptr> events;
  read_only_directory shown{**real};
  auto replay = [&](const log_record& record) -> result<void> {
    if (record.kind != record_kind::transaction) return {};
    auto decoded = decode(record.payload, seal.get());
    if (!decoded) return decoded.error();
    if (record.index != position.index + 1) return {};
    apply(contents, std::move(decoded->changes), record.term, events);
    events.clear();
    position = {record.index, record.term};
    return {};
  };
  auto log = wal::open(shown, {}, 0, replay);
  if (!log) return log.error();
  return backup_summary{contents.revision, contents.objects.size(), 0, position};
}

/// What the child says: "ok REVISION OBJECTS INDEX TERM" or "no CODE MESSAGE".
std::string spoken(const result<backup_summary>& x) {
  if (!x) return "no " + std::to_string(static_cast<int>(x.error().code)) + " " + x.error().message;
  return "ok " + std::to_string(x->revision) + " " + std::to_string(x->objects) + " " +
         std::to_string(x->position.index) + " " + std::to_string(x->position.term);
}

result<backup_summary> heard(const std::string& text) {
  backup_summary out;
  unsigned long long revision, objects, index, term;
  if (std::sscanf(text.c_str(), "ok %llu %llu %llu %llu", &revision, &objects, &index, &term) == 4)
    return backup_summary{revision, objects, 0, {index, term}};
  int code = 0, length = 0;
  if (std::sscanf(text.c_str(), "no %d %n", &code, &length) == 1)
    return error{static_cast<errc>(code), text.substr(static_cast<size_t>(length))};
  return error{errc::corrupt, "the data directory is so damaged that reading it ends the reader: "
                              "restore it from a backup or from its peers"};
}

} // namespace

result<void> save_backup_file(const snapshot& from, uint64_t time_ms, const sealer* seal,
                              const std::string& path) {
  auto [folder, name] = parted(path);
  auto in = open_posix_directory(folder, sharing::shared);
  if (!in) return in.error();
  auto unfinished = name + ".unfinished";
  (void)(*in)->remove(unfinished);
  auto opened = (*in)->open(unfinished, true);
  if (!opened) return opened.error();
  uint64_t at = 0;
  auto sink = [&](std::string_view bytes) -> result<void> {
    auto done = (*opened)->write(at, bytes);
    at += bytes.size();
    return done;
  };
  auto done = save_backup(from, {}, time_ms, seal, sink);
  if (done) done = (*opened)->sync();
  if (done) done = (*in)->rename(unfinished, name);
  if (done) done = (*in)->sync();
  if (!done) (void)(*in)->remove(unfinished);
  return done;
}

result<std::pair<state, backup_summary>> load_backup_file(const std::string& path,
                                                          const sealer* seal) {
  auto [folder, name] = parted(path);
  auto in = open_posix_directory(folder, sharing::shared);
  if (!in) return in.error();
  auto opened = (*in)->open(name, false);
  if (!opened) return opened.error();
  uint64_t at = 0;
  auto source = [&](size_t size) {
    auto bytes = (*opened)->read(at, size);
    if (bytes) at += bytes->size();
    return bytes;
  };
  auto loaded = load_backup(source, seal);
  if (!loaded) return with_context(loaded.error(), path);
  return loaded;
}

result<backup_summary> restore(const std::string& file, const std::string& path,
                               std::shared_ptr<const sealer> seal, uint64_t revision_gap) {
  auto loaded = load_backup_file(file, seal.get());
  if (!loaded) return loaded.error();
  auto& [contents, summary] = *loaded;
  auto in = open_posix_directory(path);
  if (!in) return in.error();
  auto names = (*in)->list();
  if (!names) return names.error();
  if (!names->empty())
    return error{errc::already_exists, path + " is not empty: restore into a new directory"};
  contents.revision += revision_gap;
  auto kept = lmdb_checkpoint::open(path + "/state.mdb", seal);
  if (!kept) return kept.error();
  if (auto done = (*kept)->replace(contents, {}); !done) return done.error();
  if (auto done = (*in)->sync(); !done) return done.error();
  summary.revision = contents.revision;
  return summary;
}

result<backup_summary> check_data_directory(const std::string& path,
                                            std::shared_ptr<const sealer> seal) {
  int ends[2];
  if (::pipe(ends) != 0) return error{errc::internal, std::string("pipe: ") + std::strerror(errno)};
  auto child = ::fork();
  if (child < 0) return error{errc::internal, std::string("fork: ") + std::strerror(errno)};
  if (child == 0) {
    ::close(ends[0]);
    auto text = spoken(check_here(path, std::move(seal)));
    auto written = ::write(ends[1], text.data(), text.size());
    ::_exit(written < 0);
  }
  ::close(ends[1]);
  std::string text(4096, '\0');
  size_t size = 0;
  for (ssize_t n; size < text.size(); size += static_cast<size_t>(n)) {
    n = ::read(ends[0], text.data() + size, text.size() - size);
    if (n < 0 && errno == EINTR)
      n = 0;
    else if (n <= 0)
      break;
  }
  text.resize(size);
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return heard(text);
}

} // namespace troupe::storage
