#include "messages/schema/text_format.hpp"

#include "messages/base/address.hpp"
#include "messages/base/base64.hpp"
#include "messages/base/names.hpp"
#include "messages/base/time.hpp"

#include <re2/re2.h>

#include <map>

namespace troupe::schema {

namespace {

using test = bool (*)(std::string_view);

bool matches(std::string_view text, const re2::RE2& pattern) {
  return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), pattern);
}

template<const char* pattern> bool like(std::string_view text) {
  static const re2::RE2 compiled(pattern);
  return matches(text, compiled);
}

constexpr char uuid[] = "(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}";
constexpr char uuid3[] = "(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}";
constexpr char uuid4[] =
    "(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}";
constexpr char uuid5[] =
    "(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}";
constexpr char email[] = R"([^@\s]+@[^@\s]+|[^<>@]*<[^@\s<>]+@[^@\s<>]+>)";
constexpr char hostname[] =
    R"([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\.?)";
constexpr char hex_color[] = "#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})";
constexpr char rgb_color[] =
    R"(rgb\(\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*(,\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*){2}\))";
constexpr char ssn[] = R"(\d{3}[- ]?\d{2}[- ]?\d{4})";
constexpr char object_id[] = "[0-9a-fA-F]{24}";
constexpr char mac[] =
    R"(([0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}((:[0-9a-fA-F]{2}){2}((:[0-9a-fA-F]{2}){12})?)?)|([0-9a-fA-F]{2}(-[0-9a-fA-F]{2}){5}((-[0-9a-fA-F]{2}){2}((-[0-9a-fA-F]{2}){12})?)?)|([0-9a-fA-F]{4}(\.[0-9a-fA-F]{4}){2}(\.[0-9a-fA-F]{4}((\.[0-9a-fA-F]{4}){6})?)?))";
// A path, or a scheme and what belongs to it.
constexpr char uri[] = R"(/[^\x00-\x20\x7f]*|[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20\x7f]+)";
constexpr char card[] =
    R"((4\d{12}(\d{3})?|5[1-5]\d{14}|6(011|5\d\d)\d{12}|3[47]\d{13}|3(0[0-5]|[68]\d)\d{11}|(2131|1800|35\d{3})\d{11}))";

std::string digits_of(std::string_view text) {
  std::string out;
  for (auto c : text)
    if (c != '-' && c != ' ') out += c;
  return out;
}

bool isbn10(std::string_view text) {
  auto digits = digits_of(text);
  if (digits.size() != 10) return false;
  int sum = 0;
  for (int i = 0; i < 10; ++i) {
    bool last = i == 9 && digits[9] == 'X';
    if (!last && (digits[i] < '0' || digits[i] > '9')) return false;
    sum += (i + 1) * (last ? 10 : digits[i] - '0');
  }
  return sum % 11 == 0;
}

bool isbn13(std::string_view text) {
  auto digits = digits_of(text);
  if (digits.size() != 13) return false;
  int sum = 0;
  for (int i = 0; i < 13; ++i) {
    if (digits[i] < '0' || digits[i] > '9') return false;
    sum += (i % 2 ? 3 : 1) * (digits[i] - '0');
  }
  return sum % 10 == 0;
}

bool credit_card(std::string_view text) {
  auto digits = digits_of(text);
  if (!like<card>(digits)) return false;
  int sum = 0;
  for (size_t i = 0; i < digits.size(); ++i) {
    int d = digits[digits.size() - 1 - i] - '0';
    if (i % 2) d = d * 2 > 9 ? d * 2 - 9 : d * 2;
    sum += d;
  }
  return sum % 10 == 0;
}

bool address_of(std::string_view text, bool v6) {
  auto a = address::parse(text);
  return a && a->v6 == v6;
}

const std::map<std::string_view, test>& tests() {
  static const std::map<std::string_view, test> table{
      {"bsonobjectid", like<object_id>},
      {"byte", [](std::string_view x) { return base64::decode(x).has_value(); }},
      {"cidr", [](std::string_view x) { return network::parse(x).has_value(); }},
      {"creditcard", credit_card},
      {"date",
       [](std::string_view x) { return parse_time(std::string(x) + "T00:00:00Z").has_value(); }},
      {"date-time", [](std::string_view x) { return parse_time(x).has_value(); }},
      {"datetime", [](std::string_view x) { return parse_time(x).has_value(); }},
      {"duration", [](std::string_view x) { return parse_duration(x).has_value(); }},
      {"email", like<email>},
      {"hexcolor", like<hex_color>},
      {"hostname", like<hostname>},
      {"ipv4", [](std::string_view x) { return address_of(x, false); }},
      {"ipv6", [](std::string_view x) { return address_of(x, true); }},
      {"isbn", [](std::string_view x) { return isbn10(x) || isbn13(x); }},
      {"isbn10", isbn10},
      {"isbn13", isbn13},
      {"k8s-long-name", [](std::string_view x) { return names::dns_subdomain(x).empty(); }},
      {"k8s-short-name", [](std::string_view x) { return names::dns_label(x).empty(); }},
      {"mac", like<mac>},
      {"rgbcolor", like<rgb_color>},
      {"ssn", like<ssn>},
      {"uri", like<uri>},
      {"uuid", like<uuid>},
      {"uuid3", like<uuid3>},
      {"uuid4", like<uuid4>},
      {"uuid5", like<uuid5>},
  };
  return table;
}

} // namespace

bool fits_format(std::string_view format, std::string_view text) {
  auto known = tests().find(format);
  return known == tests().end() || known->second(text);
}

} // namespace troupe::schema
