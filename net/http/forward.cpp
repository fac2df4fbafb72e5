#include "net/http/forward.hpp"

#include "net/http/chunked.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <deque>

namespace troupe::http {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr size_t head_bytes_max = 64 << 10;
constexpr size_t whole_bytes_max = 1 << 20; ///< answers of a known length up to this go as one
constexpr size_t ahead_bytes_max = 1 << 20; ///< on their way to a slow reader
constexpr size_t ahead_bytes_low = 256 << 10;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool wants_upgrade(const request& what) { return !what.header("Upgrade").empty(); }

std::string request_text(const forward_target& to, const request& what) {
  auto verb = std::string(to_string(what.verb()));
  auto text = verb + " " + to.path + " HTTP/1.1\r\n";
  bool host = false;
  for (auto& h : what.headers()) {
    if (stays_here(h.name)) continue;
    host = host || same_name(h.name, "Host");
    text.append(h.name).append(": ").append(h.value).append("\r\n");
  }
  if (!host) text += "Host: " + to.ip + ":" + std::to_string(to.port) + "\r\n";
  for (auto& [name, value] : to.more) text += name + ": " + value + "\r\n";
  if (wants_upgrade(what))
    text.append("Connection: Upgrade\r\nUpgrade: ").append(what.header("Upgrade")).append("\r\n");
  else
    text += "Connection: close\r\n";
  bool bodied = what.verb() == method::post || what.verb() == method::put ||
                what.verb() == method::patch || !what.body.empty();
  if (bodied) text += "Content-Length: " + std::to_string(what.body.size()) + "\r\n";
  return text + "\r\n" + what.body;
}

/// One request under way. Everything happens on the loop; the client's callbacks are posted there.
template<class Stream> class forwarding : public std::enable_shared_from_this<forwarding<Stream>> {
public:
  template<class... Arguments>
  forwarding(asio::io_context& loop, forward_target to, const request& what, responder answer,
             Arguments&... arguments)
      : loop_{loop}, to_{std::move(to)}, answer_{std::move(answer)}, stream_{loop, arguments...},
        patience_{loop}, head_only_{what.verb() == method::head}, out_{request_text(to_, what)} {}

  void start() {
    auto me = this->shared_from_this();
    answer_.on_gone(on_loop([me](gone) { me->close(); }));
    patience_.expires_after(to_.connect_patience);
    patience_.async_wait([me](boost::system::error_code bad) {
      if (!bad) me->fail("dial tcp " + me->where() + ": i/o timeout");
    });
    boost::system::error_code bad;
    auto ip = asio::ip::make_address(to_.ip, bad);
    if (bad) return fail(to_.ip + " is no address");
    socket().async_connect({ip, to_.port}, [me](boost::system::error_code failed) {
      if (failed) return me->fail("dial tcp " + me->where() + ": connect: " + words(failed));
      me->shake_hands();
    });
  }

private:
  static constexpr bool encrypted = !std::is_same_v<Stream, tcp::socket>;

  static std::string words(const boost::system::error_code& failed) {
    auto text = failed.message();
    if (!text.empty()) text[0] = static_cast<char>(tolower(text[0]));
    return text;
  }

  tcp::socket& socket() {
    if constexpr (encrypted)
      return stream_.next_layer();
    else
      return stream_;
  }
  std::string where() const { return to_.ip + ":" + std::to_string(to_.port); }

  template<class Call> auto on_loop(Call call) {
    return [&loop = loop_, call = std::move(call)](auto... values) {
      asio::post(loop, [call, values...] { call(values...); });
    };
  }

  void shake_hands() {
    if constexpr (encrypted) {
      auto me = this->shared_from_this();
      stream_.async_handshake(asio::ssl::stream_base::client,
                              [me](boost::system::error_code failed) {
                                if (failed) return me->fail("tls: " + words(failed));
                                me->ask();
                              });
    } else {
      ask();
    }
  }

  void ask() {
    patience_.cancel();
    auto me = this->shared_from_this();
    asio::async_write(stream_, asio::buffer(out_), [me](boost::system::error_code, size_t) {
      // Who does not want the rest of a request may have answered already.
      me->read();
    });
  }

  void read() {
    if (closed_ || reading_) return;
    reading_ = true;
    auto me = this->shared_from_this();
    stream_.async_read_some(asio::buffer(chunk_), [me](boost::system::error_code bad, size_t n) {
      me->reading_ = false;
      if (n > 0) me->heard({me->chunk_.data(), n});
      if (bad) return me->ended();
      if (!me->paused_) me->read();
    });
  }

  void heard(std::string_view bytes) {
    if (closed_) return;
    if (raw_) return pass(bytes);
    if (head_) return take_body(bytes);
    in_.append(bytes);
    auto end = in_.find("\r\n\r\n");
    if (end == in_.npos) {
      if (in_.size() > head_bytes_max) fail("the answer's head is too long");
      return;
    }
    auto head = read_answer_head(std::string_view(in_).substr(0, end));
    auto rest = in_.substr(end + 4);
    in_.clear();
    if (!head) return fail(head.error().message);
    if (head->status / 100 == 1 && head->status != 101) return heard(rest); // a word in between
    head_ = std::move(*head);
    begin_answer();
    if (!rest.empty()) heard(rest);
  }

  void begin_answer() {
    if (head_->status == 101) return begin_raw();
    if (head_only_ || bodiless(head_->status)) return finish_whole();
    left_ = head_->chunked ? std::nullopt : head_->length;
    whole_ = left_ && *left_ <= whole_bytes_max;
    if (whole_) {
      if (*left_ == 0) finish_whole();
      return;
    }
    begin_stream(answer_.stream(head_->status, std::move(head_->headers)));
  }

  void begin_stream(stream to) {
    to_client_ = std::move(to);
    auto me = this->shared_from_this();
    to_client_.on_closed(on_loop([me](gone) { me->close(); }));
    to_client_.on_drained(on_loop([me] { me->resume(); }));
  }

  void begin_raw() {
    raw_ = true;
    auto duplex = answer_.upgrade(std::move(head_->headers));
    if (!duplex) return close();
    auto me = this->shared_from_this();
    duplex.on_closed(on_loop([me](gone) { me->close(); }));
    duplex.on_drained(on_loop([me] { me->resume(); }));
    duplex.on_data([me](std::string_view data) {
      asio::post(me->loop_,
                 [me, data = std::string(data)]() mutable { me->send(std::move(data)); });
    });
    both_ways_ = std::move(duplex);
  }

  void take_body(std::string_view bytes) {
    if (head_->chunked) {
      std::string data;
      limits bounds;
      bounds.body_bytes_max = bytes.size();
      decoder_.feed(bytes, data, bounds);
      if (decoder_.refused()) return close();
      pass(data);
      if (decoder_.done()) finish();
      return;
    }
    if (left_) bytes = bytes.substr(0, std::min<uint64_t>(bytes.size(), *left_));
    if (left_) *left_ -= bytes.size();
    if (whole_)
      in_.append(bytes);
    else
      pass(bytes);
    if (left_ && *left_ == 0) whole_ ? finish_whole() : finish();
  }

  void pass(std::string_view bytes) {
    if (bytes.empty()) return;
    auto& to = raw_ ? static_cast<stream&>(both_ways_) : to_client_;
    if (!to.write(std::string(bytes))) return close();
    paused_ = to.queued_bytes() > ahead_bytes_max;
  }

  void resume() {
    if (std::exchange(paused_, false)) read();
  }

  void send(std::string data) {
    waiting_bytes_ += data.size();
    waiting_.push_back(std::move(data));
    if (waiting_bytes_ > ahead_bytes_max) both_ways_.read(false);
    flush();
  }

  void flush() {
    if (closed_ || sending_ || waiting_.empty()) return;
    sending_ = true;
    auto me = this->shared_from_this();
    asio::async_write(stream_, asio::buffer(waiting_.front()),
                      [me](boost::system::error_code bad, size_t) {
                        me->sending_ = false;
                        if (bad || me->closed_) return me->close();
                        me->waiting_bytes_ -= me->waiting_.front().size();
                        me->waiting_.pop_front();
                        if (me->waiting_bytes_ < ahead_bytes_low) me->both_ways_.read(true);
                        me->flush();
                      });
  }

  /// The other side has nothing more to say.
  void ended() {
    if (closed_) return;
    if (!head_) return fail(where() + " closed the connection without an answer");
    if (raw_ || (!head_->chunked && !left_)) return finish();
    close(); // cut short, and the client sees it
  }

  void finish_whole() {
    response out{head_->status, std::move(head_->headers), {}};
    if (!in_.empty()) out.body.push_back(share(std::move(in_)));
    answer_.reply(std::move(out));
    close();
  }

  void finish() {
    if (raw_)
      both_ways_.finish();
    else
      to_client_.finish();
    close();
  }

  void fail(const std::string& why) {
    if (closed_) return;
    auto r = plain_answer(503, "error trying to reach service: " + why);
    r.headers.emplace_back(not_forwarded_header, "1");
    answer_.reply(std::move(r));
    close();
  }

  /// Safe to repeat. What was not answered to its end is broken off.
  void close() {
    if (std::exchange(closed_, true)) return;
    patience_.cancel();
    boost::system::error_code ignored;
    socket().close(ignored);
    answer_ = {};
    to_client_ = {};
    both_ways_ = {};
  }

  asio::io_context& loop_;
  forward_target to_;
  responder answer_;
  Stream stream_;
  asio::steady_timer patience_;
  bool head_only_;
  std::string out_;

  std::array<char, 32 << 10> chunk_;
  std::string in_; ///< the head so far, or the body that goes as one
  std::optional<answer_head> head_;
  std::optional<uint64_t> left_;
  chunked_decoder decoder_;
  bool whole_ = false, raw_ = false, reading_ = false, paused_ = false, closed_ = false;
  stream to_client_;
  duplex both_ways_;
  std::deque<std::string> waiting_; ///< to the other server
  size_t waiting_bytes_ = 0;
  bool sending_ = false;
};

asio::ssl::context& trusting() {
  static asio::ssl::context made = [] {
    asio::ssl::context c(asio::ssl::context::tls_client);
    c.set_verify_mode(asio::ssl::verify_none);
    return c;
  }();
  return made;
}

} // namespace

bool stays_here(std::string_view name) {
  static constexpr std::string_view kept[] = {
      "connection", "keep-alive",        "proxy-authenticate", "proxy-authorization",
      "te",         "trailer",           "transfer-encoding",  "upgrade",
      "expect",     "content-length",    "authorization",      "proxy-connection",
      "host",       not_forwarded_header};
  auto small = lower(name);
  if (small.starts_with("impersonate-") || small.starts_with("x-remote-")) return true;
  return std::any_of(std::begin(kept), std::end(kept),
                     [&](auto& word) { return same_name(word, name); });
}

result<answer_head> read_answer_head(std::string_view text) {
  auto bad = [] { return error{errc::bad_request, "the answer is no HTTP"}; };
  answer_head out;
  auto line = text.substr(0, text.find("\r\n"));
  if (!line.starts_with("HTTP/1.") || line.size() < 12 || line[8] != ' ') return bad();
  auto code = line.substr(9, 3);
  auto [end, failed] = std::from_chars(code.data(), code.data() + 3, out.status);
  if (failed != std::errc{} || end != code.data() + 3 || out.status < 100) return bad();
  bool upgrade = out.status == 101;
  for (auto rest = text.substr(std::min(text.size(), line.size() + 2)); !rest.empty();) {
    auto one = rest.substr(0, rest.find("\r\n"));
    rest.remove_prefix(std::min(rest.size(), one.size() + 2));
    auto colon = one.find(':');
    if (colon == 0 || colon == one.npos) return bad();
    auto name = one.substr(0, colon), value = trimmed(one.substr(colon + 1));
    if (same_name(name, "Transfer-Encoding")) out.chunked = lower(value).ends_with("chunked");
    if (same_name(name, "Content-Length")) {
      uint64_t n = 0;
      auto [last, wrong] = std::from_chars(value.data(), value.data() + value.size(), n);
      if (wrong != std::errc{} || last != value.data() + value.size()) return bad();
      out.length = n;
    }
    bool about_upgrade = same_name(name, "Connection") || same_name(name, "Upgrade");
    if (same_name(name, "Date") || (stays_here(name) && !(upgrade && about_upgrade))) continue;
    out.headers.emplace_back(name, value);
  }
  return out;
}

void forward(asio::io_context& loop, forward_target target, const request& what, responder answer) {
  if (target.tls) {
    auto one = std::make_shared<forwarding<asio::ssl::stream<tcp::socket>>>(
        loop, std::move(target), what, std::move(answer), trusting());
    return asio::post(loop, [one] { one->start(); });
  }
  auto one =
      std::make_shared<forwarding<tcp::socket>>(loop, std::move(target), what, std::move(answer));
  asio::post(loop, [one] { one->start(); });
}

} // namespace troupe::http
