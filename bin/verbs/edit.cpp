// `troupe edit`, `troupe patch`, `troupe replace`: objects changed as a whole or in part.
#include "bin/verbs/verbs.hpp"
#include "messages/codec/yaml.hpp"

#include <fstream>
#include <iterator>

namespace troupe::verbs {

namespace {

int put(session& s, const arguments& given, const target& what, const std::string& document,
        const char* word) {
  auto query = write_query(given);
  if (!query) return s.fail(query.error());
  auto ok = s.ask("PUT", what.path() + *query, document);
  if (!ok) return s.fail(ok.error());
  return told(s, given, what, word + dry_run_note(given), *ok);
}

int run_edit(session& s, const arguments& given) {
  auto chosen = select_targets(s, given, given.words);
  if (!chosen) return s.fail(chosen.error());
  int code = done;
  for (auto& what : *chosen) {
    auto now = s.get(what.path());
    if (!now) return s.fail(now.error());
    drop_managed_fields(*now);
    auto before = yaml_of(*now);
    std::string note = "# " + what.told() +
                       ". Save to change it, leave it as it is to change "
                       "nothing.\n";
    auto shown = note + before;
    for (;;) {
      auto after = edit_text(shown, ".yaml");
      if (!after) return s.fail(after.error());
      if (after->empty()) {
        s.print_line(what.told() + " is not changed");
        break;
      }
      auto documents = yaml::to_json(*after);
      error why{errc::bad_request, "it is empty"};
      if (!documents) {
        why = documents.error();
      } else if (!documents->empty()) {
        auto query = write_query(given);
        auto ok = query ? s.ask("PUT", what.path() + *query, documents->front().json)
                        : result<std::string>{query.error()};
        if (ok) {
          code = told(s, given, what, "edited", *ok);
          break;
        }
        why = ok.error();
      }
      if (!s.to_terminal()) return s.fail(why);
      // Back to the editor, with the reason on top.
      std::string reason = "# It was not taken: " + why.message;
      for (size_t at = 0; (at = reason.find('\n', at)) != reason.npos; at += 3)
        reason.replace(at, 1, "\n# ");
      shown = reason + "\n" + *after;
    }
  }
  return code;
}

int run_patch(session& s, const arguments& given) {
  auto chosen = select_targets(s, given, given.words);
  if (!chosen) return s.fail(chosen.error());
  auto body = given.get("patch");
  if (auto file = given.get("patch-file"); !file.empty()) {
    std::ifstream in(file);
    if (!in) return s.fail({errc::not_found, "cannot read " + file});
    body.assign(std::istreambuf_iterator<char>(in), {});
  }
  if (body.empty()) return s.fail({errc::bad_request, "say what to change with --patch"});
  if (auto read = yaml::to_json(body); read && !read->empty()) body = read->front().json;
  auto query = write_query(given, "troupe-patch");
  if (!query) return s.fail(query.error());
  auto type = given.get("type", "strategic");
  int code = done;
  for (auto& what : *chosen) {
    auto media = type == "json"    ? "application/json-patch+json"
                 : type == "merge" ? "application/merge-patch+json"
                                   : "application/strategic-merge-patch+json";
    auto ok = s.ask("PATCH", what.path(given.get("subresource")) + *query, body, media);
    if (!ok && ok.error().message.find("nsupported") != std::string::npos && type == "strategic")
      // Custom kinds have no merge keys; a merge patch is what is meant.
      ok = s.ask("PATCH", what.path(given.get("subresource")) + *query, body,
                 "application/merge-patch+json");
    if (!ok)
      code = s.fail(ok.error());
    else
      code = std::max(code, told(s, given, what, "patched" + dry_run_note(given), *ok));
  }
  return code;
}

int run_replace(session& s, const arguments& given) {
  auto objects = read_objects(s, given);
  if (!objects) return s.fail(objects.error());
  int code = done;
  for (auto& o : *objects)
    code = std::max(code, put(s, given, o.where, json::write(o.document), "replaced"));
  return code;
}

} // namespace

const verb edit_verb{"edit",
                     "Change",
                     "change an object in your editor",
                     "TYPE NAME | TYPE/NAME [flags]",
                     {selector_flag, manager_flag, output_flag},
                     "edit deployment/web\nedit service web -n shop",
                     run_edit};

const verb patch_verb{
    "patch",
    "Change",
    "change some fields of an object",
    "TYPE NAME -p PATCH [flags]",
    {{"patch", 'p', "TEXT", "JSON or YAML: only what is to change"},
     {"patch-file", 0, "FILE", "the same, from a file"},
     {"type", 0, "strategic|merge|json", "how it is meant (strategic)"},
     {"subresource", 0, "NAME", "status, scale, ..."},
     selector_flag,
     dry_run_flag,
     manager_flag,
     output_flag},
    "patch node a -p '{\"spec\":{\"unschedulable\":true}}'\n"
    "patch deployment web --type=json -p '[{\"op\":\"replace\",\"path\":\"/spec/replicas\","
    "\"value\":3}]'",
    run_patch};

const verb replace_verb{"replace",
                        "Change",
                        "put objects in the place of those of the same name",
                        "-f FILE [flags]",
                        {filename_flag, dry_run_flag, manager_flag, output_flag},
                        "replace -f web.yaml",
                        run_replace};

} // namespace troupe::verbs
