#include "actors/node/door_streams.hpp"

#include "actors/node/exec.hpp"
#include "actors/runtime/shim_protocol.hpp"
#include "net/streams/forward.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <arpa/inet.h>
#include <deque>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

namespace troupe::node {

namespace {

constexpr size_t ahead_bytes_max = 1 << 20; ///< on its way to one side
constexpr size_t ahead_bytes_low = 256 << 10;

/// A client and a process that talk through the pod's shim.
struct exec_bridge : std::enable_shared_from_this<exec_bridge> {
  context_ptr with;
  std::shared_ptr<streams::exec_session> session;
  std::shared_ptr<runtime::shim_stream> stream;
  std::mutex mutex;
  bool over = false;

  void hear(std::string_view message) {
    auto kind = message[0];
    auto data = message.substr(1);
    if (kind == shim::stream_stdout) session->write_stdout(data);
    if (kind == shim::stream_stderr) session->write_stderr(data);
    if (kind == shim::stream_exit)
      return end([&] { session->exit(atoi(std::string(data).c_str())); });
    if (kind == shim::stream_failed)
      return end([&] { session->fail("command could not be run: " + std::string(data)); });
    if (session->queued_bytes() > ahead_bytes_max) stream_now()->read(false);
  }

  std::shared_ptr<runtime::shim_stream> stream_now() {
    std::lock_guard lock(mutex);
    return stream;
  }

  template<class Say> void end(Say say) {
    {
      std::lock_guard lock(mutex);
      if (std::exchange(over, true)) return;
    }
    say();
    close();
  }

  void close() {
    std::shared_ptr<runtime::shim_stream> s;
    {
      std::lock_guard lock(mutex);
      over = true;
      s = std::exchange(stream, nullptr);
    }
    if (s) s->close();
  }

  /// To the process, if it still listens.
  void send(char kind, std::string_view data) {
    auto s = stream_now();
    if (!s) return;
    s->send(kind, data);
    if (s->queued_bytes() > ahead_bytes_max) throttle(s);
  }

  /// The client writes faster than the process reads: it waits until half has gone.
  void throttle(const std::shared_ptr<runtime::shim_stream>& s) {
    session->read(false);
    wait_for_room(s);
  }
  void wait_for_room(const std::shared_ptr<runtime::shim_stream>& s) {
    auto me = shared_from_this();
    s->on_room(ahead_bytes_low, [me] { me->session->read(true); });
  }
};

} // namespace

void serve_exec(const context_ptr& with, const std::string& uid, const std::string& id,
                std::vector<std::string> command, bool container_tty, const http::request& request,
                http::responder to) {
  auto query = request.query();
  auto wanted =
      query ? streams::read_exec_streams(*query) : result<streams::exec_streams>(query.error());
  if (!wanted) return to.reply(http::plain_answer(400, wanted.error().message));
  auto chosen = streams::choose_exec(request);
  if (!chosen) return to.reply(http::plain_answer(400, chosen.error().message));
  bool attach = command.empty();
  if (attach) wanted->tty = wanted->tty && container_tty;
  auto ready = [with, uid, id, command, attach,
                wanted = *wanted](std::shared_ptr<streams::exec_session> session) {
    auto bridge = std::make_shared<exec_bridge>();
    bridge->with = with;
    bridge->session = session;
    runtime::shim_stream::callbacks calls{
        [bridge](std::string_view message) { bridge->hear(message); },
        [bridge] { bridge->end([&] { bridge->session->fail("the process is gone"); }); }};
    std::string flags = wanted.tty ? "oet" : "oe";
    auto stream = attach ? runtime::shim_stream::open(with->loop.context, with->where.pod(uid),
                                                      {"attach", flags, id}, std::move(calls))
                         : start_exec(*with, {uid, id, command, wanted.in, wanted.tty, 0, 0},
                                      std::move(calls));
    if (!stream)
      bridge->end([&] { session->fail(stream.error().message); });
    else
      bridge->stream = *stream;
    return streams::exec_session::callbacks{
        [bridge](std::string_view data) { bridge->send(shim::stream_stdin, data); },
        [bridge] { bridge->send(shim::stream_stdin, {}); },
        [bridge](int width, int height) {
          bridge->send(shim::stream_resize, std::to_string(height) + " " + std::to_string(width));
        },
        [bridge] { bridge->close(); },
        [bridge] {
          if (auto s = bridge->stream_now()) s->read(true);
        }};
  };
  streams::exec_session::start(std::move(to), *chosen, *wanted, std::move(ready));
}

namespace {

namespace asio = boost::asio;

/// A connection to a port of a pod, on the loop.
struct forwarded : std::enable_shared_from_this<forwarded> {
  forwarded(context_ptr with, std::shared_ptr<streams::forward_connection> client)
      : with{std::move(with)}, client{std::move(client)}, socket{this->with->loop.context} {}

  void begin(int fd) {
    socket.assign(asio::ip::tcp::v4(), fd);
    open = true;
    listen();
    flush();
  }

  void listen() {
    if (!open) return;
    if (client->queued_bytes() > ahead_bytes_max) {
      // The client is slow: look again when it may have read.
      pause.expires_after(std::chrono::milliseconds(20));
      return pause.async_wait([me = shared_from_this()](boost::system::error_code bad) {
        if (!bad) me->listen();
      });
    }
    socket.async_read_some(asio::buffer(chunk),
                           [me = shared_from_this()](boost::system::error_code bad, size_t n) {
                             if (n > 0) me->client->write({me->chunk, n});
                             if (bad) {
                               me->client->finish();
                               me->read_over = true;
                               return me->maybe_close();
                             }
                             me->listen();
                           });
  }

  void send(std::string data) {
    waiting.push_back(std::move(data));
    queued += waiting.back().size();
    if (queued > ahead_bytes_max) client->read(false);
    flush();
  }

  void flush() {
    if (!open || sending) return;
    if (waiting.empty()) {
      if (write_over) {
        boost::system::error_code ignored;
        socket.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
      }
      return;
    }
    sending = true;
    asio::async_write(socket, asio::buffer(waiting.front()),
                      [me = shared_from_this()](boost::system::error_code bad, size_t) {
                        me->sending = false;
                        if (bad || !me->open) return;
                        me->queued -= me->waiting.front().size();
                        me->waiting.pop_front();
                        if (me->queued < ahead_bytes_low) me->client->read(true);
                        me->flush();
                      });
  }

  void maybe_close() {
    if (!read_over) return;
    close();
  }

  void close() {
    open = false;
    boost::system::error_code ignored;
    socket.close(ignored);
    pause.cancel();
  }

  context_ptr with;
  std::shared_ptr<streams::forward_connection> client;
  asio::ip::tcp::socket socket;
  asio::steady_timer pause{with->loop.context};
  std::deque<std::string> waiting;
  size_t queued = 0;
  bool open = false, sending = false, write_over = false, read_over = false;
  char chunk[16 * 1024];
};

constexpr int connect_patience_ms = 5'000;

/// A connected socket, made inside the pod's network namespace: what listens on its loopback only
/// is reached, too.
result<int> connect_inside(const std::string& netns, uint16_t port) {
  int out = -1;
  auto work = [&]() -> result<void> {
    descriptor fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int bad = connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) ? errno : 0;
    if (bad == EINPROGRESS) {
      pollfd wait{fd.get(), POLLOUT, 0};
      socklen_t size = sizeof bad;
      bad = ETIMEDOUT;
      if (poll(&wait, 1, connect_patience_ms) > 0)
        getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &bad, &size);
    }
    if (bad) {
      errno = bad;
      return system_error("connect to", "port " + std::to_string(port) + " of the pod");
    }
    out = fd.release();
    return {};
  };
  auto done = netns.empty() ? work() : inside_network(netns, work);
  if (!done) return done.error();
  return out;
}

} // namespace

void serve_forward(const context_ptr& with, const pod_card& pod, const http::request& request,
                   http::responder to) {
  auto chosen = streams::choose_forward(request);
  if (!chosen) return to.reply(http::plain_answer(400, chosen.error().message));
  auto query = request.query();
  auto ports = query ? streams::read_ports(*query) : result<std::vector<uint16_t>>(query.error());
  if (!ports) return to.reply(http::plain_answer(400, ports.error().message));
  auto netns = pod.pod->spec().host_network()
                   ? std::string{}
                   : (with->where.pod(pod.pod->metadata().uid()) / "ns" / "net").string();
  auto open = [with, netns](uint16_t port, std::shared_ptr<streams::forward_connection> client) {
    auto one = std::make_shared<forwarded>(with, client);
    with->work.run([with, netns, port, one] {
      auto fd = connect_inside(netns, port);
      asio::post(with->loop.context,
                 [one, fd] { fd ? one->begin(*fd) : one->client->fail(fd.error().message); });
    });
    auto& loop = with->loop.context;
    return streams::forward_connection::callbacks{
        [one, &loop](std::string_view data) {
          asio::post(loop,
                     [one, data = std::string(data)]() mutable { one->send(std::move(data)); });
        },
        [one, &loop] {
          asio::post(loop, [one] {
            one->write_over = true;
            one->flush();
          });
        },
        [one, &loop] { asio::post(loop, [one] { one->close(); }); }};
  };
  streams::start_forward(std::move(to), *chosen, *ports, std::move(open));
}

} // namespace troupe::node
