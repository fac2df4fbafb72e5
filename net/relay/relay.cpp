#include "net/relay/relay.hpp"

#include "messages/base/log.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <atomic>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace troupe::relay {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using failure = boost::system::error_code;

constexpr size_t piece_bytes = 32 * 1024;
constexpr std::chrono::milliseconds accept_pause{100};

/// Bytes one way: the end of one side's words is passed on, an error ends both.
struct way {
  tcp::socket& from;
  tcp::socket& to;
  std::array<char, piece_bytes> bytes{};
};

/// A client and the server it was led to.
struct pair : std::enable_shared_from_this<pair> {
  pair(tcp::socket taken, std::atomic<size_t>& count)
      : client{std::move(taken)}, server{client.get_executor()}, patience{client.get_executor()},
        count{count} {
    ++count;
  }
  ~pair() { --count; }

  void run() {
    failure ignored;
    client.set_option(tcp::no_delay{true}, ignored);
    server.set_option(tcp::no_delay{true}, ignored);
    pump(there);
    pump(back);
  }

  void pump(way& w) {
    w.from.async_read_some(
        asio::buffer(w.bytes), [me = shared_from_this(), &w](failure bad, size_t size) {
          if (bad == asio::error::eof) {
            w.to.shutdown(tcp::socket::shutdown_send, bad);
            return;
          }
          if (bad) return me->end();
          asio::async_write(w.to, asio::buffer(w.bytes.data(), size),
                            [me, &w](failure bad, size_t) { bad ? me->end() : me->pump(w); });
        });
  }

  void end() {
    failure ignored;
    client.close(ignored);
    server.close(ignored);
  }

  tcp::socket client, server;
  asio::steady_timer patience;
  std::atomic<size_t>& count; ///< of all that there are
  target led_to;
  way there{client, server}, back{server, client};
};

} // namespace

result<target> target::parse(const std::string& text) {
  auto colon = text.rfind(':');
  unsigned port = 0;
  if (colon != text.npos) {
    auto begin = text.data() + colon + 1, end = text.data() + text.size();
    if (auto [at, bad] = std::from_chars(begin, end, port); bad != std::errc{} || at != end)
      port = 65'536;
  }
  failure bad;
  auto host = text.substr(0, colon);
  asio::ip::make_address(host, bad);
  if (colon == text.npos || bad || port > 65'535)
    return error{errc::bad_request, "\"" + text + "\" is no address with a port: 10.0.0.1:6443"};
  return target{host, static_cast<uint16_t>(port)};
}

struct relay::core : std::enable_shared_from_this<core> {
  explicit core(settings chosen) : given{std::move(chosen)} {}

  result<void> listen() {
    failure bad;
    tcp::endpoint at{asio::ip::make_address(given.listen.host, bad), given.listen.port};
    if (!bad) acceptor.open(at.protocol(), bad);
    if (!bad) acceptor.set_option(tcp::acceptor::reuse_address{true}, bad);
    if (!bad) acceptor.bind(at, bad);
    if (!bad) acceptor.listen(asio::socket_base::max_listen_connections, bad);
    if (bad)
      return error{errc::unavailable,
                   "cannot listen on " + given.listen.text() + ": " + bad.message()};
    return {};
  }

  void accept() {
    acceptor.async_accept([me = shared_from_this()](failure bad, tcp::socket taken) {
      if (bad == asio::error::operation_aborted) return;
      if (bad) {
        me->pause.expires_after(accept_pause);
        return me->pause.async_wait([me](failure stopped) {
          if (!stopped) me->accept();
        });
      }
      me->take(std::move(taken));
      me->accept();
    });
  }

  void take(tcp::socket taken) {
    std::erase_if(open, [](auto& x) { return x.expired(); });
    if (open.size() >= given.connections_max) return; // it is closed
    auto made = std::make_shared<pair>(std::move(taken), connections);
    open.push_back(made);
    lead(made, 0);
    std::lock_guard lock{mutex};
    changed.notify_all();
  }

  /// To the server that answered last, or one after it.
  void lead(std::shared_ptr<pair> who, size_t tried) {
    tcp::endpoint at;
    size_t which;
    {
      std::lock_guard lock{mutex};
      if (ending || tried >= given.targets.size()) return who->end();
      which = (preferred + tried) % given.targets.size();
      auto& to = given.targets[which];
      at = {asio::ip::make_address(to.host), to.port};
      who->led_to = to;
    }
    auto next = [me = shared_from_this(), who, tried] {
      failure ignored;
      who->server.close(ignored);
      me->lead(who, tried + 1);
    };
    who->patience.expires_after(given.connect_within);
    who->patience.async_wait([who](failure stopped) {
      failure ignored;
      if (!stopped) who->server.close(ignored); // connecting fails with that
    });
    who->server.async_connect(at, [me = shared_from_this(), who, which, next](failure bad) {
      who->patience.cancel();
      if (bad) return next();
      {
        std::lock_guard lock{me->mutex};
        me->preferred = which;
      }
      who->run();
    });
  }

  /// Looks whether the server that is led to is ready, on a thread of its own.
  void watch() {
    std::unique_lock lock{mutex};
    for (;;) {
      changed.wait(lock, [&] { return ending || connections > 0; });
      if (changed.wait_for(lock, given.look_every, [&] { return ending; })) return;
      if (given.targets.empty()) continue;
      auto targets = given.targets;
      auto now = preferred % targets.size();
      lock.unlock();
      auto better = now;
      if (!given.ready(targets[now]))
        for (size_t i = 1; i < targets.size() && better == now; ++i)
          if (auto other = (now + i) % targets.size(); given.ready(targets[other])) better = other;
      if (better != now)
        asio::post(io, [me = shared_from_this(), left = targets[now]] { me->let_go(left); });
      lock.lock();
      if (better != now && given.targets == targets) preferred = better;
    }
  }

  void let_go(const target& left) {
    for (auto& x : open)
      if (auto one = x.lock(); one && one->led_to == left) one->end();
  }

  void stop() {
    {
      std::lock_guard lock{mutex};
      ending = true;
    }
    changed.notify_all();
    io.stop();
    for (auto t : {&thread, &watcher})
      if (t->joinable()) t->join();
    // What is under way holds us, and we hold it: it ends here, and so do its connections.
    failure ignored;
    acceptor.close(ignored);
    pause.cancel();
    for (auto& x : open)
      if (auto one = x.lock()) one->end();
    io.restart();
    io.poll();
  }

  settings given;
  std::atomic<size_t> connections = 0; ///< outlives `io`, which holds them
  asio::io_context io;
  tcp::acceptor acceptor{io};
  asio::steady_timer pause{io};
  std::vector<std::weak_ptr<pair>> open;
  std::thread thread, watcher;
  std::mutex mutex; ///< for given.targets, preferred and ending
  std::condition_variable changed;
  size_t preferred = 0;
  bool ending = false;
};

result<std::unique_ptr<relay>> relay::start(settings given) {
  auto held = std::make_shared<core>(std::move(given));
  if (auto done = held->listen(); !done) return done.error();
  held->accept();
  held->thread = std::thread([raw = held.get()] { raw->io.run(); });
  if (held->given.ready) held->watcher = std::thread([raw = held.get()] { raw->watch(); });
  return std::unique_ptr<relay>(new relay(std::move(held)));
}

uint16_t relay::port() const {
  failure ignored;
  return core_->acceptor.local_endpoint(ignored).port();
}

void relay::aim(std::vector<target> targets) {
  std::lock_guard lock{core_->mutex};
  core_->given.targets = std::move(targets);
  core_->preferred = 0;
}

void relay::stop() { core_->stop(); }

relay::~relay() { stop(); }

} // namespace troupe::relay
