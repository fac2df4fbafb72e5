#include "bin/backup.hpp"

#include "bin/admin.hpp"
#include "bin/clock.hpp"
#include "bin/lock.hpp"
#include "bin/members.hpp"
#include "bin/options.hpp"
#include "bin/pki.hpp"
#include "messages/base/time.hpp"
#include "storage/keyring.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace troupe {

namespace {

constexpr const char* state_file = "state";
constexpr std::string_view name_pattern = "00000000T000000Z";

int fail(const error& why) { return complain("backup", why); }

result<std::shared_ptr<const storage::sealer>> sealer_of(const std::filesystem::path& keys) {
  auto read = storage::load_key_file((keys / "secrets.key").string(), false);
  if (!read) return read.error();
  auto ring = storage::keyring::make(std::move(*read), {"secrets"});
  if (!ring) return ring.error();
  return std::shared_ptr<const storage::sealer>(std::move(*ring));
}

result<void> copy_keys(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code failed;
  std::filesystem::create_directories(to, failed);
  for (auto name : shared_keys) {
    std::filesystem::copy_file(from / name, to / name, failed);
    if (failed)
      return error{errc::internal,
                   "cannot copy " + (from / name).string() + ": " + failed.message()};
  }
  return {};
}

std::string summary_text(const storage::backup_summary& s) {
  return std::to_string(s.objects) + " objects at revision " + std::to_string(s.revision) +
         ", saved " + format_time(static_cast<int64_t>(s.time_ms / 1000));
}

int list(const std::filesystem::path& directory) {
  for (auto& name : backups_in(directory)) puts((directory / name).c_str());
  return 0;
}

int save(const std::filesystem::path& data) {
  auto saved = long_call(data, {.method = "POST", .target = "/troupe/v1/store/backup"});
  if (!saved) return fail(saved.error());
  puts(std::string(json::string_at(*saved, {"backup"})).c_str());
  return 0;
}

int check(const std::filesystem::path& folder) {
  auto seal = sealer_of(folder);
  if (!seal) return fail(seal.error());
  auto read = storage::load_backup_file((folder / state_file).string(), seal->get());
  if (!read) return fail(read.error());
  printf("The backup is whole: %s.\n", summary_text(read->second).c_str());
  return 0;
}

/// A new server's data from a backup: the first of a cluster that others join again.
int restore(const std::filesystem::path& folder, const std::filesystem::path& data) {
  if (std::filesystem::exists(data / "store"))
    return fail({errc::conflict, data.string() +
                                     " has the data of a server: a backup is restored into a "
                                     "directory that has none"});
  auto held = data_lock::take(data);
  if (!held) return fail(held.error());
  auto seal = sealer_of(folder);
  if (!seal) return fail(seal.error());
  if (auto done = copy_keys(folder, data / "pki"); !done) return fail(done.error());
  auto done = storage::restore((folder / state_file).string(), (data / "store").string(), *seal);
  if (!done) return fail(done.error());
  if (auto saved = remember_number(data, 1); !saved) return fail(saved.error());
  printf("Restored: %s.\nStart it with `troupe server --data %s`; other servers and agents join "
         "anew.\n",
         summary_text(*done).c_str(), data.c_str());
  return 0;
}

} // namespace

std::string backup_name(int64_t seconds) {
  auto at = static_cast<time_t>(seconds);
  tm utc{};
  gmtime_r(&at, &utc);
  char out[32];
  strftime(out, sizeof out, "%Y%m%dT%H%M%SZ", &utc);
  return out;
}

int64_t backup_time(const std::string& name) {
  if (name.size() != name_pattern.size()) return 0;
  for (size_t i = 0; i < name.size(); ++i) {
    bool digit = name[i] >= '0' && name[i] <= '9';
    if (name_pattern[i] == '0' ? !digit : name[i] != name_pattern[i]) return 0;
  }
  tm utc{};
  if (!strptime(name.c_str(), "%Y%m%dT%H%M%SZ", &utc)) return 0;
  return timegm(&utc);
}

std::vector<std::string> superseded(std::vector<std::string> names, unsigned keep) {
  std::sort(names.begin(), names.end());
  names.resize(names.size() - std::min<size_t>(names.size(), std::max(keep, 1u)));
  return names;
}

std::vector<std::string> backups_in(const std::filesystem::path& directory) {
  std::vector<std::string> out;
  std::error_code none;
  for (auto& e : std::filesystem::directory_iterator(directory, none))
    if (backup_time(e.path().filename().string()) != 0) out.push_back(e.path().filename().string());
  std::sort(out.begin(), out.end());
  return out;
}

int64_t backup_due(const backup_settings& given) {
  auto all = backups_in(given.directory);
  return all.empty() ? 0 : backup_time(all.back()) + given.every.count();
}

result<std::filesystem::path> save_backup_folder(const backup_settings& given,
                                                 const storage::snapshot& from,
                                                 const std::filesystem::path& keys,
                                                 const storage::sealer& seal, int64_t now_seconds) {
  std::error_code failed;
  auto name = backup_name(now_seconds);
  auto part = given.directory / ("." + name + ".part");
  std::filesystem::remove_all(part, failed); // of an attempt that was cut short
  std::filesystem::create_directories(part, failed);
  std::filesystem::permissions(part, std::filesystem::perms::owner_all, failed);
  if (failed)
    return error{errc::internal,
                 "cannot write in " + given.directory.string() + ": " + failed.message()};
  if (auto done = copy_keys(keys, part); !done) return done.error();
  auto done = storage::save_backup_file(from, static_cast<uint64_t>(now_seconds) * 1000, &seal,
                                        (part / state_file).string());
  if (!done) return done.error();
  std::filesystem::rename(part, given.directory / name, failed);
  if (failed) return error{errc::internal, "cannot name the backup: " + failed.message()};
  for (auto& old : superseded(backups_in(given.directory), given.keep))
    std::filesystem::remove_all(given.directory / old, failed);
  return given.directory / name;
}

int backup_command(const std::vector<std::string>& arguments) {
  std::filesystem::path data = "/var/lib/troupe";
  command_spec spec{
      .name = "backup",
      .synopsis = "save | list DIR | check BACKUP | restore BACKUP",
      .about = "What `troupe server --backup-dir DIR` has saved: each backup is a folder with the "
               "state and the keys of the\ncluster; keep it as safe as a server.\n\n"
               "  save      have the running server save one now\n"
               "  list      the backups in a directory, oldest first\n"
               "  check     read one as a whole\n"
               "  restore   make the data of a first server from it, on this machine",
      .options = {{"data", "DIR", "for save and restore: the server's (/var/lib/troupe)",
                   into(data)}},
      .examples = "troupe backup save\n"
                  "troupe backup list /backup\n"
                  "troupe backup restore /backup/20260102T030405Z --data /var/lib/troupe"};
  auto read = read_arguments(spec, arguments);
  if (read.exit_code) return *read.exit_code;
  if (read.words.size() == 1 && read.words[0] == "save") return save(data);
  if (read.words.size() != 2) return fputs(usage_of(spec).c_str(), stderr), 2;
  auto& verb = read.words[0];
  std::filesystem::path folder = std::filesystem::absolute(read.words[1]);
  if (verb == "list") return list(folder);
  if (verb == "check") return check(folder);
  if (verb == "restore") return restore(folder, data);
  fputs(usage_of(spec).c_str(), stderr);
  return 2;
}

} // namespace troupe
