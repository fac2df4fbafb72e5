#include "actors/insight/actor_card.hpp"
#include "actors/insight/trace_stream.hpp"
#include "actors/insight/trace_words.hpp"
#include "actors/node/door.hpp"

#include "actors/node/door_streams.hpp"
#include "actors/node/log_stream.hpp"
#include "actors/node/metrics.hpp"
#include "actors/node/start.hpp"
#include "messages/api/pod.pb.h"
#include "messages/codec/json_encode.hpp"
#include "net/http/forward.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <charconv>

namespace troupe::node {

namespace {

std::optional<int64_t> number(std::string_view text) {
  int64_t out = 0;
  auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || bad != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return out;
}

bool truth(std::string_view text) { return text == "true" || text == "1" || text == "True"; }

result<log_query> read_log_query(const http::query& q, timestamp now) {
  log_query out;
  out.follow = truth(q.get("follow"));
  out.previous = truth(q.get("previous"));
  out.timestamps = truth(q.get("timestamps"));
  auto count = [&](const char* name, std::optional<int64_t>& into, int64_t least) -> bool {
    if (!q.has(name)) return true;
    into = number(q.get(name));
    return into && *into >= least;
  };
  std::optional<int64_t> since;
  if (!count("tailLines", out.tail_lines, 0) || !count("limitBytes", out.limit_bytes, 1) ||
      !count("sinceSeconds", since, 1))
    return error{errc::bad_request, "a number in the query is none, or too small"};
  if (since) out.since = timestamp{now.seconds - *since, now.nanos};
  if (q.has("sinceTime")) {
    auto at = parse_time(q.get("sinceTime"));
    if (!at) return at.error();
    out.since = *at;
  }
  if (q.has("stream")) out.stream = q.get("stream");
  return out;
}

class local_door : public door {
public:
  explicit local_door(context_ptr with) : with_{std::move(with)} {}

  void handle(http::request request, http::responder to) override {
    auto parts = request.segments();
    if (!parts) return to.reply(http::plain_answer(400, parts.error().message));
    auto& p = *parts;
    if (p.empty()) return refuse(to);
    if (p[0] == "healthz" && p.size() == 1) return to.reply(http::answer(200, "text/plain", "ok"));
    if (p[0] == "containerLogs" && p.size() == 4) return logs(request, std::move(to), p);
    if ((p[0] == "exec" || p[0] == "attach") && p.size() >= 4)
      return exec(request, std::move(to), p);
    if ((p[0] == "portForward") && p.size() >= 3) {
      auto card = with_->card(p[1], p[2]);
      if (!card) return no_pod(to, p);
      return serve_forward(with_, *card, request, std::move(to));
    }
    if (p[0] == "forward" && p.size() >= 4) return forward(request, std::move(to), p);
    if (p[0] == "pods" && p.size() == 1) return pods(std::move(to));
    if (p[0] == "trace" && p.size() <= 2) return trace(request, std::move(to), p);
    if (p[0] == "actors") return ask_actor(request, std::move(to));
    if (p[0] == "usage" && p.size() == 1) return usage(std::move(to));
    if (p[0] == "metrics" || (p[0] == "stats" && p.size() == 2 && p[1] == "summary"))
      return metrics(std::move(to), p);
    refuse(to);
  }

private:
  static void refuse(http::responder& to) {
    to.reply(http::plain_answer(404, "this node serves no such path"));
  }
  static void no_pod(http::responder& to, const std::vector<std::string>& p) {
    to.reply(http::plain_answer(404, "pod \"" + p[2] + "\" in namespace \"" + p[1] +
                                         "\" does not run on this node"));
  }

  void logs(const http::request& request, http::responder to, const std::vector<std::string>& p) {
    auto query = request.query();
    auto asked =
        query ? read_log_query(*query, with_->given.now()) : result<log_query>(query.error());
    if (!asked) return to.reply(http::plain_answer(400, asked.error().message));
    auto card = with_->card(p[1], p[2]);
    if (!card) return no_pod(to, p);
    auto c = std::find_if(card->containers.begin(), card->containers.end(),
                          [&](auto& one) { return one.name == p[3]; });
    if (c == card->containers.end())
      return to.reply(
          http::plain_answer(404, "container \"" + p[3] + "\" not found in pod \"" + p[2] + "\""));
    int attempt = asked->previous ? c->attempt - 1 : c->attempt;
    bool begun = c->running() || c->ended();
    if (asked->previous && attempt < 0)
      return to.reply(http::plain_answer(400, "previous terminated container \"" + p[3] +
                                                  "\" in pod \"" + p[2] + "\" not found"));
    if (!begun && !asked->previous) {
      // While it waits to be started again, its last life is what there is.
      if (c->last_end && c->attempt > 0) {
        attempt = c->attempt - (c->is == container_record::state::starting ? 1 : 0);
      } else {
        auto why = c->waiting_reason.empty() ? "ContainerCreating" : c->waiting_reason;
        return to.reply(http::plain_answer(400, "container \"" + p[3] + "\" in pod \"" + p[2] +
                                                    "\" is waiting to start: " + why));
      }
    }
    auto uid = card->pod->metadata().uid();
    auto id = container_id(uid, c->name, attempt);
    send_log(with_,
             {log_file_of(with_->where, *card->pod, c->name, attempt),
              with_->where.pod(uid) / (id + ".exit")},
             *asked, std::move(to));
  }

  void exec(const http::request& request, http::responder to, const std::vector<std::string>& p) {
    auto card = with_->card(p[1], p[2]);
    if (!card) return no_pod(to, p);
    auto& name = p.back();
    auto c = std::find_if(card->containers.begin(), card->containers.end(),
                          [&](auto& one) { return one.name == name; });
    if (c == card->containers.end())
      return to.reply(http::plain_answer(404, "container not found (\"" + name + "\")"));
    if (!c->running())
      return to.reply(
          http::plain_answer(400, "container " + name + " of pod " + p[2] + " does not run"));
    std::vector<std::string> command;
    if (p[0] == "exec") {
      auto query = request.query();
      if (query)
        for (auto word : query->all("command")) command.emplace_back(word);
      if (command.empty())
        return to.reply(http::plain_answer(400, "you must specify at least one word of command"));
    }
    auto spec = container_of(*card->pod, name);
    serve_exec(with_, card->pod->metadata().uid(), c->container_id, std::move(command),
               spec && spec->tty(), request, std::move(to));
  }

  /// /forward/SCHEME/IP/PORT/...: any request, to an address that the servers have chosen.
  void forward(const http::request& request, http::responder to,
               const std::vector<std::string>& p) {
    auto port = number(p[3]);
    if (!port || *port < 1 || *port > 65'535) return refuse(to);
    auto path = request.path();
    size_t at = 0;
    for (int i = 0; i < 4 && at != path.npos; ++i) at = path.find('/', at + 1);
    auto rest = at == path.npos ? std::string("/") : std::string(path.substr(at));
    if (!request.raw_query().empty()) rest.append("?").append(request.raw_query());
    http::forward(with_->loop.context,
                  {.ip = p[2],
                   .port = static_cast<uint16_t>(*port),
                   .tls = p[1] == "https",
                   .path = std::move(rest),
                   .more = {}},
                  request, std::move(to));
  }

  /// Messages about pods, of one namespace or all, that pass in this process. Who listens here
  /// already needs no second telling.
  void trace(const http::request& request, http::responder to, const std::vector<std::string>& p) {
    auto query = request.query();
    auto id = query ? number(query->get("listener")) : std::nullopt;
    if (!id) return to.reply(http::plain_answer(400, "a trace needs the number of its listener"));
    auto who = static_cast<uint64_t>(*id);
    if (trace::listens(who)) return to.reply(http::answer(204, "text/plain", ""));
    auto prefix = p.size() == 2 && !p[1].empty() ? trace::pod_key(p[1], "") : std::string("pods/");
    std::make_shared<trace::outlet>(std::move(to), with_->given.now)
        ->listen(
            who, [prefix](auto& passage) { return passage.key.starts_with(prefix); }, [] {});
  }

  /// /actors/NAME: the agent's own, to be asked (GET) and told (POST ?word=).
  void ask_actor(const http::request& request, http::responder to) {
    constexpr std::string_view prefix = "/actors/";
    auto path = request.path();
    auto name = path.substr(std::min(path.size(), prefix.size()));
    auto row = with_->company.find(std::string(name));
    if (!row)
      return to.reply(
          http::plain_answer(404, "there is no actor \"" + std::string(name) + "\" on this node"));
    if (request.verb() == http::method::get) {
      auto held = std::make_shared<http::responder>(std::move(to));
      return insight::ask_actor(*row, [held](json::object card) {
        held->reply(
            http::answer(200, "application/json", json::write(json::value(std::move(card)))));
      });
    }
    auto query = request.query();
    auto told = insight::tell_actor(*row, query ? query->get("word") : std::string_view{});
    to.reply(told ? http::answer(202, "application/json",
                                 R"({"apiVersion":"troupe.dev/v1","kind":"Told"})")
                  : http::plain_answer(400, told.error().message));
  }

  void pods(http::responder to) {
    k8s::core::v1::PodList all;
    all.mutable_metadata();
    for (auto& card : with_->cards()) *all.add_items() = *card->pod;
    to.reply(http::answer(
        200, "application/json",
        codec::to_json(all, {.api_version = "v1", .kind = "PodList", .resource_version = {}})));
  }

  void metrics(http::responder to, const std::vector<std::string>& p) {
    auto held = std::make_shared<http::responder>(std::move(to));
    with_->work.run([with = with_, held, p] {
      constexpr const char* text = "text/plain; version=0.0.4; charset=utf-8";
      auto use = measure(*with);
      if (p[0] == "stats")
        held->reply(http::answer(200, "application/json", summary_json(use, with->given.name)));
      else if (p.size() == 2 && p[1] == "resource")
        held->reply(http::answer(200, text, resource_metrics(use)));
      else if (p.size() == 2 && p[1] == "cadvisor")
        held->reply(http::answer(200, text, cadvisor_metrics(use)));
      else if (p.size() == 2 && p[1] == "probes")
        held->reply(http::answer(200, text, with->probes.text()));
      else if (p.size() == 1)
        held->reply(http::answer(200, text, own_metrics(use, with->given.name)));
      else
        held->reply(http::plain_answer(404, "this node serves no such metrics"));
    });
  }

  /// What is used now. Who asks first waits until there are two samples.
  void usage(http::responder to) {
    auto held = std::make_shared<http::responder>(std::move(to));
    with_->work.run([with = with_, held] {
      if (answer_usage(with, *held)) return;
      boost::asio::post(with->loop.context, [with, held] {
        auto timer = std::make_shared<boost::asio::steady_timer>(
            with->loop.context, std::chrono::milliseconds(window_ms_min + 100));
        timer->async_wait([with, held, timer](boost::system::error_code bad) {
          if (!bad) with->work.run([with, held] { (void)answer_usage(with, *held); });
        });
      });
    });
  }
  static bool answer_usage(const context_ptr& with, http::responder& to) {
    auto used = with->usage.add(measure(*with), with->given.name);
    if (used) to.reply(http::answer(200, "application/protobuf", used->SerializeAsString()));
    return used.has_value();
  }

  context_ptr with_;
};

} // namespace

std::shared_ptr<door> make_door(context_ptr with) {
  return std::make_shared<local_door>(std::move(with));
}

} // namespace troupe::node
