// The HTTP rows of the list of hostile inputs: bytes, and the status each must get. Read by the
// test of the pure gate and by the test of a running server.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

namespace troupe::test {

struct hostile_request {
  int row; ///< in the list of hostile inputs
  std::string what;
  std::string bytes;
  std::vector<int> statuses; ///< any of these; the connection is closed after it
};

inline std::string with(const std::string& headers, const std::string& body = {},
                        const std::string& method = "POST") {
  return method + " /api HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n" + body;
}

inline std::string chunked(const std::string& body) {
  return with("Transfer-Encoding: chunked\r\n", body);
}

inline std::vector<hostile_request> hostile_requests() {
  using namespace std::string_literals;
  const std::string long_text(9 * 1024, 'a');
  const std::string smuggled = "GET /evil HTTP/1.1\r\nHost: x\r\n\r\n";
  return {
      {1,
       "chunked and a length",
       with("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "0\r\n\r\n"),
       {400}},
      {1,
       "a length and chunked",
       with("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
       {400}},
      {2, "xchunked", with("Transfer-Encoding: xchunked\r\n", smuggled), {400, 501}},
      {2,
       "chunked, identity",
       with("Transfer-Encoding: chunked, identity\r\n", smuggled),
       {400, 501}},
      {2, "gzip, chunked", with("Transfer-Encoding: gzip, chunked\r\n", smuggled), {400, 501}},
      {2,
       "chunked twice",
       with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", smuggled),
       {400}},
      {2, "an empty transfer encoding", with("Transfer-Encoding:\r\n", smuggled), {400, 501}},
      {2,
       "chunked with a vertical tab",
       with("Transfer-Encoding: \x0b"
            "chunked\r\n",
            smuggled),
       {400}},
      {3, "two equal lengths", with("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), {400}},
      {3, "a list of equal lengths", with("Content-Length: 3, 3\r\n", "abc"), {400}},
      {3,
       "two different lengths",
       with("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd"),
       {400}},
      {3, "a length with a plus", with("Content-Length: +3\r\n", "abc"), {400}},
      {3, "a negative length", with("Content-Length: -1\r\n"), {400}},
      {3, "a length of 23 digits", with("Content-Length: 99999999999999999999999\r\n"), {400}},
      {3, "an empty length", with("Content-Length:\r\n"), {400}},
      {3, "a hexadecimal length", with("Content-Length: 0x3\r\n", "abc"), {400}},
      {4, "no Host", "GET / HTTP/1.1\r\n\r\n", {400}},
      {4, "two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", {400}},
      {4, "two equal Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", {400}},
      {4, "a URL with another host", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", {400}},
      {4, "a Host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", {400}},
      {5, "a folded header", with("X: a\r\n b\r\n"), {400}},
      {5, "a folded header with a tab", with("X: a\r\n\tTransfer-Encoding: chunked\r\n"), {400}},
      {5, "a space before the colon", with("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), {400}},
      {5, "a bare LF", "GET / HTTP/1.1\nHost: x\n\n", {400}},
      {5, "a bare LF in a header", with("A: b\nTransfer-Encoding: chunked\r\n"), {400}},
      {5, "a NUL in a value", with("A: b\0c\r\n"s), {400}},
      {5, "a NUL in a name", with("A\0: c\r\n"s), {400}},
      {5, "a lone CR", with("A: b\rTransfer-Encoding: chunked\r\n"), {400}},
      {5, "no name", with(": b\r\n"), {400}},
      {5, "no colon", with("Content-Length\r\n"), {400}},
      {5, "a space in the path", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", {400}},
      {5, "a broken escape", "GET /a%2 HTTP/1.1\r\nHost: x\r\n\r\n", {400}},
      {5, "UTF-8 in the path", "GET /\xc3\xa4 HTTP/1.1\r\nHost: x\r\n\r\n", {400}},
      {6,
       "chunked in HTTP/1.0",
       "POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       {400}},
      {6, "HTTP/0.9", "GET /\r\n", {400}},
      {6, "the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {505}},
      {6, "HTTP/1.11", "GET / HTTP/1.11\r\nHost: x\r\n\r\n", {400}},
      {6, "HTTP/3.0", "GET / HTTP/3.0\r\nHost: x\r\n\r\n", {505}},
      {6,
       "a TLS hello in plain text",
       "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"s,
       {400}},
      {7, "9 KiB of header", with("A: " + long_text + "\r\n"), {431}},
      {7, "9 KiB of headers that never end", "GET / HTTP/1.1\r\nHost: x\r\nA: " + long_text, {431}},
      {7,
       "200 headers",
       with([] {
         std::string out;
         for (int i = 0; i < 200; ++i) out += "A: b\r\n";
         return out;
       }()),
       {431}},
      {7, "9 KiB of URI", "GET /" + long_text + " HTTP/1.1\r\nHost: x\r\n\r\n", {414}},
      {7,
       "60 KB of chunk extension",
       chunked("3;" + std::string(60'000, 'e') + "\r\nabc\r\n0\r\n\r\n"),
       {400}},
      {7, "a chunk size of 17 digits", chunked("00000000000000003\r\nabc\r\n0\r\n\r\n"), {400}},
      {7, "a huge chunk size of 17 digits", chunked("FFFFFFFFFFFFFFFFF\r\nabc\r\n"), {400}},
      {7, "a negative chunk size", chunked("-3\r\nabc\r\n0\r\n\r\n"), {400}},
      {7, "a chunk size with 0x", chunked("0x3\r\nabc\r\n0\r\n\r\n"), {400}},
      {7, "a chunk without a size", chunked("\r\nabc\r\n0\r\n\r\n"), {400}},
      {7, "a chunk longer than its size", chunked("3\r\nabcd\r\n0\r\n\r\n"), {400}},
      {7, "a bare LF after a chunk size", chunked("3\nabc\r\n0\r\n\r\n"), {400}},
      {7, "a length in the trailer", chunked("0\r\nContent-Length: 5\r\n\r\n"), {400}},
      {7,
       "a transfer encoding in the trailer",
       chunked("0\r\nTransfer-Encoding: chunked\r\n\r\n"),
       {400}},
      {7, "9 KiB of trailer", chunked("0\r\nA: " + long_text + "\r\n\r\n"), {431}},
      {8, "a length of 3 MiB and one", with("Content-Length: 3145729\r\n"), {413}},
      {8, "a chunk of 3 MiB and one", chunked("300001\r\n"), {413}},
      {8,
       "a chunked body without end",
       chunked([] {
         std::string out;
         for (int i = 0; i < 50; ++i) out += "10000\r\n" + std::string(65536, 'b') + "\r\n";
         return out;
       }()),
       {413}},
      {8,
       "a compressed body",
       with("Content-Encoding: gzip\r\nContent-Length: 3\r\n", "abc"),
       {415}},
      {0, "an unknown method", with("", "", "BREW"), {501}},
      {0, "CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", {405}},
      {0, "TRACE", with("", "", "TRACE"), {405}},
      {0, "a method in lower case", with("", "", "get"), {501}},
      {0, "an unknown expectation", with("Expect: pie\r\n"), {417}},
  };
}

} // namespace troupe::test
