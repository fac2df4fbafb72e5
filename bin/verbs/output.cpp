#include "bin/verbs/output.hpp"

#include "messages/base/json_path.hpp"
#include "messages/codec/yaml.hpp"

#include <algorithm>

namespace troupe::verbs {

namespace {

error bad(std::string why) { return {errc::bad_request, std::move(why)}; }

constexpr int template_depth_max = 16;

/// The characters of a cell, so that those of several bytes are counted once.
size_t width(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string unquoted(std::string_view text) {
  std::string out;
  for (size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    switch (text[++i]) {
    case 'n': out += '\n'; break;
    case 't': out += '\t'; break;
    case 'r': out += '\r'; break;
    default: out += text[i];
    }
  }
  return out;
}

/// Fills `text` until its end or the {end} of a range; returns what is left.
result<std::string_view> fill(std::string_view text, const json::value& with, std::string& out,
                              bool inside, int depth) {
  if (depth > template_depth_max) return bad("the template's ranges are too deep");
  while (!text.empty()) {
    auto open = text.find('{');
    out += text.substr(0, open);
    if (open == text.npos) return std::string_view{};
    text.remove_prefix(open);
    size_t close = 1;
    char quote = 0;
    for (; close < text.size() && (quote || text[close] != '}'); ++close) {
      if (quote && text[close] == '\\')
        ++close;
      else if (quote)
        quote = text[close] == quote ? '\0' : quote;
      else if (text[close] == '"' || text[close] == '\'')
        quote = text[close];
    }
    if (close >= text.size()) return bad("the template has a { without a }");
    auto word = text.substr(1, close - 1);
    text.remove_prefix(close + 1);
    if (word == "end") {
      if (!inside) return bad("the template has an {end} without a {range}");
      return text;
    }
    if (word.starts_with("range ")) {
      auto path = word.substr(6);
      while (path.starts_with(' ')) path.remove_prefix(1);
      auto found = json::find_path(with, path);
      std::string_view behind;
      std::string unused;
      for (auto v : found) {
        auto rest = fill(text, *v, out, true, depth + 1);
        if (!rest) return rest;
        behind = *rest;
      }
      if (found.empty()) {
        auto rest = fill(text, json::value(), unused, true, depth + 1);
        if (!rest) return rest;
        behind = *rest;
      }
      text = behind;
      continue;
    }
    if (word.size() >= 2 && (word[0] == '"' || word[0] == '\'')) {
      out += unquoted(word);
      continue;
    }
    if (word.starts_with('@')) word.remove_prefix(1);
    if (word.empty()) {
      out += cell_text(with);
      continue;
    }
    bool first = true;
    for (auto v : json::find_path(with, word.starts_with('$') ? word.substr(1) : word)) {
      if (!first) out += ' ';
      first = false;
      out += cell_text(*v);
    }
  }
  if (inside) return bad("the template has a {range} without an {end}");
  return text;
}

struct own_column {
  std::string title, path;
};

result<std::vector<own_column>> own_columns(std::string_view text) {
  std::vector<own_column> out;
  while (!text.empty()) {
    auto part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    auto colon = part.find(':');
    if (colon == part.npos)
      return bad("custom-columns: write NAME:.path,NAME:.path; there is none in \"" +
                 std::string(part) + "\"");
    auto path = std::string(part.substr(colon + 1));
    if (!path.starts_with('.') && !path.starts_with('{') && !path.starts_with('['))
      path.insert(0, ".");
    out.push_back({std::string(part.substr(0, colon)), std::move(path)});
  }
  return out;
}

} // namespace

std::string columns::text() const {
  std::vector<size_t> widths;
  for (auto& r : rows_) {
    widths.resize(std::max(widths.size(), r.size()));
    for (size_t i = 0; i < r.size(); ++i) widths[i] = std::max(widths[i], width(r[i]));
  }
  std::string out;
  for (auto& r : rows_) {
    for (size_t i = 0; i < r.size(); ++i) {
      out += r[i];
      if (i + 1 < r.size()) out.append(widths[i] - width(r[i]) + 3, ' ');
    }
    out += '\n';
  }
  return out;
}

result<output_form> output_form::read(const arguments& given) {
  output_form out;
  auto word = given.get("output");
  auto equal = word.find('=');
  auto name = word.substr(0, equal);
  if (equal != word.npos) out.expression = word.substr(equal + 1);
  if (word.empty()) return out;
  if (name == "wide")
    out.what = how::wide;
  else if (name == "name")
    out.what = how::name;
  else if (name == "json")
    out.what = how::json;
  else if (name == "yaml")
    out.what = how::yaml;
  else if (name == "jsonpath")
    out.what = how::json_path;
  else if (name == "custom-columns")
    out.what = how::custom_columns;
  else
    return bad("-o takes wide, name, json, yaml, jsonpath=TEMPLATE or custom-columns=NAME:PATH, "
               "not \"" +
               word + "\"");
  if ((out.what == how::json_path || out.what == how::custom_columns) && out.expression.empty())
    return bad("-o " + name + " needs an expression: -o " + name + "=...");
  return out;
}

std::string cell_text(const json::value& v) {
  if (v.is_string()) return std::string(v.get_string());
  if (v.is_null()) return {};
  return json::write(v);
}

std::string yaml_of(const json::value& v) {
  auto text = yaml::from_json(json::write(v));
  return text ? *text : json::write(v) + "\n";
}

void drop_managed_fields(json::value& v) {
  if (!v.is_object()) return;
  auto& o = v.get_object();
  if (auto meta = o.if_contains("metadata"); meta && meta->is_object())
    meta->get_object().erase("managedFields");
  if (auto items = o.if_contains("items"); items && items->is_array())
    for (auto& item : items->get_array()) drop_managed_fields(item);
}

result<std::string> fill_template(std::string_view text, const json::value& with) {
  std::string out;
  auto rest = fill(text, with, out, false, 0);
  if (!rest) return rest.error();
  return out;
}

result<void> show(session& s, const output_form& form, const json::value& document,
                  bool with_headers) {
  switch (form.what) {
  case output_form::how::json: s.print(json::indent(json::write(document), 4) + "\n"); return {};
  case output_form::how::yaml: s.print(yaml_of(document)); return {};
  case output_form::how::json_path: {
    auto text = fill_template(form.expression, document);
    if (!text) return text.error();
    s.print(*text);
    if (s.to_terminal() && !text->ends_with('\n')) s.print("\n");
    return {};
  }
  case output_form::how::custom_columns: {
    auto chosen = own_columns(form.expression);
    if (!chosen) return chosen.error();
    columns out;
    std::vector<std::string> titles;
    for (auto& c : *chosen) titles.push_back(c.title);
    if (with_headers) out.row(titles);
    auto add = [&](const json::value& object) {
      std::vector<std::string> cells;
      for (auto& c : *chosen) {
        std::string cell;
        for (auto v : json::find_path(object, c.path))
          cell += (cell.empty() ? "" : ",") + cell_text(*v);
        cells.push_back(cell.empty() ? "<none>" : cell);
      }
      out.row(std::move(cells));
    };
    auto items = json::find(document, "items");
    if (items && items->is_array())
      for (auto& item : items->get_array()) add(item);
    else
      add(document);
    s.print(out.text());
    return {};
  }
  default: return {};
  }
}

int told(session& s, const arguments& given, const target& what, std::string_view done_what,
         std::string_view body) {
  auto form = output_form::read(given);
  if (!form) return s.fail(form.error());
  if (form->what == output_form::how::name) {
    s.print_line(what.told());
    return done;
  }
  if (form->is_table()) {
    s.print_line(what.told() + " " + std::string(done_what));
    return done;
  }
  auto read = json::parse(body);
  if (!read) return s.fail(read.error());
  if (auto ok = show(s, *form, *read); !ok) return s.fail(ok.error());
  return done;
}

} // namespace troupe::verbs
