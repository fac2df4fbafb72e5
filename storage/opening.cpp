#include "storage/opening.hpp"

#include "messages/base/log.hpp"
#include "storage/backup.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace troupe::storage {

result<opening> opening::begin(const std::string& path, std::shared_ptr<const sealer> seal) {
  auto mark = path + "/.opening"; // hidden: it is no part of the data
  if (::access(mark.c_str(), F_OK) == 0) {
    log::warn("storage", "the last start ended while it read the data: checking that first",
              {{"path", path}});
    auto checked = check_data_directory(path, std::move(seal));
    if (!checked) return checked.error();
  }
  // Not synced: it outlives a process, and after a power loss there is nothing to tell.
  auto fd = ::open(mark.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0) ::close(fd);
  return opening{std::move(mark)};
}

opening::~opening() {
  if (!mark_.empty()) ::unlink(mark_.c_str());
}

} // namespace troupe::storage
