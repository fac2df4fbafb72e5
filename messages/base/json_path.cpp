#include "messages/base/json_path.hpp"

#include <charconv>

namespace troupe::json {

namespace {

constexpr size_t steps_max = 64;

using values = std::vector<const value*>;

void member(const values& from, std::string_view name, values& out) {
  for (auto v : from)
    if (auto found = find(*v, name)) out.push_back(found);
}

void all(const values& from, values& out) {
  for (auto v : from) {
    if (auto elements = v->if_array())
      for (auto& e : *elements) out.push_back(&e);
    if (auto members = v->if_object())
      for (auto& [key, m] : *members) out.push_back(&m);
  }
}

void indexed(const values& from, std::string_view text, values& out) {
  int64_t i = 0;
  auto end = text.data() + text.size();
  if (auto read = std::from_chars(text.data(), end, i); read.ec != std::errc{} || read.ptr != end)
    return;
  for (auto v : from) {
    auto elements = v->if_array();
    if (!elements) continue;
    auto size = static_cast<int64_t>(elements->size());
    auto at = i < 0 ? size + i : i;
    if (at >= 0 && at < size) out.push_back(&(*elements)[static_cast<size_t>(at)]);
  }
}

/// [?(@.path=="word")] and !=.
void filtered(const values& from, std::string_view text, values& out) {
  text = text.substr(2, text.size() - 3); // between ?( and )
  auto op = text.find("==");
  bool equal = op != text.npos;
  if (!equal && (op = text.find("!=")) == text.npos) return;
  auto trim = [](std::string_view s) {
    while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
    while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
    return s;
  };
  auto path = trim(text.substr(0, op));
  auto word = trim(text.substr(op + 2));
  if (!path.starts_with('@')) return;
  if (word.size() >= 2 && (word.front() == '"' || word.front() == '\''))
    word = word.substr(1, word.size() - 2);
  values elements;
  all(from, elements);
  for (auto e : elements) {
    auto found = find_path(*e, path.substr(1));
    bool same =
        !found.empty() && (found[0]->is_string() ? std::string_view(found[0]->get_string()) == word
                                                 : write(*found[0]) == word);
    if (same == equal) out.push_back(e);
  }
}

} // namespace

std::vector<const value*> find_path(const value& root, std::string_view path) {
  values at{&root};
  if (path.starts_with('{') && path.ends_with('}')) path = path.substr(1, path.size() - 2);
  if (path.starts_with('$')) path.remove_prefix(1);
  for (size_t steps = 0; !path.empty() && !at.empty() && steps < steps_max; ++steps) {
    values next;
    if (path[0] == '.') {
      path.remove_prefix(1);
      std::string name;
      size_t i = 0;
      for (; i < path.size() && path[i] != '.' && path[i] != '['; ++i) {
        if (path[i] == '\\' && i + 1 < path.size()) ++i;
        name += path[i];
      }
      path.remove_prefix(i);
      if (name.empty()) continue;
      if (name == "*")
        all(at, next);
      else
        member(at, name, next);
    } else if (path[0] == '[') {
      // The closing bracket: brackets may stand inside quotes.
      size_t end = 1;
      char quote = 0;
      for (; end < path.size() && (quote || path[end] != ']'); ++end) {
        if (quote)
          quote = path[end] == quote ? '\0' : quote;
        else if (path[end] == '\'' || path[end] == '"')
          quote = path[end];
      }
      if (end == path.size()) return {};
      auto inside = path.substr(1, end - 1);
      path.remove_prefix(end + 1);
      if (inside == "*")
        all(at, next);
      else if (inside.starts_with("?(") && inside.ends_with(')'))
        filtered(at, inside, next);
      else if (inside.size() >= 2 && (inside[0] == '\'' || inside[0] == '"'))
        member(at, inside.substr(1, inside.size() - 2), next);
      else
        indexed(at, inside, next);
    } else {
      return {};
    }
    at = std::move(next);
  }
  return at;
}

} // namespace troupe::json
