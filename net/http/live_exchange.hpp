// One request's right to be answered, as the handler holds it. Internal to net/http.
#pragma once

#include "net/http/connection_run.hpp"
#include "net/http/live_sink.hpp"

namespace troupe::http {

class live_exchange : public exchange {
public:
  live_exchange(std::shared_ptr<connection> to, uint64_t turn) : to_{std::move(to)}, turn_{turn} {}

  void reply(response what) override {
    to_->run([to = to_, turn = turn_, what = std::move(what)]() mutable {
      to->reply(turn, std::move(what));
    });
  }

  std::shared_ptr<sink> open(int status, header_list headers, bool upgrade) override {
    auto out = std::make_shared<live_sink>(to_, upgrade);
    to_->run([to = to_, turn = turn_, status, headers = std::move(headers), out] {
      to->open(turn, status, headers, out);
    });
    return out;
  }

  void on_gone(std::function<void(gone)> call) override {
    to_->run([to = to_, turn = turn_, call = std::move(call)]() mutable {
      to->note_gone_callback(turn, std::move(call));
    });
  }

  void run(std::function<void()> work) override { to_->run(std::move(work)); }

private:
  std::shared_ptr<connection> to_;
  uint64_t turn_;
};

} // namespace troupe::http
