// `troupe describe`: everything about an object that people ask for, its events last.
#include "bin/verbs/verbs.hpp"
#include "messages/base/time.hpp"

#include <algorithm>
#include <ctime>

namespace troupe::verbs {

namespace {

/// Lines of "Name:   value", indented.
class sheet {
public:
  void line(int depth, const std::string& name, const std::string& value) {
    out_ += std::string(static_cast<size_t>(depth) * 2, ' ') + name + ":";
    if (!value.empty()) {
      auto used = static_cast<size_t>(depth) * 2 + name.size() + 1;
      out_.append(used < 18 ? 18 - used : 1, ' ');
      out_ += value;
    }
    out_ += '\n';
  }
  void text(const std::string& t) { out_ += t; }
  const std::string& all() const { return out_; }

private:
  std::string out_;
};

std::string at(const json::value& v, std::initializer_list<std::string_view> keys,
               const char* none = "<none>") {
  auto found = json::find(v, keys);
  auto text = found ? cell_text(*found) : std::string{};
  return text.empty() ? none : text;
}

std::string words_of(std::string_view key) {
  std::string out(key);
  if (!out.empty()) out[0] = static_cast<char>(toupper(out[0]));
  return out;
}

/// Any value as lines: members below their names, lists with dashes.
void put_value(sheet& to, int depth, const std::string& name, const json::value& v) {
  if (v.is_object()) {
    if (v.get_object().empty()) return to.line(depth, name, "{}");
    to.line(depth, name, "");
    for (auto& [key, each] : v.get_object()) put_value(to, depth + 1, words_of(key), each);
  } else if (v.is_array()) {
    auto& list = v.get_array();
    if (std::none_of(list.begin(), list.end(), [](auto& e) { return e.is_structured(); })) {
      std::string joined;
      for (auto& e : list) joined += (joined.empty() ? "" : ", ") + cell_text(e);
      return to.line(depth, name, joined);
    }
    to.line(depth, name, "");
    size_t n = 0;
    for (auto& e : list) {
      auto label = json::string_at(e, {"name"});
      if (label.empty()) label = json::string_at(e, {"type"});
      put_value(to, depth + 1, label.empty() ? std::to_string(n) : std::string(label), e);
      ++n;
    }
  } else {
    to.line(depth, name, cell_text(v));
  }
}

void put_pairs(sheet& to, const std::string& name, const json::value* all) {
  if (!all || !all->is_object() || all->get_object().empty()) return to.line(0, name, "<none>");
  bool first = true;
  for (auto& [key, v] : all->get_object()) {
    auto text = cell_text(v);
    if (key == "kubectl.kubernetes.io/last-applied-configuration") continue;
    if (text.size() > 160) text = text.substr(0, 160) + "...";
    if (first)
      to.line(0, name, std::string(key) + "=" + text);
    else
      to.text(std::string(18, ' ') + std::string(key) + "=" + text + "\n");
    first = false;
  }
  if (first) to.line(0, name, "<none>");
}

void put_conditions(sheet& to, const json::value& object) {
  auto list = json::find(object, {"status", "conditions"});
  if (!list || !list->is_array() || list->get_array().empty()) return;
  to.line(0, "Conditions", "");
  columns table;
  table.row({"  Type", "Status", "Reason", "Message"});
  for (auto& c : list->get_array())
    table.row({"  " + at(c, {"type"}, ""), at(c, {"status"}, ""), at(c, {"reason"}, ""),
               at(c, {"message"}, "")});
  to.text(table.text());
}

void put_state(sheet& to, const std::string& name, const json::value* state) {
  if (!state || !state->is_object() || state->get_object().empty()) return;
  auto& [kind, what] = *state->get_object().begin();
  to.line(2, name, words_of(kind));
  if (what.is_object())
    for (auto& [key, v] : what.get_object())
      if (key != "containerID") to.line(3, words_of(key), cell_text(v));
}

void put_containers(sheet& to, const json::value& pod, const char* spec_list,
                    const char* status_list, const char* title) {
  auto all = json::find(pod, {"spec", spec_list});
  if (!all || !all->is_array() || all->get_array().empty()) return;
  auto states = json::find(pod, {"status", status_list});
  to.line(0, title, "");
  for (auto& c : all->get_array()) {
    auto name = at(c, {"name"});
    to.line(1, name, "");
    const json::value* state = nullptr;
    if (states && states->is_array())
      for (auto& s : states->get_array())
        if (json::string_at(s, {"name"}) == name) state = &s;
    if (state) to.line(2, "Container ID", at(*state, {"containerID"}));
    to.line(2, "Image", at(c, {"image"}));
    for (auto* field : {"ports", "command", "args", "resources", "livenessProbe", "readinessProbe",
                        "startupProbe", "env", "volumeMounts"})
      if (auto v = json::find(c, field); v && !(v->is_object() && v->get_object().empty()))
        put_value(to, 2, words_of(field), *v);
    if (!state) continue;
    put_state(to, "State", json::find(*state, "state"));
    put_state(to, "Last State", json::find(*state, "lastState"));
    to.line(2, "Ready", at(*state, {"ready"}));
    to.line(2, "Restart Count", at(*state, {"restartCount"}));
  }
}

void put_pod(sheet& to, const json::value& pod) {
  to.line(0, "Priority", at(pod, {"spec", "priority"}, "0"));
  to.line(0, "Service Account", at(pod, {"spec", "serviceAccountName"}));
  to.line(0, "Node", at(pod, {"spec", "nodeName"}) + "/" + at(pod, {"status", "hostIP"}, ""));
  to.line(0, "Start Time", at(pod, {"status", "startTime"}));
  to.line(0, "Status", at(pod, {"status", "phase"}));
  if (json::find(pod, {"status", "reason"})) to.line(0, "Reason", at(pod, {"status", "reason"}));
  if (json::find(pod, {"status", "message"})) to.line(0, "Message", at(pod, {"status", "message"}));
  to.line(0, "IP", at(pod, {"status", "podIP"}));
  put_containers(to, pod, "initContainers", "initContainerStatuses", "Init Containers");
  put_containers(to, pod, "containers", "containerStatuses", "Containers");
  put_containers(to, pod, "ephemeralContainers", "ephemeralContainerStatuses",
                 "Ephemeral Containers");
  put_conditions(to, pod);
  for (auto* field : {"volumes", "nodeSelector", "tolerations"})
    if (auto v = json::find(pod, {"spec", field})) put_value(to, 0, words_of(field), *v);
  to.line(0, "QoS Class", at(pod, {"status", "qosClass"}));
}

/// What runs on a node, and how much of it is taken.
void put_node(session& s, sheet& to, const json::value& node) {
  for (auto* field : {"taints", "unschedulable"})
    if (auto v = json::find(node, {"spec", field})) put_value(to, 0, words_of(field), *v);
  put_conditions(to, node);
  for (auto* field : {"addresses", "capacity", "allocatable", "nodeInfo"})
    if (auto v = json::find(node, {"status", field})) put_value(to, 0, words_of(field), *v);
  auto pods = s.kinds().find("pods");
  if (!pods) return;
  auto list = s.get((*pods)->path("") +
                    "?fieldSelector=" + escaped("spec.nodeName=" + at(node, {"metadata", "name"})));
  auto items = list ? json::find(*list, "items") : nullptr;
  if (!items || !items->is_array()) return;
  to.line(0, "Pods", "(" + std::to_string(items->get_array().size()) + " in total)");
  columns table;
  table.row({"  Namespace", "Name", "CPU Requests", "Memory Requests", "Phase"});
  for (auto& p : items->get_array()) {
    std::string cpu, memory;
    if (auto cs = json::find(p, {"spec", "containers"}); cs && cs->is_array())
      for (auto& c : cs->get_array()) {
        auto add = [&](std::string& to_text, const char* what) {
          if (auto v = json::find(c, {"resources", "requests", what}))
            to_text += (to_text.empty() ? "" : "+") + cell_text(*v);
        };
        add(cpu, "cpu");
        add(memory, "memory");
      }
    table.row({"  " + at(p, {"metadata", "namespace"}), at(p, {"metadata", "name"}),
               cpu.empty() ? "0" : cpu, memory.empty() ? "0" : memory, at(p, {"status", "phase"})});
  }
  to.text(table.text());
}

std::string age_of(const json::value& object, std::initializer_list<std::string_view> keys) {
  auto text = json::string_at(object, keys);
  auto time = parse_time(text);
  if (text.empty() || !time) return "<unknown>";
  return format_age(std::chrono::seconds{std::max<int64_t>(0, std::time(nullptr) - time->seconds)});
}

} // namespace

std::string event_age(const json::value& e) {
  auto last = json::string_at(e, {"series", "lastObservedTime"});
  if (last.empty()) last = json::string_at(e, {"lastTimestamp"});
  if (last.empty()) last = json::string_at(e, {"eventTime"});
  if (last.empty()) last = json::string_at(e, {"metadata", "creationTimestamp"});
  auto time = parse_time(last);
  if (!time) return "<unknown>";
  return format_age(std::chrono::seconds{std::max<int64_t>(0, std::time(nullptr) - time->seconds)});
}

result<json::array> events_about(session& s, const std::string& ns, const std::string& fields) {
  auto kind = s.kinds().find("events");
  if (!kind) return kind.error();
  auto list =
      s.get((*kind)->path(ns) + (fields.empty() ? "" : "?fieldSelector=" + escaped(fields)));
  if (!list) return list.error();
  json::array out;
  if (auto items = json::find(*list, "items"); items && items->is_array()) out = items->get_array();
  auto when = [](const json::value& e) {
    auto last = json::string_at(e, {"lastTimestamp"});
    if (last.empty()) last = json::string_at(e, {"eventTime"});
    if (last.empty()) last = json::string_at(e, {"metadata", "creationTimestamp"});
    return std::string(last);
  };
  std::stable_sort(out.begin(), out.end(), [&](auto& a, auto& b) { return when(a) < when(b); });
  return out;
}

namespace {

void put_events(session& s, sheet& to, const target& what, const json::value& object) {
  auto fields = "involvedObject.name=" + what.name +
                ",involvedObject.uid=" + std::string(json::string_at(object, {"metadata", "uid"}));
  if (what.kind->name == "Node")
    fields = "involvedObject.kind=Node,involvedObject.name=" + what.name;
  auto all = events_about(s, what.kind->namespaced ? what.ns : "", fields);
  if (!all || all->empty()) return to.line(0, "Events", "<none>");
  to.line(0, "Events", "");
  columns table;
  table.row({"  Type", "Reason", "Age", "From", "Message"});
  for (auto& e : *all) {
    auto from = at(e, {"source", "component"}, "");
    if (from.empty()) from = at(e, {"reportingComponent"}, "");
    auto count = json::find(e, "count");
    auto age = event_age(e);
    if (count && count->is_number() && count->to_number<int64_t>() > 1)
      age += " (x" + std::to_string(count->to_number<int64_t>()) + ")";
    table.row(
        {"  " + at(e, {"type"}, ""), at(e, {"reason"}, ""), age, from, at(e, {"message"}, "")});
  }
  to.text(table.text());
}

int describe(session& s, const target& what) {
  auto object = s.get(what.path());
  if (!object) return s.fail(object.error());
  drop_managed_fields(*object);
  auto& o = *object;
  sheet to;
  to.line(0, "Name", at(o, {"metadata", "name"}));
  if (what.kind->namespaced) to.line(0, "Namespace", at(o, {"metadata", "namespace"}));
  to.line(0, "Kind", what.kind->name + " (" + what.kind->api_version() + ")");
  put_pairs(to, "Labels", json::find(o, {"metadata", "labels"}));
  put_pairs(to, "Annotations", json::find(o, {"metadata", "annotations"}));
  to.line(0, "Age", age_of(o, {"metadata", "creationTimestamp"}));
  if (auto t = json::string_at(o, {"metadata", "deletionTimestamp"}); !t.empty())
    to.line(0, "Deleted", std::string(t) + ", finalizers: " + at(o, {"metadata", "finalizers"}));
  if (auto owners = json::find(o, {"metadata", "ownerReferences"}); owners && owners->is_array())
    for (auto& each : owners->get_array())
      to.line(0, "Controlled By", at(each, {"kind"}) + "/" + at(each, {"name"}));
  if (what.kind->name == "Pod") {
    put_pod(to, o);
  } else if (what.kind->name == "Node") {
    put_node(s, to, o);
  } else {
    for (auto& [key, v] : o.as_object()) {
      if (key == "apiVersion" || key == "kind" || key == "metadata" || key == "status") continue;
      if (what.kind->name == "Secret" && (key == "data" || key == "stringData")) {
        // Only how long they are.
        to.line(0, "Data", "");
        if (v.is_object())
          for (auto& [name, each] : v.get_object())
            to.line(1, std::string(name),
                    std::to_string(cell_text(each).size() * 3 / 4) + " bytes");
        continue;
      }
      put_value(to, 0, words_of(key), v);
    }
    if (auto status = json::find(o, "status"); status && status->is_object()) {
      json::value rest = *status;
      rest.get_object().erase("conditions");
      if (!rest.get_object().empty()) put_value(to, 0, "Status", rest);
    }
    put_conditions(to, o);
  }
  put_events(s, to, what, o);
  s.print(to.all());
  return done;
}

int run_describe(session& s, const arguments& given) {
  auto with_all = given;
  with_all.set("all", "true"); // "describe pods" means all of them
  auto chosen = select_targets(s, with_all, given.words);
  if (!chosen) return s.fail(chosen.error());
  int code = done;
  bool first = true;
  for (auto& what : *chosen) {
    if (!first) s.print("\n\n");
    first = false;
    code = std::max(code, describe(s, what));
  }
  if (chosen->empty()) s.complain("No resources found in " + s.ns() + " namespace.");
  return code;
}

int run_events(session& s, const arguments& given) {
  std::string fields;
  auto ns = given.has("all-namespaces") ? "" : s.ns();
  if (auto of = given.get("for", given.words.empty() ? "" : given.words[0]); !of.empty()) {
    auto what = read_target(s, {of}, "pods");
    if (!what) return s.fail(what.error());
    fields = "involvedObject.kind=" + what->kind->name + ",involvedObject.name=" + what->name;
    if (!what->kind->namespaced) ns.clear();
  }
  auto all = events_about(s, ns, fields);
  if (!all) return s.fail(all.error());
  auto types = given.get("types");
  columns table;
  std::vector<std::string> header{"LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"};
  if (given.has("all-namespaces")) header.insert(header.begin(), "NAMESPACE");
  table.row(header);
  auto row_of = [&](const json::value& e) {
    auto kind = at(e, {"involvedObject", "kind"}, "");
    std::transform(kind.begin(), kind.end(), kind.begin(), ::tolower);
    std::vector<std::string> row{event_age(e), at(e, {"type"}, ""), at(e, {"reason"}, ""),
                                 kind + "/" + at(e, {"involvedObject", "name"}, ""),
                                 at(e, {"message"}, "")};
    if (given.has("all-namespaces")) row.insert(row.begin(), at(e, {"metadata", "namespace"}, ""));
    return row;
  };
  auto wanted = [&](const json::value& e) {
    return types.empty() || types.find(json::string_at(e, {"type"})) != types.npos;
  };
  for (auto& e : *all)
    if (wanted(e)) table.row(row_of(e));
  if (table.size() > 1)
    s.print(table.text());
  else if (!given.has("watch"))
    s.complain(ns.empty() ? "No events found." : "No events found in " + ns + " namespace.");
  if (!given.has("watch")) return done;
  fflush(stdout);
  auto kind = s.kinds().find("events");
  if (!kind) return s.fail(kind.error());
  auto ok = s.stream((*kind)->path(ns) + "?watch=1&fieldSelector=" + escaped(fields), true,
                     [&](std::string_view line) {
                       auto event = json::parse(line);
                       auto object = event ? json::find(*event, "object") : nullptr;
                       if (!object || json::string_at(*event, {"type"}) == "DELETED") return true;
                       if (!wanted(*object)) return true;
                       columns one;
                       one.row(row_of(*object));
                       s.print(one.text());
                       fflush(stdout);
                       return true;
                     });
  return ok ? done : s.fail(ok.error());
}

int run_top(session& s, const arguments& given) {
  if (given.words.empty()) return s.fail({errc::bad_request, "write top nodes or top pods"});
  bool nodes = given.words[0].starts_with("no");
  auto base = std::string("/apis/metrics.k8s.io/v1beta1");
  auto name = given.words.size() > 1 ? "/" + escaped(given.words[1]) : "";
  auto path = nodes ? base + "/nodes" + name
                    : base + (given.has("all-namespaces") ? "" : "/namespaces/" + escaped(s.ns())) +
                          "/pods" + name;
  auto list = s.get(path + "?labelSelector=" + escaped(given.get("selector")));
  if (!list) return s.fail(list.error());
  columns table;
  std::vector<std::string> header{"NAME", "CPU", "MEMORY"};
  if (given.has("containers")) header.insert(header.begin() + 1, "CONTAINER");
  if (given.has("all-namespaces") && !nodes) header.insert(header.begin(), "NAMESPACE");
  table.row(header);
  auto add = [&](const json::value& m) {
    auto row = [&](const std::string& container, const std::string& cpu,
                   const std::string& memory) {
      std::vector<std::string> cells{at(m, {"metadata", "name"}), cpu, memory};
      if (given.has("containers")) cells.insert(cells.begin() + 1, container);
      if (given.has("all-namespaces") && !nodes)
        cells.insert(cells.begin(), at(m, {"metadata", "namespace"}));
      table.row(std::move(cells));
    };
    auto cs = json::find(m, "containers");
    if (nodes || !cs || !cs->is_array())
      return row("", at(m, {"usage", "cpu"}), at(m, {"usage", "memory"}));
    std::string cpu, memory;
    for (auto& c : cs->get_array()) {
      if (given.has("containers"))
        row(at(c, {"name"}), at(c, {"usage", "cpu"}), at(c, {"usage", "memory"}));
      cpu += (cpu.empty() ? "" : "+") + at(c, {"usage", "cpu"});
      memory += (memory.empty() ? "" : "+") + at(c, {"usage", "memory"});
    }
    if (!given.has("containers")) row("", cpu, memory);
  };
  auto items = json::find(*list, "items");
  if (items && items->is_array())
    for (auto& m : items->get_array()) add(m);
  else
    add(*list);
  s.print(table.text());
  return done;
}

} // namespace

const verb describe_verb{
    "describe",
    "Look",
    "show all about objects, with their events",
    "TYPE [NAME...] | TYPE/NAME | -f FILE",
    {filename_flag, selector_flag, {"all-namespaces", 'A', "", "of all namespaces"}},
    "describe pod web-1\ndescribe node a",
    run_describe};
const verb events_verb{"events",
                       "Look",
                       "show what happened",
                       "[TYPE/NAME] [flags]",
                       {{"for", 0, "TYPE/NAME", "to this object"},
                        {"types", 0, "TYPES", "Normal, Warning"},
                        {"watch", 'w', "", "and what happens from now on"},
                        {"all-namespaces", 'A', "", "in all namespaces"}},
                       "events\nevents --for deployment/web -w",
                       run_events};
const verb top_verb{"top",
                    "Look",
                    "show how much nodes or pods use",
                    "nodes|pods [NAME] [flags]",
                    {{"containers", 0, "", "of each container"},
                     selector_flag,
                     {"all-namespaces", 'A', "", "of all namespaces"}},
                    "top nodes\ntop pods -A",
                    run_top};

} // namespace troupe::verbs
