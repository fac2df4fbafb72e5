// What several verbs share: objects of files, waiting, and which pod is meant.
#include "bin/commands/terminal.hpp"
#include "bin/verbs/verbs.hpp"
#include "messages/codec/json_encode.hpp"
#include "messages/codec/manifest.hpp"

#include <google/protobuf/message.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace troupe::verbs {

namespace {

error bad(std::string why) { return {errc::bad_request, std::move(why)}; }

int64_t number_at(const json::value& v, std::initializer_list<std::string_view> keys) {
  auto found = json::find(v, keys);
  return found && found->is_number() ? found->to_number<int64_t>() : 0;
}

const json::value* condition(const json::value& object, std::string_view type) {
  auto list = json::find(object, {"status", "conditions"});
  if (list && list->is_array())
    for (auto& c : list->get_array())
      if (json::string_at(c, {"type"}) == type) return &c;
  return nullptr;
}

/// "CrashLoopBackOff: back-off 10s restarting failed container", of the first that is not well.
std::string container_trouble(const json::value& pod) {
  for (auto* list : {"initContainerStatuses", "containerStatuses"}) {
    auto all = json::find(pod, {"status", list});
    if (!all || !all->is_array()) continue;
    for (auto& c : all->get_array()) {
      auto ready = json::find(c, "ready");
      if (ready && ready->is_bool() && ready->get_bool()) continue;
      auto say = [&](std::string_view state) -> std::string {
        auto reason = json::string_at(c, {"state", state, "reason"});
        if (reason.empty()) return {};
        auto message = json::string_at(c, {"state", state, "message"});
        return "container " + std::string(json::string_at(c, {"name"})) + ": " +
               std::string(reason) + (message.empty() ? "" : ": " + std::string(message));
      };
      if (auto text = say("waiting"); !text.empty()) return text;
      if (json::find(c, {"state", "running"}))
        return "container " + std::string(json::string_at(c, {"name"})) +
               " runs and is not ready yet";
      if (auto text = say("terminated");
          !text.empty() && std::string_view(list) == "containerStatuses")
        return text;
    }
  }
  return {};
}

std::string of_pod(const json::value& pod) {
  auto phase = json::string_at(pod, {"status", "phase"});
  if (phase == "Succeeded") return {};
  if (phase == "Failed") {
    auto reason = json::string_at(pod, {"status", "reason"});
    return "it failed" + (reason.empty() ? "" : ": " + std::string(reason));
  }
  auto ready = condition(pod, "Ready");
  if (ready && json::string_at(*ready, {"status"}) == "True") return {};
  if (auto trouble = container_trouble(pod); !trouble.empty()) return trouble;
  if (auto placed = condition(pod, "PodScheduled");
      placed && json::string_at(*placed, {"status"}) == "False")
    return std::string(json::string_at(*placed, {"message"}));
  return "it is " + (phase.empty() ? "not started" : std::string(phase)) + " and not ready yet";
}

std::string count(int64_t have, int64_t want, const char* what) {
  return std::to_string(have) + " of " + std::to_string(want) + " pods are " + what;
}

std::string of_replicas(const std::string& kind, const json::value& o) {
  if (number_at(o, {"status", "observedGeneration"}) < number_at(o, {"metadata", "generation"}))
    return "the change is not seen yet";
  auto want = json::find(o, {"spec", "replicas"}) ? number_at(o, {"spec", "replicas"}) : 1;
  if (kind == "Deployment") {
    if (auto p = condition(o, "Progressing");
        p && json::string_at(*p, {"reason"}) == "ProgressDeadlineExceeded")
      return "it exceeded its progress deadline: " + std::string(json::string_at(*p, {"message"}));
    if (auto f = condition(o, "ReplicaFailure"); f && json::string_at(*f, {"status"}) == "True")
      return std::string(json::string_at(*f, {"message"}));
    auto updated = number_at(o, {"status", "updatedReplicas"});
    if (updated < want) return count(updated, want, "updated");
    auto all = number_at(o, {"status", "replicas"});
    if (all > updated) return std::to_string(all - updated) + " old pods are still there";
  }
  if (kind == "StatefulSet" &&
      json::string_at(o, {"spec", "updateStrategy", "type"}) != "OnDelete" &&
      json::string_at(o, {"status", "updateRevision"}) !=
          json::string_at(o, {"status", "currentRevision"}))
    return count(number_at(o, {"status", "updatedReplicas"}), want, "updated");
  auto have =
      number_at(o, {"status", kind == "Deployment" ? "availableReplicas" : "readyReplicas"});
  if (have < want) return count(have, want, kind == "Deployment" ? "available" : "ready");
  return {};
}

std::string of_daemon_set(const json::value& o) {
  if (number_at(o, {"status", "observedGeneration"}) < number_at(o, {"metadata", "generation"}))
    return "the change is not seen yet";
  auto want = number_at(o, {"status", "desiredNumberScheduled"});
  auto updated = number_at(o, {"status", "updatedNumberScheduled"});
  auto have = number_at(o, {"status", "numberAvailable"});
  if (updated < want) return count(updated, want, "updated");
  return have < want ? count(have, want, "available") : std::string{};
}

std::string of_job(const json::value& o) {
  if (auto c = condition(o, "Failed"); c && json::string_at(*c, {"status"}) == "True")
    return "it failed: " + std::string(json::string_at(*c, {"message"}));
  if (auto c = condition(o, "Complete"); c && json::string_at(*c, {"status"}) == "True") return {};
  auto want = json::find(o, {"spec", "completions"}) ? number_at(o, {"spec", "completions"}) : 1;
  return count(number_at(o, {"status", "succeeded"}), want, "done");
}

} // namespace

bool is_manifest(const std::filesystem::path& file) {
  auto kind = file.extension();
  if (file.filename().string().starts_with(".")) return false; // an editor's
  return kind == ".yaml" || kind == ".yml" || kind == ".json";
}

result<std::vector<file_object>> read_objects(session& s, const std::string& name,
                                              std::string_view text) {
  std::vector<file_object> out;
  auto read = codec::read_manifests(text);
  std::string faults;
  bool coloured = commands::colours(STDERR_FILENO);
  for (auto& f : read.findings) {
    auto line = commands::show(name, f, coloured);
    if (f.weight == codec::finding::level::error)
      faults += (faults.empty() ? "" : "\n") + line;
    else
      s.complain(line);
  }
  if (!faults.empty()) return bad("error: the manifests cannot be taken:\n" + faults);
  for (auto& m : read.objects) {
    auto document = json::parse(m.object && m.text.json.empty()
                                    ? codec::to_json(*m.object, {m.api_version, m.kind, {}})
                                    : m.text.json);
    if (!document) return with_context(document.error(), name);
    if (!document->is_object()) continue;
    auto kind = s.kinds().find(m.api_version, m.kind);
    if (!kind) return with_context(kind.error(), name);
    auto ns = std::string(json::string_at(*document, {"metadata", "namespace"}));
    if (!(*kind)->namespaced)
      ns.clear();
    else if (ns.empty())
      ns = s.ns();
    out.push_back({{*kind, ns, std::string(json::string_at(*document, {"metadata", "name"}))},
                   std::move(*document)});
  }
  return out;
}

result<std::vector<file_object>> read_objects(session& s, const arguments& given) {
  std::vector<std::string> files;
  for (auto& name : given.all("filename")) {
    std::error_code ignored;
    if (name == "-" || !std::filesystem::is_directory(name, ignored)) {
      files.push_back(name);
      continue;
    }
    std::vector<std::string> inside;
    auto add = [&](const std::filesystem::directory_entry& e) {
      if (e.is_regular_file(ignored) && is_manifest(e.path())) inside.push_back(e.path().string());
    };
    if (given.has("recursive"))
      for (auto& e : std::filesystem::recursive_directory_iterator(name, ignored)) add(e);
    else
      for (auto& e : std::filesystem::directory_iterator(name, ignored)) add(e);
    std::sort(inside.begin(), inside.end());
    if (inside.empty()) return bad("there is no .yaml, .yml or .json in " + name);
    files.insert(files.end(), inside.begin(), inside.end());
  }
  if (files.empty()) return bad("name a file with -f");
  std::vector<file_object> out;
  for (auto& file : files) {
    auto text = commands::read_source(file);
    if (!text) return text.error();
    auto some = read_objects(s, file == "-" ? "stdin" : file, *text);
    if (!some) return some.error();
    for (auto& o : *some) out.push_back(std::move(o));
  }
  if (out.empty()) return bad("there are no objects in the given files");
  return out;
}

result<std::vector<target>> select_targets(session& s, const arguments& given,
                                           const std::vector<std::string>& words) {
  std::vector<target> out;
  if (!given.all("filename").empty()) {
    auto objects = read_objects(s, given);
    if (!objects) return objects.error();
    for (auto& o : *objects) out.push_back(o.where);
    return out;
  }
  auto selector = given.get("selector"), fields = given.get("field-selector");
  auto named = read_targets(s, words, given.has("all-namespaces"));
  if (!named) return named;
  for (auto& t : *named) {
    if (!t.name.empty()) {
      out.push_back(t);
      continue;
    }
    if (selector.empty() && fields.empty() && !given.has("all"))
      return bad("name the objects, or choose them by --selector or --all");
    std::string query = "?labelSelector=" + escaped(selector) + "&fieldSelector=" + escaped(fields);
    auto list = s.get(t.path() + query);
    if (!list) return list.error();
    if (auto items = json::find(*list, "items"); items && items->is_array())
      for (auto& item : items->get_array())
        out.push_back({t.kind, std::string(json::string_at(item, {"metadata", "namespace"})),
                       std::string(json::string_at(item, {"metadata", "name"}))});
  }
  return out;
}

result<std::string> write_query(const arguments& given, std::string_view manager) {
  auto out = "?fieldManager=" + escaped(given.get("field-manager", manager));
  auto dry = given.get("dry-run", "none");
  if (dry == "server" || dry == "client" || dry == "true")
    out += "&dryRun=All";
  else if (dry != "none" && dry != "false")
    return bad("--dry-run takes none, client or server, not \"" + dry + "\"");
  return out;
}

std::string dry_run_note(const arguments& given) {
  auto dry = given.get("dry-run", "none");
  return dry == "none" || dry == "false" ? ""
         : dry == "server"               ? " (server dry run)"
                                         : " (dry run)";
}

result<int> run_line(const std::string& line) {
  const char* words[] = {"sh", "-c", line.c_str(), nullptr};
  pid_t child = 0;
  int status = -1;
  if (posix_spawn(&child, "/bin/sh", nullptr, nullptr, const_cast<char**>(words), environ) != 0)
    return error{errc::internal, "cannot run /bin/sh"};
  waitpid(child, &status, 0);
  return status;
}

result<std::string> edit_text(const std::string& text, const char* suffix) {
  std::string name =
      (std::filesystem::temp_directory_path() / "troupe-edit-XXXXXX").string() + suffix;
  int fd = mkstemps(name.data(), static_cast<int>(std::string_view(suffix).size()));
  if (fd < 0) return error{errc::internal, "cannot make a temporary file"};
  auto written = ::write(fd, text.data(), text.size());
  ::close(fd);
  auto remove = [&] {
    std::error_code ignored;
    std::filesystem::remove(name, ignored);
  };
  const char* editor = nullptr;
  for (auto* variable : {"KUBE_EDITOR", "VISUAL", "EDITOR"})
    if (!editor || !*editor) editor = std::getenv(variable);
  if (!editor || !*editor) editor = "vi";
  bool failed_to_edit = true;
  if (written == static_cast<ssize_t>(text.size()))
    if (auto status = run_line(std::string(editor) + " '" + name + "'"))
      failed_to_edit = *status != 0;
  auto edited = commands::read_source(name);
  remove();
  if (failed_to_edit)
    return error{errc::internal, std::string("the editor \"") + editor + "\" failed"};
  if (!edited) return edited;
  return *edited == text ? std::string{} : *edited;
}

result<void> wait_for(session& s, const target& what, std::chrono::milliseconds patience,
                      const std::function<bool(const json::value*)>& settled) {
  auto until = std::chrono::steady_clock::now() + patience;
  auto now = s.get(what.path());
  if (!now && now.error().code != errc::not_found) return now.error();
  if (settled(now ? &*now : nullptr)) return {};
  auto revision = now ? std::string(json::string_at(*now, {"metadata", "resourceVersion"})) : "";
  while (!s.interrupted()) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    if (left.count() <= 0) break;
    bool over = false, again = false;
    auto place = target{what.kind, what.ns, {}};
    auto ok = s.stream(
        place.path() + "?watch=1&fieldSelector=" + escaped("metadata.name=" + what.name) +
            "&resourceVersion=" + revision,
        true,
        [&](std::string_view line) {
          auto event = json::parse(line);
          auto object = event ? json::find(*event, "object") : nullptr;
          if (!object) return true;
          auto type = json::string_at(*event, {"type"});
          if (type == "ERROR") {
            again = true;
            return false;
          }
          revision = json::string_at(*object, {"metadata", "resourceVersion"});
          over = settled(type == "DELETED" ? nullptr : object);
          return !over;
        },
        {}, left);
    if (over) return {};
    if (!ok && ok.error().code != errc::unavailable) return ok.error();
    if (again || !ok) revision.clear();
  }
  return error{errc::timeout, "timed out waiting for " + what.told()};
}

std::string unmet(const kind_info& kind, const json::value& object) {
  if (!json::string_at(object, {"metadata", "deletionTimestamp"}).empty())
    return "it is being deleted";
  auto& name = kind.name;
  if (name == "Pod") return of_pod(object);
  if (name == "Deployment" || name == "StatefulSet" || name == "ReplicaSet" ||
      name == "ReplicationController")
    return of_replicas(name, object);
  if (name == "DaemonSet") return of_daemon_set(object);
  if (name == "Job") return of_job(object);
  if (name == "PersistentVolumeClaim") {
    auto phase = json::string_at(object, {"status", "phase"});
    return phase == "Bound" ? "" : "it is " + std::string(phase.empty() ? "Pending" : phase);
  }
  for (auto* type : {"Ready", "Available", "Established"})
    if (auto c = condition(object, type); c && json::string_at(*c, {"status"}) != "True")
      return std::string(type) + " is " + std::string(json::string_at(*c, {"status"})) + ": " +
             std::string(json::string_at(*c, {"message"}));
  return {};
}

std::string selector_of(const json::value& object) {
  std::string out;
  auto add = [&](std::string text) { out += (out.empty() ? "" : ",") + std::move(text); };
  auto equalities = [&](const json::value* labels) {
    if (labels && labels->is_object())
      for (auto& [key, v] : labels->get_object()) add(std::string(key) + "=" + cell_text(v));
  };
  auto selector = json::find(object, {"spec", "selector"});
  if (!selector) return out;
  auto labels = json::find(*selector, "matchLabels");
  auto expressions = json::find(*selector, "matchExpressions");
  equalities(labels || expressions ? labels : selector);
  if (!expressions || !expressions->is_array()) return out;
  for (auto& e : expressions->get_array()) {
    auto key = std::string(json::string_at(e, {"key"})),
         op = std::string(json::string_at(e, {"operator"}));
    std::string values;
    if (auto list = json::find(e, "values"); list && list->is_array())
      for (auto& v : list->get_array()) values += (values.empty() ? "" : ",") + cell_text(v);
    if (op == "Exists")
      add(key);
    else if (op == "DoesNotExist")
      add("!" + key);
    else
      add(key + (op == "In" ? " in (" : " notin (") + values + ")");
  }
  return out;
}

result<target> find_pod(session& s, const std::string& word, std::chrono::milliseconds patience) {
  auto named = read_target(s, {word}, "pods");
  if (!named) return named.error();
  if (named->kind->name == "Pod") return named;
  auto object = s.get(named->path());
  if (!object) return object.error();
  auto selector = selector_of(*object);
  if (selector.empty()) return bad(named->told() + " has no pods of its own");
  auto pods = s.kinds().find("pods");
  if (!pods) return pods.error();
  auto until = std::chrono::steady_clock::now() + patience;
  do {
    auto list = s.get((*pods)->path(named->ns) + "?labelSelector=" + escaped(selector));
    if (!list) return list.error();
    auto items = json::find(*list, "items");
    const json::value* best = nullptr;
    if (items && items->is_array())
      for (auto& pod : items->get_array()) {
        auto running = [](const json::value& p) { return of_pod(p).empty(); };
        if (!best || (running(pod) && !running(*best))) best = &pod;
      }
    if (best)
      return target{*pods, named->ns, std::string(json::string_at(*best, {"metadata", "name"}))};
  } while (std::chrono::steady_clock::now() < until && !s.interrupted());
  return error{errc::not_found, "there is no pod of " + named->told()};
}

} // namespace troupe::verbs
