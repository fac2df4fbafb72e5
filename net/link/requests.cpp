#include "net/link/requests.hpp"

#include "messages/base/log.hpp"
#include "messages/cluster/request.pb.h"

#include <deque>
#include <mutex>

namespace troupe::link {

namespace {

constexpr size_t piece_bytes = 32 * 1024;
/// A reader that is so far behind is given up.
constexpr size_t waiting_bytes_max = 8u << 20;
/// More waits for a client than this: the far side is to hold back.
constexpr size_t client_bytes_max = 256 * 1024;

using cluster::Answer;
using cluster::End;
using cluster::RequestWord;

void put(google::protobuf::RepeatedPtrField<cluster::RequestHeader>& to,
         const http::header_list& headers) {
  for (auto& [name, value] : headers) {
    auto* h = to.Add();
    h->set_name(name);
    h->set_value(value);
  }
}

http::header_list headers_of(const Answer& answer) {
  http::header_list out;
  for (auto& h : answer.headers()) out.emplace_back(h.name(), h.value());
  return out;
}

/// As a client would send it; the gate judges it.
result<http::request> request_of(const cluster::Ask& ask) {
  std::string text = ask.method() + " " + ask.target() + " HTTP/1.1\r\n";
  for (auto& h : ask.headers()) text += h.name() + ": " + h.value() + "\r\n";
  if (!ask.body().empty()) text += "Content-Length: " + std::to_string(ask.body().size()) + "\r\n";
  http::limits bounds;
  bounds.request_line_bytes_max *=
      2; // what a server asks of a node is longer than what it was asked
  return http::request::parse(text + "\r\n" + ask.body(), bounds);
}

http::gone reason(End::How how) {
  switch (how) {
  case End::FINISHED: return http::gone::finished;
  case End::TOO_SLOW: return http::gone::too_slow;
  case End::STOPPING: return http::gone::server_stopping;
  default: return http::gone::left;
  }
}

End::How word_for(http::gone why) {
  switch (why) {
  case http::gone::finished: return End::FINISHED;
  case http::gone::too_slow: return End::TOO_SLOW;
  case http::gone::server_stopping: return End::STOPPING;
  default: return End::BROKEN;
  }
}

} // namespace

/// One request, at either end: where it is served, what its responder talks to; where it was asked,
/// the part between the link and the client's own responder.
class requests::line : public http::sink,
                       public http::exchange,
                       public std::enable_shared_from_this<line> {
public:
  line(std::shared_ptr<requests> home, key which) : home_{std::move(home)}, key_{which} {}

  // ---- where it is served; any thread ----

  void reply(http::response what) override {
    RequestWord word;
    auto* a = word.mutable_answer();
    a->set_status(what.status);
    put(*a->mutable_headers(), what.headers);
    run([self = shared_from_this(), word, body = std::move(what.body)]() mutable {
      self->answered_ = true;
      self->say(std::move(word));
      for (auto& part : body) {
        self->waiting_ += part->size();
        self->queue_.push_back(std::move(part));
      }
      self->finishing_ = true;
      self->send_more();
    });
  }

  std::shared_ptr<http::sink> open(int status, http::header_list headers, bool upgrade) override {
    RequestWord word;
    auto* a = word.mutable_answer();
    a->set_status(status);
    a->set_form(upgrade ? Answer::CHANNEL : Answer::STREAM);
    put(*a->mutable_headers(), headers);
    run([self = shared_from_this(), word]() mutable {
      self->answered_ = true;
      self->say(std::move(word));
    });
    return shared_from_this();
  }

  void on_gone(std::function<void(http::gone)> call) override {
    run([self = shared_from_this(), call = std::move(call)]() mutable {
      if (self->closed_ && !self->answered_) return call(http::gone::left);
      self->on_gone_ = std::move(call);
    });
  }

  // ---- a sink; any thread ----

  bool write(http::bytes data) override {
    std::unique_lock lock{mutex_};
    if (closed_ || ended_) return false;
    if ((waiting_ += data->size()) > waiting_bytes_max) {
      ended_ = true;
      inbox_.clear();
      lock.unlock();
      run([self = shared_from_this()] { self->end(http::gone::too_slow); });
      return false;
    }
    inbox_.push_back(std::move(data));
    if (std::exchange(scheduled_, true)) return true;
    lock.unlock();
    run([self = shared_from_this()] { self->send_more(); });
    return true;
  }
  void finish() override {
    {
      std::lock_guard lock{mutex_};
      if (std::exchange(ended_, true)) return;
    }
    run([self = shared_from_this()] {
      self->finishing_ = true;
      self->send_more();
    });
  }
  void abort() override {
    {
      std::lock_guard lock{mutex_};
      if (std::exchange(ended_, true)) return;
    }
    run([self = shared_from_this()] { self->end(http::gone::left); });
  }
  size_t queued_bytes() const override { return waiting_; }
  void on_drained(std::function<void()> call) override {
    run([self = shared_from_this(), call = std::move(call)]() mutable {
      self->on_drained_ = std::move(call);
    });
  }
  void on_closed(std::function<void(http::gone)> call) override {
    run([self = shared_from_this(), call = std::move(call)]() mutable {
      if (self->closed_)
        call(self->why_);
      else
        self->on_closed_ = std::move(call);
    });
  }
  void on_data(std::function<void(std::string_view)> call) override {
    run([self = shared_from_this(), call = std::move(call)]() mutable {
      self->on_data_ = std::move(call);
      self->deliver();
    });
  }
  void read(bool wanted) override {
    run([self = shared_from_this(), wanted] {
      self->reading_ = wanted;
      self->deliver();
    });
  }
  void limit_time(std::optional<std::chrono::milliseconds> time) override {
    run([self = shared_from_this(), time] {
      if (self->sent_end_) return;
      RequestWord word;
      word.set_time_limit_ms(time ? static_cast<uint64_t>(time->count()) : 0);
      self->say(std::move(word));
    });
  }

  // ---- on the link's thread ----

  /// Begins where it was asked.
  void ask(cluster::Ask what, http::responder to) {
    client_ = to.release();
    client_->on_gone([self = weak_from_this()](http::gone why) {
      if (auto me = self.lock())
        me->run([me, why] {
          if (!me->answered_) me->end(why);
        });
    });
    RequestWord word;
    *word.mutable_ask() = std::move(what);
    say(std::move(word));
  }

  void heard(RequestWord& word) {
    switch (word.word_case()) {
    case RequestWord::kAnswer:
      if (key_.asked_here && !answered_ && !sent_end_) take_answer(word.answer());
      return;
    case RequestWord::kData:
      held_bytes_ += word.data().size();
      if (held_bytes_ > request_window_bytes) return home_->over_->close();
      held_.push_back(std::move(*word.mutable_data()));
      return deliver();
    case RequestWord::kTaken:
      credit_ = std::min<uint64_t>(credit_ + word.taken(), request_window_bytes);
      return send_more();
    case RequestWord::kEnd: return take_end(reason(word.end().how()));
    case RequestWord::kTimeLimitMs:
      if (!near_) return;
      if (word.time_limit_ms() == 0) return near_->limit_time({});
      return near_->limit_time(std::chrono::milliseconds(word.time_limit_ms()));
    default: return;
    }
  }

  /// The link is gone.
  void cut() {
    sent_end_ = true;
    close(http::gone::left);
  }

private:
  void run(std::function<void()> call) override { home_->over_->run(std::move(call)); }

  void say(RequestWord word) {
    word.set_number(key_.number);
    word.set_to_asker(!key_.asked_here);
    // What does not fit is lost, and so is the link.
    if (!home_->say(word)) home_->over_->close();
  }

  void send_more() {
    {
      std::lock_guard lock{mutex_};
      scheduled_ = false;
      for (auto& b : inbox_) queue_.push_back(std::move(b));
      inbox_.clear();
    }
    if (sent_end_) return;
    bool sent = false;
    while (!queue_.empty() && credit_ > 0) {
      auto& front = *queue_.front();
      auto size = std::min({front.size() - offset_, piece_bytes, static_cast<size_t>(credit_)});
      RequestWord word;
      word.set_data(front.data() + offset_, size);
      say(std::move(word));
      credit_ -= size;
      waiting_ -= size;
      if ((offset_ += size) < front.size()) continue;
      queue_.pop_front();
      offset_ = 0;
      sent = true;
    }
    if (!queue_.empty()) return;
    if (finishing_) return end(http::gone::finished);
    if (sent && on_drained_) {
      auto call = std::exchange(on_drained_, nullptr);
      call();
      if (!on_drained_ && !closed_) on_drained_ = std::move(call);
    }
  }

  /// Says the last word of this side.
  void end(http::gone why) {
    if (std::exchange(sent_end_, true)) return;
    why_ = why;
    RequestWord word;
    word.mutable_end()->set_how(word_for(why));
    say(std::move(word));
    if (got_end_) close(why);
  }

  void take_end(http::gone why) {
    if (std::exchange(got_end_, true)) return;
    far_end_ = why;
    if (sent_end_) return close(why == http::gone::finished ? why_ : why);
    if (near_) return deliver(); // the client hears of the end before this side says its own
    if (whole_ && why == http::gone::finished) {
      whole_->body.push_back(http::share(std::move(body_)));
      std::exchange(client_, nullptr)->reply(std::move(*whole_));
    }
    end(why);
  }

  void take_answer(const Answer& answer) {
    answered_ = true;
    if (answer.form() == Answer::WHOLE) {
      whole_ = http::response{answer.status(), headers_of(answer), {}};
      return;
    }
    auto upgrade = answer.form() == Answer::CHANNEL;
    near_ = std::exchange(client_, nullptr)->open(answer.status(), headers_of(answer), upgrade);
    near_->on_closed([self = shared_from_this()](http::gone why) {
      self->run([self, why] {
        self->near_ = nullptr;
        self->end(why);
      });
    });
    if (!upgrade) return;
    // What the client sends goes on as fast as the far side takes it.
    near_->on_data([self = weak_from_this()](std::string_view data) {
      auto me = self.lock();
      if (!me) return;
      me->write(http::share(std::string(data)));
      if (me->queued_bytes() > request_window_bytes)
        me->run([me] {
          if (me->near_ && me->waiting_ > 0) me->near_->read(false);
        });
    });
    on_drained_ = [this] {
      if (near_) near_->read(true);
    };
  }

  /// Hands on what has arrived and gives room back for it.
  void deliver() {
    while (!held_.empty() && !sent_end_) {
      auto room = held_.front().size();
      if (near_) {
        if (near_->queued_bytes() > client_bytes_max) {
          near_->on_drained([self = weak_from_this()] {
            if (auto me = self.lock()) me->run([me] { me->deliver(); });
          });
          if (near_->queued_bytes() > client_bytes_max) return;
        }
        near_->write(http::share(std::move(held_.front())));
      } else if (whole_) {
        body_ += held_.front();
      } else if (on_data_ && reading_) {
        auto call = std::exchange(on_data_, nullptr);
        auto data = std::move(held_.front());
        call(data);
        if (!on_data_ && !closed_) on_data_ = std::move(call);
      } else {
        return;
      }
      held_.pop_front();
      held_bytes_ -= room;
      RequestWord word;
      word.set_taken(room);
      if (!got_end_) say(std::move(word));
    }
    if (near_ && far_end_ && held_.empty())
      *far_end_ == http::gone::finished ? near_->finish() : near_->abort();
  }

  void close(http::gone why) {
    auto self = shared_from_this();
    {
      std::lock_guard lock{mutex_};
      if (closed_.exchange(true)) return;
      inbox_.clear();
    }
    why_ = why;
    queue_.clear();
    if (client_)
      std::exchange(client_, nullptr)
          ->reply(http::plain_answer(503, "the link to " + home_->over_->peer().name +
                                              " went down before the answer came; try again"));
    if (auto near = std::exchange(near_, nullptr)) near->abort();
    on_data_ = nullptr;
    on_drained_ = nullptr;
    if (auto call = std::exchange(on_gone_, nullptr); call && !answered_) call(http::gone::left);
    if (auto call = std::exchange(on_closed_, nullptr)) call(why);
    if (key_.asked_here)
      --home_->asked_;
    else
      --home_->served_;
    home_->lines_.erase(key_);
  }

  std::shared_ptr<requests> home_;
  const key key_;

  std::mutex mutex_; ///< for the inbox
  std::vector<http::bytes> inbox_;
  bool scheduled_ = false;
  bool ended_ = false; ///< finish or abort was asked for
  std::atomic<bool> closed_{false};
  std::atomic<size_t> waiting_{0};

  // On the link's thread.
  std::deque<http::bytes> queue_;
  size_t offset_ = 0; ///< sent bytes of the first
  uint64_t credit_ = request_window_bytes;
  bool finishing_ = false, sent_end_ = false, got_end_ = false;
  bool answered_ = false, reading_ = true;
  http::gone why_ = http::gone::finished;
  std::optional<http::gone> far_end_;
  std::deque<std::string> held_; ///< arrived, not yet handed on
  size_t held_bytes_ = 0;
  std::function<void(std::string_view)> on_data_;
  std::function<void()> on_drained_;
  std::function<void(http::gone)> on_closed_, on_gone_;
  // Where it was asked.
  std::shared_ptr<http::exchange> client_; ///< until it is answered
  std::shared_ptr<http::sink> near_;       ///< the client's stream
  std::optional<http::response> whole_;
  std::string body_;
};

requests::requests(std::shared_ptr<connection> over, door serve)
    : over_{std::move(over)}, serve_{std::move(serve)} {
  auto& who = over_->peer();
  auto peer = std::make_shared<http::peer>();
  peer->encrypted = true;
  peer->certificate = tls::peer_certificate{.common_name = who.name,
                                            .organizations = who.groups,
                                            .fingerprint_sha256 = who.fingerprint,
                                            .client_auth = true,
                                            .verified = true};
  peer_ = std::move(peer);
}

requests::~requests() = default;

bool requests::say(const RequestWord& word) {
  return over_->send(stream::bulk, std::make_shared<const std::string>(word.SerializeAsString()));
}

void requests::ask(const http::request& what, http::responder to) {
  if (down_)
    return to.reply(http::plain_answer(503, "the link to " + over_->peer().name + " is down"));
  if (asked_.fetch_add(1) >= requests_max) {
    --asked_;
    return to.reply(http::too_many_requests(1, "too many requests are under way on this link"));
  }
  cluster::Ask ask;
  ask.set_method(std::string(http::to_string(what.verb())));
  ask.set_target(std::string(what.target()));
  for (auto& h : what.headers()) {
    // How the body was framed says nothing on a link.
    if (http::same_name(h.name, "Content-Length") || http::same_name(h.name, "Transfer-Encoding"))
      continue;
    auto* header = ask.add_headers();
    header->set_name(std::string(h.name));
    header->set_value(std::string(h.value));
  }
  ask.set_body(what.body);
  auto held = std::make_shared<http::responder>(std::move(to));
  over_->run([self = shared_from_this(), ask = std::move(ask), held]() mutable {
    if (self->down_) {
      --self->asked_;
      return held->reply(
          http::plain_answer(503, "the link to " + self->over_->peer().name + " is down"));
    }
    key which{++self->last_number_, true};
    auto made = std::make_shared<line>(self, which);
    self->lines_.emplace(which, made);
    made->ask(std::move(ask), std::move(*held));
  });
}

bool requests::heard(std::string_view message) {
  over_->taken(stream::bulk, message.size()); // each line has a window of its own
  RequestWord word;
  if (!word.ParseFromArray(message.data(), static_cast<int>(message.size()))) return false;
  if (word.has_ask()) {
    if (word.to_asker()) return false;
    serve(word.number(), word);
    return true;
  }
  auto hit = lines_.find({word.number(), word.to_asker()});
  if (hit == lines_.end()) return true; // it is over here
  auto held = hit->second;
  held->heard(word);
  return true;
}

void requests::serve(uint64_t number, const RequestWord& word) {
  key which{number, false};
  if (lines_.contains(which)) return;
  auto made = std::make_shared<line>(shared_from_this(), which);
  lines_.emplace(which, made);
  http::responder to{made};
  if (++served_ > requests_max)
    return to.reply(http::too_many_requests(1, "too many requests are under way on this link"));
  if (!serve_) return to.reply(http::plain_answer(403, "this peer may not ask anything"));
  auto request = request_of(word.ask());
  if (!request) return to.reply(http::plain_answer(400, request.error().message));
  if (request->refused())
    return to.reply(http::plain_answer(request->refused()->status, request->refused()->why));
  static std::atomic<uint64_t> ids{1};
  request->id = ids++;
  request->from = peer_;
  serve_(std::move(*request), std::move(to));
}

void requests::down() {
  down_ = true;
  auto all = std::exchange(lines_, {});
  for (auto& [_, l] : all) l->cut();
}

mux_settings with_requests(mux_settings settings) {
  settings.queue_bytes_max[static_cast<size_t>(stream::bulk)] = request_queue_bytes;
  return settings;
}

} // namespace troupe::link
