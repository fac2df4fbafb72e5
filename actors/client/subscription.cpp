#include "actors/client/subscription.hpp"

#include "messages/base/log.hpp"
#include "messages/codec/json_decode.hpp"
#include "net/http/url.hpp"

#include <chrono>
#include <map>

namespace troupe::client {

namespace {

constexpr std::chrono::milliseconds again_after_min{20}, again_after_max{5'000};

using hidden = caf::stateful_actor<struct subscription_state>;

struct subscription_state {
  hidden* self = nullptr;
  std::shared_ptr<connection> over;
  std::string path;
  subscriber listener;

  /// What the subscriber knows: where each object is, its revision and how it was.
  std::map<std::string, std::shared_ptr<const json::value>> known;
  std::map<std::string, bool> seen; ///< while all is told anew
  bool telling_all = false;
  bool synced_once = false;
  std::string revision; ///< of the last thing heard; empty: all has to be told
  uint64_t round = 0;
  std::shared_ptr<exchange> running;
  std::string rest;
  std::chrono::milliseconds delay = again_after_min;

  ~subscription_state() {
    if (running) running->cancel();
  }

  static std::string key_of(const json::value& o) {
    return std::string(json::string_at(o, {"metadata", "namespace"})) + "/" +
           std::string(json::string_at(o, {"metadata", "name"}));
  }

  void start_round() {
    ++round;
    rest.clear();
    auto target = path + "&watch=1&allowWatchBookmarks=true";
    if (revision.empty()) {
      target += "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
      telling_all = true;
      seen.clear();
    } else {
      target += "&resourceVersion=" + revision;
    }
    request what{"GET", std::move(target), {{"Accept", "application/json"}}, {}};
    auto me = caf::actor_cast<caf::actor>(self);
    auto status = std::make_shared<int>(0);
    running = over->ask(
        what,
        {.on_head = [status](int code, const http::header_list&) { *status = code; },
         .on_data =
             [me, n = round, status](std::string_view piece) {
               if (*status == 200) caf::anon_send(me, piece_atom_v, n, std::string(piece));
             },
         .on_end = [me, n = round, status](bool) { caf::anon_send(me, over_atom_v, n, *status); },
         .paced = true});
  }

  void heard(const std::string& piece) {
    rest += piece;
    size_t from = 0;
    for (size_t end; (end = rest.find('\n', from)) != rest.npos; from = end + 1)
      event(std::string_view(rest).substr(from, end - from));
    rest.erase(0, from);
    if (running) running->taken(piece.size());
  }

  void event(std::string_view line) {
    auto read = json::parse(line);
    auto object = read ? json::find(*read, "object") : nullptr;
    if (!object) return;
    delay = again_after_min;
    auto type = json::string_at(*read, {"type"});
    if (type == "ERROR") {
      revision.clear(); // too much was missed: all is told anew, and only what differs is passed on
      return;
    }
    auto newest = std::string(json::string_at(*object, {"metadata", "resourceVersion"}));
    if (type == "BOOKMARK") {
      if (!telling_all || json::find(*object, {"metadata", "annotations"})) {
        revision = newest;
        if (telling_all) all_told();
      }
      return;
    }
    if (!telling_all) revision = newest;
    auto key = key_of(*object);
    if (type == "DELETED") return erase(key, std::make_shared<const json::value>(*object));
    if (telling_all) seen[key] = true;
    auto old = known.find(key);
    if (old != known.end() &&
        json::string_at(*old->second, {"metadata", "resourceVersion"}) == newest &&
        json::string_at(*old->second, {"metadata", "uid"}) ==
            json::string_at(*object, {"metadata", "uid"}))
      return; // told before
    auto held = known[key] = std::make_shared<const json::value>(*object);
    tell(change::what::put, held);
  }

  void erase(const std::string& key, std::shared_ptr<const json::value> last) {
    if (known.erase(key)) tell(change::what::erased, std::move(last));
  }

  void all_told() {
    telling_all = false;
    std::vector<std::string> gone;
    for (auto& [key, _] : known)
      if (!seen.contains(key)) gone.push_back(key);
    for (auto& key : gone) erase(key, known[key]);
    seen.clear();
    if (!std::exchange(synced_once, true)) tell(change::what::synced, nullptr);
  }

  void tell(change::what kind, std::shared_ptr<const json::value> object) {
    change c{kind, std::move(object), 0};
    if (c.object)
      c.revision =
          strtoull(std::string(json::string_at(*c.object, {"metadata", "resourceVersion"})).c_str(),
                   nullptr, 10);
    self->send(listener, changed_atom_v, std::move(c));
  }

  void over_now(int status) {
    running = nullptr;
    if (status == 410) revision.clear();
    if (status != 200 && status != 410 && status != 503 && status != 0)
      log::warn("subscription", "the cluster refuses", {{"path", path}, {"status", status}});
    self->delayed_send(self, delay, resync_atom_v);
    delay = std::min(delay * 2, again_after_max);
  }
};

caf::behavior subscription(hidden* self, std::shared_ptr<connection> over, std::string path,
                           subscriber listener) {
  auto& s = self->state;
  s.self = self;
  s.over = std::move(over);
  s.path = std::move(path);
  s.listener = std::move(listener);
  self->monitor(s.listener);
  self->set_down_handler([self](caf::down_msg&) { self->quit(); });
  s.start_round();
  return {[self](piece_atom, uint64_t round, const std::string& piece) {
            if (round == self->state.round) self->state.heard(piece);
          },
          [self](over_atom, uint64_t round, int status) {
            if (round == self->state.round) self->state.over_now(status);
          },
          [self](resync_atom) { self->state.start_round(); }};
}

} // namespace

result<void> read_object(google::protobuf::Message& into, const json::value& object) {
  auto& kind = kind_of(into.GetDescriptor());
  auto read = codec::from_json(json::write(object), into);
  if (!read) return with_context(read.error(), kind.kind);
  return {};
}

caf::actor subscribe(caf::actor_system& system, const cluster& to, const kind_name& kind,
                     const selection& chosen, const subscriber& listener) {
  auto path = kind.path(chosen.ns) + "?labelSelector=" + http::percent_encoded(chosen.labels) +
              "&fieldSelector=" + http::percent_encoded(chosen.fields);
  return system.spawn(subscription, to.over(), std::move(path), listener);
}

void add_message_types(caf::actor_system_config& config) {
  config.add_message_types<caf::id_block::troupe>();
  config.add_message_types<caf::id_block::troupe_client>();
}

} // namespace troupe::client
