#include "actors/node/probes/prober.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <memory>
#include <optional>

namespace troupe::node {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr size_t head_bytes_max = 10 * 1024;

/// What all questions share: an address, a connection, a time limit, one answer.
template<class Derived> class question : public std::enable_shared_from_this<Derived> {
public:
  question(asio::io_context& on, std::chrono::milliseconds patience, on_answer done)
      : resolver_{on}, timer_{on}, socket_{on}, patience_{patience}, done_{std::move(done)} {}

  void start(const std::string& host, uint16_t port) {
    auto me = this->shared_from_this();
    timer_.expires_after(patience_);
    timer_.async_wait([me](error_code bad) {
      if (!bad)
        me->answer(false, "context deadline exceeded: no answer within " +
                              std::to_string(me->patience_.count()) + " ms");
    });
    error_code no_address;
    auto address = asio::ip::make_address(host, no_address);
    if (!no_address) return connect({address, port});
    resolver_.async_resolve(host, std::to_string(port),
                            [me](error_code bad, const tcp::resolver::results_type& all) {
                              if (bad || all.empty())
                                return me->answer(false, "cannot resolve: " + bad.message());
                              me->connect(all.begin()->endpoint());
                            });
  }

protected:
  void answer(bool success, std::string output) {
    auto done = std::exchange(done_, nullptr);
    if (!done) return;
    timer_.cancel();
    resolver_.cancel();
    error_code ignored;
    // No lingering in TIME_WAIT on behalf of a probe.
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
    done({success, std::move(output)});
  }

  tcp::resolver resolver_;
  asio::steady_timer timer_;
  tcp::socket socket_;

private:
  void connect(const tcp::endpoint& to) {
    auto me = this->shared_from_this();
    socket_.async_connect(to, [me, to](error_code bad) {
      if (bad)
        return me->answer(false, "dial tcp " + to.address().to_string() + ":" +
                                     std::to_string(to.port()) + ": connect: " + bad.message());
      me->connected();
    });
  }

  std::chrono::milliseconds patience_;
  on_answer done_;
};

class tcp_question : public question<tcp_question> {
public:
  using question::question;
  void connected() { answer(true, {}); }
  using question::answer;
};

class http_asker : public question<http_asker> {
public:
  http_asker(asio::io_context& on, const http_question& what, std::chrono::milliseconds patience,
             on_answer done)
      : question{on, patience, std::move(done)}, text_{http_request_text(what)}, tls_{what.tls} {}

  void connected() {
    if (!tls_) return ask(socket_);
    context_.emplace(asio::ssl::context::tls_client);
    context_->set_verify_mode(asio::ssl::verify_none);
    secure_ = std::make_unique<asio::ssl::stream<tcp::socket&>>(socket_, *context_);
    secure_->async_handshake(asio::ssl::stream_base::client,
                             [me = shared_from_this()](error_code bad) {
                               if (bad) return me->answer(false, "TLS: " + bad.message());
                               me->ask(*me->secure_);
                             });
  }
  using question::answer;

private:
  template<class Stream> void ask(Stream& over) {
    asio::async_write(over, asio::buffer(text_),
                      [me = shared_from_this(), &over](error_code bad, size_t) {
                        if (bad) return me->answer(false, "write: " + bad.message());
                        me->listen(over);
                      });
  }

  template<class Stream> void listen(Stream& over) {
    over.async_read_some(
        asio::buffer(chunk_), [me = shared_from_this(), &over](error_code bad, size_t n) {
          me->received_.append(me->chunk_, n);
          auto status = http_status(me->received_);
          if (status > 0) return me->judge(status);
          if (status < 0 || me->received_.size() > head_bytes_max)
            return me->answer(false, "malformed HTTP response");
          if (bad) return me->answer(false, bad == asio::error::eof ? "EOF" : bad.message());
          me->listen(over);
        });
  }

  void judge(int status) {
    bool good = status >= 200 && status < 400;
    answer(good,
           good ? std::string{} : "HTTP probe failed with statuscode: " + std::to_string(status));
  }

  std::string text_, received_;
  bool tls_;
  std::optional<asio::ssl::context> context_;
  std::unique_ptr<asio::ssl::stream<tcp::socket&>> secure_;
  char chunk_[2048];
};

class grpc_asker : public question<grpc_asker> {
public:
  grpc_asker(asio::io_context& on, std::string request, std::chrono::milliseconds patience,
             on_answer done)
      : question{on, patience, std::move(done)}, out_{std::move(request)} {}

  void connected() { send(); }
  using question::answer;

private:
  void send() {
    asio::async_write(socket_, asio::buffer(out_),
                      [me = shared_from_this()](error_code bad, size_t) {
                        if (bad) return me->answer(false, "write: " + bad.message());
                        me->out_.clear();
                        me->listen();
                      });
  }

  void listen() {
    socket_.async_read_some(
        asio::buffer(chunk_), [me = shared_from_this()](error_code bad, size_t n) {
          me->out_ = me->reply_.feed({me->chunk_, n});
          auto serving = me->reply_.serving();
          if (serving == 1) return me->answer(true, {});
          if (me->reply_.over() || bad || serving >= 0)
            return me->answer(false, serving >= 0 ? "service unhealthy (responded with status " +
                                                        std::to_string(serving) + ")"
                                                  : "the service speaks no gRPC health protocol");
          me->out_.empty() ? me->listen() : me->send();
        });
  }

  std::string out_;
  grpc_reply reply_;
  char chunk_[4096];
};

} // namespace

std::string http_request_text(const http_question& what) {
  auto host = what.host.find(':') == what.host.npos ? what.host : "[" + what.host + "]";
  std::string out = "GET " + (what.path.empty() ? "/" : what.path) + " HTTP/1.1\r\n";
  bool has_host = false, has_agent = false, has_accept = false;
  auto same = [](const std::string& a, std::string_view b) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
             return tolower(x) == tolower(y);
           });
  };
  for (auto& [name, value] : what.headers) {
    has_host = has_host || same(name, "host");
    has_agent = has_agent || same(name, "user-agent");
    has_accept = has_accept || same(name, "accept");
    if (!value.empty() || !same(name, "accept")) out += name + ": " + value + "\r\n";
  }
  if (!has_host) out += "Host: " + host + ":" + std::to_string(what.port) + "\r\n";
  if (!has_agent) out += "User-Agent: kube-probe/1.36\r\n";
  if (!has_accept) out += "Accept: */*\r\n";
  return out + "Connection: close\r\n\r\n";
}

int http_status(std::string_view received) {
  auto end = received.find("\r\n");
  if (end == received.npos) end = received.find('\n');
  if (end == received.npos) return 0;
  if (!received.starts_with("HTTP/1.") || received.size() < 12 || received[8] != ' ') return -1;
  int status = 0;
  for (char c : received.substr(9, 3)) {
    if (c < '0' || c > '9') return -1;
    status = status * 10 + (c - '0');
  }
  return status < 100 ? -1 : status;
}

void ask_http(asio::io_context& on, const http_question& what, std::chrono::milliseconds patience,
              on_answer done) {
  std::make_shared<http_asker>(on, what, patience, std::move(done))->start(what.host, what.port);
}

void ask_tcp(asio::io_context& on, const std::string& host, uint16_t port,
             std::chrono::milliseconds patience, on_answer done) {
  std::make_shared<tcp_question>(on, patience, std::move(done))->start(host, port);
}

void ask_grpc(asio::io_context& on, const std::string& host, uint16_t port,
              const std::string& service, std::chrono::milliseconds patience, on_answer done) {
  auto request = grpc_request(host + ":" + std::to_string(port), service);
  std::make_shared<grpc_asker>(on, std::move(request), patience, std::move(done))
      ->start(host, port);
}

} // namespace troupe::node
