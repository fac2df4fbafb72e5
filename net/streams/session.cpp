#include "net/streams/session.hpp"

namespace troupe::streams {

/// Notes what the engine reports, so that callbacks can run after the lock is released.
struct session::recorder : engine_events {
  enum class kind : uint8_t { opened, data, ended, was_reset, finished };
  struct event {
    kind what;
    lane which;
    std::string bytes; ///< data, or why the session finished
    http::header_list headers;
  };

  void on_open(lane which, const http::header_list& headers) override {
    events.push_back({kind::opened, which, {}, headers});
  }
  void on_data(lane which, std::string_view bytes) override {
    events.push_back({kind::data, which, std::string{bytes}, {}});
  }
  void on_end(lane which) override { events.push_back({kind::ended, which, {}, {}}); }
  void on_reset(lane which) override { events.push_back({kind::was_reset, which, {}, {}}); }
  void on_finish(std::string_view why) override {
    events.push_back({kind::finished, 0, std::string{why}, {}});
  }

  std::vector<event> events;
};

session::session(http::duplex over, std::unique_ptr<engine> with)
    : engine_{std::move(with)}, over_{over.release()} {}

session::~session() { over_->abort(); }

std::shared_ptr<session>
session::start(http::duplex over, std::unique_ptr<engine> with,
               const std::function<callbacks(const std::shared_ptr<session>&)>& prepare) {
  const std::shared_ptr<session> made{new session{std::move(over), std::move(with)}};
  made->calls_ = std::make_shared<const callbacks>(prepare(made));
  // Kept until the end by this one alone: a connection that is over keeps the others.
  made->over_->on_closed([made](http::gone why) { made->closed(to_string(why)); });
  made->over_->on_drained([weak = made->weak_from_this()] {
    const auto live = weak.lock();
    const auto calls = live ? live->calls_ : nullptr;
    if (calls && calls->on_drained) calls->on_drained();
  });
  made->over_->on_data([weak = made->weak_from_this()](std::string_view bytes) {
    if (const auto live = weak.lock()) live->arrived(bytes);
  });
  return made;
}

void session::arrived(std::string_view bytes) {
  recorder noted;
  {
    const std::lock_guard lock{mutex_};
    engine_->feed(bytes, noted);
    send_locked();
  }
  const auto calls = calls_;
  const auto call = [](const auto& slot, auto&&... values) {
    if (slot) slot(values...);
  };
  using kind = recorder::kind;
  for (auto& event : noted.events) {
    if (closed_) return;
    switch (event.what) {
    case kind::opened: call(calls->on_open, event.which, event.headers); break;
    case kind::data: call(calls->on_data, event.which, event.bytes); break;
    case kind::ended: call(calls->on_end, event.which); break;
    case kind::was_reset: call(calls->on_reset, event.which); break;
    case kind::finished:
      close();
      closed(event.bytes);
      break;
    }
  }
}

void session::send_locked() {
  if (auto bytes = engine_->take_output(); !bytes.empty())
    over_->write(http::share(std::move(bytes)));
}

void session::write(lane which, std::string_view data) {
  const std::lock_guard lock{mutex_};
  engine_->write(which, data);
  send_locked();
}

void session::finish(lane which) {
  const std::lock_guard lock{mutex_};
  engine_->finish(which);
  send_locked();
}

void session::reset(lane which) {
  const std::lock_guard lock{mutex_};
  engine_->reset(which);
  send_locked();
}

void session::close() {
  const std::lock_guard lock{mutex_};
  if (std::exchange(closing_, true)) return;
  engine_->close();
  send_locked();
  over_->finish();
}

// Not under the lock: what waits may arrive at once.
void session::read(bool wanted) { over_->read(wanted); }

size_t session::queued_bytes() const {
  const std::lock_guard lock{mutex_};
  return over_->queued_bytes() + engine_->held_bytes();
}

void session::limit_time(std::optional<std::chrono::milliseconds> time) { over_->limit_time(time); }

void session::closed(std::string_view why) {
  if (std::exchange(closed_, true)) return;
  const auto calls = std::exchange(calls_, nullptr);
  if (calls->on_closed) calls->on_closed(why);
}

} // namespace troupe::streams
