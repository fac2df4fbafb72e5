// A trace on its way to a client: each passage a line of JSON. Who reads too slowly misses some and
// is told how many.
#pragma once

#include "actors/insight/trace.hpp"
#include "messages/base/time.hpp"
#include "net/http/responder.hpp"

#include <memory>
#include <mutex>

namespace troupe::trace {

/// What may wait for a client that reads slowly.
inline constexpr size_t stream_bytes_max = 1u << 20;

class outlet : public std::enable_shared_from_this<outlet> {
public:
  outlet(http::responder to, std::function<timestamp()> now);

  /// Begins to listen as `id`, to what is `wanted`, until the client goes or finish() is called.
  /// `gone` is called once then, on any thread.
  void listen(uint64_t id, std::function<bool(const passage&)> wanted, std::function<void()> gone);
  /// A line that another process wrote.
  void line(std::string_view text);
  void finish();

private:
  void end();

  std::function<timestamp()> now_;
  std::mutex mutex_;
  http::stream stream_;
  size_t missed_ = 0;
  std::unique_ptr<listener> listener_;
  std::function<void()> gone_;
  std::shared_ptr<outlet> keep_;
};

} // namespace troupe::trace
