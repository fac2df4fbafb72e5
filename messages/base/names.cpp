#include "messages/base/names.hpp"

#include "messages/base/address.hpp"

#include <algorithm>

namespace troupe::names {

namespace {

bool lower(char c) { return c >= 'a' && c <= 'z'; }
bool upper(char c) { return c >= 'A' && c <= 'Z'; }
bool digit(char c) { return c >= '0' && c <= '9'; }
bool alpha(char c) { return lower(c) || upper(c); }
bool lower_alnum(char c) { return lower(c) || digit(c); }
bool alnum(char c) { return alpha(c) || digit(c); }

template<class Allowed> bool all(std::string_view s, Allowed allowed) {
  return std::all_of(s.begin(), s.end(), allowed);
}

bool is_label(std::string_view s) {
  return !s.empty() && lower_alnum(s.front()) && lower_alnum(s.back()) &&
         all(s, [](char c) { return lower_alnum(c) || c == '-'; });
}

bool is_subdomain(std::string_view s) {
  while (true) {
    auto dot = s.find('.');
    if (!is_label(s.substr(0, dot))) return false;
    if (dot == s.npos) return true;
    s.remove_prefix(dot + 1);
  }
}

/// Letters, digits, '-', '_' and '.' inside, letters and digits at the ends.
bool is_token(std::string_view s) {
  return !s.empty() && alnum(s.front()) && alnum(s.back()) &&
         all(s, [](char c) { return alnum(c) || c == '-' || c == '_' || c == '.'; });
}

std::string too_long(size_t max) {
  return "must be no more than " + std::to_string(max) + " bytes";
}

constexpr const char* empty = "must be non-empty";
constexpr const char* label_form = "a lowercase RFC 1123 label must consist of lower case "
                                   "alphanumeric characters or '-', and must start "
                                   "and end with an alphanumeric character (e.g. 'my-name',  or "
                                   "'123-abc', regex used for validation is "
                                   "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
constexpr const char* subdomain_form =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and "
    "must start and end with an alphanumeric character (e.g. 'example.com', regex used for "
    "validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
constexpr const char* dns1035_form = "a DNS-1035 label must consist of lower case alphanumeric "
                                     "characters or '-', start with an alphabetic "
                                     "character, and end with an alphanumeric character (e.g. "
                                     "'my-name',  or 'abc-123', regex used for "
                                     "validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
constexpr const char* wildcard_form =
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which "
    "must "
    "consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric "
    "character "
    "(e.g. '*.example.com', regex used for validation is "
    "'\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
constexpr const char* qualified_form =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
constexpr const char* label_value_form =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must "
    "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', "
    "regex used "
    "for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
constexpr const char* config_key_form =
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name', "
    " or "
    "'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
constexpr const char* identifier_form =
    "a valid C identifier must start with alphabetic character or '_', followed by a string of "
    "alphanumeric "
    "characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is "
    "'[A-Za-z_][A-Za-z0-9_]*')";
constexpr const char* header_form = "a valid HTTP header must consist of alphanumeric characters "
                                    "or '-' (e.g. 'X-Header-Name', regex used "
                                    "for validation is '[-A-Za-z0-9]+')";
constexpr const char* percent_form = "a valid percent string must be a numeric string followed by "
                                     "an ending '%' (e.g. '1%',  or '93%', regex "
                                     "used for validation is '[0-9]+%')";

} // namespace

faults dns_label(std::string_view value) {
  faults found;
  if (value.size() > label_max) found.push_back(too_long(label_max));
  if (is_label(value)) return found;
  // What would be well but for its dots is told the shorter way.
  found.emplace_back(is_subdomain(value) ? "must not contain dots" : label_form);
  return found;
}

faults dns_subdomain(std::string_view value) {
  faults found;
  if (value.size() > subdomain_max) found.push_back(too_long(subdomain_max));
  if (!is_subdomain(value)) found.emplace_back(subdomain_form);
  return found;
}

faults wildcard_subdomain(std::string_view value) {
  faults found;
  if (value.size() > subdomain_max) found.push_back(too_long(subdomain_max));
  if (!value.starts_with("*.") || !is_subdomain(value.substr(2))) found.emplace_back(wildcard_form);
  return found;
}

faults dns1035_label(std::string_view value) {
  faults found;
  if (value.size() > label_max) found.push_back(too_long(label_max));
  if (!is_label(value) || !lower(value.front())) found.emplace_back(dns1035_form);
  return found;
}

faults domain_name(std::string_view value) {
  if (value.empty()) return {empty};
  if (value.ends_with('.')) value.remove_suffix(1);
  auto found = dns_subdomain(value);
  if (found.empty() && value.find('.') == value.npos)
    found.emplace_back("should be a domain with at least two segments separated by dots");
  return found;
}

faults fully_qualified(std::string_view value) {
  if (value.empty()) return {empty};
  auto found = dns_subdomain(value);
  if (found.empty() && std::count(value.begin(), value.end(), '.') < 2)
    found.emplace_back("should be a domain with at least three segments separated by dots");
  return found;
}

faults domain_path(std::string_view value) {
  if (value.empty()) return {empty};
  auto slash = value.find('/');
  if (slash == value.npos || slash == 0 || slash + 1 == value.size())
    return {"must be a domain-prefixed path (such as \"acme.io/foo\")"};
  auto found = dns_subdomain(value.substr(0, slash));
  auto path_character = [](char c) {
    return alnum(c) || std::string_view("/_-.~!$&'()*+,;=:@%").find(c) != std::string_view::npos;
  };
  if (!all(value.substr(slash + 1), path_character))
    found.emplace_back(
        "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')");
  return found;
}

faults qualified(std::string_view value) {
  faults found;
  auto name = value;
  if (auto slash = value.find('/'); slash != value.npos) {
    auto prefix = value.substr(0, slash);
    name = value.substr(slash + 1);
    if (name.find('/') != name.npos)
      return {std::string("a qualified name ") + qualified_form +
              " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"};
    if (prefix.empty())
      found.push_back(std::string("prefix part ") + empty);
    else
      for (auto& fault : dns_subdomain(prefix)) found.push_back("prefix part " + fault);
  }
  if (name.empty())
    found.push_back(std::string("name part ") + empty);
  else if (name.size() > label_max)
    found.push_back("name part " + too_long(label_max));
  if (!is_token(name)) found.push_back(std::string("name part ") + qualified_form);
  return found;
}

faults label_value(std::string_view value) {
  faults found;
  if (value.size() > label_max) found.push_back(too_long(label_max));
  if (!value.empty() && !is_token(value)) found.emplace_back(label_value_form);
  return found;
}

faults config_key(std::string_view value) {
  faults found;
  if (value.size() > subdomain_max) found.push_back(too_long(subdomain_max));
  if (value.empty() ||
      !all(value, [](char c) { return alnum(c) || c == '-' || c == '_' || c == '.'; }))
    found.emplace_back(config_key_form);
  if (value == ".")
    found.emplace_back("must not be '.'");
  else if (value == "..")
    found.emplace_back("must not be '..'");
  else if (value.starts_with(".."))
    found.emplace_back("must not start with '..'");
  return found;
}

faults path_segment(std::string_view value) {
  if (value == "." || value == "..") return {"may not be '" + std::string(value) + "'"};
  faults found;
  for (auto c : {'/', '%'})
    if (value.find(c) != value.npos) found.push_back(std::string("may not contain '") + c + "'");
  return found;
}

bool printable_ascii(std::string_view value) {
  return all(value, [](char c) { return c >= ' ' && c <= '~'; });
}

faults env_name(std::string_view value) {
  if (!value.empty() && printable_ascii(value) && value.find('=') == value.npos) return {};
  return {"a valid environment variable name must consist only of printable ASCII characters other "
          "than '='"};
}

faults c_identifier(std::string_view value) {
  auto inside = [](char c) { return alnum(c) || c == '_'; };
  if (!value.empty() && !digit(value.front()) && all(value, inside)) return {};
  return {identifier_form};
}

faults http_header(std::string_view value) {
  if (!value.empty() && all(value, [](char c) { return alnum(c) || c == '-'; })) return {};
  return {header_form};
}

faults port(int64_t value) {
  if (value >= 1 && value <= 65535) return {};
  return {"must be between 1 and 65535, inclusive"};
}

faults port_name(std::string_view value) {
  faults found;
  if (value.size() > 15) found.emplace_back("must be no more than 15 characters");
  if (value.empty() || !all(value, [](char c) { return lower_alnum(c) || c == '-'; }))
    found.emplace_back("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  if (std::none_of(value.begin(), value.end(), lower))
    found.emplace_back("must contain at least one letter (a-z)");
  if (value.find("--") != value.npos) found.emplace_back("must not contain consecutive hyphens");
  if (value.starts_with('-') || value.ends_with('-'))
    found.emplace_back("must not begin or end with a hyphen");
  return found;
}

faults percent(std::string_view value) {
  if (percent_value(value)) return {};
  return {percent_form};
}

std::optional<int> percent_value(std::string_view value) {
  if (value.size() < 2 || value.size() > 10 || value.back() != '%') return {};
  value.remove_suffix(1);
  int number = 0;
  for (auto c : value) {
    if (!digit(c)) return {};
    number = number * 10 + (c - '0');
  }
  return number;
}

faults id(int64_t value) {
  if (value >= 0 && value <= 2147483647) return {};
  return {"must be between 0 and 2147483647, inclusive"};
}

faults file_mode(int64_t value) {
  if (value >= 0 && value <= 0777) return {};
  return {"must be a number between 0 and 0777 (octal), both inclusive"};
}

faults no_back_steps(std::string_view value) {
  for (size_t at = 0; at <= value.size();) {
    auto slash = std::min(value.find('/', at), value.size());
    if (value.substr(at, slash - at) == "..") return {"must not contain '..'"};
    at = slash + 1;
  }
  return {};
}

faults relative_path(std::string_view value) {
  if (value.starts_with('/')) return {"must be a relative path"};
  return no_back_steps(value);
}

namespace {

/// "10.0.0.5" of "010.0.00.5": what some programs take for octal numbers.
std::string without_leading_zeros(std::string_view value) {
  std::string out;
  auto digit = [](char c) { return c >= '0' && c <= '9'; };
  for (size_t i = 0; i < value.size(); ++i) {
    bool begins = out.empty() || !digit(out.back());
    bool more = i + 1 < value.size() && digit(value[i + 1]);
    if (value[i] != '0' || !begins || !more) out += value[i];
  }
  return out;
}

} // namespace

faults ip(std::string_view value) {
  auto read = address::parse(value);
  if (read && read->mapped()) return {"must not be an IPv4-mapped IPv6 address"};
  if (read) return {};
  if (value.find(':') == value.npos && address::parse(without_leading_zeros(value)))
    return {"must not have leading 0s"};
  return {"must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"};
}

faults cidr(std::string_view value) {
  auto read = network::parse(value);
  if (!read && value.find(':') == value.npos && network::parse(without_leading_zeros(value)))
    return {"must not have leading 0s in IP or prefix length"};
  if (!read) return {"must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"};
  if (read->host_bits) return {"must not have bits set beyond the prefix length"};
  if (read->base.mapped()) return {"must not have an IPv4-mapped IPv6 address"};
  return {};
}

std::string with_generated_end(std::string_view prefix) {
  // Any end will do; a trailing dash may stand before it.
  std::string name(prefix);
  if (name.size() > 1 && name.back() == '-') name.back() = 'a';
  return name;
}

} // namespace troupe::names
