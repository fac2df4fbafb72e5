// The servers' own actors from outside: who is there, how long their mailboxes are, and a word to
// them. By the paths /troupe/v1/actors and /troupe/v1/actors/NAME; who may, says a rule over paths.
#include "actors/directory.hpp"
#include "actors/gateway/verbs.hpp"
#include "messages/base/json.hpp"
#include "messages/interfaces.hpp"

#include <chrono>

namespace troupe::gateway {

namespace {

constexpr std::string_view prefix = "/troupe/v1/actors";
constexpr std::chrono::seconds answer_within{2};

json::object card(const directory::row& r) {
  return {{"name", r.name}, {"supervisor", r.supervisor}, {"alive", bool(r.who.lock())}};
}

/// Answers with how long a message waits in front of it: the time of a question that every actor
/// answers.
void describe(call_ptr c, const directory::row& r) {
  auto told = std::make_shared<json::object>(card(r));
  auto answer = [c, told] {
    c->answer(json_answer(200, json::write(json::value(*told)), c->media));
  };
  auto who = r.who.lock();
  if (!who) return answer();
  auto begun = std::chrono::steady_clock::now();
  auto note = [told, begun, answer](bool answered) {
    auto took = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - begun);
    (*told)["answers"] = answered;
    (*told)["waitedMicroseconds"] = took.count();
    answer();
  };
  who->home_system->spawn([who, note, told](caf::event_based_actor* self) {
    self->request(caf::actor_cast<caf::actor>(who), answer_within, caf::sys_atom_v, caf::get_atom_v,
                  std::string("info"))
        .then(
            [=](caf::ok_atom, const std::string&, const caf::strong_actor_ptr&,
                const std::string& kind) {
              (*told)["kind"] = kind;
              note(true);
            },
            [=](const caf::error& why) { note(why != caf::sec::request_timeout); });
  });
}

void list(call& c, const directory& company) {
  json::array items;
  for (auto& r : company.all()) items.push_back(card(r));
  c.answer(json_answer(200,
                       json::write(json::object{{"apiVersion", "troupe.dev/v1"},
                                                {"kind", "ActorList"},
                                                {"items", std::move(items)}}),
                       c.media));
}

} // namespace

void ask_actors(gateway& g, call_ptr c) {
  if (!g.given.company) return c->fail(no_such_resource());
  auto path = std::string_view(c->where.path);
  if (path == prefix) return list(*c, *g.given.company);
  auto name = std::string(path.substr(std::min(path.size(), prefix.size() + 1)));
  auto row = g.given.company->find(name);
  if (!row)
    return c->fail({errc::not_found, "there is no actor \"" + name + "\" on this server; GET " +
                                         std::string(prefix) + " lists them"});
  auto word = std::string(c->query.get("word"));
  if (c->where.verb == "get") {
    return describe(std::move(c), *row);
  }
  if (c->where.verb != "post") return c->fail(method_not_supported());
  auto who = row->who.lock();
  if (word != "resync" || !row->resyncs || !who)
    return c->fail({errc::bad_request, name + " does not take the word \"" + word + "\"" +
                                           (row->resyncs ? "; it takes resync" : "")});
  caf::anon_send(caf::actor_cast<caf::actor>(who), resync_atom_v);
  c->answer(json_answer(202, R"({"apiVersion":"troupe.dev/v1","kind":"Told"})", c->media));
}

} // namespace troupe::gateway
