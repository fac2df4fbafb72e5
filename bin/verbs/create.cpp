// `troupe create`, `troupe run`, `troupe expose`: new objects, from files or from a few words.
#include "bin/commands/terminal.hpp"
#include "bin/verbs/verbs.hpp"
#include "messages/base/base64.hpp"
#include "messages/base/time.hpp"

#include <algorithm>
#include <filesystem>

namespace troupe::verbs {

namespace {

using json::array;
using json::object;

error bad(std::string why) { return {errc::bad_request, std::move(why)}; }

result<object> pairs(const std::vector<std::string>& texts, char between = '=') {
  object out;
  for (auto& all : texts) {
    std::string_view rest = all;
    while (!rest.empty()) {
      auto one = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(one.size() + 1, rest.size()));
      auto at = one.find(between);
      if (at == one.npos || at == 0)
        return bad("\"" + std::string(one) + "\": write it as KEY=VALUE");
      out[one.substr(0, at)] = one.substr(at + 1);
    }
  }
  return out;
}

object head(const char* api_version, const char* kind, const std::string& name) {
  return {{"apiVersion", api_version}, {"kind", kind}, {"metadata", object{{"name", name}}}};
}

/// What --from-literal, --from-file and --from-env-file come to.
result<object> data_of(const arguments& given) {
  object out;
  for (auto& text : given.all("from-literal")) {
    auto at = text.find('=');
    if (at == text.npos || at == 0) return bad("--from-literal " + text + ": write KEY=VALUE");
    out[text.substr(0, at)] = text.substr(at + 1);
  }
  auto add = [&](const std::string& key, const std::string& file) -> result<void> {
    auto text = commands::read_source(file);
    if (!text) return text.error();
    out[key] = *text;
    return {};
  };
  for (auto& text : given.all("from-file")) {
    auto at = text.find('=');
    auto file = at == text.npos ? text : text.substr(at + 1);
    std::error_code ignored;
    if (std::filesystem::is_directory(file, ignored)) {
      for (auto& e : std::filesystem::directory_iterator(file, ignored))
        if (e.is_regular_file(ignored))
          if (auto ok = add(e.path().filename().string(), e.path().string()); !ok)
            return ok.error();
      continue;
    }
    auto key =
        at == text.npos ? std::filesystem::path(file).filename().string() : text.substr(0, at);
    if (auto ok = add(key, file); !ok) return ok.error();
  }
  for (auto& file : given.all("from-env-file")) {
    auto text = commands::read_source(file);
    if (!text) return text.error();
    std::string_view rest = *text;
    while (!rest.empty()) {
      auto line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      auto at = line.find('=');
      if (line.empty() || line[0] == '#' || at == line.npos) continue;
      out[line.substr(0, at)] = line.substr(at + 1);
    }
  }
  return out;
}

object container(const arguments& given, const std::string& name) {
  object c{{"name", name}, {"image", given.get("image")}};
  auto ports = array{};
  for (auto& p : given.all("port")) ports.push_back(object{{"containerPort", atoi(p.c_str())}});
  if (!ports.empty()) c["ports"] = ports;
  auto env = array{};
  for (auto& e : given.all("env")) {
    auto at = e.find('=');
    env.push_back(
        object{{"name", e.substr(0, at)}, {"value", at == e.npos ? "" : e.substr(at + 1)}});
  }
  if (!env.empty()) c["env"] = env;
  if (!given.behind.empty()) {
    array words;
    for (auto& w : given.behind) words.emplace_back(w);
    c[given.has("command") || !given.has("as-arguments") ? "command" : "args"] = words;
  }
  return c;
}

result<object> service_ports(const std::vector<std::string>& texts) {
  array out;
  for (auto& all : texts) {
    std::string_view rest = all;
    while (!rest.empty()) {
      auto one = std::string(rest.substr(0, rest.find(',')));
      rest.remove_prefix(std::min(one.size() + 1, rest.size()));
      auto colon = one.find(':');
      auto port = atoi(one.c_str());
      if (port <= 0) return bad("\"" + one + "\" is not PORT or PORT:TARGET");
      object p{
          {"name", std::to_string(port) + (colon == one.npos ? "" : "-" + one.substr(colon + 1))},
          {"port", port},
          {"protocol", "TCP"}};
      auto to = colon == one.npos ? one : one.substr(colon + 1);
      if (auto n = atoi(to.c_str()); n > 0)
        p["targetPort"] = n;
      else
        p["targetPort"] = to;
      out.push_back(std::move(p));
    }
  }
  return object{{"ports", out}};
}

/// "create deployment web --image=nginx": the object that such words describe.
result<object> generated(const arguments& given) {
  auto kind = given.words[0];
  auto last = given.words.back();
  if (kind == "service" || kind == "svc" || kind == "secret") {
    if (given.words.size() != 3) return bad("write create " + kind + " TYPE NAME");
  } else if (given.words.size() != 2) {
    return bad("write create " + kind + " NAME");
  }
  if (kind == "namespace" || kind == "ns") return head("v1", "Namespace", last);
  if (kind == "serviceaccount" || kind == "sa") return head("v1", "ServiceAccount", last);
  if (kind == "configmap" || kind == "cm") {
    auto data = data_of(given);
    if (!data) return data.error();
    auto o = head("v1", "ConfigMap", last);
    o["data"] = *data;
    return o;
  }
  if (kind == "secret") {
    auto data = data_of(given);
    if (!data) return data.error();
    auto o = head("v1", "Secret", last);
    auto& type = given.words[1];
    if (type != "generic" && type != "tls") return bad("create secret takes generic or tls");
    o["type"] = type == "tls" ? "kubernetes.io/tls" : given.get("type", "Opaque");
    if (type == "tls")
      for (auto* part : {"cert", "key"}) {
        auto text = commands::read_source(given.get(part));
        if (!text) return text.error();
        (*data)[std::string("tls.") + (part[0] == 'c' ? "crt" : "key")] = *text;
      }
    for (auto& [_, v] : *data) v = base64::encode(std::string_view(v.get_string()));
    o["data"] = *data;
    return o;
  }
  if (kind == "deployment" || kind == "deploy") {
    if (given.get("image").empty()) return bad("--image says what it runs");
    auto o = head("apps/v1", "Deployment", last);
    object labels{{"app", last}};
    o["metadata"].get_object()["labels"] = labels;
    o["spec"] = object{
        {"replicas", atoi(given.get("replicas", "1").c_str())},
        {"selector", object{{"matchLabels", labels}}},
        {"template", object{{"metadata", object{{"labels", labels}}},
                            {"spec", object{{"containers", array{container(given, last)}}}}}}};
    return o;
  }
  if (kind == "job") {
    auto o = head("batch/v1", "Job", last);
    o["spec"] =
        object{{"template", object{{"spec", object{{"containers", array{container(given, last)}},
                                                   {"restartPolicy", "Never"}}}}}};
    return o;
  }
  if (kind == "cronjob" || kind == "cj") {
    auto o = head("batch/v1", "CronJob", last);
    o["spec"] = object{
        {"schedule", given.get("schedule")},
        {"jobTemplate",
         object{
             {"spec", object{{"template",
                              object{{"spec", object{{"containers", array{container(given, last)}},
                                                     {"restartPolicy",
                                                      given.get("restart", "OnFailure")}}}}}}}}}};
    return o;
  }
  if (kind == "service" || kind == "svc") {
    auto& type = given.words[1];
    auto o = head("v1", "Service", last);
    object labels{{"app", last}};
    o["metadata"].get_object()["labels"] = labels;
    auto spec = service_ports(given.all("tcp"));
    if (!spec) return spec.error();
    (*spec)["selector"] = labels;
    (*spec)["type"] = type == "nodeport"       ? "NodePort"
                      : type == "loadbalancer" ? "LoadBalancer"
                      : type == "externalname" ? "ExternalName"
                                               : "ClusterIP";
    if (type == "externalname") (*spec)["externalName"] = given.get("external-name");
    o["spec"] = *spec;
    return o;
  }
  if (kind == "quota" || kind == "resourcequota") {
    auto hard = pairs(given.all("hard"));
    if (!hard) return hard.error();
    auto o = head("v1", "ResourceQuota", last);
    o["spec"] = object{{"hard", *hard}};
    return o;
  }
  return bad("there are no words for a " + kind + ": write it to a file and use create -f");
}

int store(session& s, const arguments& given, const target& what, const json::value& document) {
  auto query = write_query(given, "troupe-create");
  if (!query) return s.fail(query.error());
  if (given.get("dry-run") == "client" && !given.get("output").empty())
    return told(s, given, what, "created (dry run)", json::write(document));
  auto ok = s.ask("POST", target{what.kind, what.ns, {}}.path() + *query, json::write(document));
  if (!ok) return s.fail(ok.error());
  auto named = what;
  if (auto read = json::parse(*ok)) named.name = json::string_at(*read, {"metadata", "name"});
  return told(s, given, named, "created" + dry_run_note(given), *ok);
}

int run_create(session& s, const arguments& given) {
  if (!given.words.empty() && given.words[0] == "token") {
    if (given.words.size() != 2) return s.fail(bad("write create token SERVICEACCOUNT"));
    auto sa = s.kinds().find("serviceaccounts");
    if (!sa) return s.fail(sa.error());
    object spec;
    if (auto life = given.get("duration"); !life.empty()) {
      auto read = parse_duration(life);
      if (!read) return s.fail(read.error());
      spec["expirationSeconds"] = std::chrono::duration_cast<std::chrono::seconds>(*read).count();
    }
    object body{
        {"apiVersion", "authentication.k8s.io/v1"}, {"kind", "TokenRequest"}, {"spec", spec}};
    auto ok =
        s.ask("POST", (*sa)->path(s.ns(), given.words[1], "token"), json::write(json::value(body)));
    if (!ok) return s.fail(ok.error());
    auto read = json::parse(*ok);
    if (read) s.print_line(json::string_at(*read, {"status", "token"}));
    return done;
  }
  std::vector<file_object> objects;
  if (given.words.empty()) {
    auto some = read_objects(s, given);
    if (!some) return s.fail(some.error());
    objects = std::move(*some);
  } else {
    auto made = generated(given);
    if (!made) return s.fail(made.error());
    json::value document(*made);
    auto kind = s.kinds().find(json::string_at(document, {"apiVersion"}),
                               json::string_at(document, {"kind"}));
    if (!kind) return s.fail(kind.error());
    auto name = std::string(json::string_at(document, {"metadata", "name"}));
    objects.push_back({{*kind, (*kind)->namespaced ? s.ns() : "", name}, std::move(document)});
  }
  int code = done;
  for (auto& o : objects) code = std::max(code, store(s, given, o.where, o.document));
  return code;
}

int run_pod(session& s, const arguments& given) {
  if (given.words.size() != 1) return s.fail(bad("write run NAME --image=IMAGE"));
  if (given.get("image").empty()) return s.fail(bad("--image says what it runs"));
  auto& name = given.words[0];
  auto labels = pairs(given.all("labels"));
  if (!labels) return s.fail(labels.error());
  if (labels->empty()) (*labels)["run"] = name;
  auto o = head("v1", "Pod", name);
  o["metadata"].get_object()["labels"] = *labels;
  o["spec"] = object{{"containers", array{container(given, name)}},
                     {"restartPolicy", given.get("restart", "Always")}};
  auto pods = s.kinds().find("pods");
  if (!pods) return s.fail(pods.error());
  return store(s, given, {*pods, s.ns(), name}, o);
}

int run_expose(session& s, const arguments& given) {
  auto what = read_target(s, given.words);
  if (!what) return s.fail(what.error());
  auto now = s.get(what->path());
  if (!now) return s.fail(now.error());
  object selector;
  auto found = json::find(*now, {"spec", "selector", "matchLabels"});
  if (!found)
    found = what->kind->name == "Pod" ? json::find(*now, {"metadata", "labels"})
                                      : json::find(*now, {"spec", "selector"});
  if (auto text = given.get("selector"); !text.empty()) {
    auto chosen = pairs({text});
    if (!chosen) return s.fail(chosen.error());
    selector = *chosen;
  } else if (found && found->is_object()) {
    selector = found->get_object();
  }
  if (selector.empty())
    return s.fail(
        bad(what->told() + " has no labels to find its pods by; name some with --selector"));
  array ports;
  if (auto port = given.get("port"); !port.empty()) {
    auto to = given.get("target-port", port);
    object p{{"port", atoi(port.c_str())}, {"protocol", given.get("protocol", "TCP")}};
    if (auto n = atoi(to.c_str()); n > 0)
      p["targetPort"] = n;
    else
      p["targetPort"] = to;
    ports.push_back(p);
  } else {
    auto containers = json::find(*now, {"spec", "template", "spec", "containers"});
    if (!containers) containers = json::find(*now, {"spec", "containers"});
    if (containers && containers->is_array())
      for (auto& c : containers->get_array())
        if (auto list = json::find(c, "ports"); list && list->is_array())
          for (auto& p : list->get_array())
            if (auto n = json::find(p, "containerPort"); n && n->is_number())
              ports.push_back(object{{"port", n->to_number<int64_t>()},
                                     {"targetPort", n->to_number<int64_t>()},
                                     {"protocol", "TCP"}});
  }
  if (ports.empty()) return s.fail(bad("say at which port with --port"));
  auto name = given.get("name", what->name);
  auto o = head("v1", "Service", name);
  o["spec"] =
      object{{"selector", selector}, {"ports", ports}, {"type", given.get("type", "ClusterIP")}};
  auto services = s.kinds().find("services");
  if (!services) return s.fail(services.error());
  auto query = write_query(given, "troupe-expose");
  if (!query) return s.fail(query.error());
  auto ok = s.ask("POST", (*services)->path(s.ns()) + *query, json::write(json::value(o)));
  if (!ok) return s.fail(ok.error());
  return told(s, given, {*services, s.ns(), name}, "exposed" + dry_run_note(given), *ok);
}

const flag image_flag{"image", 0, "IMAGE", "what it runs"};
const flag env_flag{"env", 0, "KEY=VALUE", "a variable of its environment; may be repeated"};
const flag port_flag{"port", 0, "N", "a port that it serves; may be repeated"};

} // namespace

const verb create_verb{
    "create",
    "Change",
    "make new objects, from files or from a few words",
    "-f FILE | namespace|deployment|job|cronjob|configmap|secret TYPE|service "
    "TYPE|serviceaccount|quota|token NAME [flags] [-- COMMAND...]",
    {filename_flag,
     image_flag,
     {"replicas", 'r', "N", "of a deployment (1)"},
     port_flag,
     env_flag,
     {"from-literal", 0, "KEY=VALUE", "of a config map or secret; may be repeated"},
     {"from-file", 0, "[KEY=]FILE", "the same, from a file or folder"},
     {"from-env-file", 0, "FILE", "the same, from lines of KEY=VALUE"},
     {"type", 0, "TYPE", "of a generic secret"},
     {"cert", 0, "FILE", "of a secret of type tls"},
     {"key", 0, "FILE", "of a secret of type tls"},
     {"schedule", 0, "CRON", "of a cron job: '*/5 * * * *'"},
     {"restart", 0, "POLICY", "of a cron job's pods"},
     {"tcp", 0, "PORT[:TARGET]", "of a service; may be repeated"},
     {"external-name", 0, "NAME", "of a service of type externalname"},
     {"hard", 0, "RESOURCE=AMOUNT", "of a quota"},
     {"duration", 0, "DURATION", "how long a token holds"},
     {"recursive", 'R', "", "folders with all that is below them"},
     dry_run_flag,
     manager_flag,
     output_flag},
    "create -f web.yaml\ncreate deployment web --image=nginx --replicas=3\n"
    "create configmap settings --from-literal=colour=blue\ncreate token default",
    run_create};

const verb run_verb{
    "run",
    "Change",
    "start a pod",
    "NAME --image=IMAGE [flags] [-- COMMAND...]",
    {image_flag,
     env_flag,
     port_flag,
     {"labels", 'l', "KEY=VALUE", "of the pod"},
     {"restart", 0, "POLICY", "Always, OnFailure or Never (Always)"},
     {"command", 0, "", "the words behind -- are the command itself"},
     dry_run_flag,
     manager_flag,
     output_flag},
    "run web --image=nginx --port=80\nrun once --image=busybox --restart=Never -- date",
    run_pod};

const verb expose_verb{"expose",
                       "Change",
                       "put a service in front of pods",
                       "TYPE NAME [flags]",
                       {{"port", 0, "N", "of the service"},
                        {"target-port", 0, "N|NAME", "of the pods (the same)"},
                        {"protocol", 0, "TCP|UDP", "(TCP)"},
                        {"name", 0, "NAME", "of the service (that of the object)"},
                        {"type", 0, "TYPE", "ClusterIP, NodePort or LoadBalancer (ClusterIP)"},
                        selector_flag,
                        dry_run_flag,
                        manager_flag,
                        output_flag},
                       "expose deployment web --port=80 --target-port=8080",
                       run_expose};

} // namespace troupe::verbs
