// Requests that are passed on: heads as tables, and bodies of every form over real connections.
#include "net/http/forward.hpp"
#include "net/http/server.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/test/unit_test.hpp>

#include <arpa/inet.h>
#include <future>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

using namespace troupe;
using namespace troupe::http;

namespace {

/// An answer, collected.
struct collector : exchange {
  struct pieces : sink {
    explicit pieces(collector& to) : to{to} {}
    bool write(bytes data) override { return to.body += *data, true; }
    void finish() override { to.end("finished"); }
    void abort() override { to.end("broken off"); }
    size_t queued_bytes() const override { return 0; }
    void on_drained(std::function<void()>) override {}
    void on_closed(std::function<void(gone)>) override {}
    void on_data(std::function<void(std::string_view)> call) override { to.say = std::move(call); }
    void read(bool) override {}
    void limit_time(std::optional<std::chrono::milliseconds>) override {}
    collector& to;
  };
  void reply(response what) override {
    status = what.status;
    headers = what.headers;
    for (auto& part : what.body) body += *part;
    end("whole");
  }
  std::shared_ptr<sink> open(int s, header_list h, bool upgrade) override {
    status = s;
    headers = std::move(h);
    upgraded = upgrade;
    return std::make_shared<pieces>(*this);
  }
  void on_gone(std::function<void(gone)>) override {}
  void end(const std::string& word) {
    if (!how.empty()) return;
    how = word;
    done.set_value();
  }

  int status = 0;
  header_list headers;
  std::string body, how;
  bool upgraded = false;
  std::function<void(std::string_view)> say;
  std::promise<void> done;
};

/// A server that says the same to whoever comes, and what it was asked.
struct canned {
  explicit canned(std::string answer) {
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    BOOST_REQUIRE(bind(listener, reinterpret_cast<sockaddr*>(&at), size) == 0);
    listen(listener, 4);
    getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size);
    port = ntohs(at.sin_port);
    thread = std::thread([this, answer = std::move(answer)] {
      int c = accept(listener, nullptr, nullptr);
      char buffer[4096];
      auto n = read(c, buffer, sizeof buffer);
      asked.assign(buffer, n > 0 ? static_cast<size_t>(n) : 0);
      (void)!write(c, answer.data(), answer.size());
      ::shutdown(c, SHUT_WR);
      while (read(c, buffer, sizeof buffer) > 0) {
      }
      close(c);
    });
  }
  ~canned() {
    thread.join();
    close(listener);
  }
  int listener;
  uint16_t port = 0;
  std::string asked;
  std::thread thread;
};

struct loop {
  loop() : guard{context.get_executor()}, thread{[this] { context.run(); }} {}
  ~loop() {
    guard.reset();
    context.stop();
    thread.join();
  }
  boost::asio::io_context context;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard;
  std::thread thread;
};

std::shared_ptr<collector> pass_on(loop& on, uint16_t port, const std::string& text) {
  auto out = std::make_shared<collector>();
  auto request = request::parse(text);
  BOOST_REQUIRE(request);
  forward(on.context, {.ip = "127.0.0.1", .port = port, .path = "/x?a=b"}, *request,
          responder(out));
  BOOST_REQUIRE(out->done.get_future().wait_for(std::chrono::seconds(10)) ==
                std::future_status::ready);
  return out;
}

const std::string get = "GET /y HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer secret\r\nX-Own: "
                        "kept\r\nImpersonate-User: root\r\n\r\n";

} // namespace

BOOST_AUTO_TEST_SUITE(forward_test)

BOOST_AUTO_TEST_CASE(heads_of_answers) {
  auto good = read_answer_head("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX: y\r\nConnection: close");
  BOOST_REQUIRE(good);
  BOOST_TEST(good->status == 200);
  BOOST_TEST(*good->length == 3u);
  BOOST_TEST(good->headers.size() == 1u);
  for (auto bad : {"", "HTTP/2 200", "HTTP/1.1 abc OK", "HTTP/1.1 200 OK\r\nno colon",
                   "HTTP/1.1 200 OK\r\nContent-Length: 3x"})
    BOOST_TEST(!read_answer_head(bad), bad);
}

BOOST_AUTO_TEST_CASE(answers_come_back_in_every_form) {
  struct {
    const char* what;
    std::string answer;
    int status;
    std::string body, how;
  } const rows[] = {
      {"by length", "HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nabc", 201, "abc", "whole"},
      {"in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
       200, "abc", "finished"},
      {"to the end", "HTTP/1.0 200 OK\r\n\r\nabc", 200, "abc", "finished"},
      {"without a body", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", "whole"},
      {"a word in between",
       "HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", 200, "a",
       "whole"},
      {"cut short", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", 200, "ab",
       "broken off"},
  };
  loop on;
  for (auto& row : rows) {
    canned server(row.answer);
    auto got = pass_on(on, server.port, get);
    BOOST_TEST(got->status == row.status, row.what);
    BOOST_TEST(got->body == row.body, row.what);
    BOOST_TEST(got->how == row.how, row.what);
  }
}

BOOST_AUTO_TEST_CASE(what_proves_who_the_client_is_stays_here) {
  loop on;
  canned server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  pass_on(on, server.port, get);
  BOOST_TEST(server.asked.starts_with("GET /x?a=b HTTP/1.1\r\n"));
  BOOST_TEST(server.asked.find("X-Own: kept") != std::string::npos);
  BOOST_TEST(server.asked.find("secret") == std::string::npos);
  BOOST_TEST(server.asked.find("Impersonate") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(whoever_gives_no_answer_is_told_of) {
  loop on;
  uint16_t port;
  {
    canned server("");
    port = server.port;
    auto silent = pass_on(on, port, get);
    BOOST_TEST(silent->status == 503);
  }
  auto refused = pass_on(on, port, get);
  BOOST_TEST(refused->status == 503);
  BOOST_TEST(refused->body.find("connection refused") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(connections_may_leave_http) {
  loop on;
  canned server("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: "
                "Upgrade\r\n\r\nhello");
  auto got = pass_on(on, server.port,
                     "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
  BOOST_TEST(got->upgraded);
  BOOST_TEST(got->status == 101);
  BOOST_TEST(got->body == "hello");
  BOOST_TEST(server.asked.find("Upgrade: echo") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
