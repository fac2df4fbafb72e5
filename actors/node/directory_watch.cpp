#include "actors/node/directory_watch.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include <memory>
#include <sys/inotify.h>
#include <unistd.h>

namespace troupe::node {

namespace {

class directory_watch : public std::enable_shared_from_this<directory_watch> {
public:
  directory_watch(boost::asio::io_context& loop, int fd,
                  std::function<void(const std::string&)> changed)
      : events_{loop, fd}, changed_{std::move(changed)} {}

  void hear() {
    events_.async_read_some(boost::asio::buffer(heard_),
                            [me = shared_from_this()](boost::system::error_code bad, size_t n) {
                              if (bad) return;
                              me->tell(n);
                              me->hear();
                            });
  }

private:
  void tell(size_t n) {
    for (size_t at = 0; at + sizeof(inotify_event) <= n;) {
      auto& event = *reinterpret_cast<const inotify_event*>(heard_ + at);
      if (event.len) changed_(event.name);
      if (event.mask & IN_Q_OVERFLOW) changed_({});
      at += sizeof event + event.len;
    }
  }

  boost::asio::posix::stream_descriptor events_;
  std::function<void(const std::string&)> changed_;
  alignas(inotify_event) char heard_[4096];
};

} // namespace

void watch_directory(boost::asio::io_context& loop, const std::filesystem::path& directory,
                     uint32_t mask, std::function<void(const std::string& name)> changed) {
  int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (fd < 0) return;
  if (inotify_add_watch(fd, directory.c_str(), mask) < 0) {
    close(fd);
    return;
  }
  // Armed before this returns: what happens from now on is heard.
  auto made = std::make_shared<directory_watch>(loop, fd, std::move(changed));
  boost::asio::post(loop, [made] { made->hear(); });
}

} // namespace troupe::node
