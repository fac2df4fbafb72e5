// How verbs read their words: every spelling of flags that kubectl's users have in their fingers.
#include "bin/verbs/output.hpp"
#include "bin/verbs/verb.hpp"

#include <boost/test/unit_test.hpp>

using namespace troupe;
using namespace troupe::verbs;

namespace {

const verb sample{"sample",
                  "Test",
                  "a verb for tests",
                  "",
                  {{"output", 'o', "FORM", ""},
                   {"stdin", 'i', "", ""},
                   {"tty", 't', "", ""},
                   {"dry-run", 0, "none|client|server", "", "client"}},
                  "",
                  nullptr};

} // namespace

BOOST_AUTO_TEST_SUITE(verb_test)

BOOST_AUTO_TEST_CASE(flags_in_all_their_spellings) {
  for (auto words : std::vector<std::vector<std::string>>{{"-o", "json"},
                                                          {"-ojson"},
                                                          {"-o=json"},
                                                          {"--output", "json"},
                                                          {"--output=json"},
                                                          {"-n", "a", "x", "-o", "json"}}) {
    auto got = verbs::read(sample, words);
    BOOST_TEST_REQUIRE(got.has_value());
    BOOST_TEST(got->get("output") == "json");
  }
  auto together = verbs::read(sample, {"-it", "pod"});
  BOOST_TEST(together->has("stdin"));
  BOOST_TEST(together->has("tty"));
  BOOST_TEST(together->words == std::vector<std::string>{"pod"}, boost::test_tools::per_element());
  BOOST_TEST(!verbs::read(sample, {"--tty=false"})->has("tty"));
  BOOST_TEST(verbs::read(sample, {"--dry-run"})->get("dry-run") == "client");
  BOOST_TEST(verbs::read(sample, {"--dry-run=server"})->get("dry-run") == "server");
}

BOOST_AUTO_TEST_CASE(what_is_behind_two_dashes_is_left_alone) {
  auto got = verbs::read(sample, {"pod", "--", "sh", "-c", "x"});
  BOOST_TEST(got->split);
  BOOST_TEST(got->behind.size() == 3u);
  BOOST_TEST(got->words.size() == 1u);
}

BOOST_AUTO_TEST_CASE(wrong_flags_are_told_with_what_was_meant) {
  BOOST_TEST(verbs::read(sample, {"--outp"}).error().message.find("--output") != std::string::npos);
  BOOST_TEST(!verbs::read(sample, {"-z"}).has_value());
  BOOST_TEST(!verbs::read(sample, {"-o"}).has_value());
}

BOOST_AUTO_TEST_CASE(every_verb_has_what_help_needs) {
  for (auto& v : all()) {
    BOOST_TEST_CONTEXT(v.name) {
      BOOST_TEST(!v.summary.empty());
      BOOST_TEST(!v.group.empty());
      BOOST_TEST(v.run != nullptr);
      BOOST_TEST(find(v.name) == &v);
      for (auto& f : v.flags)
        for (auto& common : common_flags()) BOOST_TEST((!f.brief || f.brief != common.brief));
    }
  }
}

BOOST_AUTO_TEST_CASE(templates_are_filled_as_kubectl_fills_them) {
  auto list = *json::parse(
      R"({"items":[{"metadata":{"name":"a"},"n":1},{"metadata":{"name":"b"},"n":2}]})");
  struct row {
    const char* text;
    const char* expected;
  } table[] = {
      {"{.items[0].metadata.name}", "a"},
      {"{.items[*].metadata.name}", "a b"},
      {R"({range .items[*]}{.metadata.name}={.n}{"\n"}{end})", "a=1\nb=2\n"},
      {"{.nothing}", ""},
      {"plain", "plain"},
      {"{.items[?(@.n==2)].metadata.name}", "b"},
  };
  for (auto& [text, expected] : table) BOOST_TEST(*fill_template(text, list) == expected);
  for (auto text : {"{.a", "{range .items[*]}", "{end}"})
    BOOST_TEST(!fill_template(text, list).has_value());
}

BOOST_AUTO_TEST_CASE(columns_are_as_wide_as_their_widest_cell) {
  columns c;
  c.row({"NAME", "AGE"});
  c.row({"a-long-name", "3s"});
  c.row({"ü", "4s"});
  BOOST_TEST(c.text() == "NAME          AGE\na-long-name   3s\nü             4s\n");
}

BOOST_AUTO_TEST_SUITE_END()
