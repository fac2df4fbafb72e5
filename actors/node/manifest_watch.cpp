#include "actors/node/manifest_watch.hpp"

#include "actors/node/directory_watch.hpp"
#include "messages/base/log.hpp"

#include <sys/inotify.h>

namespace troupe::node {

namespace fs = std::filesystem;

namespace {

constexpr size_t files_max = 1'000, file_bytes_max = 1 << 20;

class manifest_watch : public std::enable_shared_from_this<manifest_watch> {
public:
  explicit manifest_watch(const context_ptr& with)
      : with_{with}, directory_{with->given.manifest_directory} {}

  void start(const context_ptr& with) {
    watch_directory(with->loop.context, directory_,
                    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE,
                    [me = shared_from_this()](const std::string& name) {
                      if (!name.starts_with(".")) me->look_again();
                    });
    read(*with);
  }

private:
  void look_again() {
    if (auto with = with_.lock())
      with->work.run([me = shared_from_this(), with] {
        me->read(*with);
        with->reports.wake();
      });
  }

  void read(context& with) {
    std::lock_guard one_at_a_time(mutex_);
    std::map<std::string, file> found;
    std::error_code bad;
    for (auto& e : fs::directory_iterator(directory_, bad)) {
      auto name = e.path().filename().string();
      if (name.starts_with(".") || !e.is_regular_file(bad)) continue;
      if (found.size() >= files_max) {
        log::warn("node", "too many manifests; the others are left out",
                  {{"directory", directory_.string()}, {"limit", files_max}});
        break;
      }
      found[name] = read_one(with, name, e.path());
    }
    files_ = std::move(found);
    std::map<std::string, static_pods::pod_ptr> wanted;
    for (auto& [name, f] : files_)
      for (auto& pod : f.pods) wanted[pod->metadata().uid()] = pod;
    with.manifests.want(std::move(wanted));
  }

  struct file {
    std::string text;
    std::vector<static_pods::pod_ptr> pods;
  };

  file read_one(context& with, const std::string& name, const fs::path& path) {
    auto before = files_.find(name);
    auto keep = before == files_.end() ? file{} : before->second;
    auto refuse = [&](const error& why) {
      log::warn("node", "a manifest cannot be used; what it said before goes on",
                {{"file", path.string()}, {"why", why.message}});
      return keep;
    };
    auto text = read_file(path, file_bytes_max);
    if (!text) return refuse(text.error());
    if (*text == keep.text) return keep;
    auto pods = read_static_pods(*text, with.given.name, with.given.now());
    if (!pods) return refuse(pods.error());
    file out{std::move(*text), {}};
    for (auto& pod : *pods) out.pods.push_back(std::make_shared<const Pod>(std::move(pod)));
    return out;
  }

  std::weak_ptr<context> with_;
  fs::path directory_;
  std::mutex mutex_;
  std::map<std::string, file> files_;
};

} // namespace

void watch_manifests(const context_ptr& with) {
  if (with->given.manifest_directory.empty()) return;
  if (auto made = make_directories(with->given.manifest_directory); !made)
    return log::warn("node", "there are no static pods", {{"why", made.error().message}});
  std::make_shared<manifest_watch>(with)->start(with);
}

} // namespace troupe::node
