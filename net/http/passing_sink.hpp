// A sink that passes everything on to another one: what wrappers of answers are made of, each with
// the few calls that it does otherwise.
#pragma once

#include "net/http/responder.hpp"

namespace troupe::http {

class passing_sink : public sink {
public:
  explicit passing_sink(std::shared_ptr<sink> to = {}) : to_{std::move(to)} {}

  bool write(bytes data) override { return to_->write(std::move(data)); }
  void finish() override { to_->finish(); }
  void abort() override { to_->abort(); }
  size_t queued_bytes() const override { return to_->queued_bytes(); }
  void on_drained(std::function<void()> call) override { to_->on_drained(std::move(call)); }
  void on_closed(std::function<void(gone)> call) override { to_->on_closed(std::move(call)); }
  void on_data(std::function<void(std::string_view)> call) override {
    to_->on_data(std::move(call));
  }
  void read(bool wanted) override { to_->read(wanted); }
  void limit_time(std::optional<std::chrono::milliseconds> time) override { to_->limit_time(time); }

protected:
  std::shared_ptr<sink> to_;
};

} // namespace troupe::http
