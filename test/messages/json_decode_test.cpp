// JSON read into bytes: strings of every length with what ends or interrupts them at every place,
// and keys in any order, however earlier documents had them.
#include "messages/api/pod.pb.h"
#include "messages/base/json_reader.hpp"
#include "messages/codec/json_decode.hpp"

#include <boost/test/unit_test.hpp>

#include <thread>

BOOST_AUTO_TEST_SUITE(json_decode_test)

using namespace troupe;
using namespace std::string_literals;

namespace {

/// What the reader makes of `text`, one string with all its quotes; nothing if it refuses it.
std::optional<std::string> read(const std::string& text) {
  json::reader in(text);
  auto value = std::string(in.read_string());
  if (in.failed() || !in.at_end()) return {};
  return value;
}

k8s::core::v1::Pod pod(std::string_view text, std::vector<std::string> problems = {}) {
  k8s::core::v1::Pod out;
  auto done = codec::from_json(text, out);
  BOOST_TEST_INFO(text);
  BOOST_REQUIRE_MESSAGE(done.has_value(), done.error().message);
  std::vector<std::string> told;
  for (auto& p : done->problems) told.push_back(p.message());
  BOOST_TEST(told == problems, boost::test_tools::per_element());
  return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(strings_of_every_length_end_and_break_where_they_should) {
  for (size_t size = 0; size < 40; ++size) {
    for (size_t at = 0; at <= size; ++at) {
      BOOST_TEST_CONTEXT(size << " characters, something at " << at) {
        std::string before(at, 'a'), behind(size - at, '~');
        auto with = [&](const std::string& middle) { return '"' + before + middle + behind + '"'; };
        BOOST_TEST((read(with("")) == before + behind));
        BOOST_TEST((read(with("\x7f ")) == before + "\x7f " + behind));
        BOOST_TEST((read(with("\\n\\\"\\\\")) == before + "\n\"\\" + behind));
        BOOST_TEST((read(with("\u00e4\u20ac")) == before + "\u00e4\u20ac" + behind));
        for (auto& wrong : {"\n"s, "\0"s, "\x1f"s, "\x80"s, "\xff"s, "\"x"s, "\\x"s})
          BOOST_TEST(!read(with(wrong)));
        BOOST_TEST(!read('"' + before)); // it does not end
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(keys_are_found_in_any_order_whatever_was_read_before) {
  auto text = [](std::string_view container) {
    return R"({"kind":"Pod","spec":{"containers":[)" + std::string(container) + "]}}";
  };
  auto name = R"("name":"a")"s, image = R"("image":"i")"s, policy = R"("imagePullPolicy":"Never")"s;
  // Each of them comes behind each other one, and behind itself.
  const std::string orders[] = {
      name + "," + image + "," + policy,
      policy + "," + name + "," + image,
      image + "," + policy + "," + name,
      " " + name + " ,\n\t" + image + ", " + policy + " ",
      R"("\u006eame" : "a",)" + image + R"(,"imagePullPolicy"  :"Never")",
      policy + R"(,"ports":null,)" + image + "," + name,
  };
  for (int round = 0; round < 2; ++round)
    for (auto& first : orders)
      for (auto& second : orders) {
        auto read = pod(text("{" + first + "},{" + second + "}"), {});
        for (auto& c : read.spec().containers()) {
          BOOST_TEST(c.name() == "a");
          BOOST_TEST(c.image() == "i");
          BOOST_TEST(c.image_pull_policy() == "Never");
        }
      }
}

BOOST_AUTO_TEST_CASE(a_key_that_comes_twice_or_is_unknown_is_told_however_often_it_came) {
  for (int round = 0; round < 3; ++round) {
    auto read = pod(R"({"spec":{"nodeName":"a","nodeNam":"x","nodeName":"b"}})",
                    {"unknown field \"spec.nodeNam\"", "duplicate field \"spec.nodeName\""});
    BOOST_TEST(read.spec().node_name() == "b");
  }
}

BOOST_AUTO_TEST_CASE(commas_are_where_they_must_be_behind_known_keys_too) {
  auto good = R"({"spec":{"nodeName":"a","hostname":"b"}})"s;
  for (int round = 0; round < 2; ++round) {
    pod(good);
    for (auto bad :
         {R"({,"spec":{}})", R"({"spec":{"nodeName":"a""hostname":"b"}})",
          R"({"spec":{,"nodeName":"a"}})", R"({"spec":{"nodeName":"a",,"hostname":"b"}})",
          R"({"spec":{"nodeName":"a","hostname")", R"({"spec":{"nodeName":"a","hostname":)",
          R"({"spec":{"nodeName":"a",})"}) {
      k8s::core::v1::Pod out;
      BOOST_TEST(!codec::from_json(bad, out).has_value(), bad);
    }
  }
}

BOOST_AUTO_TEST_CASE(inlined_fields_keep_the_message_they_belong_to) {
  // The fields of a probe's handler are inlined; each stands behind the other once.
  for (auto order : {R"("periodSeconds":3,"exec":{"command":["a"]})",
                     R"("exec":{"command":["a"]},"periodSeconds":3)"})
    for (int round = 0; round < 2; ++round) {
      auto read = pod(R"({"spec":{"containers":[{"livenessProbe":{)"s + order + "}}]}}");
      auto& probe = read.spec().containers(0).liveness_probe();
      BOOST_TEST(probe.period_seconds() == 3);
      BOOST_TEST(probe.handler().exec().command(0) == "a");
    }
}

BOOST_AUTO_TEST_CASE(threads_may_read_other_orders_at_once) {
  auto first = R"({"spec":{"nodeName":"a","hostname":"b","subdomain":"c"}})";
  auto second = R"({"spec":{"subdomain":"c","hostname":"b","nodeName":"a"}})";
  auto good = [](const char* text) {
    for (int i = 0; i < 2000; ++i) {
      k8s::core::v1::Pod out;
      if (!codec::from_json(text, out) || out.spec().node_name() != "a" ||
          out.spec().hostname() != "b" || out.spec().subdomain() != "c")
        return false;
    }
    return true;
  };
  bool other = false;
  std::thread beside([&] { other = good(second); });
  bool here = good(first);
  beside.join();
  BOOST_TEST((here && other));
}

BOOST_AUTO_TEST_SUITE_END()
