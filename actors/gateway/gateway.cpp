#include "actors/gateway/gateway.hpp"

#include "actors/gateway/audit/audit.hpp"
#include "actors/gateway/bootstrap_token.hpp"
#include "actors/gateway/authorization.hpp"
#include "actors/gateway/custom.hpp"
#include "actors/gateway/metrics_api.hpp"
#include "actors/gateway/listened.hpp"
#include "actors/gateway/paths.hpp"
#include "actors/gateway/reviews.hpp"
#include "actors/gateway/service_account.hpp"
#include "actors/gateway/subresources.hpp"
#include "actors/gateway/verbs.hpp"
#include "messages/base/log.hpp"
#include "messages/schema/custom.hpp"

#include <algorithm>

namespace troupe::gateway {

namespace {

constexpr const char* gateway_name = "gateway"; // in the directory
constexpr int attempts_max = 50; // of one write, before the client is told to try again

bool verb_is_of_one_object(std::string_view verb) {
  return verb == "get" || verb == "update" || verb == "patch" || verb == "delete";
}

bool watchable(const call& c) { return c.where.verb == "watch"; }

/// What the verb needs to be listed under in the kind's or subresource's verbs.
bool allowed(const call& c) {
  // What connects a client with a pod or a node: proxies take every HTTP method, streams two.
  if (c.sub && c.sub->verbs == std::vector<std::string>{"connect"})
    return c.sub->name == "proxy" || c.where.verb == "get" || c.where.verb == "create";
  auto& verbs = c.sub ? c.sub->verbs : c.kind->verbs;
  return std::find(verbs.begin(), verbs.end(), c.where.verb) != verbs.end();
}

/// Whether somebody reads the answer: who asks for it, else who sits at a terminal or a browser.
bool for_people(const http::request& request, const http::query& query) {
  if (auto pretty = query.get("pretty"); !pretty.empty())
    return pretty == "1" || pretty == "t" || pretty == "T" || pretty == "true" ||
           pretty == "TRUE" || pretty == "True";
  auto agent = request.header("User-Agent");
  return agent.starts_with("curl") || agent.starts_with("Wget") || agent.starts_with("Mozilla/5.0");
}

/// Whether a server is well may be asked by anybody, also before there are any roles.
bool is_health(const route& at) {
  return !at.resource && (at.path == "/healthz" || at.path == "/livez" || at.path == "/readyz");
}

/// Kinds of the stable API that Kubernetes asks people to leave.
void warn_of_age(call& c) {
  if (auto text = schema::deprecation_of(*c.kind); !text.empty()) c.warn(std::string(text));
  if (!c.kind->group.empty() || c.where.verb == "watch") return;
  if (c.kind->name == "Endpoints")
    c.warn("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice");
  if (c.kind->name == "ComponentStatus") c.warn("v1 ComponentStatus is deprecated in v1.19+");
}

/// What connects a client with something for as long as it likes takes nobody's turn.
flow_kind flow_kind_of(const call& c) {
  auto& at = c.where;
  static constexpr std::string_view streams[] = {"exec", "attach", "portforward", "proxy", "log"};
  if (at.verb == "watch" || at.insight == "trace" ||
      std::find(std::begin(streams), std::end(streams), at.subresource) != std::end(streams))
    return flow_kind::watching;
  return at.verb == "get" || at.verb == "list" ? flow_kind::reading : flow_kind::writing;
}

/// What the client has asked for, to whoever traces.
void tell_asked(const call& c, const storage::transaction& tx) {
  for (auto& m : tx.mutations)
    trace::pass({.from = "user/" + c.who.name,
                 .to = gateway_name,
                 .verb = "asks, to " + c.where.verb + ",",
                 .key = m.key(),
                 .object = m.object.get()});
}

/// A request's turn, which ends with its answer.
class turn : public answer_listener {
public:
  turn(std::shared_ptr<flow_control> flow, flow_kind kind, std::string user)
      : flow_{std::move(flow)}, kind_{kind}, user_{std::move(user)} {}
  void begun(int, const http::response*) override {}
  void ended() override {
    if (auto next = flow_->leave(kind_, user_)) next();
  }

private:
  std::shared_ptr<flow_control> flow_;
  flow_kind kind_;
  std::string user_;
};

} // namespace

gateway::gateway(environment given)
    : given{std::move(given)}, desk{*this->given.store, gateway_name},
      authorize{std::make_unique<authorizer>(*this->given.store)},
      flow{std::make_shared<flow_control>(this->given.flow)}, kinds_{schema::registry::built_in()},
      custom_{std::make_unique<custom_kinds>()} {
  // Other servers take definitions, too.
  custom_->follow(
      *this->given.store,
      [work = this->given.work](std::function<void()> job) {
        if (work) work->post(std::move(job));
      },
      [this] { refresh_kinds(); });
  refresh_kinds();
  this->given.authenticate.check =
      [this](std::string_view token,
             const std::vector<std::string>& audiences) -> result<std::optional<user>> {
    auto machine = check_bootstrap_token(this->given.store->current(), this->given.now(), token);
    if (!machine || *machine) return machine;
    return check_token(*this->given.token_keys, this->given.store->current(),
                       *schema::registry::built_in(), this->given.now(), token, audiences);
  };
}

void gateway::refresh_kinds() {
  std::lock_guard hold(custom_->replacing);
  custom_->hear();
  std::atomic_store(&kinds_, custom_->registry_of(given.store->current()));
}

gateway::~gateway() = default;

void gateway::handle(http::request request, http::responder responder) {
  auto c = std::make_shared<call>();
  c->request = std::move(request);
  c->responder = std::move(responder);
  c->kinds = kinds();
  c->now = given.now();
  auto query = c->request.query();
  if (!query) return c->fail(query.error());
  c->query = std::move(*query);
  auto where = read_route(c->request, c->query);
  if (!where) return c->fail(where.error());
  c->where = std::move(*where);
  c->media.pretty = for_people(c->request, c->query);
  auto who = given.authenticate.identify(c->request);
  std::shared_ptr<audited> audited;
  if (given.audit) audited = audit(given.audit, *c, who ? *who : user{}, given.now, given.random());
  if (!who) {
    log::debug(
        "gateway", "refused a request",
        {{"why", who.error().message}, {"from", c->request.from ? c->request.from->address : ""}});
    return c->fail({errc::unauthorized, "Unauthorized"});
  }
  auto acting = authorize->impersonated(*who, c->request);
  if (!acting) return c->fail(acting.error());
  c->who = std::move(*acting);
  if (audited && c->who != *who) audited->acts_as(c->who);
  // Of a transaction, each write is held against the book by itself.
  auto allowed = c->where.path == transactions_path || is_health(c->where)
                     ? result<void>{}
                     : authorize->check(c->who, attributes_of(c->where));
  if (audited) audited->decided(allowed.has_value());
  if (!allowed) return c->fail(allowed.error());
  take_turn(std::move(c));
}

void gateway::take_turn(call_ptr c) {
  // Whoever runs the cluster can always look and act; health is asked when nothing else goes.
  if (!c->where.resource || c->who.in("system:masters")) return dispatch(std::move(c));
  auto kind = flow_kind_of(*c);
  auto plain = c->responder.release();
  // Before anybody may answer: it may be its turn at once.
  c->responder = http::responder(listened(plain, std::make_shared<turn>(flow, kind, c->who.name)));
  auto entered =
      flow->enter(kind, c->who.name, [this, c] { given.work->post([this, c] { dispatch(c); }); });
  if (entered == flow_control::entry::go) return dispatch(std::move(c));
  if (entered == flow_control::entry::wait) return;
  error busy{errc::too_many_requests,
             kind == flow_kind::watching
                 ? "this user has as many watches and streams open as one may have; close some"
                 : "too many requests, please try again later"};
  busy.details.retry_after_seconds = 1;
  c->responder.release();
  c->responder = http::responder(std::move(plain)); // it had no turn that could end
  c->fail(busy);
}

void gateway::dispatch(call_ptr c) {
  if (c->where.resource) return resource(std::move(c));
  answer_path(*this, std::move(c));
}

void gateway::resource(call_ptr c) {
  auto& at = c->where;
  c->kind = c->kinds->by_resource(at.group, at.version, at.plural);
  if (!c->kind ||
      c->kind->namespaced != (!at.ns.empty() || (c->kind->namespaced && at.name.empty()))) {
    bool misplaced =
        c->kind && ((c->kind->namespaced && !at.name.empty()) ||
                    (!c->kind->namespaced && !at.ns.empty() && at.plural != "namespaces"));
    if (!c->kind || misplaced) {
      // Groups that come and go answer as a path that is not there; those that stay, with a Status.
      bool stays = !schema::registry::built_in()->kinds_of(at.group, at.version).empty();
      return stays ? c->fail(no_such_resource()) : c->answer(page_not_found());
    }
  }
  if (!at.subresource.empty() && !(c->sub = c->kind->find_subresource(at.subresource)))
    return c->fail(no_such_resource());
  bool pretty = c->media.pretty;
  bool shown = !c->sub || c->sub->kind == c->kind->name || at.subresource == "scale";
  auto media = choose_media(c->request.header("Accept"), c->kind->custom(), shown,
                            at.verb == "list" || at.verb == "deletecollection");
  if (at.verb == "watch" && (!media || media->as == format::yaml))
    media = error{errc::not_acceptable,
                  "only the following media types are accepted: application/json;stream=watch, "
                  "application/vnd.kubernetes.protobuf;stream=watch"};
  if (!media) {
    // Said in the form that was asked for, if that is one at all.
    if (auto plain = choose_media(c->request.header("Accept"), false, true)) c->media = *plain;
    return c->fail(media.error());
  }
  auto include = c->query.get("includeObject");
  if (!include.empty() && include != "None" && include != "Metadata" && include != "Object")
    return c->fail({errc::bad_request,
                    "Unable to convert to Table as requested: includeObject: Invalid value: \"" +
                        std::string(include) +
                        "\": must be 'Metadata', 'Object', 'None', or empty"});
  c->media = *media;
  c->media.pretty = c->media.pretty || pretty;
  bool named = verb_is_of_one_object(at.verb);
  // All namespaces at once are there to be looked at.
  if (c->kind->namespaced && at.ns.empty() && at.verb != "list" && at.verb != "watch")
    return c->fail(method_not_supported());
  if (!allowed(*c) || (named && at.name.empty()) ||
      (at.verb == "create" && !at.name.empty() && !c->sub))
    return c->fail(method_not_supported());
  warn_of_age(*c);
  auto& verb = at.verb;
  if (!at.insight.empty()) return insight(*this, std::move(c));
  if (c->sub && handle_subresource(*this, c)) return;
  if (at.group == metrics_group) return metrics(*this, std::move(c));
  if (verb == "get") return get(*this, std::move(c));
  if (verb == "list") return list(*this, std::move(c));
  if (watchable(*c)) return watch(*this, std::move(c));
  if (verb == "create" && c->kind->name == "Binding" && c->kind->group.empty())
    return bind(*this, std::move(c));
  if (verb == "create" && is_review(*c->kind)) return review(*this, std::move(c));
  if (verb == "create") return create(*this, std::move(c));
  if (verb == "update") return update(*this, std::move(c));
  if (verb == "patch") return patch(*this, std::move(c));
  if (verb == "delete") return remove(*this, std::move(c));
  if (verb == "deletecollection") return remove_collection(*this, std::move(c));
  c->fail(method_not_supported());
}

void gateway::write(call_ptr c, attempt prepare) {
  struct rounds : std::enable_shared_from_this<rounds> {
    rounds(gateway& g, call_ptr c, attempt prepare)
        : g{g}, c{std::move(c)}, prepare{std::move(prepare)} {}

    void run() {
      if (++count > attempts_max)
        return c->fail(
            {errc::conflict,
             "the object is changed by others faster than this write can follow; try again"});
      auto plan = prepare(*c, g.given.store->current());
      if (!plan) return c->fail(plan.error());
      if (!plan->commit) return plan->answer(*c, plan->revision);
      auto self = shared_from_this();
      auto more = plan->more;
      if (trace::on()) tell_asked(*c, plan->tx);
      auto answer = std::make_shared<decltype(plan->answer)>(std::move(plan->answer));
      bool defines = std::any_of(
          plan->tx.mutations.begin(), plan->tx.mutations.end(),
          [prefix = prefix_of(definition_kind())](auto& m) { return m.key().starts_with(prefix); });
      g.desk.commit(std::move(plan->tx),
                    [self, answer, more, defines](result<storage::outcome> done) {
                      if (!done) return self->c->fail(done.error());
                      if (!done->refused && !more) {
                        if (defines) self->g.refresh_kinds();
                        // The store's thread has others to tell.
                        return self->c->responder.run([self, answer, revision = done->revision] {
                          (*answer)(*self->c, revision);
                        });
                      }
                      self->g.given.work->post([self] { self->run(); });
                    });
    }

    gateway& g;
    call_ptr c;
    attempt prepare;
    int count = 0;
  };
  std::make_shared<rounds>(*this, std::move(c), std::move(prepare))->run();
}

} // namespace troupe::gateway
