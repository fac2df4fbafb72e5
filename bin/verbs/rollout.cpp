// `troupe scale`, `troupe rollout` and `troupe set image`: what becomes of workloads over time.
#include "bin/verbs/verbs.hpp"
#include "messages/base/time.hpp"

#include <algorithm>
#include <ctime>

namespace troupe::verbs {

namespace {

using json::array;
using json::object;

error bad(std::string why) { return {errc::bad_request, std::move(why)}; }

constexpr const char* strategic = "application/strategic-merge-patch+json";
constexpr const char* revision_note = "deployment.kubernetes.io/revision";
constexpr const char* cause_note = "kubernetes.io/change-cause";

int run_scale(session& s, const arguments& given) {
  auto replicas = given.get("replicas");
  if (replicas.empty() || replicas.find_first_not_of("0123456789") != replicas.npos)
    return s.fail(bad("--replicas=N says how many"));
  auto chosen = select_targets(s, given, given.words);
  if (!chosen) return s.fail(chosen.error());
  int code = done;
  for (auto& what : *chosen) {
    if (auto expected = given.get("current-replicas"); !expected.empty()) {
      auto now = s.get(what.path("scale"));
      if (!now) return s.fail(now.error());
      auto have = json::find(*now, {"spec", "replicas"});
      auto count = have && have->is_number() ? have->to_number<int64_t>() : 0;
      if (count != atoi(expected.c_str()))
        return s.fail({errc::conflict,
                       "Expected replicas to be " + expected + ", was " + std::to_string(count)});
    }
    auto ok = s.ask("PATCH", what.path("scale") + "?fieldManager=troupe-scale",
                    "{\"spec\":{\"replicas\":" + replicas + "}}", "application/merge-patch+json");
    code = std::max(code, ok ? told(s, given, what, "scaled", *ok) : s.fail(ok.error()));
  }
  return code;
}

/// The revisions of a workload, by number: replica sets of a deployment, revisions of the others.
struct revision {
  int64_t number = 0;
  std::string cause;
  json::value holder; ///< the ReplicaSet or ControllerRevision
};

result<std::vector<revision>> revisions(session& s, const target& what, const json::value& now) {
  bool deployment = what.kind->name == "Deployment";
  auto kind = s.kinds().find(deployment ? "replicasets" : "controllerrevisions");
  if (!kind) return kind.error();
  auto list = s.get((*kind)->path(what.ns) + "?labelSelector=" + escaped(selector_of(now)));
  if (!list) return list.error();
  auto uid = json::string_at(now, {"metadata", "uid"});
  std::vector<revision> out;
  auto items = json::find(*list, "items");
  if (!items || !items->is_array()) return out;
  for (auto& item : items->get_array()) {
    bool owned = false;
    if (auto owners = json::find(item, {"metadata", "ownerReferences"});
        owners && owners->is_array())
      for (auto& o : owners->get_array()) owned = owned || json::string_at(o, {"uid"}) == uid;
    if (!owned) continue;
    revision r;
    r.holder = item;
    r.cause = json::string_at(item, {"metadata", "annotations", cause_note});
    if (deployment)
      r.number = atoll(
          std::string(json::string_at(item, {"metadata", "annotations", revision_note})).c_str());
    else if (auto n = json::find(item, "revision"); n && n->is_number())
      r.number = n->to_number<int64_t>();
    out.push_back(std::move(r));
  }
  std::sort(out.begin(), out.end(), [](auto& a, auto& b) { return a.number < b.number; });
  return out;
}

json::value template_of(const revision& r) {
  if (auto t = json::find(r.holder, {"spec", "template"})) return *t;
  if (auto t = json::find(r.holder, {"data", "spec", "template"})) return *t;
  return {};
}

int status(session& s, const arguments& given, const target& what) {
  auto patience = parse_duration(given.get("timeout", "24h"));
  if (!patience) return s.fail(patience.error());
  std::string last;
  bool given_up = false;
  auto ok = wait_for(s, what,
                     patience->count() == 0
                         ? std::chrono::hours{24}
                         : std::chrono::duration_cast<std::chrono::milliseconds>(*patience),
                     [&](const json::value* now) {
                       auto why = now ? unmet(*what.kind, *now) : std::string("it is gone");
                       if (!why.empty() && why != last)
                         s.print_line("Waiting for " + what.told() + ": " + why);
                       last = why;
                       given_up = !now || why.find("progress deadline") != why.npos;
                       return why.empty() || given_up || given.get("watch") == "false";
                     });
  if (!ok) return s.fail(ok.error());
  if (given_up) return s.fail(bad(what.told() + ": " + last));
  if (last.empty())
    s.print_line(what.kind->singular + " \"" + what.name + "\" successfully rolled out");
  return done;
}

int history(session& s, const arguments& given, const target& what) {
  auto now = s.get(what.path());
  if (!now) return s.fail(now.error());
  auto all = revisions(s, what, *now);
  if (!all) return s.fail(all.error());
  s.print_line(what.told());
  if (auto wanted = given.get("revision"); !wanted.empty() && wanted != "0") {
    for (auto& r : *all)
      if (r.number == atoll(wanted.c_str())) {
        s.print("with revision #" + wanted + "\n" + yaml_of(template_of(r)));
        return done;
      }
    return s.fail(bad("unable to find the specified revision"));
  }
  columns table;
  table.row({"REVISION", "CHANGE-CAUSE"});
  for (auto& r : *all) table.row({std::to_string(r.number), r.cause.empty() ? "<none>" : r.cause});
  s.print(table.text());
  return done;
}

int undo(session& s, const arguments& given, const target& what) {
  auto now = s.get(what.path());
  if (!now) return s.fail(now.error());
  if (auto paused = json::find(*now, {"spec", "paused"});
      paused && paused->is_bool() && paused->get_bool())
    return s.fail(
        bad("you cannot rollback a paused deployment; resume it first with troupe rollout "
            "resume " +
            what.told()));
  auto all = revisions(s, what, *now);
  if (!all) return s.fail(all.error());
  auto wanted = atoll(given.get("to-revision", "0").c_str());
  const revision* to = nullptr;
  for (auto& r : *all)
    if (wanted ? r.number == wanted : (&r != &all->back())) to = &r;
  if (!to)
    return s.fail(
        bad(wanted ? "unable to find specified revision " + std::to_string(wanted) + " in history"
                   : "no rollout history found for " + what.told()));
  auto pattern = template_of(*to);
  if (auto labels = json::find(pattern, {"metadata", "labels"}); labels && labels->is_object())
    const_cast<json::value*>(labels)->get_object().erase("pod-template-hash");
  if (pattern.is_object()) pattern.get_object().erase("$patch");
  array patch{object{{"op", "replace"}, {"path", "/spec/template"}, {"value", pattern}}};
  auto ok = s.ask("PATCH", what.path() + "?fieldManager=troupe-rollout",
                  json::write(json::value(patch)), "application/json-patch+json");
  return ok ? told(s, given, what, "rolled back", *ok) : s.fail(ok.error());
}

int change(session& s, const arguments& given, const target& what, const std::string& body,
           const char* word) {
  auto ok = s.ask("PATCH", what.path() + "?fieldManager=troupe-rollout", body, strategic);
  return ok ? told(s, given, what, word, *ok) : s.fail(ok.error());
}

int run_rollout(session& s, const arguments& given) {
  if (given.words.empty())
    return s.fail(bad("say which: status, history, undo, pause, resume or restart"));
  auto word = given.words[0];
  auto chosen = select_targets(s, given, {given.words.begin() + 1, given.words.end()});
  if (!chosen) return s.fail(chosen.error());
  int code = done;
  for (auto& what : *chosen) {
    int one;
    if (word == "status")
      one = status(s, given, what);
    else if (word == "history")
      one = history(s, given, what);
    else if (word == "undo")
      one = undo(s, given, what);
    else if (word == "pause")
      one = change(s, given, what, R"({"spec":{"paused":true}})", "paused");
    else if (word == "resume")
      one = change(s, given, what, R"({"spec":{"paused":null}})", "resumed");
    else if (word == "restart")
      one = change(
          s, given, what,
          R"({"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":")" +
              format_time(std::time(nullptr)) + R"("}}}}})",
          "restarted");
    else
      return s.fail(bad("rollout takes status, history, undo, pause, resume or restart, not \"" +
                        word + "\""));
    code = std::max(code, one);
  }
  return code;
}

int run_set(session& s, const arguments& given) {
  if (given.words.size() < 3 || (given.words[0] != "image" && given.words[0] != "env"))
    return s.fail(
        bad("write set image TYPE/NAME CONTAINER=IMAGE... or set env TYPE/NAME KEY=VALUE..."));
  std::vector<std::string> names, values;
  for (size_t i = 1; i < given.words.size(); ++i)
    (given.words[i].find('=') == std::string::npos ? names : values).push_back(given.words[i]);
  auto what = read_target(s, names);
  if (!what) return s.fail(what.error());
  auto now = s.get(what->path());
  if (!now) return s.fail(now.error());
  bool pod = what->kind->name == "Pod";
  auto list = pod ? json::find(*now, {"spec", "containers"})
                  : json::find(*now, {"spec", "template", "spec", "containers"});
  array containers;
  if (list && list->is_array())
    for (auto& c : list->get_array()) {
      auto name = std::string(json::string_at(c, {"name"}));
      if (given.words[0] == "image") {
        for (auto& v : values) {
          auto at = v.find('=');
          if (auto of = v.substr(0, at); of == name || of == "*")
            containers.push_back(object{{"name", name}, {"image", v.substr(at + 1)}});
        }
        continue;
      }
      array env;
      for (auto& v : values) {
        auto at = v.find('=');
        env.push_back(object{{"name", v.substr(0, at)}, {"value", v.substr(at + 1)}});
      }
      containers.push_back(object{{"name", name}, {"env", env}});
    }
  if (containers.empty()) return s.fail(bad("there is no such container in " + what->told()));
  object spec{{"containers", containers}};
  json::value body =
      pod ? object{{"spec", spec}} : object{{"spec", object{{"template", object{{"spec", spec}}}}}};
  auto ok = s.ask("PATCH", what->path() + "?fieldManager=troupe-set", json::write(body), strategic);
  return ok ? told(s, given, *what, given.words[0] + " updated", *ok) : s.fail(ok.error());
}

} // namespace

const verb scale_verb{"scale",
                      "Change",
                      "say how many pods a workload has",
                      "TYPE NAME --replicas=N [flags]",
                      {{"replicas", 0, "N", "how many"},
                       {"current-replicas", 0, "N", "only if it has so many now"},
                       filename_flag,
                       selector_flag,
                       {"all", 0, "", "all of that kind"},
                       output_flag},
                      "scale deployment/web --replicas=5",
                      run_scale};

const verb rollout_verb{"rollout",
                        "Change",
                        "follow, undo, pause, resume or restart a rollout",
                        "status|history|undo|pause|resume|restart TYPE NAME [flags]",
                        {{"to-revision", 0, "N", "of undo (the one before)"},
                         {"revision", 0, "N", "of history: what it was"},
                         {"timeout", 0, "DURATION", "of status"},
                         {"watch", 'w', "BOOL", "status follows it to its end (true)", "true"},
                         selector_flag,
                         output_flag},
                        "rollout status deployment/web\nrollout undo deployment/web "
                        "--to-revision=2\nrollout restart daemonset/agent",
                        run_rollout};

const verb set_verb{"set",
                    "Change",
                    "change images or environment of a workload",
                    "image|env TYPE/NAME KEY=VALUE...",
                    {output_flag},
                    "set image deployment/web web=nginx:1.27\nset env deployment/web MODE=fast",
                    run_set};

} // namespace troupe::verbs
