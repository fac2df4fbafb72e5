// How flags are read: every spelling, and every way to get one wrong.
#include "bin/options.hpp"

#include <boost/test/unit_test.hpp>

using namespace troupe;

namespace {

struct read_by_it {
  std::string text;
  uint16_t port = 6443;
  bool on = false;
  std::vector<std::string> many;
  command_spec spec{.name = "play",
                    .synopsis = "VERB",
                    .about = "Plays.",
                    .options = {{"text", "T", "a text (none)", into(text)},
                                {"port", "N", "a port (6443)", into(port, 0, 65'535)},
                                {"on", "", "a switch", into(on)},
                                {"o", "FORMAT", "short", into(many), true}},
                    .examples = "troupe play"};
};

} // namespace

BOOST_AUTO_TEST_SUITE(options_test)

BOOST_AUTO_TEST_CASE(flags_are_read_in_every_spelling) {
  read_by_it x;
  auto words =
      read_flags(x.spec, {"go", "--text", "a", "--port=7", "--on", "-o", "b", "-o=c", "-"});
  BOOST_REQUIRE(words);
  BOOST_TEST(*words == (std::vector<std::string>{"go", "-"}), boost::test_tools::per_element());
  BOOST_TEST(x.text == "a");
  BOOST_TEST(x.port == 7);
  BOOST_TEST(x.on);
  BOOST_TEST(x.many == (std::vector<std::string>{"b", "c"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_wrong_with_a_flag_is_said) {
  read_by_it x;
  const std::pair<std::vector<std::string>, const char*> rows[] = {
      {{"--none"}, "--none is not a flag"},
      {{"--text"}, "--text needs a value: T"},
      {{"--port", "70000"}, "--port: \"70000\" is no number from 0 to 65535"},
      {{"--port", "7x"}, "no number"},
      {{"--port="}, "no number"},
      {{"--on=maybe"}, "neither true nor false"}};
  for (auto& [arguments, said] : rows) {
    auto read = read_flags(x.spec, arguments);
    BOOST_REQUIRE(!read);
    BOOST_TEST(read.error().message.find(said) != std::string::npos, read.error().message);
  }
}

BOOST_AUTO_TEST_CASE(the_help_names_every_flag) {
  read_by_it x;
  auto text = usage_of(x.spec);
  for (auto part : {"Usage: troupe play VERB [flags]", "  --port N ", "  -o FORMAT", "  --on ",
                    "a port (6443)", "  troupe play"})
    BOOST_TEST(text.find(part) != text.npos, part);
}

BOOST_AUTO_TEST_SUITE_END()
