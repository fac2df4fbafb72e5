#include "messages/schema/explain.hpp"

#include "messages/schema/closest.hpp"

#include <algorithm>

namespace troupe::schema {

namespace {

constexpr int recursion_max = 12;
constexpr size_t line_width = 96;

/// `text` broken into lines of `line_width`, each behind `indent` spaces.
void wrap(std::string& out, std::string_view text, size_t indent) {
  size_t used = 0;
  while (!text.empty()) {
    auto end = std::min(text.find(' '), text.size());
    auto word = text.substr(0, end);
    if (used == 0) {
      out.append(indent, ' ');
      used = indent;
    } else if (used + 1 + word.size() > line_width) {
      out += '\n';
      out.append(indent, ' ');
      used = indent;
    } else {
      out += ' ';
      ++used;
    }
    out += word;
    used += word.size();
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (used) out += '\n';
}

std::string join(const std::vector<std::string>& words) {
  std::string out;
  for (auto& w : words) {
    if (!out.empty()) out += ", ";
    out += w.empty() ? "\"\"" : w;
  }
  return out;
}

/// What holds the fields of a value: the elements of a list, the values of a map.
const type& inner(const type& t) {
  auto* at = &t;
  while (at->element) at = at->element;
  return *at;
}

/// The fields as they appear in JSON, inlined ones in their place, by name.
void fields_of(const type& t, std::vector<const property*>& out) {
  for (auto& p : t.properties)
    if (p.inlined)
      fields_of(*p.type, out);
    else
      out.push_back(&p);
}

std::vector<const property*> sorted_fields(const type& t) {
  std::vector<const property*> out;
  fields_of(t, out);
  std::sort(out.begin(), out.end(), [](auto* a, auto* b) { return a->name < b->name; });
  return out;
}

bool opaque(const type& t) { return t.what != form::object; }

void notes(std::string& out, const property& p, size_t indent) {
  if (!p.doc.empty()) wrap(out, p.doc, indent);
  if (!p.values.empty())
    wrap(out, "One of: " + join(p.values) + ".", indent);
  else if (!p.known.empty() && p.known.size() <= 12)
    wrap(out, "Known values: " + join(p.known) + ".", indent);
  if (!p.default_json.empty() && p.default_json != "{}" && p.default_json != "\"\"")
    wrap(out, "Default: " + p.default_json + ".", indent);
}

void tree(std::string& out, const type& t, size_t indent, int depth) {
  if (depth > recursion_max || opaque(t)) return;
  for (auto* p : sorted_fields(t)) {
    out.append(indent, ' ').append(p->name).append(" <").append(type_name(*p->type)).append(">");
    if (p->required) out += " -required-";
    out += '\n';
    auto& below = inner(*p->type);
    // A schema within itself is shown once.
    if (&below != &t) tree(out, below, indent + 2, depth + 1);
  }
}

void list_fields(std::string& out, const type& t) {
  if (opaque(t)) return;
  auto fields = sorted_fields(t);
  if (fields.empty()) return;
  out += "\nFIELDS:\n";
  for (auto* p : fields) {
    out.append("  ").append(p->name).append(" <").append(type_name(*p->type)).append(">");
    if (p->required) out += " -required-";
    out += '\n';
    notes(out, *p, 4);
    out += '\n';
  }
  out.pop_back();
}

error not_found(std::string message) { return {errc::not_found, std::move(message)}; }

/// Splits off the kind: the longest beginning of `what` that names one ("deployments.apps.spec").
const kind* find_kind(const registry& kinds, std::string_view what, std::string_view& fields) {
  for (auto end = what.size();;) {
    if (auto* k = kinds.by_word(what.substr(0, end))) {
      fields = end < what.size() ? what.substr(end + 1) : std::string_view();
      return k;
    }
    auto dot = what.rfind('.', end - (end > 0));
    if (end == 0 || dot == what.npos || dot >= end) return nullptr;
    end = dot;
  }
}

} // namespace

std::string type_name(const type& t) {
  switch (t.what) {
  case form::list:
  case form::wrapped_list: return t.element ? "[]" + type_name(*t.element) : "[]string";
  case form::map: return "map[string]" + type_name(*t.element);
  case form::object: return t.name.empty() ? "Object" : t.name;
  case form::string: return "string";
  case form::bytes: return "base64";
  case form::boolean: return "boolean";
  case form::int32:
  case form::int64: return "integer";
  case form::real: return "number";
  case form::quantity: return "Quantity";
  case form::int_or_string: return "IntOrString";
  case form::time: return "Time";
  case form::micro_time: return "MicroTime";
  case form::duration: return "Duration";
  case form::raw: return "any";
  case form::schema_or_bool:
  case form::schema_or_array:
  case form::schema_or_strings: return "JSONSchemaProps";
  }
  return "any";
}

std::vector<std::string> fields_below(const registry& kinds, std::string_view what) {
  std::string_view path;
  auto* k = find_kind(kinds, what, path);
  if (!k) return {};
  const type* at = k->shape;
  while (!path.empty()) {
    auto dot = std::min(path.find('.'), path.size());
    auto field = inner(*at).find(path.substr(0, dot)).field;
    if (!field) return {};
    at = field->type;
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  std::vector<std::string> out;
  if (!opaque(inner(*at)))
    for (auto* p : sorted_fields(inner(*at))) out.push_back(std::string(what) + "." + p->name);
  return out;
}

result<std::string> explain(const registry& kinds, std::string_view what, bool recursive) {
  std::string_view path;
  auto* k = find_kind(kinds, what, path);
  if (!k) {
    auto word = what.substr(0, what.find('.'));
    std::string hint;
    for (auto& other : kinds.all())
      if (!word.empty() && (other.plural.starts_with(word) || other.name.starts_with(word))) {
        hint = "; did you mean \"" + other.plural + "\"?";
        break;
      }
    return not_found("there is no kind \"" + std::string(word) + "\"" + hint);
  }
  std::string out = "KIND:     " + k->name + "\nVERSION:  " + k->api_version() + "\n";
  const type* at = k->shape;
  const property* field = nullptr;
  std::string trail = k->name;
  while (!path.empty()) {
    auto dot = std::min(path.find('.'), path.size());
    auto name = path.substr(0, dot);
    auto& holder = inner(*at);
    field = holder.find(name).field;
    if (!field) {
      auto hint = closest(name, holder);
      return not_found("\"" + trail + "\" has no field \"" + std::string(name) + "\"" +
                       (hint.empty() ? "" : "; did you mean \"" + hint + "\"?"));
    }
    at = field->type;
    trail.append(".").append(name);
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  if (field) {
    out += "\nFIELD:    " + field->name + " <" + type_name(*field->type) + ">" +
           (field->required ? " -required-" : "") + "\n";
    std::string text;
    notes(text, *field, 4);
    if (!text.empty()) out += "\nDESCRIPTION:\n" + text;
  } else if (!k->doc.empty()) {
    out += "\nDESCRIPTION:\n";
    wrap(out, k->doc, 4);
  }
  if (recursive) {
    out += "\nFIELDS:\n";
    tree(out, inner(*at), 2, 0);
  } else {
    list_fields(out, inner(*at));
  }
  return out;
}

} // namespace troupe::schema
