#include "bin/store_desk.hpp"

#include "bin/clock.hpp"
#include "bin/desk.hpp"
#include "messages/base/log.hpp"
#include "net/tls/files.hpp"

#include <sys/stat.h>

namespace troupe {

namespace {

constexpr std::string_view store_path = "/troupe/v1/store";
constexpr int tasks_max = 8; // that wait
constexpr const char* checked_file = "store-checked";

json::object written(const storage::check_report& x) {
  json::object out{{"time", format_time(static_cast<int64_t>(x.time_ms / 1000))}};
  out["sound"] = x.damage.empty();
  if (!x.damage.empty()) {
    out["damage"] = x.damage;
    out["healed"] = x.healed;
  }
  return out;
}

/// When a file was last touched; nothing if it is not there.
std::optional<int64_t> touched(const std::filesystem::path& file) {
  struct stat info;
  if (::stat(file.c_str(), &info) != 0) return {};
  return info.st_mtim.tv_sec;
}

} // namespace

bool gentle_pace::spend(size_t bytes) {
  std::unique_lock lock{mutex_};
  auto share = std::chrono::nanoseconds{bytes * 1'000'000'000 / bytes_per_second_};
  return !stopped_.wait_for(lock, share, [this] { return ending_; });
}

void gentle_pace::stop() {
  {
    std::lock_guard lock{mutex_};
    ending_ = true;
  }
  stopped_.notify_all();
}

store_desk::store_desk(const gateway::gateway& api, storage::store& store, storage::caretaker& care,
                       store_desk_settings settings)
    : api_{api}, store_{store}, care_{care}, settings_{std::move(settings)},
      pace_{settings_.check_bytes_per_second} {
  work_.emplace();
  if (!touched(settings_.data / checked_file))
    (void)tls::save_private(settings_.data / checked_file, "");
  checks_.emplace(renewal::work{.name = "store",
                                .done = "everything on the disk was read again",
                                .now = wall_clock,
                                .due = [this] { return check_due(); },
                                .renew = [this]() -> result<void> {
                                  auto done = check();
                                  return done ? result<void>{} : done.error();
                                }});
}

store_desk::~store_desk() {
  pace_.stop();
  checks_.reset();
  work_.reset();
}

int64_t store_desk::check_due() const {
  return touched(settings_.data / checked_file).value_or(0) + settings_.check_every.count();
}

bool store_desk::handle(http::request& request, http::responder& responder) {
  std::string_view path = request.path();
  if (!path.starts_with(store_path)) return false;
  auto what = path.substr(store_path.size());
  if (!what.empty() && what[0] != '/') return false;
  auto to = std::move(responder);
  auto allowed =
      desk::allow(api_, request, desk::administrators, "see or change the store's files");
  if (!allowed) return desk::refuse(std::move(to), allowed.error()), true;
  auto task = task_for(request.verb(), what);
  if (task)
    carry_out(std::move(task), std::move(to));
  else
    desk::refuse(std::move(to), {errc::not_found, "there is nothing at " + std::string(path)});
  return true;
}

store_desk::task store_desk::task_for(http::method verb, std::string_view what) {
  if (what.empty() && verb == http::method::get) return [this] { return show(); };
  if (verb != http::method::post) return {};
  if (what == "/check") return [this] { return check(); };
  if (what == "/defragment")
    return [this]() -> result<json::object> {
      if (auto done = care_.defragment(); !done) return done.error();
      return show();
    };
  if (what == "/backup")
    return [this]() -> result<json::object> {
      auto where = settings_.save_backup();
      if (!where) return where.error();
      return json::object{{"backup", *where}};
    };
  return {};
}

/// Not on the connection's thread: it may take its time.
void store_desk::carry_out(task what, http::responder to) {
  if (++waiting_ > tasks_max) {
    --waiting_;
    return desk::refuse(std::move(to), {errc::too_many_requests, "too many tasks wait already"});
  }
  auto shared = std::make_shared<http::responder>(std::move(to));
  work_->post([this, what = std::move(what), shared] {
    auto done = what();
    --waiting_;
    if (done)
      desk::tell(std::move(*shared), std::move(*done));
    else
      desk::refuse(std::move(*shared), done.error());
  });
}

result<json::object> store_desk::show() const {
  auto seen = care_.look();
  if (!seen) return seen.error();
  auto now = store_.current();
  json::object out{{"revision", now.revision()},
                   {"objects", now.count("")},
                   {"bytes", seen->room.bytes},
                   {"freeBytes", seen->room.free_bytes},
                   {"logSegments", seen->log_segments}};
  if (seen->last_check) out["lastCheck"] = written(*seen->last_check);
  return out;
}

result<json::object> store_desk::check() {
  auto report = care_.check([this](size_t bytes) { return pace_.spend(bytes); });
  if (!report) return report.error();
  if (!report->damage.empty())
    log::error("store",
               report->healed ? "damage on the disk was found and written over from memory: look "
                                "after this disk"
                              : "damage on the disk was found: do not stop this server before "
                                "another has its data",
               {{"damage", report->damage}});
  (void)tls::save_private(settings_.data / checked_file, "");
  return written(*report);
}

} // namespace troupe
