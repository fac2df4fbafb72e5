#include "messages/base/json.hpp"

#include "messages/base/json_arena.hpp"
#include "messages/base/json_reader.hpp"

#include <charconv>
#include <cmath>

namespace troupe::json {

namespace {

/// Builds a tree from a reader. Recursion is bounded by the reader.
class builder {
public:
  builder(std::string_view text, const std::function<void(const std::string&)>& on_duplicate,
          boost::json::storage_ptr memory)
      : in_{text}, on_duplicate_{on_duplicate}, memory_{std::move(memory)} {}

  result<value> run() {
    auto v = read();
    if (!in_.failed() && !in_.at_end()) in_.fail("more text follows the end of the document");
    if (in_.failed()) return in_.failure();
    return v;
  }

private:
  value read() {
    switch (in_.peek()) {
    case token::object: return read_object();
    case token::array: return read_array();
    case token::string: return value(in_.read_string(), memory_);
    case token::number: return read_number();
    case token::boolean: return value(in_.read_boolean(), memory_);
    case token::null: in_.read_null(); break;
    case token::none: in_.fail("a value was expected"); break;
    }
    return value(memory_);
  }

  value read_object() {
    object out(memory_);
    in_.enter_object();
    for (std::string_view key; in_.next_key(key);) {
      auto [place, fresh] = out.emplace(key, nullptr);
      auto size = path_.size();
      if (on_duplicate_) path_.append(path_.empty() ? "" : ".").append(key);
      if (!fresh && on_duplicate_) on_duplicate_(path_);
      place->value() = read();
      path_.resize(size);
    }
    return out;
  }

  value read_array() {
    array out(memory_);
    in_.enter_array();
    for (size_t i = 0; in_.next_element(); ++i) {
      auto size = path_.size();
      if (on_duplicate_) path_.append("[").append(std::to_string(i)).append("]");
      out.push_back(read());
      path_.resize(size);
    }
    return out;
  }

  value read_number() {
    auto n = in_.read_number();
    auto first = n.text.data();
    auto last = first + n.text.size();
    if (n.integral) {
      int64_t small = 0;
      if (std::from_chars(first, last, small).ec == std::errc{}) return value(small, memory_);
      uint64_t big = 0;
      if (std::from_chars(first, last, big).ec == std::errc{}) return value(big, memory_);
    }
    double real = 0;
    auto parsed = std::from_chars(first, last, real);
    if (parsed.ec == std::errc::result_out_of_range && std::fabs(real) < 1)
      real = 0;
    else if (parsed.ec != std::errc{} || !std::isfinite(real))
      in_.fail("a number is too large");
    return value(real, memory_);
  }

  reader in_;
  const std::function<void(const std::string&)>& on_duplicate_;
  boost::json::storage_ptr memory_;
  std::string path_;
};

void write_value(std::string& out, const value& v);

void write_object(std::string& out, const object& v) {
  out += '{';
  bool first = true;
  for (auto& [key, member] : v) {
    if (!first) out += ',';
    first = false;
    write_string(out, key);
    out += ':';
    write_value(out, member);
  }
  out += '}';
}

void write_value(std::string& out, const value& v) {
  switch (v.kind()) {
  case boost::json::kind::null: out += "null"; break;
  case boost::json::kind::bool_: out += v.get_bool() ? "true" : "false"; break;
  case boost::json::kind::int64: out += std::to_string(v.get_int64()); break;
  case boost::json::kind::uint64: out += std::to_string(v.get_uint64()); break;
  case boost::json::kind::double_: write_number(out, v.get_double()); break;
  case boost::json::kind::string: write_string(out, v.get_string()); break;
  case boost::json::kind::object: write_object(out, v.get_object()); break;
  case boost::json::kind::array: {
    out += '[';
    bool first = true;
    for (auto& element : v.get_array()) {
      if (!first) out += ',';
      first = false;
      write_value(out, element);
    }
    out += ']';
  }
  }
}

} // namespace

result<value> parse(std::string_view text,
                    const std::function<void(const std::string& path)>& on_duplicate) {
  return builder(text, on_duplicate, {}).run();
}

result<value> parse_in(boost::json::memory_resource& memory, std::string_view text) {
  return builder(text, {}, &memory).run();
}

void write(std::string& out, const value& v) { write_value(out, v); }
void write(std::string& out, const object& v) { write_object(out, v); }

std::string write(const value& v) {
  std::string out;
  write_value(out, v);
  return out;
}

void write_string(std::string& out, std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  out += '"';
  size_t kept = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, kept, i - kept);
    kept = i + 1;
    switch (c) {
    case '"': out += "\\\""; break;
    case '\\': out += "\\\\"; break;
    case '\n': out += "\\n"; break;
    case '\r': out += "\\r"; break;
    case '\t': out += "\\t"; break;
    default:
      out += "\\u00";
      out += digits[c >> 4];
      out += digits[c & 15];
    }
  }
  out.append(text, kept);
  out += '"';
}

void write_number(std::string& out, double number) {
  char text[32];
  auto size = std::fabs(number);
  auto form = size != 0 && (size < 1e-6 || size >= 1e21) ? std::chars_format::scientific
                                                         : std::chars_format::fixed;
  auto end = std::to_chars(text, text + sizeof text, number, form).ptr;
  std::string_view printed(text, static_cast<size_t>(end - text));
  // A one-digit exponent is written without its leading zero: 1e-7.
  if (auto e = printed.rfind("e-0"); e != printed.npos && e + 4 == printed.size()) {
    out.append(printed.substr(0, e + 2)).append(printed.substr(e + 3));
  } else {
    out += printed;
  }
}

std::string compact(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    auto c = text[i];
    if (!quoted && (c == ' ' || c == '\n' || c == '\t' || c == '\r')) continue;
    out += c;
    if (c == '"')
      quoted = !quoted;
    else if (quoted && c == '\\' && i + 1 < text.size())
      out += text[++i];
  }
  return out;
}

std::string indent(std::string_view compact, int width) {
  std::string out;
  out.reserve(compact.size() * 2);
  int depth = 0;
  bool quoted = false;
  auto line = [&] {
    out += '\n';
    out.append(static_cast<size_t>(depth) * static_cast<size_t>(width), ' ');
  };
  for (size_t i = 0; i < compact.size(); ++i) {
    auto c = compact[i];
    if (quoted) {
      out += c;
      if (c == '\\' && i + 1 < compact.size())
        out += compact[++i];
      else if (c == '"')
        quoted = false;
      continue;
    }
    switch (c) {
    case '"':
      quoted = true;
      out += c;
      break;
    case '{':
    case '[': {
      out += c;
      auto next = compact.find_first_not_of(" \t\r\n", i + 1);
      if (next != compact.npos && (compact[next] == '}' || compact[next] == ']')) {
        out += compact[next];
        i = next;
      } else {
        ++depth;
        line();
      }
      break;
    }
    case '}':
    case ']':
      --depth;
      line();
      out += c;
      break;
    case ',':
      out += c;
      line();
      break;
    case ':': out += ": "; break;
    case ' ':
    case '\t':
    case '\r':
    case '\n': break;
    default: out += c;
    }
  }
  return out;
}

const value* find(const value& v, std::string_view key) {
  auto o = v.if_object();
  return o ? o->if_contains(key) : nullptr;
}

const value* find(const value& v, std::initializer_list<std::string_view> keys) {
  auto at = &v;
  for (auto key : keys)
    if (!(at = find(*at, key))) return nullptr;
  return at;
}

std::string_view string_at(const value& v, std::initializer_list<std::string_view> keys) {
  auto at = find(v, keys);
  auto text = at ? at->if_string() : nullptr;
  return text ? std::string_view(*text) : std::string_view{};
}

} // namespace troupe::json
