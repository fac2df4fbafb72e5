// BACKUPS of a server: a directory with one folder a backup, each with the state and the keys that
// open it, so that a cluster can be made anew on other machines. Secrets stay sealed in it; the
// keys beside them make a backup as secret as the server itself.
#pragma once

#include "storage/backup.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace troupe {

struct backup_settings {
  std::filesystem::path directory; ///< none: no backups
  std::chrono::seconds every{24 * 3600};
  unsigned keep = 14;
};

/// "20260102T030405Z": the names of folders sort by time.
std::string backup_name(int64_t seconds);
/// The time in a name; 0 if it is no backup's.
int64_t backup_time(const std::string& name);
/// Which of these are to go, if `keep` of the newest stay.
std::vector<std::string> superseded(std::vector<std::string> names, unsigned keep);

/// The folders of whole backups, oldest first.
std::vector<std::string> backups_in(const std::filesystem::path& directory);
/// When the next one is due.
int64_t backup_due(const backup_settings& given);

/// Writes one, whole or not at all, and lets old ones go. Returns where it is.
result<std::filesystem::path> save_backup_folder(const backup_settings& given,
                                                 const storage::snapshot& from,
                                                 const std::filesystem::path& keys,
                                                 const storage::sealer& seal, int64_t now_seconds);

/// `troupe backup`.
int backup_command(const std::vector<std::string>& arguments);

} // namespace troupe
