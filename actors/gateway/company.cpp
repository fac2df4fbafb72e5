// The servers' own actors from outside: who is there, how long their mailboxes are, and a word to
// them. By the paths /troupe/v1/actors and /troupe/v1/actors/NAME; who may, says a rule over paths.
// The server that leads answers, and asks machines about the actors that are there: agent/NODE and
// pod/NAMESPACE/NAME.
#include "actors/gateway/company.hpp"

#include "actors/directory.hpp"
#include "actors/gateway/node_door.hpp"
#include "actors/gateway/verbs.hpp"
#include "actors/insight/actor_card.hpp"
#include "messages/base/json.hpp"
#include "messages/schema/pod_phase.hpp"

namespace troupe::gateway {

namespace {

constexpr std::string_view prefix = "/troupe/v1/actors";
constexpr std::string_view node_prefix = "node/", agent_prefix = "agent/", pod_prefix = "pod/";
constexpr size_t pods_listed_max = 10'000;
constexpr const char* passed_on = "Troupe-Passed-On";

json::object row_of(std::string name, std::string supervisor) {
  return {{"name", std::move(name)}, {"supervisor", std::move(supervisor)}, {"alive", true}};
}

/// The node on which a pod's actor is: of one that has come to its end there is none.
std::string_view place_of(const storage::entry& pod) {
  auto phase = pod.field("status.phase").value_or("");
  return schema::is_over(phase) ? std::string_view{} : pod.field("spec.nodeName").value_or("");
}

/// Everybody of this server, and whom its machines supervise, as far as the store knows.
void list(gateway& g, call& c) {
  json::array items;
  for (auto& r : g.given.company->all()) {
    items.push_back(insight::card_of(r));
    if (r.name.starts_with(node_prefix))
      items.push_back(row_of("agent/" + r.name.substr(node_prefix.size()), r.name));
  }
  size_t pods = 0, left_out = 0;
  auto now = g.given.store->current();
  for (auto& pod : now.list("pods/")) {
    auto node = place_of(pod);
    if (node.empty()) continue;
    if (++pods > pods_listed_max) {
      ++left_out;
      continue;
    }
    items.push_back(row_of("pod" + std::string(pod.key().substr(pod.key().find('/'))),
                           "agent/" + std::string(node)));
  }
  json::object all{
      {"apiVersion", "troupe.dev/v1"}, {"kind", "ActorList"}, {"items", std::move(items)}};
  if (left_out > 0) all["leftOut"] = left_out;
  c.answer(json_answer(200, json::write(json::value(std::move(all))), c.media));
}

/// Of an actor on a machine: the machine, and the name by which its agent knows it.
struct remote_actor {
  std::string node, name;
};
result<std::optional<remote_actor>> find_remote(gateway& g, const std::string& name) {
  if (name.starts_with(agent_prefix))
    return std::optional(remote_actor{name.substr(agent_prefix.size()), "agent"});
  if (!name.starts_with(pod_prefix)) return std::optional<remote_actor>{};
  auto pod = g.given.store->current().get("pods/" + name.substr(pod_prefix.size()));
  if (!pod) return error{errc::not_found, "there is no pod " + name.substr(pod_prefix.size())};
  auto node = place_of(*pod);
  if (node.empty())
    return error{errc::not_found, "no machine plays pod " + name.substr(pod_prefix.size()) +
                                      ": it is on no node yet, or has come to its end"};
  return std::optional(remote_actor{std::string(node), name});
}

void answer(gateway& g, call_ptr c) {
  auto path = std::string_view(c->where.path);
  if (path == prefix) return list(g, *c);
  auto name = std::string(path.substr(std::min(path.size(), prefix.size() + 1)));
  bool asks = c->where.verb == "get";
  if (!asks && c->where.verb != "post") return c->fail(method_not_supported());
  auto remote = find_remote(g, name);
  if (!remote) return c->fail(remote.error());
  if (*remote) return ask_node(g, std::move(c), (*remote)->node, "/actors/" + (*remote)->name);
  auto row = g.given.company->find(name);
  if (!row)
    return c->fail({errc::not_found, "there is no actor \"" + name + "\" on this server; GET " +
                                         std::string(prefix) + " lists them"});
  if (asks)
    return insight::ask_actor(*row, [c](json::object card) {
      c->answer(json_answer(200, json::write(json::value(std::move(card))), c->media));
    });
  if (auto told = insight::tell_actor(*row, c->query.get("word")); !told)
    return c->fail(told.error());
  c->answer(json_answer(202, R"({"apiVersion":"troupe.dev/v1","kind":"Told"})", c->media));
}

/// In whose name a server passes a request on: another server believes it.
http::header_list in_the_name_of(const user& who) {
  http::header_list out{{passed_on, "1"}, {"Impersonate-User", who.name}};
  for (auto& g : who.groups) out.emplace_back("Impersonate-Group", g);
  return out;
}

} // namespace

void at_the_leader(gateway& g, call_ptr c, std::function<void(call_ptr)> here) {
  if (!g.given.find_leader || !c->request.header(passed_on).empty()) return here(std::move(c));
  g.given.find_leader([&g, c, here = std::move(here)](const node_door& leader) {
    if (!leader) return here(c);
    pass_through(c, leader, std::string(c->request.path()), in_the_name_of(c->who));
  });
}

void ask_actors(gateway& g, call_ptr c) {
  if (!g.given.company) return c->fail(no_such_resource());
  at_the_leader(g, std::move(c), [&g](call_ptr c) { answer(g, std::move(c)); });
}

} // namespace troupe::gateway
