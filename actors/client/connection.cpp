#include "actors/client/connection.hpp"

#include "actors/link/hub.hpp"

#include <algorithm>
#include <condition_variable>
#include <ctime>
#include <mutex>

namespace troupe::client {

/// The links that are up.
struct connection::links {
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::shared_ptr<link::requests>> up;
  std::string last_failure;

  std::shared_ptr<link::requests> any() const {
    std::lock_guard lock{mutex};
    return up.empty() ? nullptr : up.front();
  }
};

namespace {

/// The client's end of one request.
class receiver : public exchange,
                 public http::exchange,
                 public http::sink,
                 public std::enable_shared_from_this<receiver> {
public:
  explicit receiver(listener hears) : hears_{std::move(hears)} {}

  // ---- for the program ----
  bool write(std::string bytes) override {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] { return ended_ || (to_server_ && reading_); });
    if (ended_) return false;
    auto send = to_server_;
    lock.unlock();
    send(bytes);
    return true;
  }
  void cancel() override { end(http::gone::left, false); }
  void taken(size_t bytes) override {
    std::function<void()> call;
    {
      std::lock_guard lock{mutex_};
      queued_ -= std::min(queued_, bytes);
      if (queued_ == 0) call = drained_;
    }
    if (call) call();
  }

  // ---- for the link ----
  void reply(http::response what) override {
    if (hears_.on_head) hears_.on_head(what.status, what.headers);
    if (hears_.on_data)
      for (auto& part : what.body) hears_.on_data(*part);
    end(http::gone::finished, true);
  }
  std::shared_ptr<http::sink> open(int status, http::header_list headers, bool) override {
    if (hears_.on_head) hears_.on_head(status, headers);
    return shared_from_this();
  }
  void on_gone(std::function<void(http::gone)> call) override { keep(gone_, std::move(call)); }
  bool write(http::bytes data) override {
    {
      std::lock_guard lock{mutex_};
      if (ended_) return false;
      if (hears_.paced) queued_ += data->size();
    }
    if (hears_.on_data) hears_.on_data(*data);
    return true;
  }
  void finish() override { end(http::gone::finished, true); }
  void abort() override { end(http::gone::left, false); }
  size_t queued_bytes() const override {
    std::lock_guard lock{mutex_};
    return queued_;
  }
  void on_drained(std::function<void()> call) override {
    std::lock_guard lock{mutex_};
    drained_ = std::move(call);
  }
  void on_closed(std::function<void(http::gone)> call) override { keep(closed_, std::move(call)); }
  void on_data(std::function<void(std::string_view)> call) override {
    std::lock_guard lock{mutex_};
    to_server_ = std::move(call);
    changed_.notify_all();
  }
  void read(bool wanted) override {
    std::lock_guard lock{mutex_};
    reading_ = wanted;
    changed_.notify_all();
  }
  void limit_time(std::optional<std::chrono::milliseconds>) override {}

private:
  using gone_call = std::function<void(http::gone)>;

  void keep(gone_call& slot, gone_call call) {
    std::unique_lock lock{mutex_};
    if (!ended_) {
      slot = std::move(call);
      return;
    }
    lock.unlock();
    call(why_);
  }

  void end(http::gone why, bool whole) {
    gone_call gone, closed;
    std::function<void()> drained; // what it holds goes when the lock does not
    {
      std::lock_guard lock{mutex_};
      if (std::exchange(ended_, true)) return;
      why_ = why;
      gone = std::exchange(gone_, nullptr);
      closed = std::exchange(closed_, nullptr);
      drained = std::exchange(drained_, nullptr);
      to_server_ = nullptr;
      changed_.notify_all();
    }
    if (closed)
      closed(why);
    else if (gone && why == http::gone::left)
      gone(why);
    if (auto call = std::exchange(hears_.on_end, nullptr)) call(whole);
  }

  listener hears_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  size_t queued_ = 0;
  std::function<void()> drained_;
  std::function<void(std::string_view)> to_server_;
  gone_call gone_, closed_;
  bool reading_ = true, ended_ = false;
  http::gone why_ = http::gone::finished;
};

result<http::request> compose(const request& what) {
  std::string text = what.method + " " + what.target + " HTTP/1.1\r\nHost: troupe\r\n";
  for (auto& [name, value] : what.headers) text.append(name).append(": ").append(value) += "\r\n";
  if (!what.body.empty()) text += "Content-Length: " + std::to_string(what.body.size()) + "\r\n";
  return http::request::parse(text + "\r\n" + what.body);
}

} // namespace

result<std::shared_ptr<connection>> connection::open(const settings& given,
                                                     std::chrono::milliseconds patience) {
  std::shared_ptr<connection> made(new connection);
  made->given_ = given;
  auto links = made->links_ = std::make_shared<struct links>();
  link::network_settings settings;
  settings.who = given.who;
  settings.mux = link::with_requests();
  settings.allow = [](const link::identity& who) { return server_id(who) != 0; };
  settings.dial_failed = [links](const std::string& where, std::string_view why) {
    std::lock_guard lock{links->mutex};
    links->last_failure = where + ": " + std::string(why);
    links->changed.notify_all();
  };
  made->network_ = std::make_unique<link::network>(
      std::move(settings),
      [links](std::shared_ptr<link::connection> over) -> link::connection::callbacks {
        auto asks = std::make_shared<link::requests>(over, nullptr);
        {
          std::lock_guard lock{links->mutex};
          links->up.push_back(asks);
          links->changed.notify_all();
        }
        return {.on_message =
                    [asks, over](link::stream on, std::string_view bytes) {
                      if (on != link::stream::bulk || !asks->heard(bytes)) over->close();
                    },
                .on_down =
                    [links, asks](std::string_view) {
                      {
                        std::lock_guard lock{links->mutex};
                        std::erase(links->up, asks);
                      }
                      asks->down();
                    }};
      });
  std::string places;
  for (auto& at : given.servers) {
    auto dialed = made->network_->dial(at.host, at.port, any_server_host);
    if (!dialed) return dialed.error();
    places += (places.empty() ? "" : ", ") + at.host + ":" + std::to_string(at.port);
  }
  if (made->wait_until_up(patience)) return made;
  std::lock_guard lock{links->mutex};
  return error{errc::unavailable,
               "no server of the cluster can be reached at " + places +
                   (links->last_failure.empty() ? "" : " (" + links->last_failure + ")") +
                   "; is it running?"};
}

world real_world() {
  return {.now = [] {
    timespec t{};
    clock_gettime(CLOCK_REALTIME, &t);
    return timestamp{t.tv_sec, static_cast<int32_t>(t.tv_nsec)};
  }};
}

std::shared_ptr<connection> connection::through(link::door door, world around) {
  std::shared_ptr<connection> made(new connection);
  made->door_ = std::move(door);
  made->around_ = std::move(around);
  return made;
}

connection::~connection() {
  if (network_) network_->stop();
}

bool connection::wait_until_up(std::chrono::milliseconds patience) {
  if (door_) return true;
  auto until = std::chrono::steady_clock::now() + patience;
  std::unique_lock lock{links_->mutex};
  // A place where nobody listens is not worth waiting for; others may still answer.
  size_t failures = 0;
  while (links_->up.empty()) {
    auto before = links_->last_failure;
    if (links_->changed.wait_until(lock, until) == std::cv_status::timeout) break;
    if (links_->up.empty() && links_->last_failure.find("refused") != std::string::npos &&
        ++failures > 2 * given_.servers.size())
      break;
  }
  return !links_->up.empty();
}

std::shared_ptr<exchange> connection::ask(const request& what, listener hears) {
  auto made = std::make_shared<receiver>(std::move(hears));
  auto over = links_ ? links_->any() : nullptr;
  auto composed = compose(what);
  if (!composed)
    made->reply(http::plain_answer(400, composed.error().message));
  else if (door_)
    door_(std::move(*composed), http::responder{made});
  else if (!over)
    made->reply(http::plain_answer(503, "no server of the cluster is linked; try again"));
  else
    over->ask(*composed, http::responder{made});
  return made;
}

result<answer> connection::ask(const request& what, std::chrono::milliseconds patience) {
  struct state {
    std::mutex mutex;
    std::condition_variable changed;
    answer got;
    bool over = false, whole = false;
  };
  auto waits = std::make_shared<state>();
  auto running =
      ask(what, {.on_head =
                     [waits](int status, const http::header_list& headers) {
                       waits->got.status = status;
                       waits->got.headers = headers;
                     },
                 .on_data = [waits](std::string_view piece) { waits->got.body += piece; },
                 .on_end =
                     [waits](bool whole) {
                       std::lock_guard lock{waits->mutex};
                       waits->over = true;
                       waits->whole = whole;
                       waits->changed.notify_all();
                     }});
  auto over = [&] {
    std::lock_guard lock{waits->mutex};
    return waits->over;
  };
  while (one_thread() && !over() && around_.step()) {
  }
  std::unique_lock lock{waits->mutex};
  auto left = one_thread() ? std::chrono::milliseconds{0} : patience;
  if (!waits->changed.wait_for(lock, left, [&] { return waits->over; })) {
    lock.unlock();
    running->cancel();
    return error{errc::timeout, "the cluster did not answer within " +
                                    std::to_string(patience.count() / 1000) + " s"};
  }
  if (!waits->whole)
    return error{errc::unavailable, "the link went down before the answer was complete"};
  return std::move(waits->got);
}

} // namespace troupe::client
