#include "actors/runtime/shim_client.hpp"

#include "actors/runtime/command_lines.hpp"
#include "actors/runtime/shim_protocol.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace troupe::runtime {

namespace {

constexpr const char* socket_name = "shim.sock";

/// The socket's address by way of an open directory: paths may be longer than addresses.
struct place {
  int directory = -1;
  sockaddr_un address{};

  explicit place(const std::filesystem::path& pod)
      : directory{open(pod.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)} {
    address.sun_family = AF_UNIX;
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", directory,
             socket_name);
  }
  ~place() {
    if (directory >= 0) close(directory);
  }
};

error trouble(const char* what, int why) {
  return {errc::unavailable, std::string(what) + " the pod's shim: " + strerror(why)};
}

result<int> connect_to(const std::filesystem::path& pod) {
  place at(pod);
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (fd < 0) return trouble("cannot reach", errno);
  int room = 1 << 20;
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room); // a command line is one message
  if (connect(fd, reinterpret_cast<sockaddr*>(&at.address), sizeof at.address)) {
    auto why = trouble("cannot reach", errno);
    close(fd);
    return why;
  }
  return fd;
}

} // namespace

result<int> listen_for_shim(const std::filesystem::path& pod) {
  place at(pod);
  unlink((pod / socket_name).c_str());
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&at.address), sizeof at.address) ||
      listen(fd, 128)) {
    auto why = trouble("cannot listen for", errno);
    if (fd >= 0) close(fd);
    return why;
  }
  return fd;
}

result<std::vector<std::string>> ask_shim(const std::filesystem::path& pod,
                                          const std::vector<std::string>& words,
                                          std::chrono::milliseconds patience) {
  auto fd = connect_to(pod);
  if (!fd) return fd.error();
  auto message = join_words(words);
  std::string answer(64 * 1024, '\0');
  ssize_t n = message.size() > shim::message_bytes_max
                  ? (errno = E2BIG, -1)
                  : send(*fd, message.data(), message.size(), MSG_NOSIGNAL);
  pollfd wait{*fd, POLLIN, 0};
  int ready = n < 0 ? 1 : poll(&wait, 1, static_cast<int>(patience.count()));
  if (n >= 0 && ready > 0) n = recv(*fd, answer.data(), answer.size(), 0);
  int why = errno;
  close(*fd);
  if (ready == 0)
    return error{errc::timeout, "the pod's shim has not answered within " +
                                    std::to_string(patience.count()) + " ms"};
  if (n < 0) return trouble("cannot ask", why);
  if (n == 0) return error{errc::unavailable, "the pod's shim has gone"};
  return split_words({answer.data(), static_cast<size_t>(n)});
}

shim_stream::shim_stream(boost::asio::io_context& context, int fd, callbacks calls)
    : context_{context}, socket_{context}, calls_{std::move(calls)} {
  socket_.assign(boost::asio::generic::seq_packet_protocol(AF_UNIX, 0), fd);
  buffer_.resize(shim::chunk_bytes_max + 64);
}

result<std::shared_ptr<shim_stream>> shim_stream::open(boost::asio::io_context& context,
                                                       const std::filesystem::path& pod,
                                                       const std::vector<std::string>& words,
                                                       callbacks calls) {
  auto fd = connect_to(pod);
  if (!fd) return fd.error();
  auto message = join_words(words);
  if (message.size() > shim::message_bytes_max ||
      ::send(*fd, message.data(), message.size(), MSG_NOSIGNAL) < 0) {
    auto why = trouble("cannot ask", message.size() > shim::message_bytes_max ? E2BIG : errno);
    ::close(*fd);
    return why;
  }
  fcntl(*fd, F_SETFL, fcntl(*fd, F_GETFL) | O_NONBLOCK);
  std::shared_ptr<shim_stream> out(new shim_stream(context, *fd, std::move(calls)));
  boost::asio::post(context, [out] { out->receive(); });
  return out;
}

void shim_stream::receive() {
  if (receiving_ || !reading_ || closed_) return;
  receiving_ = true;
  socket_.async_receive(boost::asio::buffer(buffer_), in_flags_,
                        [me = shared_from_this()](boost::system::error_code bad, size_t size) {
                          me->receiving_ = false;
                          if (bad || size == 0) return me->end();
                          if (me->calls_.on_message)
                            me->calls_.on_message({me->buffer_.data(), size});
                          me->receive();
                        });
}

void shim_stream::send(char kind, std::string_view data) {
  std::vector<std::string> messages;
  do {
    auto piece = data.substr(0, shim::chunk_bytes_max);
    data.remove_prefix(piece.size());
    messages.push_back(std::string(1, kind).append(piece));
    queued_bytes_ += messages.back().size();
  } while (!data.empty());
  boost::asio::post(context_, [me = shared_from_this(), messages = std::move(messages)]() mutable {
    for (auto& m : messages) me->waiting_.push_back(std::move(m));
    me->flush();
  });
}

void shim_stream::flush() {
  if (sending_ || waiting_.empty() || closed_) return;
  sending_ = true;
  socket_.async_send(boost::asio::buffer(waiting_.front()), 0,
                     [me = shared_from_this()](boost::system::error_code bad, size_t) {
                       me->sending_ = false;
                       if (me->closed_) return;
                       me->queued_bytes_ -= me->waiting_.front().size();
                       me->waiting_.pop_front();
                       me->check_room();
                       if (!bad) me->flush();
                     });
}

void shim_stream::on_room(size_t bytes, std::function<void()> call) {
  boost::asio::post(context_, [me = shared_from_this(), bytes, call = std::move(call)]() mutable {
    me->room_bytes_ = bytes;
    me->on_room_ = std::move(call);
    me->check_room();
  });
}

void shim_stream::check_room() {
  if (!on_room_ || (queued_bytes_ > room_bytes_ && !closed_)) return;
  std::exchange(on_room_, nullptr)();
}

void shim_stream::read(bool wanted) {
  boost::asio::post(context_, [me = shared_from_this(), wanted] {
    me->reading_ = wanted;
    me->receive();
  });
}

void shim_stream::close() {
  boost::asio::post(context_, [me = shared_from_this()] { me->end(); });
}

void shim_stream::end() {
  if (closed_) return;
  closed_ = true;
  boost::system::error_code ignored;
  socket_.close(ignored);
  check_room();
  auto calls = std::exchange(calls_, {});
  if (calls.on_closed) calls.on_closed();
}

} // namespace troupe::runtime
