// Reads label selectors from text, and says of wrong ones what Kubernetes says.
#include "messages/base/names.hpp"
#include "messages/base/selector.hpp"

namespace troupe {

namespace {

using op = requirement::op;

enum class token : uint8_t { end, word, comma, open, close, no, equal, unequal, greater, less };

struct item {
  token what = token::end;
  std::string text;
};

/// Tokens of a selector, one ahead.
class reader {
public:
  explicit reader(std::string_view text) : text_{text} { next_ = scan(); }

  const item& ahead() const { return next_; }
  item take() {
    auto out = std::move(next_);
    next_ = scan();
    return out;
  }

private:
  static bool space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
  static bool special(char c) {
    return std::string_view("=!(),><").find(c) != std::string_view::npos;
  }

  item scan() {
    while (at_ < text_.size() && space(text_[at_])) ++at_;
    if (at_ == text_.size()) return {};
    auto one = [&](token what, size_t length = 1) {
      item out{what, std::string(text_.substr(at_, length))};
      at_ += length;
      return out;
    };
    auto rest = text_.substr(at_);
    switch (rest[0]) {
    case ',': return one(token::comma);
    case '(': return one(token::open);
    case ')': return one(token::close);
    case '>': return one(token::greater);
    case '<': return one(token::less);
    case '=': return one(token::equal, rest.starts_with("==") ? 2 : 1);
    case '!': return rest.starts_with("!=") ? one(token::unequal, 2) : one(token::no);
    default: break;
    }
    size_t length = 0;
    while (length < rest.size() && !space(rest[length]) && !special(rest[length])) ++length;
    return one(token::word, length);
  }

  std::string_view text_;
  size_t at_ = 0;
  item next_;
};

error found(const item& wrong, const char* expected) {
  return {errc::bad_request, "found '" + wrong.text + "', expected: " + expected};
}

std::string joined(const names::faults& faults) {
  std::string out;
  for (auto& f : faults) out.append(out.empty() ? "" : "; ").append(f);
  return out;
}

std::string invalid(const std::string& place, const std::string& value, const std::string& why) {
  return place + ": Invalid value: \"" + value + "\": " + why;
}

/// "(a,b)"; an empty place between commas is an empty value.
result<std::vector<std::string>> read_set(reader& in) {
  auto first = in.take();
  if (first.what != token::open)
    return error{errc::bad_request, "found '" + first.text + "' expected: '('"};
  std::vector<std::string> out;
  for (bool value_may_come = true;;) {
    auto next = in.take();
    switch (next.what) {
    case token::word:
      if (!value_may_come) return found(next, "',' or ')'");
      out.push_back(std::move(next.text));
      value_may_come = false;
      continue;
    case token::comma:
      if (value_may_come) out.emplace_back();
      value_may_come = true;
      continue;
    case token::close:
      if (value_may_come) out.emplace_back();
      return out;
    default: break;
    }
    if (out.empty()) return found(next, "',', ')' or identifier");
    return found(next, value_may_come ? "',', or identifier" : "',' or ')'");
  }
}

result<std::vector<std::string>> read_value(reader& in) {
  auto ahead = in.ahead().what;
  if (ahead == token::end || ahead == token::comma) return std::vector<std::string>{""};
  auto value = in.take();
  if (value.what != token::word) return found(value, "identifier");
  return std::vector<std::string>{value.text};
}

/// What is wrong with the values, all of it.
result<void> check(const requirement& r) {
  std::vector<std::string> wrong;
  for (size_t i = 0; i < r.values.size(); ++i) {
    auto place = "values[" + std::to_string(i) + "]";
    auto& value = r.values[i];
    if ((r.what == op::greater || r.what == op::less) && !whole_number(value))
      wrong.push_back(
          invalid(place, value, "for 'Gt', 'Lt' operators, the value must be an integer"));
    if (auto faults = names::label_value(value); !faults.empty())
      wrong.push_back(invalid(place, value, joined(faults)));
  }
  if (wrong.empty()) return {};
  if (wrong.size() == 1) return error{errc::bad_request, wrong[0]};
  std::string all;
  for (auto& w : wrong) all.append(all.empty() ? "" : ", ").append(w);
  return error{errc::bad_request, "[" + all + "]"};
}

result<requirement> read_requirement(reader& in) {
  requirement r;
  bool absent = in.ahead().what == token::no;
  if (absent) in.take();
  auto key = in.take();
  if (key.what != token::word) return found(key, "identifier");
  if (auto faults = names::qualified(key.text); !faults.empty())
    return error{errc::bad_request, invalid("<nil>", key.text, joined(faults))};
  r.key = key.text;
  r.what = absent ? op::absent : op::exists;
  auto ahead = in.ahead().what;
  if (absent || ahead == token::end || ahead == token::comma) return r;
  auto sign = in.take();
  r.as_set = sign.what == token::word && (sign.text == "in" || sign.text == "notin");
  if (r.as_set)
    r.what = sign.text == "in" ? op::in : op::not_in;
  else if (sign.what == token::equal)
    r.what = op::in;
  else if (sign.what == token::unequal)
    r.what = op::not_in;
  else if (sign.what == token::greater || sign.what == token::less)
    r.what = sign.what == token::greater ? op::greater : op::less;
  else
    return found(sign, "in, notin, =, ==, !=, gt, lt");
  auto values = r.as_set ? read_set(in) : read_value(in);
  if (!values) return values.error();
  r.values = std::move(*values);
  if (auto fine = check(r); !fine) return fine.error();
  return r;
}

} // namespace

result<label_selector> label_selector::parse(std::string_view text) {
  if (text.size() > selector_bytes_max)
    return error{errc::bad_request, "unable to parse requirement: it is longer than 64 KiB"};
  label_selector out;
  reader in(text);
  while (in.ahead().what != token::end) {
    if (in.ahead().what != token::word && in.ahead().what != token::no)
      return found(in.ahead(), "!, identifier, or 'end of string'");
    auto read = read_requirement(in);
    if (!read)
      return error{errc::bad_request, "unable to parse requirement: " + read.error().message};
    out.requirements_.push_back(std::move(*read));
    auto next = in.take();
    if (next.what == token::end) break;
    if (next.what != token::comma) return found(next, "',' or 'end of string'");
    if (in.ahead().what != token::word && in.ahead().what != token::no)
      return found(in.ahead(), "identifier after ','");
  }
  return out;
}

} // namespace troupe
