// The gate as a function on bytes: what it refuses, what it lets through, and that it decides the
// same whether the bytes come at once or one at a time.
#include "net/http/chunked.hpp"
#include "net/http/request.hpp"
#include "test/net/support/hostile_requests.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>

using namespace troupe;
using namespace troupe::http;

namespace {

/// The status the gate answers to `bytes` fed in pieces of `step`: 0 if it lets them through, -1 if
/// it waits for more.
int judge_in_steps(std::string_view bytes, size_t step) {
  const limits bounds;
  head_scanner scanner;
  size_t have = 0;
  while (!scanner.scan(bytes.substr(0, have), bounds)) {
    if (have == bytes.size()) return -1;
    have = std::min(bytes.size(), have + step);
  }
  if (scanner.refused()) return scanner.refused()->status;
  const auto judged = judge(bytes.substr(0, scanner.size()), bounds);
  if (judged.refused) return judged.refused->status;
  if (judged.accepted.body != framing::chunked) return 0;
  chunked_decoder decoder;
  std::string body;
  for (auto rest = bytes.substr(scanner.size()); !rest.empty();) {
    const auto piece = rest.substr(0, step);
    const auto used = decoder.feed(piece, body, bounds);
    if (decoder.refused()) return decoder.refused()->status;
    BOOST_TEST_REQUIRE(body.size() <= bounds.body_bytes_max);
    if (decoder.done()) return 0;
    BOOST_TEST_REQUIRE(used == piece.size());
    rest.remove_prefix(used);
  }
  return -1;
}

head accepted(std::string_view text) {
  auto judged = judge(text, {});
  BOOST_TEST_REQUIRE(!judged.refused, (judged.refused ? judged.refused->why : ""));
  return judged.accepted;
}

} // namespace

BOOST_AUTO_TEST_SUITE(http_gate_test)

BOOST_AUTO_TEST_CASE(every_hostile_request_gets_its_status) {
  for (const auto& each : test::hostile_requests()) {
    const auto status = judge_in_steps(each.bytes, each.bytes.size());
    BOOST_TEST(std::ranges::count(each.statuses, status) == 1,
               "row " << each.row << ", " << each.what << ": " << status);
  }
}

BOOST_AUTO_TEST_CASE(the_verdict_does_not_depend_on_how_the_bytes_are_cut) {
  for (const auto& each : test::hostile_requests())
    for (const size_t step : {1, 2, 7}) {
      const auto status = judge_in_steps(each.bytes, step);
      BOOST_TEST(std::ranges::count(each.statuses, status) == 1,
                 "row " << each.row << ", " << each.what << " by " << step << ": " << status);
    }
}

BOOST_AUTO_TEST_CASE(an_ordinary_request_passes) {
  const auto head =
      accepted("GET /api/v1/pods?limit=500&watch HTTP/1.1\r\nhOST: k8s.example:6443\r\n"
               "Accept:  application/json \r\nX-Empty:\r\n\r\n");
  BOOST_TEST(head.path == "/api/v1/pods");
  BOOST_TEST(head.query == "limit=500&watch");
  BOOST_TEST(head.keep_alive);
  BOOST_TEST((head.body == framing::none));
  BOOST_TEST(head.headers.size() == 3u);
  BOOST_TEST(head.headers[1].value == "application/json");
  BOOST_TEST(head.headers[2].value == "");
}

BOOST_AUTO_TEST_CASE(a_url_that_names_the_same_host_is_a_path) {
  const auto head = accepted("GET http://A:80/x?y HTTP/1.1\r\nHost: a:80\r\n\r\n");
  BOOST_TEST(head.path == "/x");
  BOOST_TEST(head.query == "y");
}

BOOST_AUTO_TEST_CASE(the_connection_header_and_the_version_decide_keep_alive) {
  BOOST_TEST(!accepted("GET / HTTP/1.1\r\nHost: x\r\nConnection: x, Close\r\n\r\n").keep_alive);
  BOOST_TEST(!accepted("GET / HTTP/1.0\r\n\r\n").keep_alive);
  BOOST_TEST(accepted("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").keep_alive);
}

BOOST_AUTO_TEST_CASE(an_incomplete_head_waits_for_more) {
  head_scanner scanner;
  BOOST_TEST(!scanner.scan("GET / HTTP/1.1\r\nHost: x\r\n\r", {}));
  BOOST_TEST(scanner.scan("GET / HTTP/1.1\r\nHost: x\r\n\r\nrest", {}));
  BOOST_TEST(scanner.size() == 27u);
}

BOOST_AUTO_TEST_CASE(a_chunked_body_is_put_together_however_it_is_cut) {
  const std::string text = "4;name=value\r\nWiki\r\n5\r\npedia\r\n0\r\nX-Trailer: v\r\n\r\nnext";
  for (size_t step = 1; step <= text.size(); ++step) {
    chunked_decoder decoder;
    std::string body;
    size_t used = 0;
    while (!decoder.done() && used < text.size())
      used += decoder.feed(std::string_view{text}.substr(used, step), body, {});
    BOOST_TEST(decoder.done());
    BOOST_TEST(body == "Wikipedia");
    BOOST_TEST(text.substr(used) == "next");
  }
}

BOOST_AUTO_TEST_CASE(headers_are_found_without_regard_to_case) {
  const auto made = request::parse("GET / HTTP/1.1\r\nHost: x\r\nIMPERSONATE-group: a\r\n"
                                   "Impersonate-Group: b\r\n\r\n");
  BOOST_TEST_REQUIRE(made.has_value());
  BOOST_TEST(made->header("impersonate-GROUP") == "a");
  BOOST_TEST(made->headers("impersonate-group").size() == 2u);
  BOOST_TEST(made->header("absent").empty());
}

BOOST_AUTO_TEST_CASE(a_path_is_taken_apart_into_decoded_segments) {
  const auto path = [](std::string_view text) { return path_segments(text); };
  BOOST_TEST((*path("/api/v1/namespaces/kube%2Dsystem") ==
              std::vector<std::string>{"api", "v1", "namespaces", "kube-system"}));
  BOOST_TEST((*path("/a%2Fb/") == std::vector<std::string>{"a/b"}));
  BOOST_TEST(path("/")->empty());
  for (const auto bad : {"/a/../b", "/%2e%2e/b", "/a//b", "/a%00", "/a%zz", "a", "/."})
    BOOST_TEST(!path(bad).has_value(), bad);
}

BOOST_AUTO_TEST_CASE(query_parameters_keep_their_order_and_may_repeat) {
  const auto made = query::parse("command=sh&command=-c&command=echo+a%26b&stdin&x=");
  BOOST_TEST_REQUIRE(made.has_value());
  const auto commands = made->all("command");
  BOOST_TEST_REQUIRE(commands.size() == 3u);
  BOOST_TEST(commands[0] == "sh");
  BOOST_TEST(commands[2] == "echo a&b");
  BOOST_TEST(made->has("stdin"));
  BOOST_TEST(made->get("stdin").empty());
  BOOST_TEST(!made->has("stdout"));
  BOOST_TEST(!query::parse("a=%4").has_value());
}

BOOST_AUTO_TEST_SUITE_END()
