// `troupe history` and `troupe undo`: what an object was, and making it so again.
#include "bin/verbs/verbs.hpp"
#include "messages/base/time.hpp"

#include <ctime>

namespace troupe::verbs {

namespace {

error bad(std::string why) { return {errc::bad_request, std::move(why)}; }

/// Who made this of what was `before` (may be null), by the books of managedFields. What is in no
/// book was done by the cluster itself: its controllers and nodes.
std::string changed_by(const json::value* before, const json::value& object) {
  auto list = json::find(object, {"metadata", "managedFields"});
  auto old = before ? json::find(*before, {"metadata", "managedFields"}) : nullptr;
  if (before && (list && old ? *list == *old : list == old)) return "troupe";
  std::string out, latest;
  if (list && list->is_array())
    for (auto& m : list->get_array()) {
      auto time = std::string(json::string_at(m, {"time"}));
      if (time >= latest) {
        latest = time;
        out = json::string_at(m, {"manager"});
      }
    }
  return out;
}

/// The paths at which two documents differ, a few of them.
void differences(const json::value& a, const json::value& b, const std::string& path,
                 std::vector<std::string>& out) {
  constexpr size_t most = 4;
  if (out.size() >= most || a == b) return;
  if (a.is_object() && b.is_object()) {
    for (auto& [key, v] : b.get_object()) {
      auto where = path.empty() ? std::string(key) : path + "." + std::string(key);
      if (where == "metadata.managedFields" || where == "metadata.resourceVersion") continue;
      auto old = a.get_object().if_contains(key);
      if (!old && out.size() < most)
        out.push_back(where + (v.is_structured() ? " set" : "=" + cell_text(v)));
      else if (old)
        differences(*old, v, where, out);
    }
    for (auto& [key, v] : a.get_object())
      if (!b.get_object().contains(key) && out.size() < most)
        out.push_back((path.empty() ? "" : path + ".") + std::string(key) + " removed");
    return;
  }
  if (a.is_array() && b.is_array()) {
    auto &x = a.get_array(), &y = b.get_array();
    for (size_t i = 0; i < x.size() && i < y.size(); ++i)
      differences(x[i], y[i], path + "[" + std::to_string(i) + "]", out);
    if (x.size() != y.size() && out.size() < most)
      out.push_back(path + " has " + std::to_string(y.size()) + " elements");
    return;
  }
  out.push_back(path + "=" + (b.is_structured() ? "..." : cell_text(b)));
}

result<json::value> past_of(session& s, const target& what, const std::string& most) {
  return s.get("/troupe/v1/history" + what.path() + "?limit=" + escaped(most));
}

int run_history(session& s, const arguments& given) {
  auto what = read_target(s, given.words, "deployments");
  if (!what) return s.fail(what.error());
  auto past = past_of(s, *what, given.get("limit", "20"));
  if (!past) return s.fail(past.error());
  if (given.get("output") == "json") {
    s.print(json::indent(json::write(*past), 2) + "\n");
    return done;
  }
  auto items = json::find(*past, "items");
  columns table;
  table.row({"REVISION", "TIME", "CHANGE", "BY", "WHAT"});
  if (items && items->is_array()) {
    auto& list = items->get_array();
    for (size_t i = 0; i < list.size(); ++i) {
      auto object = json::find(list[i], "object");
      bool change = i + 1 < list.size() && json::string_at(list[i], {"change"}) == "changed";
      auto before = change ? json::find(list[i + 1], "object") : nullptr;
      std::vector<std::string> changed;
      if (before && object) differences(*before, *object, "", changed);
      std::string text;
      for (auto& c : changed) text += (text.empty() ? "" : ", ") + c;
      if (text.size() > 120) text = text.substr(0, 117) + "...";
      table.row({std::string(json::string_at(list[i], {"revision"})),
                 std::string(json::string_at(list[i], {"time"}).substr(0, 23)),
                 std::string(json::string_at(list[i], {"change"})),
                 object ? changed_by(before, *object) : "", text});
    }
  }
  s.print(table.text());
  return done;
}

} // namespace

result<json::value> as_it_was(session& s, const target& what, const std::string& at) {
  auto revision = revision_at(s, at);
  if (!revision) return revision.error();
  auto all = s.get(target{what.kind, what.ns, {}}.path() +
                   "?fieldSelector=" + escaped("metadata.name=" + what.name) +
                   "&resourceVersion=" + *revision + "&resourceVersionMatch=Exact");
  if (!all) return all.error();
  auto items = json::find(*all, "items");
  if (!items || !items->is_array() || items->get_array().empty())
    return error{errc::not_found, what.told() + " was not there at revision " + *revision};
  auto object = items->get_array()[0];
  object.as_object()["apiVersion"] = what.kind->api_version();
  object.as_object()["kind"] = what.kind->name;
  return object;
}

namespace {

int run_undo(session& s, const arguments& given) {
  if (given.words.size() < 2)
    return s.fail(bad("write undo TYPE/NAME REVISION; troupe history TYPE/NAME lists them"));
  auto words = given.words;
  auto at = words.back();
  words.pop_back();
  auto what = read_target(s, words);
  if (!what) return s.fail(what.error());
  auto was = as_it_was(s, *what, at);
  if (!was) return s.fail(was.error());
  auto query = write_query(given, "troupe-undo");
  if (!query) return s.fail(query.error());
  auto& meta = was->as_object()["metadata"].as_object();
  for (auto* field : {"resourceVersion", "uid", "creationTimestamp", "managedFields", "generation",
                      "deletionTimestamp", "deletionGracePeriodSeconds"})
    meta.erase(field);
  auto now = s.get(what->path());
  result<std::string> ok = std::string{};
  if (now) {
    ok = s.ask("PUT", what->path() + *query, json::write(*was));
  } else {
    was->as_object().erase("status");
    ok = s.ask("POST", target{what->kind, what->ns, {}}.path() + *query, json::write(*was));
  }
  if (!ok) return s.fail(ok.error());
  return told(s, given, *what, "is as it was at " + at + dry_run_note(given), *ok);
}

} // namespace

result<std::string> revision_at(session& s, const std::string& at) {
  if (at.find_first_not_of("0123456789") == at.npos) return at;
  std::string time = at;
  if (auto ago = parse_duration(at))
    time = format_time(std::time(nullptr) -
                       std::chrono::duration_cast<std::chrono::seconds>(*ago).count());
  else if (!parse_time(at))
    return bad("\"" + at +
               "\" is no revision, no time (2006-01-02T15:04:05Z) and no duration (10m)");
  auto found = s.get("/troupe/v1/revision/api/v1/namespaces/" + escaped(s.ns()) +
                     "/pods?time=" + escaped(time));
  if (!found) return found.error();
  return std::string(json::string_at(*found, {"revision"}));
}

const verb history_verb{
    "history",
    "Insight",
    "show how an object came to be what it is",
    "TYPE NAME | TYPE/NAME [flags]",
    {{"limit", 0, "N", "so many changes (20)"}, {"output", 'o', "FORM", "json"}},
    "history deployment/web",
    run_history};

const verb undo_verb{"undo",
                     "Insight",
                     "make an object what it was",
                     "TYPE/NAME REVISION|TIME|DURATION",
                     {dry_run_flag, manager_flag, output_flag},
                     "undo deployment/web 1042\nundo configmap/settings 10m",
                     run_undo};

} // namespace troupe::verbs
