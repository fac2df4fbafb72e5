// DNS messages: queries read strictly, answers written as others can read them, and the hostile
// messages that must get FORMERR, REFUSED or silence.
#include "net/dns/message.hpp"

#include <boost/test/unit_test.hpp>

#include <random>

using namespace troupe::dns;

namespace {

std::string labels(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto dot = text.find('.');
    const auto label = text.substr(0, dot);
    out += static_cast<char>(label.size());
    out += label;
    text.remove_prefix(dot == text.npos ? text.size() : dot + 1);
  }
  return out + '\0';
}

std::string be16(size_t value) { return {static_cast<char>(value >> 8), static_cast<char>(value)}; }

const std::string edns = std::string{"\0\0\x29\x10\0\0\0\0\0\0\0", 11};

std::string ask(const std::string& wire_name, uint16_t kind = 1, const std::string& extra = {},
                uint16_t flags = 0x0100, uint16_t type_class = 1, uint16_t additional = 0) {
  return be16(0x1234) + be16(flags) + be16(1) + be16(0) + be16(0) + be16(additional) + wire_name +
         be16(kind) + be16(type_class) + extra;
}

/// The code of the answer that bytes get without being a query; -1 for silence, 100 for a query.
int refused_with(const std::string& bytes) {
  const auto got = read_query(bytes);
  if (std::holds_alternative<query>(got)) return 100;
  const auto& answer = std::get<not_a_query>(got).answer;
  if (answer.empty()) return -1;
  BOOST_TEST(answer.substr(0, 2) == bytes.substr(0, 2));
  BOOST_TEST((answer[2] & 0x80) != 0);
  return answer[3] & 15;
}

record address(const std::string& of, uint8_t last) { return {of, 5, record::a{{10, 0, 0, last}}}; }

int count(std::string_view bytes, size_t section) {
  return static_cast<uint8_t>(bytes[4 + 2 * section]) << 8 |
         static_cast<uint8_t>(bytes[5 + 2 * section]);
}

} // namespace

BOOST_AUTO_TEST_SUITE(dns_message_test)

BOOST_AUTO_TEST_CASE(a_query_is_read_in_lower_case_and_answered_as_it_was_asked) {
  const auto got = read_query(ask(labels("Web.Default.svc.cluster.local")));
  BOOST_TEST_REQUIRE(std::holds_alternative<query>(got));
  const auto& q = std::get<query>(got);
  BOOST_TEST(q.asked.name == "web.default.svc.cluster.local");
  BOOST_TEST(!q.edns);
  answer what;
  what.answers = {address(q.asked.name, 1), address(q.asked.name, 2)};
  const auto bytes = write_answer(q, what, q.udp_bytes);
  BOOST_TEST(bytes.substr(12, 31) == labels("Web.Default.svc.cluster.local"));
  BOOST_TEST(count(bytes, 1) == 2);
  // Both records point to the question's name and carry their address.
  BOOST_TEST(bytes.substr(47) == std::string("\xc0\x0c\0\x01\0\x01\0\0\0\x05\0\x04\x0a\0\0\x01"
                                             "\xc0\x0c\0\x01\0\x01\0\0\0\x05\0\x04\x0a\0\0\x02",
                                             32));
}

BOOST_AUTO_TEST_CASE(edns_widens_the_answer_and_is_answered) {
  const auto got = read_query(ask(labels("a"), 1, edns, 0x0100, 1, 1));
  BOOST_TEST_REQUIRE(std::holds_alternative<query>(got));
  const auto& q = std::get<query>(got);
  BOOST_TEST(q.udp_bytes == udp_bytes_max);
  const auto bytes = write_answer(q, {}, q.udp_bytes);
  BOOST_TEST(count(bytes, 3) == 1);
  BOOST_TEST(bytes.ends_with(std::string("\0\0\x29\x04\xd0\0\0\0\0\0\0", 11)));
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_left_out_and_said) {
  query q;
  q.asked.name = q.name_as_sent = "many.example";
  answer what;
  for (int i = 0; i < 100; ++i)
    what.answers.push_back(address("many.example", static_cast<uint8_t>(i)));
  const auto small = write_answer(q, what, 512);
  BOOST_TEST(small.size() <= 512u);
  BOOST_TEST((small[2] & 0x02) != 0);
  BOOST_TEST(count(small, 1) == 30);
  const auto large = write_answer(q, what, message_bytes_max);
  BOOST_TEST((large[2] & 0x02) == 0);
  BOOST_TEST(count(large, 1) == 100);
}

BOOST_AUTO_TEST_CASE(hostile_messages_get_an_error_or_silence) {
  const auto name = labels("a.b");
  BOOST_TEST(refused_with(ask(name)) == 100);
  BOOST_TEST(refused_with("short") == -1);
  BOOST_TEST(refused_with(ask(name, 1, {}, 0x8100)) == -1); // an answer
  BOOST_TEST(refused_with(ask({"\xc0\x0c", 2})) == 1);      // a compression loop
  BOOST_TEST(refused_with(ask(std::string(1, '\x40') + std::string(64, 'a') + '\0')) ==
             1); // a long label
  BOOST_TEST(refused_with(ask(labels(std::string(63, 'a') + "." + std::string(63, 'b') + "." +
                                     std::string(63, 'c') + "." + std::string(63, 'd')))) ==
             1);                                                 // 257 bytes
  BOOST_TEST(refused_with(ask(std::string{"\3a.b\0", 5})) == 1); // a dot inside a label
  BOOST_TEST(refused_with(ask(name, 255)) == 5);                 // ANY
  BOOST_TEST(refused_with(ask(name, 1, {}, 0x0100, 3)) == 5);    // class CHAOS
  BOOST_TEST(refused_with(ask(name, 1, {}, 0x2800)) == 4);       // UPDATE
  BOOST_TEST(refused_with(ask(name, 1, "trailing")) == 1);
  BOOST_TEST(refused_with(ask(name, 1, edns + edns, 0x0100, 1, 2)) == 1); // EDNS twice
  BOOST_TEST(refused_with(ask(name, 1, edns.substr(0, 8), 0x0100, 1, 1)) == 1);
  BOOST_TEST(refused_with(ask(name, 1, std::string(2000, 'x'))) == 1);
  auto two = ask(name);
  two[5] = 2;
  BOOST_TEST(refused_with(two) == 1); // two questions
}

BOOST_AUTO_TEST_CASE(random_bytes_are_never_more_than_refused) {
  for (unsigned seed = 1; seed <= 20'000; ++seed) {
    std::mt19937 chance{seed};
    auto bytes = ask(labels("a.b.c"), 1, edns, 0x0100, 1, 1);
    for (int i = 0; i < 4; ++i) bytes[chance() % bytes.size()] = static_cast<char>(chance());
    bytes.resize(chance() % (bytes.size() + 1));
    const auto got = read_query(bytes);
    if (const auto* q = std::get_if<query>(&got)) write_answer(*q, {}, 512);
  }
  BOOST_TEST(true);
}

BOOST_AUTO_TEST_CASE(records_of_every_kind_have_their_length) {
  query q;
  q.asked.name = q.name_as_sent = "x.y";
  answer what;
  what.code = code::no_such_name;
  what.answers = {{"x.y", 5, record::aaaa{}},
                  {"_http._tcp.x.y", 5, srv{0, 100, 80, "web.x.y"}},
                  {"x.y", 5, record::name_data{type::cname, "z.x.y"}},
                  {"x.y", 5, record::txt{std::string(300, 't')}}};
  what.authority = {{"y", 30, soa{"ns.y", "admin.y", 1, 2, 3, 4, 5}}};
  const auto bytes = write_answer(q, what, 4096);
  // Walks over the message by its lengths, as a resolver does.
  size_t at = 12 + 5 + 4;
  const auto skip_name = [&] {
    while (static_cast<uint8_t>(bytes[at]) && (static_cast<uint8_t>(bytes[at]) & 0xc0) != 0xc0)
      at += static_cast<uint8_t>(bytes[at]) + 1u;
    at += bytes[at] ? 2 : 1;
  };
  for (int i = 0; i < count(bytes, 1) + count(bytes, 2); ++i) {
    skip_name();
    at += 10 + (static_cast<uint8_t>(bytes[at + 8]) << 8 | static_cast<uint8_t>(bytes[at + 9]));
  }
  BOOST_TEST(at == bytes.size());
  BOOST_TEST((bytes[3] & 15) == 3);
}

BOOST_AUTO_TEST_CASE(names_from_text_are_checked) {
  BOOST_TEST(*read_name("Web.Default.") == "web.default");
  BOOST_TEST(*read_name("") == "");
  for (const auto& bad :
       {std::string{".a"}, std::string{"a..b"}, std::string(64, 'a'), std::string(260, 'a')})
    BOOST_TEST(!read_name(bad).has_value(), bad);
}

BOOST_AUTO_TEST_SUITE_END()
