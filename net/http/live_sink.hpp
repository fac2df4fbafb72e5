// The thread-safe end of a stream: takes bytes from any thread and hands them to the connection's
// strand in batches. Internal to net/http.
#pragma once

#include "net/http/connection.hpp"

namespace troupe::http {

class live_sink : public sink, public std::enable_shared_from_this<live_sink> {
public:
  live_sink(std::shared_ptr<connection> to, bool raw) : raw{raw}, to_{std::move(to)} {}

  const bool raw;        ///< no chunk framing
  bool discards = false; ///< the answer to a HEAD
  bool pushed = false;   ///< something was written since the last drained()

  // From any thread.
  const std::shared_ptr<connection>& to() const { return to_; }
  bool write(bytes data) override;
  void finish() override;
  void abort() override;
  size_t queued_bytes() const override;
  void on_drained(std::function<void()> call) override;
  void on_closed(std::function<void(gone)> call) override;
  void on_data(std::function<void(std::string_view)> call) override;
  void read(bool wanted) override;
  void limit_time(std::optional<std::chrono::milliseconds> time) override;

  /// What has been asked for since the last call.
  struct batch {
    std::vector<bytes> data;
    bool finish = false;
    bool abort = false;
    bool too_slow = false;
  };
  // On the strand only.
  void serve();
  batch take();
  void closed(gone why);
  void drained();
  bool wants_data() const { return reading_ && on_data_ != nullptr; }
  void deliver(std::string_view data);

private:
  void schedule(std::unique_lock<std::mutex> lock);
  template<class Callback, class... Values> void invoke(Callback& slot, Values... values);

  std::shared_ptr<connection> to_;

  mutable std::mutex mutex_; ///< for what follows
  batch asked_;
  bool scheduled_ = false;
  bool closed_ = false;
  bool ended_ = false; ///< finish or abort was asked for
  std::atomic<size_t> pending_bytes_{0};
  std::optional<gone> why_;

  // Strand only.
  bool reading_ = true;
  std::function<void(std::string_view)> on_data_;
  std::function<void()> on_drained_;
  std::function<void(gone)> on_closed_;
};

} // namespace troupe::http
