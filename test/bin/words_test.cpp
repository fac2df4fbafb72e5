// Lines of the shell as words.
#include "bin/shell/line_editor.hpp"
#include "bin/shell/words.hpp"

#include <boost/test/unit_test.hpp>

using namespace troupe;
using words = std::vector<std::string>;

BOOST_AUTO_TEST_SUITE(words_test)

BOOST_AUTO_TEST_CASE(lines_are_split_as_people_mean_them) {
  struct row {
    const char* line;
    words expected;
  } table[] = {
      {"", {}},
      {"  get   pods ", {"get", "pods"}},
      {"get pods # all of them", {"get", "pods"}},
      {"label pod a note='two words'", {"label", "pod", "a", "note=two words"}},
      {R"(patch x -p "{\"a\":1}")", {"patch", "x", "-p", R"({"a":1})"}},
      {R"(one\ word)", {"one word"}},
      {"exec a -- sh -c 'echo \"hi\"'", {"exec", "a", "--", "sh", "-c", "echo \"hi\""}},
      {"''", {""}},
      {R"(get pods \watch 5)", {"get", "pods", R"(\watch)", "5"}},
      {"a#b", {"a#b"}},
  };
  for (auto& [line, expected] : table) {
    auto got = shell::split(line);
    BOOST_TEST_CONTEXT(line) {
      BOOST_TEST_REQUIRE(got.has_value());
      BOOST_TEST(*got == expected, boost::test_tools::per_element());
    }
  }
}

BOOST_AUTO_TEST_CASE(an_open_quote_is_told) {
  auto got = shell::split("get 'pods");
  BOOST_TEST(!got.has_value());
  BOOST_TEST(got.error().message.find("not closed") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(watch_repeats_a_line) {
  auto every = shell::take_watch({"get", "pods", "\\watch", "7"});
  BOOST_TEST(every->every_seconds == 7);
  BOOST_TEST(every->words.size() == 2u);
  BOOST_TEST(shell::take_watch({"get", "\\watch"})->every_seconds == 2);
  BOOST_TEST(shell::take_watch({"get"})->every_seconds == 0);
  BOOST_TEST(!shell::take_watch({"get", "\\watch", "x"}).has_value());
  BOOST_TEST(!shell::take_watch({"\\watch", "1", "more"}).has_value());
}

BOOST_AUTO_TEST_CASE(candidates_share_a_beginning_and_words_begin_behind_blanks_and_commas) {
  using shell::common_beginning, shell::word_begin;
  BOOST_TEST(common_beginning({"deployments", "deploy", "deprecated"}) == "dep");
  BOOST_TEST(common_beginning({"one"}) == "one");
  BOOST_TEST(common_beginning({"a", "b"}) == "");
  BOOST_TEST(common_beginning({}) == "");
  BOOST_TEST(word_begin("get pods,dep") == 9u);
  BOOST_TEST(word_begin("get ") == 4u);
  BOOST_TEST(word_begin("") == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
