// `trace`: the messages about an object and all that is there because of it, as they pass from
// actor to actor, for as long as the client listens. Of the server that leads, and of the machines
// on which its pods are. Whoever may get an object may see that a message about it passed.
#include "actors/client/connection.hpp"
#include "actors/gateway/company.hpp"
#include "actors/gateway/authorization.hpp"
#include "actors/gateway/verbs.hpp"
#include "actors/insight/kin.hpp"
#include "actors/insight/trace_stream.hpp"
#include "net/http/url.hpp"

#include <map>

namespace troupe::gateway {

namespace {

constexpr size_t machines_followed_max = 100; // by one trace

class tracer : public std::enable_shared_from_this<tracer> {
public:
  tracer(gateway& g, call_ptr c)
      : g_{g}, c_{std::move(c)}, id_{g.given.random() >> 1}, kin_{key_of(*c_->kind, c_->where.ns,
                                                                    c_->where.name),
                                                             g.given.store->current()} {}

  void start() {
    out_ = std::make_shared<trace::outlet>(std::move(c_->responder), g_.given.now);
    auto me = shared_from_this(); // until the client goes
    out_->listen(
        id_, [me](const trace::passage& p) { return me->wants(p); }, [me] { me->stop(); });
    out_->line(R"({"listens":true})"); // from here on nothing is missed
    // Before a pod is there: its machine may be faster than a question about it.
    auto now = g_.given.store->current();
    std::lock_guard lock{mutex_};
    for (auto& node : now.list("nodes/")) follow(std::string(split_key(node.key()).name));
  }

private:
  bool wants(const trace::passage& p) {
    std::lock_guard lock{mutex_};
    auto now = g_.given.store->current();
    if (!kin_.takes(p.key, p.object, now, *g_.kinds()) || !may_see(p.key)) return false;
    if (p.object)
      if (auto node = p.object->field("spec.nodeName")) follow(std::string(*node));
    return true;
  }

  /// A line of another machine.
  void pass_on(std::string_view line) {
    auto read = json::parse(line);
    auto key = read ? json::string_at(*read, {"object"}) : std::string_view{};
    if (key.empty() || wants({.key = key})) out_->line(line);
  }

  bool may_see(std::string_view key) {
    if (seen_.size() > 2 * insight::kin_max) seen_.clear();
    auto [hit, fresh] = seen_.try_emplace(std::string(key), false);
    if (!fresh) return hit->second;
    auto at = split_key(key);
    for (auto& kind : g_.kinds()->all())
      if (kind.group_resource() == storage::resource_of(key)) {
        auto allowed = g_.authorize->check(c_->who, {.verb = "get",
                                                     .group = kind.group,
                                                     .version = kind.version,
                                                     .plural = kind.plural,
                                                     .name = std::string(at.name),
                                                     .ns = std::string(at.ns)});
        return hit->second = allowed.has_value();
      }
    return false;
  }

  /// What passes on this machine comes, too. Later, since a door may not be asked while a message
  /// passes.
  void follow(const std::string& node) {
    if (node.empty() || followed_.size() >= machines_followed_max) return;
    if (!followed_.try_emplace(node).second) return;
    g_.given.work->post([me = shared_from_this(), node] { me->ask(node); });
  }

  void ask(const std::string& node) {
    auto door = g_.given.find_door ? g_.given.find_door(node) : node_door{};
    if (!door) return;
    auto rest = std::make_shared<std::string>();
    auto status = std::make_shared<int>(0);
    auto running = client::connection::through(door)->ask(
        {"GET",
         "/trace/" + http::percent_encoded(c_->where.ns) + "?listener=" + std::to_string(id_),
         {},
         {}},
        {.on_head = [status](int code, const http::header_list&) { *status = code; },
         .on_data =
             [rest, status, weak = weak_from_this()](std::string_view piece) {
               auto me = weak.lock();
               if (!me || *status != 200) return;
               rest->append(piece);
               size_t from = 0;
               for (size_t end; (end = rest->find('\n', from)) != rest->npos; from = end + 1)
                 me->pass_on(std::string_view(*rest).substr(from, end - from));
               rest->erase(0, from);
             },
         .on_end = {}});
    std::unique_lock lock{mutex_};
    if (!over_) {
      followed_[node] = std::move(running);
      return;
    }
    lock.unlock();
    running->cancel();
  }

  void stop() {
    decltype(followed_) all;
    {
      std::lock_guard lock{mutex_};
      over_ = true;
      all.swap(followed_);
    }
    for (auto& [_, running] : all)
      if (running) running->cancel();
  }

  gateway& g_;
  call_ptr c_;
  const uint64_t id_;
  std::shared_ptr<trace::outlet> out_;
  std::mutex mutex_; ///< for what stands below
  insight::kin kin_;
  std::map<std::string, bool, std::less<>> seen_; ///< keys, and whether they may be told
  bool over_ = false;
  std::map<std::string, std::shared_ptr<client::exchange>> followed_; ///< by machine
};

} // namespace

void trace_object(gateway& g, call_ptr c) {
  at_the_leader(g, std::move(c),
                [&g](call_ptr c) { std::make_shared<tracer>(g, std::move(c))->start(); });
}

} // namespace troupe::gateway
