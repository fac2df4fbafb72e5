#include "net/http/connection.hpp"

#include "messages/base/log.hpp"
#include "net/http/connection_run.hpp"
#include "net/http/live_exchange.hpp"
#include "net/http/live_sink.hpp"

namespace troupe::http {

connection::connection(std::shared_ptr<server::core> home, socket peer,
                       std::shared_ptr<http::peer> who, const tls::context* tls)
    : home_{std::move(home)}, socket_{std::move(peer)},
      channel_{tls ? tls::channel{socket_.native_handle(), *tls}
                   : tls::channel{socket_.native_handle()}},
      peer_{std::move(who)} {}

connection::~connection() = default;

void connection::start() {
  set_phase(phase::handshake, bounds().tls_hello_deadline);
  settle();
}

// ---- phases -------------------------------------------------------------------------------------

void connection::set_phase(phase next) {
  phase_ = next;
  phase_deadline_ = no_deadline;
}

void connection::set_phase(phase next, std::chrono::milliseconds within) {
  phase_ = next;
  phase_deadline_ = now_ns() + std::chrono::nanoseconds{within}.count();
}

/// What follows every event: take what has come, send what can be sent, wait for the rest.
void connection::settle() {
  if (phase_ == phase::handshake) shake_hands();
  do {
    advance();
    flush();
    // An answer that went out at once makes room for the next pipelined request.
  } while (phase_ == phase::idle && out_.empty() && !close_after_ && !input().empty());
  if (phase_ == phase::idle && close_after_ && out_.empty()) linger();
  if (phase_ != phase::closed) arm();
}

void connection::shake_hands() {
  const auto [state, _] = channel_.handshake();
  if (state == tls::progress::done) {
    if (channel_.encrypted()) {
      peer_->encrypted = true;
      peer_->certificate = channel_.peer();
    }
    set_phase(phase::idle, bounds().head_deadline);
  } else if (state == tls::progress::want_write) {
    write_blocked_ = true;
  } else if (state != tls::progress::want_read) {
    home_->counters.handshakes_failed.fetch_add(1, std::memory_order_relaxed);
    log::debug("http", "TLS handshake failed",
               {{"peer", peer_->address}, {"reason", channel_.failure()}});
    close(gone::left);
  }
}

// ---- reading requests ---------------------------------------------------------------------------

void connection::advance() {
  if (advancing_) return;
  advancing_ = true;
  bool more = true;
  while (more && out_.size() <= bounds().pipeline_queue_bytes_max) {
    switch (phase_) {
    case phase::idle:
    case phase::head: more = !close_after_ && !input().empty() && advance_head(); break;
    case phase::body: more = advance_body(); break;
    default: more = false;
    }
  }
  advancing_ = false;
}

/// Returns true if there may be more to do with the input.
bool connection::advance_head() {
  if (phase_ == phase::idle) {
    // One empty line in front of a request is let pass, as RFC 9112 asks.
    if (input() == "\r") return false;
    if (!first_request_ && input().starts_with("\r\n")) use_input(2);
    if (input().empty()) return false;
    set_phase(phase::head, bounds().head_deadline);
    scanner_.reset();
  }
  if (!scanner_.scan(input(), bounds())) return false;
  first_request_ = false;
  if (refuse_if(scanner_.refused())) return false;
  request_ = std::make_unique<request>(input().substr(0, scanner_.size()), bounds());
  use_input(scanner_.size());
  scanner_.reset();
  if (refuse_if(request_->refused())) return false;
  request_->from = peer_;
  request_->id = home_->last_request_id.fetch_add(1, std::memory_order_relaxed) + 1;
  verb_ = request_->verb();
  head_only_ = verb_ == method::head;
  version_minor_ = request_->head().version_minor;
  if (!request_->keep_alive()) close_after_ = true;
  begin_body();
  return true;
}

void connection::begin_body() {
  const auto& head = request_->head();
  if (home_->settings.admit) {
    if (auto answer = home_->settings.admit(*request_)) {
      // An unread body cannot be told from the next request without reading it.
      if (head.body != framing::none) close_after_ = true;
      request_.reset();
      set_phase(phase::handling);
      return reply(++turn_, std::move(*answer));
    }
  }
  const bool has_body =
      head.body == framing::chunked || (head.body == framing::length && head.content_length > 0);
  if (!has_body) return dispatch();
  set_phase(phase::body, bounds().body_deadline);
  if (head.body == framing::chunked) decoder_ = std::make_unique<chunked_decoder>();
  if (head.expects_continue && input().empty()) out_.push("HTTP/1.1 100 Continue\r\n\r\n");
}

bool connection::advance_body() {
  auto& body = request_->body;
  if (decoder_) {
    use_input(decoder_->feed(input(), body, bounds()));
    if (refuse_if(decoder_->refused())) return false;
    if (!decoder_->done()) return false;
    decoder_.reset();
  } else {
    const auto wanted = request_->head().content_length - body.size();
    const auto piece = input().substr(0, wanted);
    body.append(piece);
    use_input(piece.size());
    if (body.size() < request_->head().content_length) return false;
  }
  dispatch();
  return true;
}

void connection::use_input(size_t count) {
  in_used_ += count;
  if (in_used_ < in_.size()) return;
  // What is kept between requests must be small: most connections are idle.
  constexpr size_t kept_bytes = 4096;
  if (in_.capacity() > kept_bytes) std::string().swap(in_); // assigning {} would keep its room
  in_.clear();
  in_used_ = 0;
}

bool connection::refuse_if(std::optional<refusal> no) {
  if (no) refuse(*no);
  return no.has_value();
}

void connection::refuse(refusal no) {
  home_->counters.refused_by_gate.fetch_add(1, std::memory_order_relaxed);
  request_.reset();
  decoder_.reset();
  scanner_.reset();
  close_after_ = true;
  head_only_ = false;
  auto what = plain_answer(no.status, no.why);
  if (no.status == 405) what.headers.emplace_back("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE");
  enqueue(what);
  in_ = {};
  in_used_ = 0;
  set_phase(phase::idle);
}

void connection::dispatch() {
  set_phase(phase::handling);
  const auto turn = ++turn_;
  responder reply_with{std::make_shared<live_exchange>(shared_from_this(), turn)};
  const auto whole = std::move(request_);
  try {
    home_->settings.handle(std::move(*whole), std::move(reply_with));
  } catch (const std::exception& failure) {
    log::error("http", "a handler failed", {{"reason", failure.what()}});
    reply(turn, plain_answer(500, "internal error"));
  }
}

// ---- answering ----------------------------------------------------------------------------------

void connection::enqueue(const response& what) {
  size_t size = 0;
  for (const auto& piece : what.body) size += piece->size();
  std::string head;
  head.reserve(512);
  write_head(head, what.status, what.headers,
             {.keep_alive = !close_after_, .http_1_0 = version_minor_ == 0, .body_bytes = size});
  out_.push(std::move(head));
  if (head_only_ || bodiless(what.status)) return;
  for (const auto& piece : what.body) out_.push(piece);
}

void connection::reply(uint64_t turn, response what) {
  if (turn != turn_ || phase_ != phase::handling) return;
  if (home_->stopping) close_after_ = true;
  home_->counters.count(verb_, what.status);
  enqueue(what);
  finish_turn();
}

/// The current request is answered: on to the next one.
void connection::finish_turn() {
  on_gone_ = nullptr;
  if (peer_ended_) close_after_ = true;
  set_phase(phase::idle, bounds().idle_time);
  if (!advancing_) settle();
}

void connection::open(uint64_t turn, int status, const header_list& headers,
                      const std::shared_ptr<live_sink>& to) {
  if (turn != turn_ || phase_ != phase::handling) return to->closed(gone::left);
  if (home_->stopping && !to->raw) close_after_ = true;
  home_->counters.count(verb_, status);
  on_gone_ = nullptr;
  sink_ = to;
  const bool chunked = version_minor_ == 1;
  if (!chunked) close_after_ = true;
  to->discards = head_only_;
  std::string head;
  write_head(head, status, headers,
             {.keep_alive = !close_after_,
              .chunked = chunked && !to->raw,
              .until_close = !chunked,
              .upgrade = to->raw});
  out_.push(std::move(head));
  set_phase(to->raw ? phase::upgraded : phase::streaming);
  if (peer_ended_) return close(gone::left);
  if (!advancing_) settle();
}

void connection::wake(std::shared_ptr<live_sink> from) {
  if (socket_.get_executor().running_in_this_thread())
    serve(*from);
  else
    home_->wake(std::move(from));
}

void connection::serve(live_sink& from) {
  if (sink_.get() != &from || phase_ == phase::closed) return;
  const auto asked = from.take();
  if (asked.abort) return close(gone::left);
  if (asked.too_slow) {
    home_->counters.slow_readers_dropped.fetch_add(1, std::memory_order_relaxed);
    return close(gone::too_slow);
  }
  if (!from.discards && !asked.data.empty()) {
    from.pushed = true;
    if (from.raw || version_minor_ == 0)
      for (const auto& piece : asked.data) out_.push(piece);
    else
      out_.push_chunk(asked.data);
  }
  // While the socket takes nothing, nobody else counts it: who writes must see what waits.
  outbox_bytes.store(out_.size(), std::memory_order_relaxed);
  if (asked.finish) {
    if (from.raw)
      close_after_ = true;
    else if (!from.discards && version_minor_ == 1)
      out_.push_last_chunk();
    const auto done = std::exchange(sink_, nullptr);
    finish_turn();
    return done->closed(gone::finished);
  }
  if (phase_ == phase::upgraded && from.wants_data() && !input().empty()) {
    const auto early = std::string{input()};
    use_input(early.size());
    from.deliver(early);
  }
  if (phase_ != phase::closed) settle();
}

void connection::limit_time(const live_sink& from, std::optional<std::chrono::milliseconds> time) {
  if (sink_.get() != &from) return;
  if (time)
    set_phase(phase_, *time);
  else
    set_phase(phase_);
  arm_deadline();
}

void connection::note_gone_callback(uint64_t turn, std::function<void(gone)> call) {
  if (turn != turn_ || phase_ != phase::handling) return;
  if (peer_ended_) return call(gone::left);
  on_gone_ = std::move(call);
}

void connection::tell_gone(gone why) {
  if (auto call = std::exchange(on_gone_, nullptr)) call(why);
  if (auto to = std::exchange(sink_, nullptr)) to->closed(why);
}

} // namespace troupe::http
