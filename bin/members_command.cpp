// `troupe members`: the servers of a cluster, listed and changed through any of them.
#include "bin/admin.hpp"
#include "bin/members.hpp"
#include "bin/options.hpp"

#include <cstdio>

namespace troupe {

namespace {

struct given {
  std::filesystem::path data = "/var/lib/troupe";
  std::string output, id;
};

int fail(const error& why) { return complain("members", why); }

std::string text_of(const json::value& one, const char* name) {
  auto v = json::find(one, name);
  if (!v) return "-";
  if (v->is_string()) return v->get_string().empty() ? "-" : std::string(v->get_string());
  if (v->is_bool()) return v->get_bool() ? "yes" : "no";
  return json::write(*v);
}

int list(const given& g, const cluster_access& to) {
  auto seen = call(to, {.target = "/troupe/v1/members"});
  if (!seen) return fail(seen.error());
  if (g.output == "json") return puts(json::write(*seen).c_str()), 0;
  printf("%-4s %-8s %-10s %-7s %-24s %s\n", "ID", "ROLE", "REACHABLE", "BEHIND", "LINK", "API");
  auto all = json::find(*seen, "members");
  if (!all || !all->is_array()) return 0;
  for (auto& m : all->get_array())
    printf("%-4s %-8s %-10s %-7s %-24s %s\n", text_of(m, "id").c_str(), text_of(m, "role").c_str(),
           text_of(m, "reachable").c_str(), text_of(m, "behind").c_str(),
           text_of(m, "address").c_str(), text_of(m, "api").c_str());
  return 0;
}

int add(const given&, const cluster_access& to) {
  printf("On the new machine:\n\n  troupe server --join \"$(troupe token create --role server, run "
         "here)@%s:%u\"\n\nIt gets the cluster's keys, catches up, and votes from then on.\n",
         to.whom.host.c_str(), to.whom.port);
  return 0;
}

int remove(const given& g, const cluster_access& to) {
  if (g.id.empty()) return fail({errc::bad_request, "which one? `troupe members list` shows them"});
  auto done = call(to, {.method = "DELETE", .target = "/troupe/v1/members/" + g.id});
  if (!done) return fail(done.error());
  printf("Server %s does not belong to the cluster any more; its number is never given again. It "
         "ends by itself: remove its --data before that machine joins anew.\n",
         g.id.c_str());
  return 0;
}

int transfer(const given& g, const cluster_access& to) {
  if (g.id.empty()) return fail({errc::bad_request, "to which one? `troupe members list`"});
  auto done = call(to, {.method = "POST", .target = "/troupe/v1/members/" + g.id + "/transfer"});
  if (!done) return fail(done.error());
  printf("Server %s was asked to lead.\n", g.id.c_str());
  return 0;
}

} // namespace

int members_command(const std::vector<std::string>& arguments) {
  given g;
  command_spec spec{.name = "members",
                    .synopsis = "list|add|remove|transfer [ID]",
                    .about = "The servers of a cluster, while they run. Run it on any of them.\n\n"
                             "  list      who they are, who leads, who can be reached\n"
                             "  add       how another one joins\n"
                             "  remove    let one go, for good\n"
                             "  transfer  let this one lead",
                    .options = {{"data", "DIR", "the server's (/var/lib/troupe)", into(g.data)},
                                {"o", "json", "for list: machine-readable", into(g.output)}},
                    .examples =
                        "troupe members list\ntroupe members remove 3\ntroupe members transfer 2"};
  auto read = read_arguments(spec, arguments);
  if (read.exit_code) return *read.exit_code;
  if (read.words.empty() || read.words.size() > 2) return fputs(usage_of(spec).c_str(), stderr), 2;
  if (read.words.size() == 2) g.id = read.words[1];
  constexpr std::pair<const char*, int (*)(const given&, const cluster_access&)> verbs[] = {
      {"list", list}, {"add", add}, {"remove", remove}, {"transfer", transfer}};
  for (auto& [name, run] : verbs)
    if (read.words[0] == name) {
      auto to = access(g.data);
      return to ? run(g, *to) : fail(to.error());
    }
  fputs(usage_of(spec).c_str(), stderr);
  return 2;
}

} // namespace troupe
