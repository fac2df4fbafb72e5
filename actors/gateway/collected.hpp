// An answer that is wanted whole by this program rather than by a client.
#pragma once

#include "net/http/responder.hpp"

#include <functional>
#include <mutex>
#include <string>

namespace troupe::gateway {

/// No answer that is collected may be larger; what comes beyond is a failure.
inline constexpr size_t collected_bytes_max = 16 << 20;

inline std::string text_of(const http::response& r) {
  std::string out;
  for (auto& part : r.body) out += *part;
  return out;
}

/// A responder whose answer goes to `done`, once. Whoever streams has what it wrote put together;
/// an upgrade is refused.
inline http::responder collect(std::function<void(http::response)> done) {
  struct whole : http::sink {
    whole(int status, std::function<void(http::response)> done)
        : so_far{status, {}, {}}, done{std::move(done)} {}
    bool write(http::bytes data) override {
      std::lock_guard lock(mutex);
      size += data->size();
      if (size > collected_bytes_max || !done) return false;
      so_far.body.push_back(std::move(data));
      return true;
    }
    void finish() override { end(true); }
    void abort() override { end(false); }
    size_t queued_bytes() const override { return 0; }
    void on_drained(std::function<void()>) override {}
    void on_closed(std::function<void(http::gone)>) override {}
    void on_data(std::function<void(std::string_view)>) override {}
    void read(bool) override {}
    void limit_time(std::optional<std::chrono::milliseconds>) override {}
    void end(bool good) {
      std::unique_lock lock(mutex);
      auto call = std::exchange(done, nullptr);
      good = good && size <= collected_bytes_max;
      auto answer = std::move(so_far);
      lock.unlock();
      if (call) call(good ? std::move(answer) : http::plain_answer(502, "the answer broke off"));
    }

    std::mutex mutex;
    http::response so_far;
    std::function<void(http::response)> done;
    size_t size = 0;
  };
  struct collector : http::exchange {
    explicit collector(std::function<void(http::response)> done) : done{std::move(done)} {}
    void reply(http::response what) override { done(std::move(what)); }
    std::shared_ptr<http::sink> open(int status, http::header_list, bool upgrade) override {
      return std::make_shared<whole>(upgrade ? 502 : status, done);
    }
    void on_gone(std::function<void(http::gone)>) override {}
    std::function<void(http::response)> done;
  };
  return http::responder(std::make_shared<collector>(std::move(done)));
}

} // namespace troupe::gateway
