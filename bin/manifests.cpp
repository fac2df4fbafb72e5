#include "bin/manifests.hpp"

#include "actors/node/directory_watch.hpp"
#include "bin/commands/terminal.hpp"
#include "bin/verbs/verbs.hpp"
#include "messages/base/log.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/steady_timer.hpp>

#include <map>
#include <set>
#include <sys/inotify.h>
#include <thread>

namespace troupe {

namespace fs = std::filesystem;

namespace {

constexpr const char* apply_query = "?fieldManager=manifests&force=true";
constexpr const char* apply_type = "application/apply-patch+yaml";
constexpr std::chrono::milliseconds settle_after{100}; ///< files come in crowds
constexpr std::chrono::seconds retry_after{1}, retry_after_max{60};
constexpr size_t files_max = 1'000;

} // namespace

struct manifests::keeper {
  keeper(fs::path from, fs::path as)
      : directory{std::move(from)}, kubeconfig{std::move(as)}, thread{[this] { run(); }} {}

  ~keeper() {
    loop.stop();
    thread.join();
  }

  void run() {
    std::error_code bad;
    fs::create_directories(directory, bad);
    if (!fs::is_directory(directory, bad))
      return log::error("manifests", "this is no directory: nothing is applied",
                        {{"directory", directory.string()}});
    node::watch_directory(loop, directory, IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE,
                          [this](const std::string&) { look_in(settle_after); });
    look_in(std::chrono::milliseconds{0});
    auto stays = boost::asio::make_work_guard(loop);
    loop.run();
  }

  void look_in(std::chrono::milliseconds pause) {
    timer.expires_after(pause);
    timer.async_wait([this](boost::system::error_code stopped) {
      if (!stopped) look();
    });
  }

  /// Applies what has changed; later again if anything failed.
  void look() {
    auto files = manifests_there();
    std::erase_if(applied, [&](auto& known) {
      bool gone = !files.contains(known.first);
      if (gone) log::info("manifests", "a file is gone; its objects stay", {{"file", known.first}});
      return gone;
    });
    size_t failures = 0;
    for (auto& file : files) {
      auto text = commands::read_source(file);
      if (text && applied.contains(file) && applied[file] == *text) continue;
      auto done = text ? apply(file, *text) : text.error();
      if (done) {
        applied[file] = *text;
        complaints.erase(file);
        continue;
      }
      ++failures;
      // Once is enough: it is tried again and again.
      if (std::exchange(complaints[file], done.error().message) != done.error().message)
        log::warn("manifests", "it cannot be applied; trying again until it can",
                  {{"file", file}, {"why", done.error().message}});
    }
    if (failures == 0) {
      delay = retry_after;
      return;
    }
    look_in(delay);
    delay = std::min(delay * 2, retry_after_max);
  }

  std::set<std::string> manifests_there() {
    std::set<std::string> out;
    std::error_code bad;
    for (auto& e : fs::directory_iterator(directory, bad))
      if (verbs::is_manifest(e.path()) && e.is_regular_file(bad)) out.insert(e.path().string());
    if (out.size() > files_max) {
      log::warn("manifests", "too many files; the last ones are left out", {{"limit", files_max}});
      out.erase(std::next(out.begin(), files_max), out.end());
    }
    return out;
  }

  /// Every object of a file that can be applied is; fails with what is wrong with the others.
  result<void> apply(const std::string& file, const std::string& text) {
    verbs::session s; // it learns the kinds anew: a file before may have brought some
    verbs::arguments given;
    given.set("kubeconfig", kubeconfig.string());
    if (auto begun = s.begin(given); !begun) return begun;
    auto objects = verbs::read_objects(s, file, text);
    if (!objects) return objects.error();
    std::string faults;
    for (auto& o : *objects) {
      auto done = apply_one(s, o);
      if (!done)
        faults += (faults.empty() ? "" : "; ") + o.where.told() + ": " + done.error().message;
    }
    if (!faults.empty()) return error{errc::invalid, faults};
    log::info("manifests", "applied", {{"file", file}, {"objects", objects->size()}});
    return {};
  }

  static result<void> apply_one(verbs::session& s, const verbs::file_object& o) {
    if (o.where.name.empty()) return error{errc::bad_request, "it has no name"};
    auto made = s.ask("PATCH", o.where.path() + apply_query, json::write(o.document), apply_type);
    if (!made) return made.error();
    return {};
  }

  const fs::path directory, kubeconfig;
  std::map<std::string, std::string> applied;    ///< file to what it said
  std::map<std::string, std::string> complaints; ///< file to what was told of it last
  std::chrono::seconds delay = retry_after;
  boost::asio::io_context loop{1};
  boost::asio::steady_timer timer{loop};
  std::thread thread; ///< the last to begin
};

manifests::manifests(fs::path directory, fs::path kubeconfig)
    : keeper_{std::make_unique<keeper>(std::move(directory), std::move(kubeconfig))} {}

manifests::~manifests() = default;

} // namespace troupe
