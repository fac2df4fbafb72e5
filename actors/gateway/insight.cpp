// What people ask about an object besides what it is: how it came to be so, and why it is not what
// it should be. Whoever may get the object may ask.
#include "actors/gateway/verbs.hpp"
#include "actors/insight/why.hpp"
#include "messages/base/json.hpp"

#include <charconv>

namespace troupe::gateway {

namespace {

constexpr size_t changes_usual = 20, changes_max = 500;

std::string time_text(uint64_t ms) {
  return ms ? format_micro_time(
                  {static_cast<int64_t>(ms / 1000), static_cast<int32_t>(ms % 1000) * 1'000'000})
            : std::string{};
}

void put_object(std::string& out, const schema::kind& kind, const storage::entry_ptr& e) {
  if (e)
    write_json(kind, e->value(), e->mod_revision(), out);
  else
    out += "null";
}

void answer_json(call& c, std::string text) {
  c.answer(http::answer(200, "application/json", std::move(text)));
}

/// The changes of one object, newest first: each with what it became.
void history(gateway& g, call& c) {
  size_t most = changes_usual;
  if (auto text = c.query.get("limit"); !text.empty()) {
    auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), most);
    if (bad != std::errc{} || end != text.data() + text.size() || most == 0 || most > changes_max)
      return c.fail(
          {errc::bad_request, "limit is a number from 1 to " + std::to_string(changes_max)});
  }
  auto past = g.given.store->history(key_of(*c.kind, c.where.ns, c.where.name), most);
  if (!past) return c.fail(past.error());
  if (past->empty() && !g.given.store->current().get(key_of(*c.kind, c.where.ns, c.where.name)))
    return c.fail(not_found(*c.kind, c.where.name));
  std::string out = R"({"apiVersion":"troupe.dev/v1","kind":"History","items":[)";
  bool first = true;
  for (auto& x : *past) {
    out += first ? "{" : ",{";
    first = false;
    out += "\"revision\":\"" + std::to_string(x.revision) + "\",\"time\":\"" +
           time_text(x.time_ms) + "\",\"change\":\"" +
           (!x.before  ? "created"
            : !x.after ? "deleted"
                       : "changed") +
           "\",\"cause\":\"" + std::to_string(x.cause) + "\",\"object\":";
    put_object(out, *c.kind, x.after ? x.after : x.before);
    out += '}';
  }
  answer_json(c, out + "]}");
}

/// Which revision was the newest at a time.
void revision(gateway& g, call& c) {
  auto time = parse_time(c.query.get("time"));
  if (!time) return c.fail({errc::bad_request, "time is RFC 3339: 2006-01-02T15:04:05Z"});
  auto ms = static_cast<uint64_t>(std::max<int64_t>(0, time->seconds)) * 1000 +
            static_cast<uint64_t>(time->nanos) / 1'000'000;
  auto found = g.given.store->revision_at(ms);
  if (!found) return c.fail(found.error());
  answer_json(c, R"({"apiVersion":"troupe.dev/v1","kind":"Revision","revision":")" +
                     std::to_string(*found) + "\"}");
}

/// The story of what keeps it from being what it should be.
void tell_why(gateway& g, call& c) {
  auto story = ::troupe::insight::why(g.given.store->current(), *c.kinds, *c.kind, c.where.ns,
                                      c.where.name, c.now.seconds);
  json::array chain;
  for (auto& step : story.chain)
    chain.push_back(json::object{{"object", step.object}, {"text", step.text}});
  answer_json(c, json::write(json::object{{"apiVersion", "troupe.dev/v1"},
                                          {"kind", "Why"},
                                          {"verdict", story.verdict},
                                          {"remedy", story.remedy},
                                          {"chain", std::move(chain)}}));
}

} // namespace

void insight(gateway& g, call_ptr c) {
  auto& word = c->where.insight;
  if (word == "history" && c->where.verb == "get") return history(g, *c);
  if (word == "why" && c->where.verb == "get") return tell_why(g, *c);
  if (word == "trace" && c->where.verb == "get") return trace_object(g, std::move(c));
  if (word == "revision") return revision(g, *c);
  c->fail({errc::not_found, "nothing is known about \"" + word + "\" of an object"});
}

} // namespace troupe::gateway
