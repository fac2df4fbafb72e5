#include "actors/client/closing_door.hpp"

#include "net/http/passing_sink.hpp"

#include <condition_variable>
#include <list>
#include <mutex>

namespace troupe::client {

struct closing_door::state {
  link::door inside;
  std::mutex mutex;
  std::condition_variable calm;
  bool closed = false;
  int calls = 0; ///< from outside to inside, right now
  std::list<std::weak_ptr<visit>> visits;

  /// Runs `call` unless the door is closed.
  template<class Call> bool enter(Call call) {
    {
      std::lock_guard lock{mutex};
      if (closed) return false;
      ++calls;
    }
    call();
    std::lock_guard lock{mutex};
    if (--calls == 0) calm.notify_all();
    return true;
  }
};

/// One answer under way: all that the outside tells the inside of it goes through the door.
class closing_door::visit : public http::exchange,
                            public http::passing_sink,
                            public std::enable_shared_from_this<visit> {
public:
  visit(std::shared_ptr<state> door, std::shared_ptr<http::exchange> to)
      : door_{std::move(door)}, answer_{std::move(to)} {}

  void reply(http::response what) override { answer_->reply(std::move(what)); }
  std::shared_ptr<http::sink> open(int status, http::header_list headers, bool upgrade) override {
    to_ = answer_->open(status, std::move(headers), upgrade);
    return shared_from_this();
  }
  void on_gone(std::function<void(http::gone)> call) override {
    answer_->on_gone(kept(std::move(call)));
  }

  void on_closed(std::function<void(http::gone)> call) override {
    to_->on_closed(kept(std::move(call)));
  }
  void on_drained(std::function<void()> call) override {
    to_->on_drained([door = door_, call = std::move(call)] { door->enter(call); });
  }
  void on_data(std::function<void(std::string_view)> call) override {
    to_->on_data([door = door_, call = std::move(call)](std::string_view data) {
      door->enter([&] { call(data); });
    });
  }

  /// The door is closed: the inside hears of the end from us, the outside as of a broken one.
  void show_out() {
    std::function<void(http::gone)> call;
    {
      std::lock_guard lock{door_->mutex};
      call = std::exchange(ended_, nullptr);
    }
    if (call) call(http::gone::server_stopping);
    if (to_) to_->abort();
  }

private:
  /// Keeps `call` for the end of the visit, which is told once, by the outside or by us.
  std::function<void(http::gone)> kept(std::function<void(http::gone)> call) {
    {
      std::lock_guard lock{door_->mutex};
      ended_ = std::move(call);
    }
    return [me = weak_from_this(), door = door_](http::gone why) {
      door->enter([&] {
        auto here = me.lock();
        if (!here) return;
        std::unique_lock lock{door->mutex};
        auto call = std::exchange(here->ended_, nullptr);
        lock.unlock();
        if (call) call(why);
      });
    };
  }

  std::shared_ptr<state> door_;
  std::shared_ptr<http::exchange> answer_;
  std::function<void(http::gone)> ended_;
};

closing_door::closing_door(link::door inside) : state_{std::make_shared<state>()} {
  state_->inside = std::move(inside);
}

link::door closing_door::entrance() const {
  return [door = state_](http::request what, http::responder to) {
    auto made = std::make_shared<visit>(door, to.release());
    bool entered = door->enter([&] {
      {
        std::lock_guard lock{door->mutex};
        std::erase_if(door->visits, [](auto& each) { return each.expired(); });
        door->visits.push_back(made);
      }
      door->inside(std::move(what), http::responder(made));
    });
    if (!entered) made->reply(http::plain_answer(503, "this cluster has ended"));
  };
}

void closing_door::close() {
  std::list<std::weak_ptr<visit>> open;
  {
    std::unique_lock lock{state_->mutex};
    state_->closed = true;
    state_->calm.wait(lock, [this] { return state_->calls == 0; });
    open.swap(state_->visits);
  }
  for (auto& each : open)
    if (auto visit = each.lock()) visit->show_out();
}

} // namespace troupe::client
