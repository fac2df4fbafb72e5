// `troupe get`: objects as tables, which the server makes, or whole.
#include "bin/verbs/output.hpp"
#include "bin/verbs/table.hpp"
#include "bin/verbs/verbs.hpp"
#include "messages/base/json_path.hpp"

#include <algorithm>

namespace troupe::verbs {

namespace {

constexpr const char* as_table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

error bad(std::string why) { return {errc::bad_request, std::move(why)}; }

/// One question to the server: a kind, everywhere or in a namespace, or one object of it.
struct question {
  target what;
  std::string query;
};

result<std::string> past(session& s, const std::string& at) {
  auto revision = revision_at(s, at);
  if (!revision) return revision.error();
  return "&resourceVersion=" + *revision + "&resourceVersionMatch=Exact";
}

result<std::vector<question>> questions(session& s, const arguments& given) {
  auto base = "?labelSelector=" + escaped(given.get("selector"));
  auto fields = "&fieldSelector=" + escaped(given.get("field-selector"));
  if (auto at = given.get("at"); !at.empty()) {
    auto extra = past(s, at);
    if (!extra) return extra.error();
    base += *extra;
  }
  std::vector<question> out;
  if (!given.all("filename").empty()) {
    auto objects = read_objects(s, given);
    if (!objects) return objects.error();
    for (auto& o : *objects) out.push_back({o.where, "?"});
    return out;
  }
  auto named = read_targets(s, given.words, given.has("all-namespaces"));
  if (!named) return named.error();
  for (auto& t : *named) {
    if (!t.name.empty() && given.has("all-namespaces"))
      return bad("an object can only be named within a namespace: leave out --all-namespaces");
    if (!t.name.empty() && !given.get("at").empty())
      // Of the past, only lists are told.
      out.push_back(
          {{t.kind, t.ns, {}}, base + "&fieldSelector=" + escaped("metadata.name=" + t.name)});
    else
      out.push_back({t, t.name.empty() ? base + fields : "?"});
  }
  return out;
}

void sort_by(json::value& document, const std::string& path, bool table) {
  auto list = json::find(document, table ? "rows" : "items");
  if (!list || !list->is_array()) return;
  auto& rows = const_cast<json::value*>(list)->get_array();
  auto expression = path.starts_with('.') || path.starts_with('{') ? path : "." + path;
  auto key = [&](const json::value& row) -> const json::value* {
    auto of = table ? json::find(row, "object") : &row;
    if (!of) return nullptr;
    auto found = json::find_path(*of, expression);
    return found.empty() ? nullptr : found[0];
  };
  std::stable_sort(rows.begin(), rows.end(), [&](const json::value& a, const json::value& b) {
    auto x = key(a), y = key(b);
    if (!x || !y) return !x && y;
    if (x->is_number() && y->is_number()) return x->to_number<double>() < y->to_number<double>();
    return cell_text(*x) < cell_text(*y);
  });
}

table_style style_of(session& s, const arguments& given, const output_form& form, bool several) {
  table_style style;
  style.wide = form.what == output_form::how::wide;
  style.headers = !given.has("no-headers");
  style.namespaces = given.has("all-namespaces");
  style.labels = given.has("show-labels");
  for (auto& list : given.all("label-columns")) {
    std::string_view rest = list;
    while (!rest.empty()) {
      auto one = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(one.size() + 1, rest.size()));
      style.label_columns.emplace_back(one);
    }
  }
  style.with_kind = several || given.has("show-kind");
  style.coloured = s.coloured();
  return style;
}

/// Tables of several kinds stand below each other.
int show_tables(session& s, const arguments& given, const std::vector<question>& asked,
                const output_form& form) {
  bool several = asked.size() > 1 && std::any_of(asked.begin(), asked.end(), [&](auto& q) {
                   return q.what.kind != asked[0].what.kind;
                 });
  auto style = style_of(s, given, form, several);
  bool needs_objects = !given.get("sort-by").empty();
  int code = done;
  size_t shown = 0;
  const kind_info* last = nullptr;
  std::vector<std::pair<const kind_info*, json::value>> tables;
  for (auto& q : asked) {
    auto text =
        s.ask("GET", q.what.path() + q.query + (needs_objects ? "&includeObject=Object" : ""), {},
              {}, as_table);
    if (!text) {
      if (text.error().code == errc::not_found && given.has("ignore-not-found")) continue;
      code = s.fail(text.error());
      continue;
    }
    auto read = json::parse(*text);
    if (!read) return s.fail(read.error());
    if (needs_objects) sort_by(*read, given.get("sort-by"), true);
    // Several objects of one kind, asked one by one, are one table.
    if (last == q.what.kind && !tables.empty() && !q.what.name.empty()) {
      auto more = json::find(*read, "rows");
      auto into = json::find(tables.back().second, "rows");
      if (more && into && more->is_array() && into->is_array())
        for (auto& row : more->get_array())
          const_cast<json::value*>(into)->get_array().push_back(row);
      continue;
    }
    last = q.what.kind;
    tables.emplace_back(q.what.kind, std::move(*read));
  }
  for (auto& [kind, table] : tables) {
    auto rows = json::find(table, "rows");
    if (!rows || !rows->is_array() || rows->get_array().empty()) continue;
    if (shown++ > 0 && style.headers) s.print("\n");
    s.print(table_text(table, *kind, style));
  }
  if (shown == 0 && code == done && !given.has("ignore-not-found")) {
    bool everywhere = given.has("all-namespaces") || !asked[0].what.kind->namespaced;
    s.complain(everywhere ? std::string("No resources found")
                          : "No resources found in " + s.ns() + " namespace.");
  }
  return code;
}

int show_documents(session& s, const arguments& given, const std::vector<question>& asked,
                   const output_form& form) {
  int code = done;
  json::array objects;
  bool one = asked.size() == 1 && !asked[0].what.name.empty();
  for (auto& q : asked) {
    auto read = s.get(q.what.path() + q.query);
    if (!read) {
      if (read.error().code == errc::not_found && given.has("ignore-not-found")) continue;
      code = s.fail(read.error());
      continue;
    }
    if (!given.has("show-managed-fields")) drop_managed_fields(*read);
    auto items = json::find(*read, "items");
    if (q.what.name.empty() && items && items->is_array()) {
      for (auto& item : items->get_array()) {
        auto object = item;
        if (object.is_object() && !object.get_object().contains("kind")) {
          object.get_object()["apiVersion"] = q.what.kind->api_version();
          object.get_object()["kind"] = q.what.kind->name;
        }
        objects.push_back(std::move(object));
      }
    } else {
      objects.push_back(std::move(*read));
    }
  }
  if (form.what == output_form::how::name) {
    for (auto& o : objects) {
      auto kind = s.kinds().find(json::string_at(o, {"apiVersion"}), json::string_at(o, {"kind"}));
      s.print_line((kind ? (*kind)->told() : std::string(json::string_at(o, {"kind"}))) + "/" +
                   std::string(json::string_at(o, {"metadata", "name"})));
    }
    return code;
  }
  if (objects.empty() && (code != done || one)) return code;
  json::value document;
  if (one) {
    document = std::move(objects[0]);
  } else {
    document = json::object{{"apiVersion", "v1"},
                            {"items", std::move(objects)},
                            {"kind", "List"},
                            {"metadata", json::object{{"resourceVersion", ""}}}};
    if (auto path = given.get("sort-by"); !path.empty()) sort_by(document, path, false);
  }
  if (auto ok = show(s, form, document, !given.has("no-headers")); !ok) return s.fail(ok.error());
  return code;
}

int watch(session& s, const arguments& given, const question& q, const output_form& form) {
  auto style = style_of(s, given, form, false);
  bool table = form.is_table();
  auto where = q.what;
  auto query = q.query;
  if (!where.name.empty()) {
    query = "?fieldSelector=" + escaped("metadata.name=" + where.name);
    where.name.clear();
  }
  query += "&watch=1";
  if (!given.has("watch-only"))
    query += "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
  row_printer rows(*where.kind, style);
  int code = done;
  auto ok = s.stream(
      where.path() + query, true,
      [&](std::string_view line) {
        auto event = json::parse(line);
        if (!event) return true;
        auto type = json::string_at(*event, {"type"});
        auto object = json::find(*event, "object");
        if (!object || type == "BOOKMARK") return true;
        if (type == "ERROR") {
          code = s.fail(failure_of({410, {}, json::write(*object)}));
          return false;
        }
        std::string text;
        if (table) {
          text = rows.print(*object);
        } else if (form.what == output_form::how::name) {
          text = where.kind->told() + "/" +
                 std::string(json::string_at(*object, {"metadata", "name"})) + "\n";
        } else {
          auto copy = *object;
          drop_managed_fields(copy);
          if (form.what == output_form::how::yaml) s.print("---\n");
          if (auto shown = show(s, form, copy, false); !shown) {
            code = s.fail(shown.error());
            return false;
          }
        }
        s.print(text);
        fflush(stdout);
        return true;
      },
      table ? as_table : "application/json");
  return ok ? code : s.fail(ok.error());
}

int run_get(session& s, const arguments& given) {
  auto form = output_form::read(given);
  if (!form) return s.fail(form.error());
  auto asked = questions(s, given);
  if (!asked) return s.fail(asked.error());
  if (given.has("watch") || given.has("watch-only")) {
    if (asked->size() != 1) return s.fail(bad("only one kind or object can be watched at a time"));
    return watch(s, given, asked->front(), *form);
  }
  return form->is_table() ? show_tables(s, given, *asked, *form)
                          : show_documents(s, given, *asked, *form);
}

} // namespace

const verb get_verb{
    "get",
    "Look",
    "show objects: one, several, or all of a kind",
    "TYPE[,TYPE...] [NAME...] | TYPE/NAME... | -f FILE [flags]",
    {{"output", 'o', "FORM", "wide, name, json, yaml, jsonpath=TEMPLATE, custom-columns=NAME:PATH"},
     {"all-namespaces", 'A', "", "of all namespaces"},
     {"selector", 'l', "LABELS", "only those with these labels: app=web,tier!=db"},
     {"field-selector", 0, "FIELDS", "only those with these fields: status.phase=Running"},
     {"watch", 'w', "", "and then every change"},
     {"watch-only", 0, "", "changes alone"},
     {"filename", 'f', "FILE", "the objects that a file names"},
     {"show-labels", 0, "", "a column with all labels"},
     {"label-columns", 'L', "KEYS", "a column for each of these labels"},
     {"show-kind", 0, "", "kinds in front of names"},
     {"no-headers", 0, "", "rows alone"},
     {"sort-by", 0, "PATH", "order by a field: .metadata.creationTimestamp"},
     {"ignore-not-found", 0, "", "an object that is not there is no failure"},
     {"show-managed-fields", 0, "", "do not hide metadata.managedFields"},
     {"at", 0, "TIME|REVISION", "as it was then: 10m (ago), a time, or a revision"}},
    "get pods\nget deployment/web -o yaml\nget pods,services -A\n"
    "get pods -l app=web -w\nget pods --at 10m",
    run_get};

} // namespace troupe::verbs
