// Container logs in CRI's format, one write(2) a line, rotated by size: N.log, N.log.1, ...
#include "bin/shim/shim.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace troupe::shim {

namespace {

constexpr size_t line_bytes_max = 16 * 1024; ///< longer lines are logged in parts

void rotate(log_file& log) {
  char from[600], to[600];
  for (int i = log.files_max - 2; i >= 0; --i) {
    if (i == 0)
      snprintf(from, sizeof from, "%s", log.path);
    else
      snprintf(from, sizeof from, "%s.%d", log.path, i);
    snprintf(to, sizeof to, "%s.%d", log.path, i + 1);
    rename(from, to);
  }
  if (log.files_max < 2) unlink(log.path);
  int fresh = open(log.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (fresh < 0) return; // better a long log than none
  close(log.fd);
  log.fd = fresh;
  log.bytes = 0;
}

void write_line(log_file& log, const char* stream, bool whole, const char* a, size_t a_size,
                const char* b, size_t b_size) {
  if (log.fd < 0) return;
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm utc{};
  gmtime_r(&now.tv_sec, &utc);
  char head[64];
  int n = snprintf(head, sizeof head, "%04d-%02d-%02dT%02d:%02d:%02d.%09ldZ %s %c ",
                   utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                   utc.tm_sec, now.tv_nsec, stream, whole ? 'F' : 'P');
  char end = '\n';
  iovec parts[4] = {{head, static_cast<size_t>(n)},
                    {const_cast<char*>(a), a_size},
                    {const_cast<char*>(b), b_size},
                    {&end, 1}};
  ssize_t written = writev(log.fd, parts, 4); // a full disk loses lines, never the container
  if (written > 0) log.bytes += static_cast<uint64_t>(written);
  if (log.bytes_max && log.bytes >= log.bytes_max) rotate(log);
}

void forget(log_line& line) {
  free(line.held);
  line = {};
}

} // namespace

void open_log(log_file& log, const char* path, uint64_t bytes_max, int files_max) {
  log.bytes_max = bytes_max;
  log.files_max = files_max;
  snprintf(log.path, sizeof log.path, "%s", path);
  log.fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
  struct stat st {};
  if (log.fd >= 0 && fstat(log.fd, &st) == 0) log.bytes = static_cast<uint64_t>(st.st_size);
}

void write_log(log_file& log, log_line& line, const char* stream, const char* data, size_t size) {
  while (size > 0) {
    auto end = static_cast<const char*>(memchr(data, '\n', size));
    size_t length = end ? static_cast<size_t>(end - data) : size;
    size_t room = line_bytes_max - line.size;
    if (end && length <= room) {
      write_line(log, stream, true, line.held, line.size, data, length);
      forget(line);
      data += length + 1;
      size -= length + 1;
    } else if (length >= room) {
      write_line(log, stream, false, line.held, line.size, data, room);
      forget(line);
      data += room;
      size -= room;
    } else {
      if (!line.held) line.held = static_cast<char*>(malloc(line_bytes_max));
      if (!line.held) return;
      memcpy(line.held + line.size, data, length);
      line.size += length;
      return;
    }
  }
}

void end_log_line(log_file& log, log_line& line, const char* stream) {
  if (line.size) write_line(log, stream, true, line.held, line.size, nullptr, 0);
  forget(line);
}

void close_log(log_file& log) {
  if (log.fd >= 0) close(log.fd);
  log = {};
}

} // namespace troupe::shim
