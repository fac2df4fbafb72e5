// POST /troupe/v1/transactions: several writes at one revision, or none of them. Each is judged as
// if it had come alone.
#include "actors/gateway/author.hpp"
#include "actors/gateway/authorization.hpp"
#include "actors/gateway/verbs.hpp"
#include "messages/base/json.hpp"

namespace troupe::gateway {

namespace {

constexpr size_t writes_max = 500;

struct wanted {
  std::string verb;
  const schema::kind* kind = nullptr;
  std::string ns, name, version, text;
};

error at(size_t index, error why) {
  return with_context(std::move(why), "write " + std::to_string(index));
}

result<wanted> read_write(const call& c, const json::value& w) {
  wanted out;
  out.verb = json::string_at(w, {"verb"});
  auto object = json::find(w, "object");
  if (!object || !object->is_object()) return error{errc::bad_request, "it has no object"};
  auto version = json::string_at(*object, {"apiVersion"}),
       kind = json::string_at(*object, {"kind"});
  out.kind = c.kinds->by_kind(version, kind);
  if (!out.kind)
    return error{errc::bad_request,
                 "there is no kind " + std::string(kind) + " in " + std::string(version)};
  out.name = json::string_at(*object, {"metadata", "name"});
  out.version = json::string_at(*object, {"metadata", "resourceVersion"});
  if (out.kind->namespaced) {
    out.ns = json::string_at(*object, {"metadata", "namespace"});
    if (out.ns.empty()) return error{errc::bad_request, "it has no namespace"};
  }
  if (out.verb != "create" && out.name.empty()) return error{errc::bad_request, "it has no name"};
  out.text = json::write(*object);
  return out;
}

result<void> allow(gateway& g, const call& c, const wanted& w) {
  attributes a;
  a.verb = w.verb == "remove" ? "delete" : w.verb == "create" ? "create" : "update";
  a.group = w.kind->group;
  a.version = w.kind->version;
  a.plural = w.kind->plural;
  a.ns = w.ns;
  if (w.verb != "create") a.name = w.name;
  if (w.verb == "update_status") a.subresource = "status";
  return g.authorize->check(c.who, a);
}

result<void> add(author& by, const wanted& w, const storage::snapshot& now) {
  if (w.verb == "create") {
    auto read = from_json(*w.kind, w.text);
    if (!read) return read.error();
    if (auto made = by.create(*w.kind, std::move(read->object)); !made) return made.error();
    return {};
  }
  auto old = now.get(key_of(*w.kind, w.ns, w.name));
  if (!old) return not_found(*w.kind, w.name);
  if (!w.version.empty() && w.version != std::to_string(old->mod_revision()))
    return stale(*w.kind, w.name);
  if (w.verb == "remove") return by.remove(*w.kind, *old);
  if (w.verb != "update" && w.verb != "update_status")
    return error{errc::bad_request,
                 "its verb is \"" + w.verb + "\"; there are create, update, update_status, remove"};
  auto read = from_json(*w.kind, w.text);
  if (!read) return read.error();
  return by.update(*w.kind, *old, std::move(read->object), w.verb == "update" ? "" : "status");
}

} // namespace

void transact(gateway& g, call_ptr c) {
  if (c->where.verb != "post") return c->fail(method_not_supported());
  auto read = json::parse(c->request.body);
  if (!read) return c->fail({errc::bad_request, read.error().message});
  auto list = json::find(*read, "writes");
  if (!list || !list->is_array() || list->get_array().empty() ||
      list->get_array().size() > writes_max)
    return c->fail(
        {errc::bad_request, "a transaction has 1 to " + std::to_string(writes_max) + " writes"});
  auto all = std::make_shared<std::vector<wanted>>();
  for (auto& each : list->get_array()) {
    auto w = read_write(*c, each);
    if (!w) return c->fail(at(all->size(), w.error()));
    if (auto ok = allow(g, *c, *w); !ok) return c->fail(at(all->size(), ok.error()));
    all->push_back(std::move(*w));
  }
  // What write() looks at when it is done.
  c->kind = all->front().kind;
  auto manager = std::string(c->query.get("fieldManager"));
  if (manager.empty()) manager = c->request.header("User-Agent");
  g.write(std::move(c),
          [&g, all, manager](call& c, const storage::snapshot& now) -> result<change> {
            author by{g, c.who, manager, now};
            for (size_t i = 0; i < all->size(); ++i)
              if (auto ok = add(by, (*all)[i], now); !ok) return at(i, ok.error());
            change out;
            out.commit = !by.empty();
            out.revision = now.revision();
            out.tx = by.take();
            out.answer = [](call& to, uint64_t revision) {
              to.answer(
                  json_answer(200,
                              R"({"apiVersion":"troupe.dev/v1","kind":"Transaction","revision":")" +
                                  std::to_string(revision) + "\"}",
                              to.media));
            };
            return out;
          });
}

} // namespace troupe::gateway
