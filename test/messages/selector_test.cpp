#include "messages/base/selector.hpp"

#include <boost/test/unit_test.hpp>

#include <map>

BOOST_AUTO_TEST_SUITE(selector_test)

using namespace troupe;

BOOST_AUTO_TEST_CASE(selectors_match_as_kubernetes_defines_them) {
  const std::map<std::string, std::string> labels{
      {"app", "web"}, {"tier", "front"}, {"n", "5"}, {"example.com/x", ""}};
  struct row {
    const char* text;
    bool matches;
  };
  for (auto& r : {row{"", true},
                  row{"app=web", true},
                  row{"app==web", true},
                  row{"app=db", false},
                  row{"app!=db", true},
                  row{"other!=db", true},
                  row{"app in (web,db)", true},
                  row{"app in (db)", false},
                  row{"app notin (db)", true},
                  row{"other notin (db)", true},
                  row{"app", true},
                  row{"!app", false},
                  row{"!other", true},
                  row{"n>4", true},
                  row{"n>5", false},
                  row{"n<6", true},
                  row{"app>4", false},
                  row{"app=web,tier=back", false},
                  row{"app=web , tier = front", true},
                  row{"example.com/x=", true},
                  row{"app in ()", false}}) {
    auto s = label_selector::parse(r.text);
    BOOST_REQUIRE_MESSAGE(s.has_value(), r.text);
    BOOST_TEST(s->matches_map(labels) == r.matches, r.text);
    auto again = label_selector::parse(s->text());
    BOOST_REQUIRE_MESSAGE(again.has_value(), s->text());
    BOOST_TEST(again->matches_map(labels) == r.matches, s->text());
  }
}

BOOST_AUTO_TEST_CASE(selectors_are_told_in_the_order_of_their_keys_and_values) {
  auto told = [](const char* text) { return label_selector::parse(text)->text(); };
  BOOST_TEST(told("tier notin (z,b),app=web") == "app=web,tier notin (b,z)");
  BOOST_TEST(told("b in (x),!a") == "!a,b in (x)");
}

BOOST_AUTO_TEST_CASE(malformed_selectors_are_refused) {
  for (auto text : {",a=b", "a b=c", "a in (b", "a in b)", "=b", "a=b=c", "a>x", "-a=b", "a=-b",
                    "a/b/c=d", "a=b,,c=d"})
    BOOST_TEST(!label_selector::parse(text).has_value(), text);
}

BOOST_AUTO_TEST_CASE(what_is_wrong_with_a_selector_is_said_as_kubernetes_says_it) {
  struct row {
    const char* text;
    std::string said;
  };
  for (auto& r : {
           row{"a=b,", "found '', expected: identifier after ','"},
           row{"a,,b", "found ',', expected: identifier after ','"},
           row{",a", "found ',', expected: !, identifier, or 'end of string'"},
           row{"a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, "
                      "lt"},
           row{"!", "unable to parse requirement: found '', expected: identifier"},
           row{"!a=b", "found '=', expected: ',' or 'end of string'"},
           row{"a==b==c", "found '==', expected: ',' or 'end of string'"},
           row{"a=b c", "found 'c', expected: ',' or 'end of string'"},
           row{"a in b", "unable to parse requirement: found 'b' expected: '('"},
           row{"a in (", "unable to parse requirement: found '', expected: ',', ')' or identifier"},
           row{"a in (b", "unable to parse requirement: found '', expected: ',' or ')'"},
           row{"a in (b,", "unable to parse requirement: found '', expected: ',', or identifier"},
           row{"a=(", "unable to parse requirement: found '(', expected: identifier"},
           row{"a>x",
               "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' "
               "operators, the value must be an integer"},
           row{"-a", "unable to parse requirement: <nil>: Invalid value: \"-a\": name part must "
                     "consist of alphanumeric characters, '-', '_' or '.', and must start and end "
                     "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', "
                     "regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"},
       }) {
    auto read = label_selector::parse(r.text);
    BOOST_REQUIRE_MESSAGE(!read.has_value(), r.text);
    BOOST_TEST(read.error().message == r.said);
  }
}

BOOST_AUTO_TEST_CASE(field_selectors_keep_escaped_characters) {
  auto s = parse_field_selector(R"(metadata.name=a\,b,status.phase!=Running,x==y)");
  BOOST_REQUIRE(s.has_value());
  BOOST_REQUIRE(s->size() == 3u);
  BOOST_TEST((*s)[0].value == "a,b");
  BOOST_TEST(!(*s)[1].equal);
  BOOST_TEST((*s)[2].value == "y");
  BOOST_TEST(!parse_field_selector("metadata.name").has_value());
  for (auto text : {R"(metadata.name=a\)", R"(metadata.name=a\b)", "metadata.name=a=b"})
    BOOST_TEST(!parse_field_selector(text).has_value(), text);
}

BOOST_AUTO_TEST_SUITE_END()
