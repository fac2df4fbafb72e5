#include "actors/gateway/audit/log.hpp"

#include "messages/base/log.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace troupe::gateway {

namespace {

constexpr size_t batch_bytes_max = 256 * 1024; // of lines, for one write
constexpr int64_t complaint_every_seconds = 60;

/// "/var/log/audit.log" as "/var/log/audit-2026-01-02T03-04-05.000.log": sorts by time.
std::string backup_name(const std::filesystem::path& path) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  std::tm parts{};
  gmtime_r(&now.tv_sec, &parts);
  char text[64];
  auto size = strftime(text, sizeof text, "%Y-%m-%dT%H-%M-%S", &parts);
  snprintf(text + size, sizeof text - size, ".%03ld", now.tv_nsec / 1'000'000);
  auto name = path.stem().string() + "-" + text + path.extension().string();
  return (path.parent_path() / name).string();
}

} // namespace

result<std::shared_ptr<audit_log>> audit_log::open(audit_settings given) {
  std::shared_ptr<audit_log> out(new audit_log(std::move(given)));
  if (auto done = out->open_file(); !done) return done.error();
  out->writer_ = std::thread([log = out.get()] { log->run(); });
  return out;
}

audit_log::~audit_log() {
  {
    std::lock_guard hold{mutex_};
    closing_ = true;
  }
  some_.notify_one();
  if (writer_.joinable()) writer_.join();
  if (file_ > STDOUT_FILENO) ::close(file_);
}

result<void> audit_log::open_file() {
  if (given_.path == "-") {
    file_ = STDOUT_FILENO;
    return {};
  }
  file_ = ::open(given_.path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file_ < 0)
    return error{errc::unavailable,
                 "cannot open the audit log " + given_.path + ": " + strerror(errno)};
  struct stat found {};
  file_bytes_ = ::fstat(file_, &found) == 0 ? static_cast<uint64_t>(found.st_size) : 0;
  return {};
}

void audit_log::put(audit_event event) {
  auto size = event.size_bytes();
  {
    std::lock_guard hold{mutex_};
    if (queue_bytes_ + size > given_.queue_bytes_max) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    queue_bytes_ += size;
    queue_.push_back(std::move(event));
  }
  some_.notify_one();
}

void audit_log::run() {
  std::string lines;
  uint64_t told = 0; // of those dropped
  while (true) {
    std::deque<audit_event> events;
    {
      std::unique_lock hold{mutex_};
      some_.wait(hold, [this] { return closing_ || !queue_.empty(); });
      if (queue_.empty()) return;
      events.swap(queue_);
    }
    for (auto& e : events) {
      lines += audit_line(e);
      written_.fetch_add(1, std::memory_order_relaxed);
      if (lines.size() >= batch_bytes_max) write(std::exchange(lines, {}));
      // Room is given back one by one: what is being written still counts.
      std::lock_guard hold{mutex_};
      queue_bytes_ -= e.size_bytes();
    }
    write(std::exchange(lines, {}));
    if (auto lost = dropped(); lost != told) {
      told = lost;
      complain("the disk is slower than requests come; events are lost");
    }
  }
}

void audit_log::write(std::string_view lines) {
  if (lines.empty()) return;
  if (file_ != STDOUT_FILENO && file_bytes_ > 0 &&
      file_bytes_ + lines.size() > given_.file_bytes_max)
    rotate();
  while (!lines.empty()) {
    auto done = ::write(file_, lines.data(), lines.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return complain(strerror(errno));
    file_bytes_ += static_cast<uint64_t>(done);
    lines.remove_prefix(static_cast<size_t>(done));
  }
}

void audit_log::rotate() {
  auto backup = backup_name(given_.path);
  if (::rename(given_.path.c_str(), backup.c_str()) != 0) return complain(strerror(errno));
  auto before = file_;
  if (auto done = open_file(); !done) {
    file_ = before; // better a file of another name than none
    return complain(done.error().message);
  }
  ::close(before);
  delete_old();
}

void audit_log::delete_old() {
  namespace fs = std::filesystem;
  fs::path path = given_.path;
  auto prefix = path.stem().string() + "-";
  std::vector<fs::path> backups;
  std::error_code ignored;
  auto folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  for (auto& file : fs::directory_iterator(folder, ignored)) {
    auto name = file.path().filename().string();
    auto middle = name.size() > prefix.size() ? name[prefix.size()] : 'x';
    if (name.starts_with(prefix) && middle >= '0' && middle <= '9' &&
        file.path().extension() == path.extension())
      backups.push_back(file.path());
  }
  std::sort(backups.rbegin(), backups.rend()); // the newest first
  auto oldest = fs::file_time_type::clock::now() - std::chrono::hours{24 * given_.backup_days_max};
  for (size_t i = 0; i < backups.size(); ++i) {
    bool too_many = given_.backups_max > 0 && i >= given_.backups_max;
    bool too_old = given_.backup_days_max > 0 && fs::last_write_time(backups[i], ignored) < oldest;
    if (too_many || too_old) fs::remove(backups[i], ignored);
  }
}

void audit_log::complain(std::string_view what) {
  auto now = static_cast<int64_t>(time(nullptr));
  if (now - complained_at_ < complaint_every_seconds) return;
  complained_at_ = now;
  log::error("audit", "the audit log is not complete",
             {{"file", given_.path}, {"why", what}, {"lost", dropped()}});
}

} // namespace troupe::gateway
