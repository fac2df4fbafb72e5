// `troupe api-resources`, `troupe raw`, `troupe version`, `troupe cluster-info`, `troupe auth`: the
// API itself, and who may what.
#include "bin/verbs/verbs.hpp"

#include <algorithm>

namespace troupe::verbs {

namespace {

using json::object;

error bad(std::string why) { return {errc::bad_request, std::move(why)}; }

std::string joined(const std::vector<std::string>& list) {
  std::string out;
  for (auto& each : list) out += (out.empty() ? "" : ",") + each;
  return out;
}

int run_api_resources(session& s, const arguments& given) {
  auto all = s.kinds().all();
  if (!all) return s.fail(all.error());
  if (given.get("output") == "name") {
    for (auto& k : **all) s.print_line(k.group_resource());
    return done;
  }
  columns table;
  std::vector<std::string> header{"NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"};
  bool wide = given.get("output") == "wide";
  if (wide) header.push_back("VERBS");
  if (!given.has("no-headers")) table.row(header);
  for (auto& k : **all) {
    if (auto group = given.get("api-group"); given.has("api-group") && group != k.group) continue;
    if (given.has("namespaced") && !k.namespaced) continue;
    std::vector<std::string> row{k.plural, joined(k.short_names), k.api_version(),
                                 k.namespaced ? "true" : "false", k.name};
    if (wide) row.push_back(joined(k.verbs));
    table.row(std::move(row));
  }
  s.print(table.text());
  return done;
}

int run_raw(session& s, const arguments& given) {
  if (given.words.empty() || !given.words.back().starts_with('/'))
    return s.fail(bad("write raw [METHOD] /PATH"));
  auto method = given.words.size() > 1 ? given.words[0] : std::string("GET");
  std::transform(method.begin(), method.end(), method.begin(), ::toupper);
  auto got =
      s.ask(method, given.words.back(), given.get("data"), given.get("type", "application/json"));
  if (!got) return s.fail(got.error());
  s.print(*got);
  if (!got->ends_with('\n')) s.print("\n");
  return done;
}

int run_version(session& s, const arguments& given) {
  auto server = s.get("/version");
  if (given.get("output") == "json" && server) {
    s.print(json::indent(json::write(json::value(object{{"serverVersion", *server}})), 2) + "\n");
    return done;
  }
  if (!server) return s.fail(server.error());
  s.print_line("Server: " + std::string(json::string_at(*server, {"gitVersion"})));
  return done;
}

int run_cluster_info(session& s, const arguments&) {
  auto up = s.cluster();
  if (!up) return s.fail(up.error());
  auto& given = (*up)->given();
  s.print_line("Kubernetes API: " + s.paint(given.url, "32"));
  std::string links;
  for (auto& at : given.servers)
    links += (links.empty() ? "" : ", ") + at.host + ":" + std::to_string(at.port);
  s.print_line("Links:          " + s.paint(links, "32"));
  auto ready = s.ask("GET", "/readyz");
  s.print_line("Ready:          " +
               (ready ? s.paint("yes", "32") : s.paint(ready.error().message, "31")));
  return ready ? done : failed;
}

int can_i(session& s, const arguments& given) {
  if (given.words.size() < 3) return s.fail(bad("write auth can-i VERB TYPE[/NAME]"));
  object spec;
  auto& word = given.words[2];
  if (word.starts_with('/')) {
    spec["nonResourceAttributes"] = object{{"path", word}, {"verb", given.words[1]}};
  } else {
    auto slash = word.find('/');
    auto type = word.substr(0, slash);
    object about{{"verb", given.words[1]}};
    if (auto kind = s.kinds().find(type)) {
      about["group"] = (*kind)->group;
      about["resource"] = (*kind)->plural;
      if ((*kind)->namespaced && !given.has("all-namespaces")) about["namespace"] = s.ns();
    } else {
      about["resource"] = type;
    }
    if (slash != word.npos) about["name"] = word.substr(slash + 1);
    if (auto sub = given.get("subresource"); !sub.empty()) about["subresource"] = sub;
    spec["resourceAttributes"] = about;
  }
  object review{{"apiVersion", "authorization.k8s.io/v1"},
                {"kind", "SelfSubjectAccessReview"},
                {"spec", spec}};
  auto got = s.ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                   json::write(json::value(review)));
  if (!got) return s.fail(got.error());
  auto read = json::parse(*got);
  auto allowed = read ? json::find(*read, {"status", "allowed"}) : nullptr;
  bool yes = allowed && allowed->is_bool() && allowed->get_bool();
  if (!given.has("quiet")) s.print_line(yes ? "yes" : "no");
  return yes ? done : failed;
}

int run_auth(session& s, const arguments& given) {
  auto word = given.words.empty() ? "" : given.words[0];
  if (word == "can-i") return can_i(s, given);
  if (word == "whoami") {
    auto got = s.ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews",
                     R"({"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"})");
    if (!got) return s.fail(got.error());
    auto read = json::parse(*got);
    if (!read) return s.fail(read.error());
    columns table;
    table.row(
        {"Username", std::string(json::string_at(*read, {"status", "userInfo", "username"}))});
    if (auto groups = json::find(*read, {"status", "userInfo", "groups"});
        groups && groups->is_array())
      for (auto& g : groups->get_array()) table.row({"Group", cell_text(g)});
    s.print(table.text());
    return done;
  }
  return s.fail(bad("auth takes can-i VERB TYPE, or whoami"));
}

} // namespace

const verb api_resources_verb{"api-resources",
                              "Look",
                              "list the kinds that the cluster knows",
                              "[flags]",
                              {{"output", 'o', "FORM", "name or wide"},
                               {"api-group", 0, "GROUP", "of this group"},
                               {"namespaced", 0, "", "those that live in namespaces"},
                               {"no-headers", 0, "", "rows alone"}},
                              "api-resources\napi-resources --api-group=apps",
                              run_api_resources};
const verb raw_verb{
    "raw",
    "Look",
    "ask for a path of the API as it is",
    "[METHOD] /PATH",
    {{"data", 'd', "TEXT", "what to send"}, {"type", 0, "MEDIA", "of what is sent"}},
    "raw /readyz\nraw /api/v1/namespaces",
    run_raw};
const verb version_verb{
    "version", "Look",     "show the cluster's version", "", {{"output", 'o', "FORM", "json"}},
    "",        run_version};
const verb cluster_info_verb{
    "cluster-info",  "Look", "show where the cluster is, and whether it is well", "", {}, "",
    run_cluster_info};
const verb auth_verb{
    "auth",
    "Look",
    "show who you are and what you may",
    "can-i VERB TYPE[/NAME] | whoami",
    {{"subresource", 0, "NAME", "log, exec, status, ..."},
     {"all-namespaces", 'A', "", "in all namespaces"},
     {"quiet", 'q', "", "only the exit code"}},
    "auth can-i create deployments\nauth can-i get secrets --as alice\nauth whoami",
    run_auth};

} // namespace troupe::verbs
