// Writes YAML in block style. A string is quoted exactly when a reader would take it for something
// else.
#include "messages/codec/yaml.hpp"
#include "messages/codec/yaml_scalar.hpp"

#include "messages/base/json.hpp"

#include <algorithm>

namespace troupe::yaml {

namespace {

bool needs_escapes(std::string_view s) {
  return std::any_of(s.begin(), s.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

/// A date, or a time that begins with one: YAML has a type for them.
bool like_time(std::string_view s) {
  auto digits = [&](size_t from, size_t to) {
    return std::all_of(s.begin() + static_cast<ptrdiff_t>(from),
                       s.begin() + static_cast<ptrdiff_t>(to),
                       [](char c) { return c >= '0' && c <= '9'; });
  };
  return s.size() >= 10 && s[4] == '-' && s[7] == '-' && digits(0, 4) && digits(5, 7) &&
         digits(8, 10);
}

/// A string that can stand without quotes.
bool plain(std::string_view s) {
  if (s.empty() || s.front() == ' ' || s.back() == ' ' || s.back() == ':') return false;
  constexpr std::string_view indicators = "-?:,[]{}#&*!|>'\"%@`";
  if (indicators.find(s.front()) != indicators.npos) {
    // A dash or question mark is an indicator only before a space; a colon likewise.
    bool harmless =
        (s.front() == '-' || s.front() == '?' || s.front() == ':') && s.size() > 1 && s[1] != ' ';
    if (!harmless) return false;
  }
  if (s.find("\xef\xbb\xbf") != s.npos) return false; // a byte order mark, which readers drop
  if (s.find(": ") != s.npos || s.find(" #") != s.npos || needs_escapes(s)) return false;
  if (s.starts_with("---") || s.starts_with("...") || s == "=" || s == "<<") return false;
  // What YAML 1.1 takes for a time is kept a string for every reader.
  bool date = s.size() >= 8 && s[0] >= '0' && s[0] <= '9' && s.find('-') == 4;
  return !date && !resolve_plain(s);
}

class printer {
public:
  std::string out;

  void value(const json::value& v, int indent) {
    if (v.is_object())
      map(v.as_object(), indent);
    else if (v.is_array())
      list(v.as_array(), indent);
    else
      scalar(v, indent);
  }

private:
  void line(int indent) {
    out += '\n';
    out.append(static_cast<size_t>(indent), ' ');
  }

  /// A key's value, on the same line if it is a scalar or empty.
  void behind_key(const json::value& v, int indent) {
    if (v.is_object() && !v.as_object().empty()) {
      line(indent + 2);
      map(v.as_object(), indent + 2);
    } else if (v.is_array() && !v.as_array().empty()) {
      line(indent);
      list(v.as_array(), indent);
    } else {
      out += ' ';
      value(v, indent);
    }
  }

  void map(const json::object& o, int indent) {
    if (o.empty()) {
      out += "{}";
      return;
    }
    std::vector<const json::object::value_type*> entries;
    for (auto& e : o) entries.push_back(&e);
    std::sort(entries.begin(), entries.end(), [](auto* a, auto* b) { return a->key() < b->key(); });
    bool first = true;
    for (auto* e : entries) {
      if (!first) line(indent);
      first = false;
      text(e->key(), indent);
      out += ':';
      behind_key(e->value(), indent);
    }
  }

  void list(const json::array& a, int indent) {
    if (a.empty()) {
      out += "[]";
      return;
    }
    bool first = true;
    for (auto& v : a) {
      if (!first) line(indent);
      first = false;
      out += "- ";
      value(v, indent + 2);
    }
  }

  void scalar(const json::value& v, int indent) {
    if (!v.is_string()) {
      json::write(out, v);
      return;
    }
    std::string_view s = v.as_string();
    if (!block(s, indent)) text(s, indent);
  }

  /// Several lines, as a literal block; false if the text does not allow it.
  bool block(std::string_view s, int indent) {
    auto body = s;
    while (body.ends_with('\n')) body.remove_suffix(1);
    if (body.find('\n') == body.npos && body.size() == s.size()) return false;
    if (body.empty() || body.front() == ' ' || body.front() == '\n') return false;
    auto bad = [](unsigned char c) { return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f; };
    if (std::any_of(s.begin(), s.end(), bad)) return false;
    auto ends = s.size() - body.size();
    out += ends == 0 ? "|-" : ends == 1 ? "|" : "|+";
    auto lines = ends > 1 ? s.substr(0, s.size() - 1) : body;
    while (true) {
      auto end = lines.find('\n');
      auto one = lines.substr(0, end);
      if (one.empty())
        out += '\n';
      else {
        line(indent + 2);
        out += one;
      }
      if (end == lines.npos) break;
      lines.remove_prefix(end + 1);
    }
    return true;
  }

  void text(std::string_view s, int) {
    if (plain(s)) {
      out += s;
    } else if (needs_escapes(s) || resolve_plain(s) || like_time(s)) {
      json::write_string(out, s); // a YAML double-quoted string reads every escape that JSON writes
    } else {
      out += '\'';
      for (auto c : s) out.append(c == '\'' ? 2 : 1, c);
      out += '\'';
    }
  }
};

} // namespace

result<std::string> from_json(std::string_view text) {
  auto parsed = json::parse(text);
  if (!parsed) return parsed.error();
  printer p;
  p.value(*parsed, 0);
  p.out += '\n';
  return std::move(p.out);
}

} // namespace troupe::yaml
