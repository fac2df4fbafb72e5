#include "messages/base/selector.hpp"

#include "messages/api/meta.pb.h"

#include <algorithm>
#include <charconv>

namespace troupe {

std::optional<int64_t> whole_number(std::string_view text) {
  int64_t v = 0;
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  auto end = text.data() + text.size();
  auto read = std::from_chars(text.data(), end, v);
  if (read.ec != std::errc{} || read.ptr != end) return {};
  return v;
}

bool requirement::matches(std::optional<std::string_view> value) const {
  auto listed = [&] { return std::find(values.begin(), values.end(), *value) != values.end(); };
  switch (what) {
  case op::in: return value && listed();
  case op::not_in: return !value || !listed();
  case op::exists: return value.has_value();
  case op::absent: return !value;
  case op::greater:
  case op::less: {
    auto bound = whole_number(values[0]);
    if (!value || !bound) return false;
    auto have = whole_number(*value);
    return have && (what == op::greater ? *have > *bound : *have < *bound);
  }
  }
  return false;
}

label_selector label_selector::nothing() {
  label_selector out;
  out.nothing_ = true;
  return out;
}

result<label_selector> label_selector::from(const k8s::meta::v1::LabelSelector& selector) {
  using op = requirement::op;
  auto out = equal_to(selector.match_labels());
  for (auto& e : selector.match_expressions()) {
    requirement r;
    r.key = e.key();
    r.as_set = true;
    r.values.assign(e.values().begin(), e.values().end());
    auto name = std::string_view(e.operator_());
    if (name == "In")
      r.what = op::in;
    else if (name == "NotIn")
      r.what = op::not_in;
    else if (name == "Exists")
      r.what = op::exists;
    else if (name == "DoesNotExist")
      r.what = op::absent;
    else
      return error{errc::invalid,
                   "\"" + e.operator_() + "\" is not a valid label selector operator"};
    out.requirements_.push_back(std::move(r));
  }
  return out;
}

std::string label_selector::text() const {
  using op = requirement::op;
  std::string out;
  auto sorted = requirements_;
  std::stable_sort(sorted.begin(), sorted.end(), [](auto& a, auto& b) { return a.key < b.key; });
  for (auto& r : sorted) {
    if (!out.empty()) out += ',';
    std::sort(r.values.begin(), r.values.end());
    auto set = [&](const char* word) {
      out.append(r.key).append(word).append("(");
      for (size_t i = 0; i < r.values.size(); ++i) out.append(i ? "," : "").append(r.values[i]);
      out += ')';
    };
    switch (r.what) {
    case op::in:
      if (!r.as_set)
        out.append(r.key).append("=").append(r.values[0]);
      else
        set(" in ");
      break;
    case op::not_in:
      if (!r.as_set)
        out.append(r.key).append("!=").append(r.values[0]);
      else
        set(" notin ");
      break;
    case op::exists: out += r.key; break;
    case op::absent: out.append("!").append(r.key); break;
    case op::greater: out.append(r.key).append(">").append(r.values[0]); break;
    case op::less: out.append(r.key).append("<").append(r.values[0]); break;
    }
  }
  return out;
}

result<std::vector<field_requirement>> parse_field_selector(std::string_view text) {
  std::vector<field_requirement> out;
  if (text.size() > selector_bytes_max)
    return error{errc::bad_request, "invalid field selector: it is longer than 64 KiB"};
  const auto whole = text;
  while (!text.empty()) {
    field_requirement r;
    // Commas, equal signs and backslashes may stand escaped in values.
    std::string part;
    size_t at = 0, split = std::string::npos;
    for (; at < text.size() && text[at] != ','; ++at) {
      if (text[at] == '\\') {
        auto next = at + 1 < text.size() ? text[at + 1] : '\0';
        if (next != '\\' && next != ',' && next != '=')
          return error{errc::bad_request, "invalid field selector: invalid escape sequence: " +
                                              std::string(text.substr(at, 2))};
        part += text[++at];
      } else if (split == std::string::npos && (text[at] == '=' || text.substr(at, 2) == "!=")) {
        split = part.size();
        r.equal = text[at] != '!';
        at += r.equal ? (text.substr(at, 2) == "==") : 1;
      } else if (text[at] == '=') {
        return error{errc::bad_request, // an equal sign's number
                     "invalid field selector: unescaped character in value: 61"};
      } else
        part += text[at];
    }
    text.remove_prefix(std::min(at + 1, text.size()));
    if (split == std::string::npos) {
      if (part.empty()) continue;
      return error{errc::bad_request, "invalid selector: '" + std::string(whole) +
                                          "'; can't understand '" + part + "'"};
    }
    r.path = part.substr(0, split);
    r.value = part.substr(split);
    out.push_back(std::move(r));
  }
  return out;
}

} // namespace troupe
