// Watches: a cursor into the store's events, pushed to one client. Encodings are shared: the first
// watcher that needs an event as JSON leaves the bytes with the event for all others.
#include "actors/gateway/page.hpp"
#include "actors/gateway/sealed.hpp"
#include "actors/gateway/verbs.hpp"

#include "actors/gateway/versions.hpp"
#include "messages/base/span.hpp"
#include "messages/codec/envelope.hpp"
#include "messages/codec/table.hpp"
#include "messages/codec/wire.hpp"
#include "net/streams/event_socket.hpp"
#include "net/streams/websocket.hpp"

#include <mutex>

namespace troupe::gateway {

namespace {

constexpr size_t events_per_turn = 256;
constexpr std::chrono::minutes bookmark_every{1};
constexpr int64_t timeout_seconds_default = 1800;

/// An event as every plain watcher gets it, whole lines of JSON, kept with the event. It depends on
/// the selector whether an object is new to a watcher or changed.
struct shared_lines {
  static constexpr std::string_view types[] = {"ADDED", "MODIFIED", "DELETED"};

  explicit shared_lines(std::string version) : version{std::move(version)} {}

  http::bytes of(const schema::kind& kind, const storage::event& e, std::string_view type) const {
    if (kind.version != version) return make(kind, e, type);
    auto& line = lines[type == types[0] ? 0 : type == types[1] ? 1 : 2];
    std::lock_guard hold{mutex};
    if (!line) line = make(kind, e, type);
    return line;
  }

  static http::bytes make(const schema::kind& kind, const storage::event& e,
                          std::string_view type) {
    std::string text;
    text.reserve(e.now->value().size() * 2 + 512);
    text.append("{\"type\":\"").append(type).append("\",\"object\":");
    write_json(kind, e.now->value(), e.revision(), text);
    text += "}\n";
    return http::share(std::move(text));
  }

  const std::string version; ///< who watches custom objects in another one gets lines of its own
  mutable std::mutex mutex;
  mutable http::bytes lines[3];
};

http::bytes shared_line(const schema::kind& kind, const storage::event& e, std::string_view type) {
  auto kept = e.attachment();
  if (!kept) kept = e.attach(std::make_shared<shared_lines>(kind.version));
  return std::static_pointer_cast<const shared_lines>(kept)->of(kind, e, type);
}

/// Where events go: the body of an answer, or messages of a WebSocket.
struct outlet {
  http::stream stream;
  streams::event_socket socket;

  /// Calls `use` with whichever it is.
  template<class Use> auto with(Use use) { return stream ? use(stream) : use(socket); }
  explicit operator bool() const { return stream || socket; }
  bool write(std::string text) { return write(http::share(std::move(text))); }
  bool write(http::bytes data) {
    return with([&](auto& to) { return to.write(data); });
  }
  size_t queued_bytes() {
    return with([](auto& to) { return to.queued_bytes(); });
  }
  void finish() {
    with([](auto& to) { to.finish(); });
  }
};

/// One client's watch, from the first event to its end. Kept alive by its own callbacks.
class watcher : public std::enable_shared_from_this<watcher> {
public:
  watcher(gateway& g, call_ptr c, list_options options)
      : g_{g}, c_{std::move(c)}, options_{std::move(options)}, kind_{*c_->kind} {}

  result<void> start() {
    std::lock_guard hold{mutex_}; // the first turn may come on another thread
    auto now = g_.given.store->current();
    auto asked = options_.version.empty() ? 0 : *read_version(options_.version);
    // Without a version, or from 0, the objects that are there come first, unless they shall not.
    bool present = options_.initial_events || (asked == 0 && !c_->query.has("sendInitialEvents"));
    if (asked > now.revision()) from_revision_ = asked; // what comes before it is not told
    auto self = weak_from_this();
    storage::watch_options wanted;
    wanted.resource = stored_resource(kind_);
    wanted.prefix = prefix_of(kind_, c_->where.ns);
    wanted.after_revision =
        asked == 0 || present ? now.revision() : std::min(asked, now.revision());
    wanted.wake = [self, work = g_.given.work] {
      work->post_at_pulse([self] {
        if (auto live = self.lock()) live->turn();
      });
    };
    auto cursor = g_.given.store->subscribe(std::move(wanted));
    if (!cursor) return cursor.error();
    cursor_.emplace(std::move(*cursor));

    keep_ = shared_from_this(); // until the end, which may come while it opens
    if (auto opened = open(); !opened) {
      keep_ = nullptr;
      return opened;
    }
    if (!keep_) return {};
    auto seconds = options_.timeout_seconds.value_or(0);
    if (seconds == 0) seconds = timeout_seconds_default;
    deadline_ = g_.given.work->after(span_of(seconds), [self] {
      if (auto live = self.lock()) live->finish();
    });
    if (options_.bookmarks) schedule_bookmark();
    if (present) send_present(now);
    turn();
    return {};
  }

private:
  result<void> open() {
    auto self = weak_from_this();
    auto drained = [self, work = g_.given.work] {
      work->post([self] {
        if (auto live = self.lock()) live->turn();
      });
    };
    auto closed = [self](http::gone) {
      if (auto live = self.lock()) live->end();
    };
    if (streams::wants_websocket(c_->request)) {
      // Text for JSON, binary for protobuf; a message is an event, so nothing else frames it.
      auto socket = streams::event_socket::start(
          c_->request, c_->responder, c_->media.as != format::protobuf, {drained, closed});
      if (!socket) return socket.error();
      stream_.socket = std::move(*socket);
      return {};
    }
    stream_.stream = c_->stream(200, content_type_of_stream());
    stream_.stream.on_closed(closed);
    stream_.stream.on_drained(drained);
    return {};
  }

  std::string content_type_of_stream() const {
    auto type = std::string(content_type(c_->media.as));
    return c_->media.as == format::protobuf ? type + ";stream=watch" : type;
  }

  void send_present(const storage::snapshot& now) {
    std::lock_guard hold{mutex_};
    for (auto& entry : now.list(prefix_of(kind_, c_->where.ns)))
      if (options_.wanted.matches(entry))
        send("ADDED", entry.value(), entry.mod_revision(), nullptr);
    if (options_.initial_events) send_bookmark(now.revision(), true);
  }

  /// Sends what has happened since the last turn, as far as the client keeps up.
  void turn() {
    std::unique_lock hold{mutex_};
    while (cursor_ && stream_ && stream_.queued_bytes() == 0) {
      events_.clear();
      auto read = cursor_->read(events_, events_per_turn);
      if (!read) {
        send_error(read.error());
        hold.unlock();
        return finish();
      }
      for (auto& e : events_) forward(*e);
      if (*read < events_per_turn) return;
    }
  }

  /// What an event means to a client that sees only what its selector lets through.
  void forward(const storage::event& e) {
    if (e.revision() <= from_revision_) return;
    bool erased = e.what == storage::event::kind::erase;
    bool is = !erased && options_.wanted.matches(*e.now);
    bool was = e.before && options_.wanted.matches(*e.before);
    if (is) return send(was ? "MODIFIED" : "ADDED", e.now->value(), e.revision(), &e);
    if (!was) return;
    if (erased) return send("DELETED", e.now->value(), e.revision(), &e);
    send("DELETED", e.before->value(), e.revision(), nullptr); // it left the selection
  }

  void send(const char* type, std::string_view stored, uint64_t revision,
            const storage::event* shared) {
    if (c_->media.as == format::protobuf) return send_protobuf(type, stored, revision);
    if (shared && c_->media.what == shape::object && !converted(kind_)) {
      stream_.write(shared_line(kind_, *shared, type));
      return;
    }
    std::string line = std::string("{\"type\":\"") + type + "\",\"object\":";
    if (c_->media.what == shape::table) {
      codec::table table(kind_, codec::include_of(c_->query.get("includeObject")),
                         c_->media.table_version, g_.given.now().seconds);
      table.add(shown_otherwise(kind_) ? from_stored(kind_, stored) : std::string(stored),
                revision);
      line += table.finish(std::to_string(revision), {}, {}, !columns_sent_);
      columns_sent_ = true;
    } else if (c_->media.what == shape::partial) {
      codec::write_partial(stored, revision, c_->media.table_version, line);
    } else {
      write_json(kind_, stored, revision, line);
    }
    stream_.write(line + "}\n");
  }

  void send_protobuf(const char* type, std::string_view stored, uint64_t revision) {
    frame(type, sealed(kind_, c_->media, write_protobuf(kind_, stored, revision)));
  }

  /// A length-prefixed WatchEvent, itself without an envelope, around an enveloped object.
  void frame(std::string_view type, std::string_view object) {
    std::string raw, event;
    codec::wire::put_bytes(raw, 1, object);
    codec::wire::put_bytes(event, 1, type);
    codec::wire::put_bytes(event, 2, raw);
    if (stream_.socket) {
      stream_.write(std::move(event));
      return;
    }
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8)
      out += static_cast<char>(event.size() >> shift & 255);
    stream_.write(out + event);
  }

  void send_error(const error& failure) {
    if (c_->media.as == format::protobuf) return frame("ERROR", status_protobuf(failure));
    stream_.write("{\"type\":\"ERROR\",\"object\":" + status_json(failure) + "}\n");
  }

  void send_bookmark(uint64_t revision, bool initial_end = false) {
    auto bare = make(kind_);
    if (initial_end) (*meta(*bare).mutable_annotations())["k8s.io/initial-events-end"] = "true";
    if (c_->media.as == format::protobuf)
      return send_protobuf("BOOKMARK", stored_form(kind_, *bare), revision);
    if (c_->media.what == shape::table || c_->media.what == shape::partial)
      return send("BOOKMARK", stored_form(kind_, *bare), revision, nullptr);
    std::string line = "{\"type\":\"BOOKMARK\",\"object\":";
    write_json(kind_, stored_form(kind_, *bare), revision, line);
    stream_.write(line + "}\n");
  }

  void schedule_bookmark() {
    auto self = weak_from_this();
    bookmark_ = g_.given.work->after(bookmark_every, [self] {
      auto live = self.lock();
      if (!live) return;
      std::lock_guard hold{live->mutex_};
      if (!live->cursor_ || !live->stream_) return;
      live->send_bookmark(live->cursor_->progress());
      live->schedule_bookmark();
    });
  }

  /// The server's end of the watch: its time is over, or it fell behind.
  void finish() {
    std::unique_lock hold{mutex_};
    if (options_.bookmarks && cursor_ && stream_) send_bookmark(cursor_->progress());
    stream_.finish();
    hold.unlock();
    end();
  }

  void end() {
    std::shared_ptr<watcher> last;
    std::lock_guard hold{mutex_};
    cursor_.reset();
    deadline_.reset();
    bookmark_.reset();
    last = std::move(keep_);
    if (last)
      g_.given.work->post([last] {}); // destroyed elsewhere, not inside a callback of its own
  }

  gateway& g_;
  call_ptr c_;
  list_options options_;
  const schema::kind& kind_;
  std::recursive_mutex mutex_; // turns come from several threads, one at a time
  std::optional<storage::watch> cursor_;
  std::vector<storage::event_ptr> events_;
  outlet stream_;
  bool columns_sent_ = false;
  uint64_t from_revision_ = 0; // the one asked for, if it had not happened yet
  workers::timer deadline_, bookmark_;
  std::shared_ptr<watcher> keep_;
};

} // namespace

void watch(gateway& g, call_ptr c) {
  auto options = read_list_options(*c->kind, c->query);
  if (!options) return c->fail(options.error());
  if (!c->where.name.empty())
    options->wanted.fields.push_back({"metadata.name", c->where.name, true});
  auto live = std::make_shared<watcher>(g, c, std::move(*options));
  auto started = live->start();
  if (!started && c->responder) c->fail(started.error());
}

} // namespace troupe::gateway
