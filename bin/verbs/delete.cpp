// `troupe delete`.
#include "bin/verbs/verbs.hpp"
#include "messages/base/time.hpp"

namespace troupe::verbs {

namespace {

result<std::string> options(const arguments& given) {
  json::object o{{"apiVersion", "v1"}, {"kind", "DeleteOptions"}};
  auto cascade = given.get("cascade", "background");
  if (cascade == "background" || cascade == "true")
    o["propagationPolicy"] = "Background";
  else if (cascade == "foreground")
    o["propagationPolicy"] = "Foreground";
  else if (cascade == "orphan" || cascade == "false")
    o["propagationPolicy"] = "Orphan";
  else
    return error{errc::bad_request, "--cascade takes background, foreground or orphan"};
  if (auto grace = given.get("grace-period"); !grace.empty() && grace != "-1")
    o["gracePeriodSeconds"] = atoi(grace.c_str());
  else if (given.has("now"))
    o["gracePeriodSeconds"] = 1;
  else if (given.has("force"))
    o["gracePeriodSeconds"] = 0;
  if (!dry_run_note(given).empty()) o["dryRun"] = json::array{"All"};
  return json::write(o);
}

int run_delete(session& s, const arguments& given) {
  auto chosen = select_targets(s, given, given.words);
  if (!chosen) return s.fail(chosen.error());
  if (chosen->empty()) s.print_line("No resources found");
  auto body = options(given);
  if (!body) return s.fail(body.error());
  int code = done;
  std::vector<std::pair<target, std::string>> going;
  for (auto& what : *chosen) {
    auto ok = s.ask("DELETE", what.path(), *body);
    if (!ok) {
      if (ok.error().code == errc::not_found && given.has("ignore-not-found")) continue;
      code = s.fail(ok.error());
      continue;
    }
    auto read = json::parse(*ok);
    auto uid = read ? std::string(json::string_at(*read, {"metadata", "uid"})) : std::string{};
    if (given.get("output") == "name")
      s.print_line(what.told());
    else
      s.print_line(what.kind->told() + " \"" + what.name + "\" " +
                   (given.has("force") ? "force deleted" : "deleted") + dry_run_note(given));
    if (dry_run_note(given).empty()) going.emplace_back(what, uid);
  }
  if (given.get("wait", "true") == "false" || given.has("force")) return code;
  auto patience = parse_duration(given.get("timeout", "24h"));
  if (!patience) return s.fail(with_context(patience.error(), "--timeout"));
  for (auto& [what, uid] : going) {
    auto gone = wait_for(
        s, what,
        patience->count() == 0 ? std::chrono::hours{24}
                               : std::chrono::duration_cast<std::chrono::milliseconds>(*patience),
        [&, id = uid](const json::value* object) {
          return !object || (!id.empty() && json::string_at(*object, {"metadata", "uid"}) != id);
        });
    if (!gone) code = s.fail(gone.error());
  }
  return code;
}

} // namespace

const verb delete_verb{"delete",
                       "Change",
                       "delete objects, and wait until they are gone",
                       "TYPE NAME... | TYPE -l LABELS | TYPE --all | -f FILE [flags]",
                       {filename_flag,
                        selector_flag,
                        {"field-selector", 0, "FIELDS", "those with these fields"},
                        {"all", 0, "", "every one of them in the namespace"},
                        {"all-namespaces", 'A', "", "in every namespace"},
                        {"cascade", 0, "background|foreground|orphan",
                         "what becomes of what it owns (background)", "background"},
                        {"grace-period", 0, "SECONDS", "that pods have to end"},
                        {"now", 0, "", "the shortest grace there is"},
                        {"force", 0, "", "at once, without waiting for the node"},
                        {"ignore-not-found", 0, "", "an object that is not there is no failure"},
                        {"wait", 0, "BOOL", "until they are gone (true)", "true"},
                        {"timeout", 0, "DURATION", "how long to wait"},
                        {"recursive", 'R', "", "folders with all that is below them"},
                        dry_run_flag,
                        output_flag},
                       "delete pod web-1\ndelete deployments -l app=web\ndelete -f web.yaml",
                       run_delete};

} // namespace troupe::verbs
