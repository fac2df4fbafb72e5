// `troupe apply` and `troupe diff`: what files say becomes so, by server-side apply.
#include "bin/verbs/verbs.hpp"
#include "messages/base/time.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/wait.h>

namespace troupe::verbs {

namespace {

constexpr const char* apply_type = "application/apply-patch+yaml";

result<std::string> apply_query(const arguments& given) {
  auto out = write_query(given);
  if (out && given.has("force-conflicts")) *out += "&force=true";
  return out;
}

std::string conflict_hint(const error& why) {
  return why.message + (why.code == errc::conflict
                            ? "\nwhoever owns these fields would change them back; take them over "
                              "with --force-conflicts, or leave them out of the file"
                            : "");
}

/// Follows one object until it is what it should be; says what it waits for, when that changes.
int follow(session& s, const target& what, std::chrono::milliseconds patience) {
  std::string last;
  auto ok = wait_for(s, what, patience, [&](const json::value* object) {
    auto why = object ? unmet(*what.kind, *object) : std::string("it is gone");
    if (!why.empty() && why != last) s.complain("  " + what.told() + ": " + why);
    last = why;
    return why.empty();
  });
  if (ok) {
    s.print_line(what.told() + " " + s.paint("is there", "32"));
    return done;
  }
  s.complain(s.paint(what.told() + " is not what it should be: " + last, "31") + "\n  troupe why " +
             what.told() + " -n " + (what.ns.empty() ? s.ns() : what.ns) + " tells more");
  return failed;
}

int run_apply(session& s, const arguments& given) {
  auto query = apply_query(given);
  if (!query) return s.fail(query.error());
  auto objects = read_objects(s, given);
  if (!objects) return s.fail(objects.error());
  auto patience = parse_duration(given.get("timeout", "5m"));
  if (!patience) return s.fail(with_context(patience.error(), "--timeout"));
  int code = done;
  std::vector<target> applied;
  for (auto& o : *objects) {
    if (o.where.name.empty()) {
      code = s.fail({errc::bad_request, "an applied object needs a name, and one " +
                                            o.where.kind->name + " has none"});
      continue;
    }
    auto before = s.get(o.where.path());
    if (!before && before.error().code != errc::not_found) {
      code = s.fail(before.error());
      continue;
    }
    auto made = s.ask("PATCH", o.where.path() + *query, json::write(o.document), apply_type);
    if (!made) {
      code = s.fail({made.error().code, conflict_hint(made.error())});
      continue;
    }
    std::string word = "created";
    if (before) {
      auto after = json::parse(*made);
      word = after && json::string_at(*after, {"metadata", "resourceVersion"}) ==
                          json::string_at(*before, {"metadata", "resourceVersion"})
                 ? "unchanged"
                 : "configured";
    }
    told(s, given, o.where, word + dry_run_note(given), *made);
    applied.push_back(o.where);
  }
  if (!given.has("wait") || !dry_run_note(given).empty()) return code;
  for (auto& what : applied)
    if (auto one =
            follow(s, what, std::chrono::duration_cast<std::chrono::milliseconds>(*patience));
        one != done)
      code = one;
  return code;
}

/// A temporary folder that goes with this object.
struct folder {
  std::filesystem::path path;
  folder() {
    std::string name = (std::filesystem::temp_directory_path() / "troupe-diff-XXXXXX").string();
    if (mkdtemp(name.data())) path = name;
  }
  ~folder() {
    std::error_code ignored;
    if (!path.empty()) std::filesystem::remove_all(path, ignored);
  }
};

void keep(const folder& work, const char* side, const target& what, json::value document) {
  drop_managed_fields(document);
  std::ofstream(work.path / side / (what.kind->group_resource() + "." + what.ns + "." + what.name))
      << yaml_of(document);
}

/// What `apply` would make of the objects of files.
result<void> compare_files(session& s, const arguments& given, const folder& work) {
  auto query = apply_query(given);
  if (!query) return query.error();
  auto objects = read_objects(s, given);
  if (!objects) return objects.error();
  for (auto& o : *objects) {
    auto before = s.get(o.where.path());
    if (!before && before.error().code != errc::not_found) return before.error();
    if (before) keep(work, "live", o.where, *before);
    auto after = s.ask("PATCH", o.where.path() + *query + "&dryRun=All", json::write(o.document),
                       apply_type);
    if (!after) return error{after.error().code, conflict_hint(after.error())};
    auto read = json::parse(*after);
    if (!read) return read.error();
    keep(work, "merged", o.where, *read);
  }
  return {};
}

/// What became of one object between two moments.
result<void> compare_times(session& s, const arguments& given, const folder& work) {
  auto what = read_target(s, given.words);
  if (!what) return what.error();
  auto from = as_it_was(s, *what, given.get("from"));
  if (!from) return from.error();
  auto to = given.get("to").empty() ? s.get(what->path()) : as_it_was(s, *what, given.get("to"));
  if (!to) return to.error();
  keep(work, "live", *what, *from);
  keep(work, "merged", *what, *to);
  return {};
}

int run_diff(session& s, const arguments& given) {
  folder work;
  std::error_code failure;
  for (auto* side : {"live", "merged"})
    std::filesystem::create_directories(work.path / side, failure);
  if (work.path.empty() || failure)
    return s.fail({errc::internal, "cannot make a temporary folder"});
  auto ok =
      given.get("from").empty() ? compare_files(s, given, work) : compare_times(s, given, work);
  if (!ok) return s.fail(ok.error());
  auto live = (work.path / "live").string(), merged = (work.path / "merged").string();
  auto chosen = std::getenv("KUBECTL_EXTERNAL_DIFF");
  auto command =
      std::string(chosen && *chosen ? chosen : "diff -u -N") + " '" + live + "' '" + merged + "'";
  auto ended = run_line(command);
  if (!ended) return s.fail({errc::internal, "cannot run diff"});
  return WIFEXITED(*ended) ? WEXITSTATUS(*ended) : 2;
}

const flag force_flag{"force-conflicts", 0, "", "take over fields that others own"};
const flag recursive_flag{"recursive", 'R', "", "folders with all that is below them"};

} // namespace

const verb apply_verb{"apply",
                      "Change",
                      "make objects what files say they are",
                      "-f FILE|FOLDER|- [--wait] [flags]",
                      {filename_flag,
                       recursive_flag,
                       force_flag,
                       {"wait", 0, "", "until each object is healthy, and say why not"},
                       {"timeout", 0, "DURATION", "how long --wait waits for each (5m)"},
                       dry_run_flag,
                       manager_flag,
                       {"server-side", 0, "", "said by habit; it always is"},
                       output_flag},
                      "apply -f web.yaml --wait\napply -f manifests/ -R --dry-run=server",
                      run_apply};

const verb diff_verb{
    "diff",
    "Change",
    "show what `apply` would change, or what became of an object",
    "-f FILE|FOLDER|- | TYPE/NAME --from THEN [--to THEN]; exit code 1 if anything",
    {filename_flag,
     recursive_flag,
     force_flag,
     manager_flag,
     {"from", 0, "TIME|REVISION", "as it was then: 10m (ago), a time, a revision"},
     {"to", 0, "TIME|REVISION", "as it was then (now)"}},
    "diff -f web.yaml\ndiff deployment/web --from 10m",
    run_diff};

} // namespace troupe::verbs
