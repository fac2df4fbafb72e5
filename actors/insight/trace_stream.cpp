#include "actors/insight/trace_stream.hpp"

#include "messages/base/json.hpp"

namespace troupe::trace {

namespace {

std::string line_of(const passage& p, timestamp at) {
  json::object out{{"time", format_micro_time(at)},
                   {"from", p.from},
                   {"to", p.to},
                   {"verb", p.verb},
                   {"object", p.key},
                   {"detail", p.detail}};
  return json::write(json::value(std::move(out)));
}

} // namespace

outlet::outlet(http::responder to, std::function<timestamp()> now)
    : now_{std::move(now)}, stream_{to.stream(200, {{"Content-Type", "application/json"}})} {}

void outlet::listen(uint64_t id, std::function<bool(const passage&)> wanted,
                    std::function<void()> gone) {
  gone_ = std::move(gone);
  keep_ = shared_from_this();
  listener_ = std::make_unique<listener>(id, [this, wanted = std::move(wanted)](const passage& p) {
    if (wanted(p)) line(line_of(p, now_()));
  });
  stream_.on_closed([me = weak_from_this()](http::gone) {
    if (auto live = me.lock()) live->end();
  });
}

void outlet::line(std::string_view text) {
  std::lock_guard lock{mutex_};
  if (!stream_) return;
  if (stream_.queued_bytes() > stream_bytes_max) {
    ++missed_;
    return;
  }
  std::string out;
  if (auto missed = std::exchange(missed_, 0))
    out = "{\"missed\":" + std::to_string(missed) + "}\n";
  stream_.write(out.append(text).append("\n"));
}

void outlet::finish() {
  {
    std::lock_guard lock{mutex_};
    stream_.finish();
  }
  end();
}

void outlet::end() {
  std::unique_ptr<listener> last;
  std::function<void()> gone;
  std::shared_ptr<outlet> me;
  {
    std::lock_guard lock{mutex_};
    me = std::move(keep_);
    last = std::move(listener_);
    gone = std::exchange(gone_, nullptr);
  }
  last.reset(); // waits for a passage that is being told: not with the lock held
  if (gone) gone();
}

} // namespace troupe::trace
