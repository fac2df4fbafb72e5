// `troupe logs`.
#include "bin/verbs/verbs.hpp"
#include "messages/base/time.hpp"

#include <mutex>
#include <thread>

namespace troupe::verbs {

namespace {

error bad(std::string why) { return {errc::bad_request, std::move(why)}; }

struct source {
  target pod;
  std::string container;
};

result<std::string> query_of(const arguments& given) {
  std::string out;
  for (auto* name : {"follow", "previous", "timestamps"})
    if (given.has(name)) out += std::string("&") + name + "=true";
  if (auto n = given.get("tail"); !n.empty() && n != "-1") out += "&tailLines=" + escaped(n);
  if (auto n = given.get("limit-bytes"); !n.empty()) out += "&limitBytes=" + escaped(n);
  if (auto t = given.get("since-time"); !t.empty()) out += "&sinceTime=" + escaped(t);
  if (auto t = given.get("since"); !t.empty()) {
    auto time = parse_duration(t);
    if (!time) return with_context(time.error(), "--since");
    out +=
        "&sinceSeconds=" + std::to_string(std::chrono::ceil<std::chrono::seconds>(*time).count());
  }
  return out;
}

result<std::vector<source>> sources(session& s, const arguments& given) {
  std::vector<json::value> pods;
  auto kind = s.kinds().find("pods");
  if (!kind) return kind.error();
  if (auto selector = given.get("selector"); !selector.empty()) {
    auto list = s.get((*kind)->path(s.ns()) + "?labelSelector=" + escaped(selector));
    if (!list) return list.error();
    if (auto items = json::find(*list, "items"); items && items->is_array())
      for (auto& p : items->get_array()) pods.push_back(p);
    if (pods.empty()) return bad("no pods have the labels " + selector);
  } else {
    if (given.words.empty()) return bad("name a pod, or choose some with --selector");
    auto pod = find_pod(s, given.words[0]);
    if (!pod) return pod.error();
    auto object = s.get(pod->path());
    if (!object) return object.error();
    pods.push_back(std::move(*object));
  }
  auto wanted = given.get("container", given.words.size() > 1 ? given.words[1] : "");
  std::vector<source> out;
  for (auto& pod : pods) {
    target t{*kind, std::string(json::string_at(pod, {"metadata", "namespace"})),
             std::string(json::string_at(pod, {"metadata", "name"}))};
    if (!given.has("all-containers")) {
      out.push_back({t, wanted});
      continue;
    }
    for (auto* list : {"initContainers", "containers", "ephemeralContainers"})
      if (auto all = json::find(pod, {"spec", list}); all && all->is_array())
        for (auto& c : all->get_array())
          out.push_back({t, std::string(json::string_at(c, {"name"}))});
  }
  return out;
}

int run_logs(session& s, const arguments& given) {
  auto from = sources(s, given);
  if (!from) return s.fail(from.error());
  auto query = query_of(given);
  if (!query) return s.fail(query.error());
  auto most = static_cast<size_t>(atoi(given.get("max-log-requests", "5").c_str()));
  if (given.has("follow") && from->size() > most)
    return s.fail(bad("that are " + std::to_string(from->size()) +
                      " logs to follow at once; allow it with "
                      "--max-log-requests=" +
                      std::to_string(from->size())));
  std::mutex printing;
  int code = done;
  auto show = [&](const source& each) {
    auto prefix = given.has("prefix") ? "[pod/" + each.pod.name + "/" + each.container + "] " : "";
    auto path = each.pod.path("log") + "?container=" + escaped(each.container) + *query;
    auto ok = s.stream(
        path, !prefix.empty() || from->size() > 1,
        [&](std::string_view piece) {
          std::lock_guard lock{printing};
          s.print(prefix);
          s.print(piece);
          if (!prefix.empty() || from->size() > 1) s.print("\n");
          if (given.has("follow")) fflush(stdout);
          return true;
        },
        "*/*");
    if (!ok && !given.has("ignore-errors")) {
      std::lock_guard lock{printing};
      code = s.fail(ok.error());
    }
  };
  if (!given.has("follow") || from->size() == 1) {
    for (auto& each : *from) show(each);
    return code;
  }
  if (auto up = s.cluster(); !up) return s.fail(up.error());
  std::vector<std::thread> readers;
  for (auto& each : *from) readers.emplace_back([&show, &each] { show(each); });
  for (auto& r : readers) r.join();
  return code;
}

} // namespace

const verb logs_verb{"logs",
                     "Pods",
                     "show what containers wrote",
                     "POD|TYPE/NAME [CONTAINER] | -l LABELS [flags]",
                     {{"container", 'c', "NAME", "which of the pod's containers"},
                      {"follow", 'f', "", "and what they write from now on"},
                      {"previous", 'p', "", "of the container before the last restart"},
                      {"tail", 0, "N", "the last so many lines"},
                      {"since", 0, "DURATION", "not older than this"},
                      {"since-time", 0, "TIME", "not older than this"},
                      {"timestamps", 0, "", "with the time of each line"},
                      {"limit-bytes", 0, "N", "so much at most"},
                      {"all-containers", 0, "", "of all the pod's containers"},
                      {"prefix", 0, "", "with pod and container in front of each line"},
                      {"max-log-requests", 0, "N", "to follow at once (5)"},
                      {"ignore-errors", 0, "", "go on when one has none"},
                      selector_flag},
                     "logs web-1\nlogs -f deployment/web\nlogs -l app=web --prefix --tail=20",
                     run_logs};

} // namespace troupe::verbs
