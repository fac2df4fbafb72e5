#include "actors/node/images/watch.hpp"

#include "actors/node/images/import.hpp"
#include "messages/base/log.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include <sys/inotify.h>

namespace troupe::node {

namespace fs = std::filesystem;

namespace {

/// Names of the settings' directory and of what is in it come from this machine's operator; what is
/// in the files is not trusted.
class image_watch : public std::enable_shared_from_this<image_watch> {
public:
  explicit image_watch(const context_ptr& with)
      : with_{with}, directory_{with->given.image_watch_directory}, changes_{with->loop.context} {}

  void start(const context_ptr& with) {
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd >= 0) inotify_add_watch(fd, directory_.c_str(), IN_CLOSE_WRITE | IN_MOVED_TO);
    boost::asio::post(with->loop.context, [me = shared_from_this(), fd] {
      if (fd >= 0) me->changes_.assign(fd);
      if (fd >= 0) me->hear();
    });
    std::error_code bad;
    for (auto& e : fs::directory_iterator(directory_, bad))
      if (e.is_regular_file(bad)) take(e.path());
  }

private:
  void hear() {
    changes_.async_read_some(boost::asio::buffer(heard_),
                             [me = shared_from_this()](boost::system::error_code bad, size_t n) {
                               if (bad) return;
                               for (size_t at = 0; at + sizeof(inotify_event) <= n;) {
                                 auto& event =
                                     *reinterpret_cast<const inotify_event*>(me->heard_ + at);
                                 if (event.len) me->take(me->directory_ / event.name);
                                 at += sizeof event + event.len;
                               }
                               me->hear();
                             });
  }

  void take(const fs::path& file) {
    auto name = file.filename().string();
    if (name.starts_with(".")) return; // still being written by a careful copier
    auto with = with_.lock();
    if (!with) return;
    with->pulls.run([with, file] {
      std::error_code bad;
      if (!fs::is_regular_file(fs::symlink_status(file, bad))) return;
      auto in = import_images(with->images, file);
      if (!in)
        return log::warn("node", "an image archive cannot be imported",
                         {{"file", file.string()}, {"why", in.error().message}});
      for (auto& image : *in)
        log::info("node", "an image was imported",
                  {{"file", file.string()},
                   {"image", image->names.empty() ? image->id : image->names.back()}});
    });
  }

  std::weak_ptr<context> with_;
  fs::path directory_;
  boost::asio::posix::stream_descriptor changes_;
  alignas(inotify_event) char heard_[4096];
};

} // namespace

void watch_images(const context_ptr& with) {
  if (with->given.image_watch_directory.empty()) return;
  if (auto made = make_directories(with->given.image_watch_directory); !made)
    return log::warn("node", "no images are imported", {{"why", made.error().message}});
  std::make_shared<image_watch>(with)->start(with);
}

} // namespace troupe::node
