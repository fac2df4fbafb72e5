#include "actors/gateway/listened.hpp"

#include "net/http/passing_sink.hpp"

#include <atomic>

namespace troupe::gateway {

namespace {

/// Tells the end once, however many callbacks hear of it.
struct ending {
  void operator()() {
    if (!told.test_and_set()) by->ended();
  }
  std::shared_ptr<answer_listener> by;
  std::atomic_flag told = ATOMIC_FLAG_INIT;
};

class listened_sink : public http::passing_sink {
public:
  listened_sink(std::shared_ptr<http::sink> to, std::shared_ptr<ending> end)
      : passing_sink{std::move(to)}, end_{std::move(end)} {
    to_->on_closed([end = end_](http::gone) { (*end)(); });
  }
  void on_closed(std::function<void(http::gone)> call) override {
    to_->on_closed([end = end_, call = std::move(call)](http::gone why) {
      if (call) call(why);
      (*end)();
    });
  }

private:
  std::shared_ptr<ending> end_;
};

class listened_exchange : public http::exchange {
public:
  listened_exchange(std::shared_ptr<http::exchange> to, std::shared_ptr<answer_listener> by)
      : to_{std::move(to)}, by_{std::move(by)} {}

  void reply(http::response what) override {
    by_->begun(what.status, &what);
    to_->reply(std::move(what));
    by_->ended();
  }
  std::shared_ptr<http::sink> open(int status, http::header_list headers, bool upgrade) override {
    by_->begun(status, nullptr);
    auto end = std::make_shared<ending>();
    end->by = by_;
    return std::make_shared<listened_sink>(to_->open(status, std::move(headers), upgrade),
                                           std::move(end));
  }
  void on_gone(std::function<void(http::gone)> call) override { to_->on_gone(std::move(call)); }
  void run(std::function<void()> work) override { to_->run(std::move(work)); }

private:
  std::shared_ptr<http::exchange> to_;
  std::shared_ptr<answer_listener> by_;
};

} // namespace

std::shared_ptr<http::exchange> listened(std::shared_ptr<http::exchange> to,
                                         std::shared_ptr<answer_listener> by) {
  return std::make_shared<listened_exchange>(std::move(to), std::move(by));
}

} // namespace troupe::gateway
