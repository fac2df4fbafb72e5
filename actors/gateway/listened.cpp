#include "actors/gateway/listened.hpp"

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

class listened_sink : public http::sink {
public:
  listened_sink(std::shared_ptr<http::sink> to, std::shared_ptr<ending> end)
      : to_{std::move(to)}, end_{std::move(end)} {
    to_->on_closed([end = end_](http::gone) { (*end)(); });
  }
  bool write(http::bytes data) override { return to_->write(std::move(data)); }
  void finish() override { to_->finish(); }
  void abort() override { to_->abort(); }
  size_t queued_bytes() const override { return to_->queued_bytes(); }
  void on_drained(std::function<void()> call) override { to_->on_drained(std::move(call)); }
  void on_closed(std::function<void(http::gone)> call) override {
    to_->on_closed([end = end_, call = std::move(call)](http::gone why) {
      if (call) call(why);
      (*end)();
    });
  }
  void on_data(std::function<void(std::string_view)> call) override {
    to_->on_data(std::move(call));
  }
  void read(bool wanted) override { to_->read(wanted); }
  void limit_time(std::optional<std::chrono::milliseconds> time) override { to_->limit_time(time); }

private:
  std::shared_ptr<http::sink> to_;
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
