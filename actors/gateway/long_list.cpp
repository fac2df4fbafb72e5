#include "actors/gateway/long_list.hpp"

#include "actors/gateway/workers.hpp"
#include "messages/codec/table.hpp"
#include "net/http/gzip.hpp"

#include <mutex>

namespace troupe::gateway {

namespace {

/// Shorter lists are sent with their length.
constexpr size_t short_list_bytes = 1u << 20;
/// So much may wait for the client before the list rests until it has taken all of it.
constexpr size_t ahead_bytes = 1u << 20;

/// Kept alive by itself until the list has ended or its client is gone.
class flowing_list : public std::enable_shared_from_this<flowing_list> {
public:
  flowing_list(gateway& g, call_ptr c, storage::snapshot state, list_options options,
               std::string prefix)
      : work_{g.given.work}, c_{std::move(c)}, state_{std::move(state)},
        options_{std::move(options)}, prefix_{std::move(prefix)}, items_{*c_} {}

  void start() {
    std::vector<http::bytes> begun{http::share(json_list_head(*c_, state_.revision(), {}, 0))};
    for (size_t size = 0; !complete_ && size < short_list_bytes; size += begun.back()->size())
      begun.push_back(next_piece());
    if (!complete_) return flow(begun);
    http::response whole = http::answer(200, std::string(content_type(format::json)), {});
    whole.body = std::move(begun);
    c_->answer(std::move(whole));
  }

private:
  void flow(std::vector<http::bytes>& begun) {
    keep_ = shared_from_this();
    auto self = weak_from_this();
    // Streams call back from within a write: what takes our lock is done by a worker.
    auto soon = [self, work = work_](void (flowing_list::*what)()) {
      work->post([self, what] {
        if (auto live = self.lock()) ((*live).*what)();
      });
    };
    stream_ = c_->stream(200, std::string(content_type(format::json)));
    stream_.on_closed([soon](http::gone) { soon(&flowing_list::end); });
    stream_.on_drained([soon] { soon(&flowing_list::turn); });
    std::lock_guard hold{mutex_};
    for (auto& piece : begun) stream_.write(std::move(piece));
    soon(&flowing_list::turn);
  }

  /// Writes as far ahead of the client as is good.
  void turn() {
    auto self = shared_from_this(); // beyond the lock
    std::lock_guard hold{mutex_};
    while (stream_ && stream_.queued_bytes() < ahead_bytes) {
      if (!stream_.write(next_piece())) return;
      if (!complete_) continue;
      stream_.finish();
      keep_.reset();
    }
  }

  http::bytes next_piece() {
    complete_ = true;
    for (auto& entry : state_.list(prefix_, last_)) {
      complete_ = items_.bytes() < list_piece_bytes;
      if (!complete_) break;
      if (options_.wanted.matches(entry)) items_.add(entry);
      last_ = entry.key();
    }
    auto text = items_.take();
    if (complete_) text += "]}\n";
    return http::share(std::move(text));
  }

  void end() {
    auto self = shared_from_this(); // beyond the lock
    std::lock_guard hold{mutex_};
    keep_.reset();
  }

  workers* work_;
  call_ptr c_;
  storage::snapshot state_;
  list_options options_;
  std::string prefix_, last_;
  json_items items_;
  bool complete_ = false;
  std::mutex mutex_; ///< for what follows, and one turn at a time
  http::stream stream_;
  std::shared_ptr<flowing_list> keep_;
};

} // namespace

void json_items::add(const storage::entry& entry) {
  if (text_.empty() && any_) text_.reserve(list_piece_bytes + list_piece_bytes / 4);
  if (std::exchange(any_, true)) text_ += ',';
  if (partial_)
    codec::write_partial(entry.value(), entry.mod_revision(), call_.media.table_version, text_);
  else
    write_json(*call_.kind, entry.value(), entry.mod_revision(), text_, false);
}

std::string json_list_head(const call& c, uint64_t revision, const std::string& next,
                           int64_t remaining) {
  auto& kind = *c.kind;
  bool partial = c.media.what == shape::partial;
  auto meta = "{\"resourceVersion\":\"" + std::to_string(revision) + "\"";
  if (!next.empty()) meta += ",\"continue\":\"" + next + "\"";
  if (remaining > 0) meta += ",\"remainingItemCount\":" + std::to_string(remaining);
  return "{\"kind\":\"" + (partial ? "PartialObjectMetadataList" : kind.list_name) +
         "\",\"apiVersion\":\"" +
         (partial ? "meta.k8s.io/" + c.media.table_version : kind.api_version()) +
         "\",\"metadata\":" + meta + "},\"items\":[";
}

bool may_flow(const call& c, const list_options& options) {
  return c.media.as == format::json && !c.media.pretty && c.media.what != shape::table &&
         options.limit == 0 && !http::takes_gzip(c.request);
}

void flow_list(gateway& g, call_ptr c, storage::snapshot state, list_options options,
               std::string prefix) {
  std::make_shared<flowing_list>(g, std::move(c), std::move(state), std::move(options),
                                 std::move(prefix))
      ->start();
}

} // namespace troupe::gateway
