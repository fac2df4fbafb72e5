// `troupe label`, `troupe annotate`, `troupe taint`, `troupe cordon`, `troupe uncordon`,
// `troupe drain`: marks on objects, and nodes taken out of service.
#include "bin/verbs/verbs.hpp"
#include "messages/base/time.hpp"
#include "messages/schema/pod_phase.hpp"

#include <algorithm>

namespace troupe::verbs {

namespace {

using json::array;
using json::object;

error bad(std::string why) { return {errc::bad_request, std::move(why)}; }

/// The words that name objects, and those that say what to change: KEY=VALUE and KEY-.
void split(const std::vector<std::string>& words, std::vector<std::string>& names,
           std::vector<std::string>& marks) {
  for (auto& w : words)
    (w.find('=') != w.npos || (w.ends_with('-') && !names.empty()) ? marks : names).push_back(w);
}

int mark(session& s, const arguments& given, const char* field, const char* word) {
  std::vector<std::string> names, marks;
  split(given.words, names, marks);
  if (given.has("list")) {
    auto chosen = select_targets(s, given, names);
    if (!chosen) return s.fail(chosen.error());
    for (auto& what : *chosen) {
      auto now = s.get(what.path());
      if (!now) return s.fail(now.error());
      if (auto all = json::find(*now, {"metadata", field}); all && all->is_object())
        for (auto& [k, v] : all->get_object()) s.print_line(std::string(k) + "=" + cell_text(v));
    }
    return done;
  }
  if (marks.empty()) return s.fail(bad("say what to change: KEY=VALUE to set, KEY- to remove"));
  object changes;
  for (auto& m : marks) {
    auto at = m.find('=');
    if (at == m.npos)
      changes[m.substr(0, m.size() - 1)] = nullptr;
    else
      changes[m.substr(0, at)] = m.substr(at + 1);
  }
  auto chosen = select_targets(s, given, names);
  if (!chosen) return s.fail(chosen.error());
  auto query = write_query(given, "troupe-label");
  if (!query) return s.fail(query.error());
  auto body = json::write(json::value(object{{"metadata", object{{field, changes}}}}));
  int code = done;
  for (auto& what : *chosen) {
    if (!given.has("overwrite")) {
      auto now = s.get(what.path());
      if (!now) {
        code = s.fail(now.error());
        continue;
      }
      auto have = json::find(*now, {"metadata", field});
      std::string taken;
      for (auto& [key, v] : changes)
        if (auto old = have && have->is_object() ? have->get_object().if_contains(key) : nullptr;
            old && !v.is_null() && *old != v)
          taken = std::string(key) + " has the value " + cell_text(*old);
      if (!taken.empty()) {
        code = s.fail(
            {errc::conflict, "'" + what.told() + "': " + taken + ", and --overwrite is not given"});
        continue;
      }
    }
    auto ok = s.ask("PATCH", what.path() + *query, body, "application/merge-patch+json");
    code = std::max(code, ok ? told(s, given, what, word + dry_run_note(given), *ok)
                             : s.fail(ok.error()));
  }
  return code;
}

int run_label(session& s, const arguments& given) { return mark(s, given, "labels", "labeled"); }
int run_annotate(session& s, const arguments& given) {
  return mark(s, given, "annotations", "annotated");
}

int run_taint(session& s, const arguments& given) {
  std::vector<std::string> names, marks;
  for (auto& w : given.words)
    (w.find(':') != w.npos || w.find('=') != w.npos || (w.ends_with('-') && names.size() > 1)
         ? marks
         : names)
        .push_back(w);
  if (marks.empty())
    return s.fail(bad("say which: KEY=VALUE:EFFECT to set, KEY:EFFECT- to remove"));
  auto chosen = select_targets(s, given, names);
  if (!chosen) return s.fail(chosen.error());
  int code = done;
  for (auto& what : *chosen) {
    auto now = s.get(what.path());
    if (!now) return s.fail(now.error());
    array taints;
    if (auto list = json::find(*now, {"spec", "taints"}); list && list->is_array())
      taints = list->get_array();
    for (auto m : marks) {
      bool removes = m.ends_with('-');
      if (removes) m.pop_back();
      auto colon = m.rfind(':');
      auto effect = colon == m.npos ? std::string{} : m.substr(colon + 1);
      auto left = m.substr(0, colon);
      auto equal = left.find('=');
      auto key = left.substr(0, equal);
      if (!removes && effect != "NoSchedule" && effect != "PreferNoSchedule" &&
          effect != "NoExecute")
        return s.fail(
            bad("\"" + m + "\": the effect is NoSchedule, PreferNoSchedule or NoExecute"));
      array kept;
      for (auto& t : taints)
        if (json::string_at(t, {"key"}) != key ||
            (!effect.empty() && json::string_at(t, {"effect"}) != effect))
          kept.push_back(t);
      taints = std::move(kept);
      if (!removes) {
        object t{{"key", key}, {"effect", effect}};
        if (equal != left.npos) t["value"] = left.substr(equal + 1);
        taints.push_back(t);
      }
    }
    object body{{"metadata", object{{"resourceVersion",
                                     json::string_at(*now, {"metadata", "resourceVersion"})}}},
                {"spec", object{{"taints", taints}}}};
    auto ok =
        s.ask("PATCH", what.path(), json::write(json::value(body)), "application/merge-patch+json");
    code = std::max(code, ok ? told(s, given, what, "tainted", *ok) : s.fail(ok.error()));
  }
  return code;
}

int set_schedulable(session& s, const arguments& given, bool closed) {
  auto words = given.words;
  words.insert(words.begin(), "nodes");
  auto chosen = select_targets(s, given, words);
  if (!chosen) return s.fail(chosen.error());
  int code = done;
  for (auto& what : *chosen) {
    auto ok =
        s.ask("PATCH", what.path(),
              std::string("{\"spec\":{\"unschedulable\":") + (closed ? "true" : "null") + "}}",
              "application/merge-patch+json");
    code = std::max(code, ok ? told(s, given, what, closed ? "cordoned" : "uncordoned", *ok)
                             : s.fail(ok.error()));
  }
  return code;
}

int run_cordon(session& s, const arguments& given) { return set_schedulable(s, given, true); }
int run_uncordon(session& s, const arguments& given) { return set_schedulable(s, given, false); }

bool has_volume(const json::value& pod, std::string_view type) {
  auto list = json::find(pod, {"spec", "volumes"});
  if (list && list->is_array())
    for (auto& v : list->get_array())
      if (json::find(v, type)) return true;
  return false;
}

std::string controller_of(const json::value& pod) {
  auto owners = json::find(pod, {"metadata", "ownerReferences"});
  if (owners && owners->is_array())
    for (auto& o : owners->get_array())
      if (auto c = json::find(o, "controller"); c && c->is_bool() && c->get_bool())
        return std::string(json::string_at(o, {"kind"}));
  return {};
}

/// Asks for the eviction of a pod until a budget allows it.
result<void> evict(session& s, const target& pod, const arguments& given,
                   std::chrono::steady_clock::time_point until) {
  object options;
  if (auto grace = given.get("grace-period"); !grace.empty() && grace != "-1")
    options["gracePeriodSeconds"] = atoi(grace.c_str());
  object body{{"apiVersion", "policy/v1"},
              {"kind", "Eviction"},
              {"metadata", object{{"name", pod.name}, {"namespace", pod.ns}}},
              {"deleteOptions", options}};
  for (bool told_why = false;;) {
    auto ok = given.has("disable-eviction")
                  ? s.ask("DELETE", pod.path(), json::write(json::value(options)))
                  : s.ask("POST", pod.path("eviction"), json::write(json::value(body)));
    if (ok || ok.error().code == errc::not_found) return {};
    if (ok.error().code != errc::too_many_requests) return ok.error();
    if (!told_why) s.complain(pod.told() + " must wait: " + ok.error().message);
    told_why = true;
    if (std::chrono::steady_clock::now() > until || s.interrupted())
      return error{errc::timeout, "a disruption budget kept " + pod.told()};
    // A budget changes when its pods do: ask again as soon as any does, or after a while.
    (void)s.stream(
        pod.kind->path(pod.ns) + "?watch=1", true, [](std::string_view) { return false; }, {},
        std::chrono::seconds{2});
  }
}

int run_drain(session& s, const arguments& given) {
  auto words = given.words;
  words.insert(words.begin(), "nodes");
  auto chosen = select_targets(s, given, words);
  if (!chosen) return s.fail(chosen.error());
  if (auto code = run_cordon(s, given); code != done) return code;
  auto pods = s.kinds().find("pods");
  if (!pods) return s.fail(pods.error());
  auto time = parse_duration(given.get("timeout", "24h"));
  if (!time) return s.fail(time.error());
  auto until = std::chrono::steady_clock::now() + (time->count() ? *time : std::chrono::hours{24});
  int code = done;
  for (auto& node : *chosen) {
    auto list =
        s.get((*pods)->path("") + "?fieldSelector=" + escaped("spec.nodeName=" + node.name) +
              "&labelSelector=" + escaped(given.get("pod-selector")));
    if (!list) return s.fail(list.error());
    std::vector<target> going;
    std::string in_the_way;
    auto items = json::find(*list, "items");
    if (items && items->is_array())
      for (auto& pod : items->get_array()) {
        target t{*pods, std::string(json::string_at(pod, {"metadata", "namespace"})),
                 std::string(json::string_at(pod, {"metadata", "name"}))};
        bool over = schema::is_over(json::string_at(pod, {"status", "phase"}));
        auto owner = controller_of(pod);
        if (json::find(pod, {"metadata", "annotations", "kubernetes.io/config.mirror"})) continue;
        if (owner == "DaemonSet" && !over) {
          if (!given.has("ignore-daemonsets"))
            in_the_way +=
                "\n  " + t.ns + "/" + t.name + " is of a daemon set (--ignore-daemonsets)";
          continue;
        }
        if (owner.empty() && !over && !given.has("force"))
          in_the_way +=
              "\n  " + t.ns + "/" + t.name + " belongs to nobody who would replace it (--force)";
        else if (has_volume(pod, "emptyDir") && !over && !given.has("delete-emptydir-data"))
          in_the_way +=
              "\n  " + t.ns + "/" + t.name + " keeps data in an emptyDir (--delete-emptydir-data)";
        else
          going.push_back(t);
      }
    if (!in_the_way.empty()) {
      code = s.fail(bad("cannot drain node \"" + node.name + "\":" + in_the_way));
      continue;
    }
    for (auto& pod : going) {
      s.print_line("evicting pod " + pod.ns + "/" + pod.name);
      if (!dry_run_note(given).empty()) continue;
      if (auto ok = evict(s, pod, given, until); !ok) code = s.fail(ok.error());
    }
    if (code != done || !dry_run_note(given).empty()) continue;
    for (auto& pod : going) {
      auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          until - std::chrono::steady_clock::now());
      auto gone = wait_for(s, pod, left, [&](const json::value* now) {
        return !now || json::string_at(*now, {"spec", "nodeName"}) != node.name;
      });
      if (!gone) code = s.fail(gone.error());
    }
    if (code == done) s.print_line(node.told() + " drained");
  }
  return code;
}

const std::vector<flag> mark_flags{{"overwrite", 0, "", "also where there is another value"},
                                   {"list", 0, "", "show them"},
                                   {"all", 0, "", "all objects of that kind"},
                                   {"all-namespaces", 'A', "", "of all namespaces"},
                                   selector_flag,
                                   dry_run_flag,
                                   manager_flag,
                                   output_flag};

} // namespace

const verb label_verb{"label",
                      "Change",
                      "set or remove labels",
                      "TYPE NAME KEY=VALUE... | KEY-...",
                      mark_flags,
                      "label node a disk=fast\nlabel pod web-1 tier-",
                      run_label};
const verb annotate_verb{"annotate",
                         "Change",
                         "set or remove annotations",
                         "TYPE NAME KEY=VALUE... | KEY-...",
                         mark_flags,
                         "annotate deployment web note='as agreed'",
                         run_annotate};
const verb taint_verb{"taint",
                      "Nodes",
                      "keep pods off nodes that they do not tolerate",
                      "node NAME KEY=VALUE:EFFECT... | KEY:EFFECT-...",
                      {selector_flag,
                       {"all", 0, "", "all nodes"},
                       {"overwrite", 0, "", "said by habit; it always does"},
                       output_flag},
                      "taint node a gpu=yes:NoSchedule\ntaint node a gpu:NoSchedule-",
                      run_taint};
const verb cordon_verb{"cordon",
                       "Nodes",
                       "place no more pods on nodes",
                       "NAME...",
                       {selector_flag, dry_run_flag, output_flag},
                       "cordon a",
                       run_cordon};
const verb uncordon_verb{"uncordon",
                         "Nodes",
                         "place pods on nodes again",
                         "NAME...",
                         {selector_flag, dry_run_flag, output_flag},
                         "uncordon a",
                         run_uncordon};
const verb drain_verb{"drain",
                      "Nodes",
                      "empty nodes, within the bounds of disruption budgets",
                      "NAME... [flags]",
                      {{"ignore-daemonsets", 0, "", "leave pods of daemon sets where they are"},
                       {"delete-emptydir-data", 0, "", "also pods that keep data in an emptyDir"},
                       {"force", 0, "", "also pods that nobody would replace"},
                       {"grace-period", 0, "SECONDS", "that pods have to end"},
                       {"timeout", 0, "DURATION", "how long it may take"},
                       {"disable-eviction", 0, "", "delete pods, whatever budgets say"},
                       {"pod-selector", 0, "LABELS", "only such pods"},
                       selector_flag,
                       dry_run_flag,
                       output_flag},
                      "drain a --ignore-daemonsets",
                      run_drain};

} // namespace troupe::verbs
