// Answers are compressed only where the client asks and it pays, and unfold to what they were.
#include "net/http/gzip.hpp"

#include <boost/test/unit_test.hpp>
#include <zlib.h>

using namespace troupe::http;

namespace {

request asking(const std::string& encodings) {
  return *request::parse("GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: " + encodings + "\r\n\r\n");
}

std::string unfolded(const std::string& text, size_t size) {
  z_stream z{};
  inflateInit2(&z, 15 + 16);
  std::string out(size + 1, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  BOOST_TEST(inflate(&z, Z_FINISH) == Z_STREAM_END);
  out.resize(z.total_out);
  inflateEnd(&z);
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(gzip_test)

BOOST_AUTO_TEST_CASE(clients_say_whether_they_take_it) {
  for (const auto* yes : {"gzip", "deflate, gzip;q=0.5", "GZIP", "gzip;q=0.001"})
    BOOST_TEST(takes_gzip(asking(yes)), yes);
  for (const auto* no : {"", "identity", "gzip;q=0", "gzip;q=0.0, br", "xgzip"})
    BOOST_TEST(!takes_gzip(asking(no)), no);
}

BOOST_AUTO_TEST_CASE(a_large_answer_becomes_small_and_unfolds_to_itself) {
  std::string text;
  while (text.size() < 300'000)
    text += "{\"kind\":\"Pod\",\"n\":" + std::to_string(text.size()) + "}";
  response what{200, {}, {share(text.substr(0, 100'000)), share(text.substr(100'000))}};
  compress_if_wanted(asking("gzip"), what);
  BOOST_TEST_REQUIRE(what.body.size() == 1u);
  BOOST_TEST(what.body[0]->size() < text.size() / 3);
  BOOST_TEST((unfolded(*what.body[0], text.size()) == text));
  BOOST_TEST(what.headers.at(0).second == "gzip");
}

BOOST_AUTO_TEST_CASE(small_answers_and_those_already_compressed_stay_as_they_are) {
  response small{200, {}, {share("small")}};
  compress_if_wanted(asking("gzip"), small);
  BOOST_TEST(*small.body[0] == "small");
  response done{200, {{"content-encoding", "gzip"}}, {share(std::string(300'000, 'z'))}};
  compress_if_wanted(asking("gzip"), done);
  BOOST_TEST(done.body[0]->size() == 300'000u);
}

BOOST_AUTO_TEST_SUITE_END()
