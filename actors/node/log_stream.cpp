#include "actors/node/log_stream.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include <deque>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

namespace troupe::node {

namespace fs = std::filesystem;

namespace {

constexpr size_t chunk_bytes = 64 * 1024;
constexpr size_t ahead_bytes_max = 1 << 20; ///< of a reader who does not read
constexpr size_t tail_bytes_max = 64 << 20; ///< looked through for the last lines

/// One reader. Reads on the pool; waits on the loop.
class log_sender : public std::enable_shared_from_this<log_sender> {
public:
  log_sender(context_ptr with, log_source from, log_query asked, http::stream to)
      : with_{std::move(with)}, from_{std::move(from)}, asked_{asked}, filter_{std::move(asked)},
        to_{std::move(to)}, changes_{with_->loop.context} {}

  void start() {
    auto me = shared_from_this();
    to_.on_closed([me](http::gone) { me->stop(); });
    to_.on_drained([me] { me->go_on(); });
    if (asked_.follow) listen();
    with_->work.run([me] {
      me->open_files();
      me->pump();
    });
  }

private:
  /// All files of this container from the oldest on; of a tail only where it begins.
  void open_files() {
    std::vector<fs::path> names;
    for (int i = with_->given.log_files_max; i > 0; --i)
      names.push_back(from_.file.string() + "." + std::to_string(i));
    names.push_back(from_.file);
    for (auto& name : names) {
      descriptor fd(open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
      struct stat st {};
      if (fd && fstat(fd.get(), &st) == 0 && S_ISREG(st.st_mode)) files_.push_back(std::move(fd));
    }
    if (asked_.tail_lines) seek_tail();
  }

  void seek_tail() {
    auto lines = std::max<int64_t>(0, *asked_.tail_lines);
    size_t looked = 0;
    for (size_t i = files_.size(); i-- > 0;) {
      struct stat st {};
      fstat(files_[i].get(), &st);
      auto size = std::min<size_t>(static_cast<size_t>(st.st_size), tail_bytes_max - looked);
      std::string raw(size, '\0');
      auto n = pread(files_[i].get(), raw.data(), size, st.st_size - static_cast<off_t>(size));
      raw.resize(n > 0 ? static_cast<size_t>(n) : 0);
      looked += raw.size();
      if (auto begin = tail_begin(raw, lines); begin || looked >= tail_bytes_max) {
        lseek(files_[i].get(),
              st.st_size - static_cast<off_t>(size) + static_cast<off_t>(begin.value_or(0)),
              SEEK_SET);
        files_.erase(files_.begin(), files_.begin() + static_cast<ptrdiff_t>(i));
        return;
      }
    }
  }

  /// Sends until the reader or the log has had enough. Only one thread at a time is here.
  void pump() {
    std::string raw(chunk_bytes, '\0');
    for (;;) {
      if (stopped_) return;
      if (to_.queued_bytes() > ahead_bytes_max) return rest(waiting_for::reader);
      bool over = ended();
      auto n = files_.empty() ? 0 : read(files_.front().get(), raw.data(), raw.size());
      if (n > 0) {
        std::string shown;
        bool more = filter_.feed({raw.data(), static_cast<size_t>(n)}, shown);
        if (!shown.empty() && !to_.write(std::move(shown))) return stop();
        if (!more) return finish();
        continue;
      }
      if (files_.size() > 1) {
        files_.pop_front();
        continue;
      }
      if (rotated()) continue;
      // What was written before the end was written before it was seen.
      if (!asked_.follow || over) return finish();
      return rest(waiting_for::log);
    }
  }

  bool ended() const { return access(from_.end_file.c_str(), F_OK) == 0; }

  /// A new file has taken the place of the one that has been read.
  bool rotated() {
    struct stat now {
    }, held{};
    if (stat(from_.file.c_str(), &now)) return false;
    if (!files_.empty() && fstat(files_.front().get(), &held) == 0 && held.st_ino == now.st_ino)
      return false;
    descriptor fd(open(from_.file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!fd) return false;
    files_.clear();
    files_.push_back(std::move(fd));
    return true;
  }

  enum class waiting_for : uint8_t { nothing, reader, log };

  void rest(waiting_for what) {
    bool again = false;
    {
      std::lock_guard lock(mutex_);
      again = std::exchange(stirred_, false);
      if (!again) resting_ = true;
    }
    // Something has happened since the last look: the reader may have read, the log grown.
    if (again || (what == waiting_for::reader && to_.queued_bytes() == 0)) go_on_now();
  }

  void go_on_now() {
    {
      std::lock_guard lock(mutex_);
      resting_ = false;
    }
    with_->work.run([me = shared_from_this()] { me->pump(); });
  }

  /// The reader has read, or the log has grown.
  void go_on() {
    {
      std::lock_guard lock(mutex_);
      if (!resting_) {
        stirred_ = true;
        return;
      }
      resting_ = false;
    }
    with_->work.run([me = shared_from_this()] { me->pump(); });
  }

  void listen() {
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0) return;
    inotify_add_watch(fd, from_.file.parent_path().c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO);
    inotify_add_watch(fd, from_.end_file.parent_path().c_str(), IN_MOVED_TO);
    boost::asio::post(with_->loop.context, [me = shared_from_this(), fd] {
      me->changes_.assign(fd);
      me->hear();
    });
  }

  void hear() {
    changes_.async_read_some(boost::asio::buffer(heard_),
                             [me = shared_from_this()](boost::system::error_code bad, size_t) {
                               if (bad || me->stopped_) return;
                               me->go_on();
                               me->hear();
                             });
  }

  void finish() {
    to_.finish();
    stop();
  }

  void stop() {
    stopped_ = true;
    boost::asio::post(with_->loop.context, [me = shared_from_this()] {
      boost::system::error_code ignored;
      me->changes_.close(ignored);
    });
  }

  context_ptr with_;
  log_source from_;
  log_query asked_;
  log_filter filter_;
  http::stream to_;
  std::deque<descriptor> files_;
  boost::asio::posix::stream_descriptor changes_;
  char heard_[4096];
  std::mutex mutex_;
  bool resting_ = false, stirred_ = false;
  std::atomic<bool> stopped_{false};
};

} // namespace

void send_log(const context_ptr& with, const log_source& from, const log_query& asked,
              http::responder to) {
  auto stream = to.stream(200, {{"Content-Type", "text/plain"}});
  std::make_shared<log_sender>(with, from, asked, std::move(stream))->start();
}

} // namespace troupe::node
